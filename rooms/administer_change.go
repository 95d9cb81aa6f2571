package rooms

import (
	"context"
	"encoding/json"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// channel tells whether this is a kind that a channel may have.
func (k Kind) channel() bool { return k == Public || k == Private || k == Announcement }

// SetKind makes a channel one of another kind, as an administrator of the account: who
// may join it, its place in the directory and all power levels become those of the kind.
// People stay in it and keep their roles as far as the kind has them. An announcement
// follows no team.
func (s *Service) SetKind(ctx context.Context, caller tenant.Caller, room id.RoomID, kind Kind) error {
	if !kind.channel() {
		return errKind
	}
	return s.manage(ctx, caller, AsAdministrator, room, func(m *managing) error {
		before := m.room.Kind()
		if m.room.Channel().Archived {
			return errArchived
		}
		if before == kind {
			return nil
		}
		t := templates[kind]
		users := map[id.UserID]int64{}
		for user, level := range m.room.PowerLevels().Named() {
			if level = t.rank(level); level != MemberLevel {
				users[user] = level
			}
		}
		levels, err := json.Marshal(t.with(users))
		if err != nil {
			return err
		}
		rule := object{}.with("join_rule", t.joinRule).bytes()
		if err := m.serveState(m.why(), "m.room.join_rules", rule); err != nil {
			return err
		}
		if err := m.setChannel(m.why(), func(c *Channel) { c.Kind, c.Mandatory = kind, t.mandatory }); err != nil {
			return err
		}
		if err := m.serveState(m.why(), "m.room.power_levels", levels); err != nil {
			return err
		}
		if kind == Announcement && m.room.Channel().Team != "" { // everybody is in it
			if err := m.follow(m.why(), ""); err != nil {
				return err
			}
		}
		if err := m.place(); err != nil {
			return err
		}
		return m.audit(RoomKindSet, string(room), map[string]any{"from": before, "to": kind})
	})
}

// RoomSettings are what an administrator of the account changes of a channel; nil is
// left as it is.
type RoomSettings struct {
	Name      *string `json:"name"`
	Topic     *string `json:"topic"`      // "": none
	AvatarURL *string `json:"avatar_url"` // mxc URI; "": none
	// Mandatory announcements cannot be left.
	Mandatory *bool `json:"mandatory"`
}

var (
	errRoomName   = refusal.Missing("A channel needs a name.")
	errRoomAvatar = refusal.Invalid("The picture of a channel must be an mxc:// address of at most 255 bytes.")
	errMandatable = refusal.Invalid("Only announcement channels can be mandatory.")
)

func (c RoomSettings) check() error {
	if c.Name != nil && *c.Name == "" {
		return errRoomName
	}
	if c.AvatarURL == nil || *c.AvatarURL == "" {
		return nil
	}
	if uri, err := id.ParseContentURI(*c.AvatarURL); err != nil || !uri.IsValid() || len(*c.AvatarURL) > maxWebhookAvatar {
		return errRoomAvatar
	}
	return nil
}

// ChangeRoom changes settings of a channel as an administrator of the account.
func (s *Service) ChangeRoom(ctx context.Context, caller tenant.Caller, room id.RoomID, change RoomSettings) error {
	if err := change.check(); err != nil {
		return err
	}
	return s.manage(ctx, caller, AsAdministrator, room, func(m *managing) error {
		if m.room.Channel().Archived {
			return errArchived
		}
		fields := []string{}
		for _, setting := range []struct {
			name, kind, key string
			value           *string
		}{
			{"name", "m.room.name", "name", change.Name},
			{"topic", "m.room.topic", "topic", change.Topic},
			{"avatar_url", "m.room.avatar", "url", change.AvatarURL},
		} {
			if setting.value == nil {
				continue
			}
			if err := m.serveState(m.why(), setting.kind, described(setting.key, *setting.value)); err != nil {
				return err
			}
			if setting.kind == "m.room.avatar" {
				if err := m.setChannel(m.why(), func(c *Channel) { c.Icon, c.Color = "", "" }); err != nil {
					return err
				}
			}
			fields = append(fields, setting.name)
		}
		if change.Mandatory != nil && *change.Mandatory != m.room.Channel().Mandatory {
			if err := m.setMandatory(*change.Mandatory); err != nil {
				return err
			}
			fields = append(fields, "mandatory")
		}
		if len(fields) == 0 {
			return nil
		}
		return m.audit(RoomChanged, string(room), map[string]any{"fields": fields})
	})
}

// setMandatory says whether an announcement can be left. Who has left one that no longer
// can be is brought back.
func (m *managing) setMandatory(mandatory bool) error {
	if m.room.Kind() != Announcement {
		return errMandatable
	}
	if err := m.setChannel(m.why(), func(c *Channel) { c.Mandatory = mandatory }); err != nil || !mandatory {
		return err
	}
	return m.place()
}

// described is the content of an event that describes a room by one text.
func described(key, value string) json.RawMessage {
	if value == "" {
		return object{}.bytes()
	}
	content := object{}.with(key, value)
	if key == "topic" {
		content.with("m.topic", map[string]any{"m.text": []map[string]string{{"body": value}}})
	}
	return content.bytes()
}
