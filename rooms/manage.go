package rooms

import (
	"context"
	"encoding/json"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// Who manages a channel does so either as one of its owners and admins, held to the
// same rules as by stock clients, or as an administrator of the account. Those need not
// be in the channel: the service user acts for them, and what they did is in the audit.

// Capacity is as what somebody manages a channel.
type Capacity int

// The capacities.
const (
	AsMember Capacity = iota
	AsAdministrator
)

// What is refused of who manages.
var (
	errAdministrator = refusal.Forbidden("Only an administrator of the account may do this.").Because("requires_administrator")
	errNoRoles       = refusal.Forbidden("This room has no owners, admins and members. Its power levels say who may do what.")
	errRole          = refusal.Invalid("A role is owner, admin or member; in announcement channels also poster.")
	errBotOwner      = refusal.Forbidden("Only a person can own a channel.")
	errReasonLong    = refusal.Invalid("A reason can have %d bytes at most.", maxSaid)
)

// maxSaid is how long the reason of an administrator may be, in bytes.
const maxSaid = 1000

// managing is an act at work on a channel, in the name of who may manage it.
type managing struct {
	*writing
	service *Service
	caller  tenant.Caller
	as      Capacity
}

// manage runs an act on a channel. As a member the caller has to be in it (403); to
// administrators of the account rooms that are no channels do not exist (404).
func (s *Service) manage(ctx context.Context, caller tenant.Caller, as Capacity, room id.RoomID, do func(*managing) error) error {
	return s.withMakers(ctx, caller, func() error {
		return s.loneAct(ctx, caller, func(tx Tx) error {
			m, err := s.openToManage(tx, caller, as, room)
			if err != nil {
				return err
			}
			return do(m)
		})
	})
}

func (s *Service) openToManage(tx Tx, caller tenant.Caller, as Capacity, room id.RoomID) (*managing, error) {
	m := &managing{service: s, caller: caller, as: as}
	if as == AsAdministrator {
		administrator, err := tx.Administrator(caller.User)
		if err != nil {
			return nil, err
		}
		if !administrator {
			return nil, errAdministrator
		}
		r, err := channelIn(tx, room)
		if err != nil {
			return nil, err
		}
		m.writing = s.writing(tx, r)
		return m, nil
	}
	var err error
	if m.writing, err = s.open(tx, room); err != nil {
		return nil, err
	}
	switch {
	case !m.room.Joined(caller.User):
		return nil, errNotHere()
	case m.room.Channel().Deleted:
		return nil, errArchived
	case m.room.Kind() == Direct:
		return nil, errTwoPeople
	case m.room.Kind() == "":
		return nil, errNoRoles
	}
	return m, nil
}

// channelIn gives a channel as administrators of the account know it: what is none is
// refused like what does not exist.
func channelIn(v View, room id.RoomID) (*Room, error) {
	if !event.ValidRoomID(room) {
		return nil, errNoRoom()
	}
	r, err := v.Room(room)
	if err != nil {
		return nil, err
	}
	if r == nil || !r.administered() {
		return nil, errNoRoom()
	}
	return r, nil
}

// administered tells whether this is a room that administrators of the account manage.
func (r *Room) administered() bool {
	return r.Kind() != "" && r.Kind() != Direct && !r.Channel().Deleted
}

// why is the service user acting for the caller.
func (m *managing) why() service { return service{server: m.caller.Server, actor: m.caller.User} }

// reason says that an administrator of the account did something, for everybody in the
// channel to read, and what they say of it.
func (m *managing) reason(did, said string) (string, error) {
	if len(said) > maxSaid {
		return "", errReasonLong
	}
	if m.as == AsMember {
		return said, nil
	}
	name := m.caller.User.Localpart()
	profile := object{}
	if err := putProfile(m.tx, m.caller.User, profile); err != nil {
		return "", err
	}
	var shown string
	if json.Unmarshal(profile["displayname"], &shown) == nil && shown != "" {
		name = shown
	}
	reason := fmt.Sprintf("%s by account administrator %s", did, name)
	if said != "" {
		reason += ": " + said
	}
	return reason, nil
}

// audit notes what an administrator of the account did in a channel. What its owners and
// admins do is told by its history.
func (m *managing) audit(action Action, target string, details map[string]any) error {
	if m.as != AsAdministrator {
		return nil
	}
	return m.tx.Audit(action, target, details)
}

// setLevels gives people power levels in the channel.
func (m *managing) setLevels(levels map[id.UserID]int64) error {
	now := m.room.PowerLevels()
	content, err := readLevels(m.room)
	if err != nil {
		return err
	}
	users, changed := map[id.UserID]int64{}, false
	if err := json.Unmarshal(content["users"], &users); err != nil {
		return err
	}
	for user, level := range levels {
		changed = changed || now.User(user) != level
		users[user] = level
		if level == now.UsersDefault() {
			delete(users, user)
		}
	}
	if !changed {
		return nil
	}
	raw := content.with("users", users).bytes()
	if m.as == AsAdministrator {
		if err := m.checkStillOwned(Levels{Users: users}); err != nil {
			return err
		}
		return m.serveState(m.why(), "m.room.power_levels", raw)
	}
	_, err = m.setState(m.caller.User, "m.room.power_levels", "", raw)
	return err
}
