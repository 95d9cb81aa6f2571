package event

import "maunium.net/go/mautrix/id"

// PowerLevels is a room's power levels, parsed.
type PowerLevels struct{}

// ParsePowerLevels reads a room's power levels from its create event and its
// m.room.power_levels event, which may be nil.
func ParsePowerLevels(v id.RoomVersion, create, levels *Event) *PowerLevels { panic("not yet") }

// User is the power level of a user.
func (p *PowerLevels) User(user id.UserID) int64 { panic("not yet") }

// Event is the level that sending this type needs.
func (p *PowerLevels) Event(eventType string, isState bool) int64 { panic("not yet") }

// Invite is the level that inviting needs.
func (p *PowerLevels) Invite() int64 { panic("not yet") }

// Kick is the level that kicking needs.
func (p *PowerLevels) Kick() int64 { panic("not yet") }

// Ban is the level that banning needs.
func (p *PowerLevels) Ban() int64 { panic("not yet") }

// Redact is the level that redacting other people's events needs.
func (p *PowerLevels) Redact() int64 { panic("not yet") }

// Notification is the level that this kind of notification ("room") needs.
func (p *PowerLevels) Notification(key string) int64 { panic("not yet") }
