package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Action names what an administrator of the account did in a channel, for the audit.
type Action string

// The actions. All but those on rooms have a user as their target, and the room in their
// details.
const (
	MemberAdded    Action = "member.added"    // details: room_id, role
	MemberRemoved  Action = "member.removed"  // details: room_id
	RoleChanged    Action = "role.changed"    // details: room_id, role
	OwnerChanged   Action = "owner.changed"   // details: room_id
	RoomArchived   Action = "room.archived"   //
	RoomUnarchived Action = "room.unarchived" //
	RoomChanged    Action = "room.changed"    // details: fields, never their values
	RoomKindSet    Action = "room.kind"       // details: from, to
	RoomDeleted    Action = "room.deleted"    // details: kind, members
)

func errNotInRoom(user id.UserID) error {
	return refusal.Forbidden("%s is not in this room.", string(user))
}

// SetMember adds somebody to a channel, at once, or changes the role of who is in it. An
// empty role adds a member, and changes nobody's.
func (s *Service) SetMember(ctx context.Context, caller tenant.Caller, as Capacity, room id.RoomID, user id.UserID, role Role) error {
	return s.manage(ctx, caller, as, room, func(m *managing) error {
		if role != "" {
			if _, known := m.room.Kind().LevelOf(role); !known {
				return errRole
			}
		}
		if m.room.Channel().Archived {
			return errArchived
		}
		added := !m.room.Joined(user)
		if added {
			if err := m.add(user); err != nil {
				return err
			}
		}
		before := m.room.PowerLevels().User(user)
		if err := m.setRole(user, role); err != nil {
			return err
		}
		after := m.room.PowerLevels().User(user)
		details := map[string]any{"room_id": room, "role": m.room.role(user)}
		switch {
		case added:
			return m.audit(MemberAdded, string(user), details)
		case after != before:
			return m.audit(RoleChanged, string(user), details)
		}
		return nil
	})
}

// add lets somebody into the channel.
func (m *managing) add(user id.UserID) error {
	if m.as == AsMember {
		return m.service.admit(m.writing, admission{by: m.caller.User}, Move{User: user})
	}
	if m.room.Membership(user) == "ban" {
		return refusal.Forbidden("%s is banned from this room.", string(user))
	}
	reason, err := m.reason("Added", "")
	if err != nil {
		return err
	}
	return m.service.admit(m.writing, admission{why: m.why()}, Move{User: user, Reason: reason})
}

// setRole changes the role of who is in the channel; "" changes nothing.
func (m *managing) setRole(user id.UserID, role Role) error {
	level, known := m.room.Kind().LevelOf(role)
	if !known {
		return nil
	}
	if role == RoleOwner {
		if err := m.checkPerson(user); err != nil {
			return err
		}
	}
	return m.setLevels(map[id.UserID]int64{user: level})
}

// checkPerson refuses to make an owner of who is no person.
func (m *managing) checkPerson(user id.UserID) error {
	person, err := m.tx.UserSucceeds(user)
	if err == nil && !person {
		return errBotOwner
	}
	return err
}

// role is what a user is in the room.
func (r *Room) role(user id.UserID) Role {
	if r.Kind() == Direct {
		return RoleMember
	}
	return RoleOf(r.PowerLevels().User(user))
}

// RemoveMember takes somebody out of a channel, and their role with it.
func (s *Service) RemoveMember(ctx context.Context, caller tenant.Caller, as Capacity, move Move) error {
	return s.manage(ctx, caller, as, move.Room, func(m *managing) error {
		if !inside(m.room.Membership(move.User)) {
			return errNotInRoom(move.User)
		}
		var err error
		if move.Reason, err = m.reason("Removed", move.Reason); err != nil {
			return err
		}
		if err := m.remove(move); err != nil {
			return err
		}
		if _, named := m.room.PowerLevels().Level(move.User); named && m.caller.User != move.User {
			if err := m.setLevels(map[id.UserID]int64{move.User: m.room.PowerLevels().UsersDefault()}); err != nil {
				return err
			}
		}
		if err := m.archiveIfEmpty(m.why()); err != nil {
			return err
		}
		return m.audit(MemberRemoved, string(move.User), map[string]any{"room_id": move.Room})
	})
}

func (m *managing) remove(move Move) (err error) {
	left := move.content("leave")
	if m.as == AsMember {
		_, err = m.append(memberPart(m.caller.User, move.User, left))
		return err
	}
	if err := m.checkLeave(move.User); err != nil {
		return err
	}
	_, err = m.serve(m.why(), memberPart("", move.User, left))
	return err
}

// SetOwner makes somebody the owner of a channel in the place of the caller, who becomes
// an admin; for an administrator of the account, in the place of all its owners.
func (s *Service) SetOwner(ctx context.Context, caller tenant.Caller, as Capacity, room id.RoomID, user id.UserID) error {
	return s.manage(ctx, caller, as, room, func(m *managing) error {
		levels := m.room.PowerLevels()
		after := map[id.UserID]int64{}
		switch {
		case m.room.Channel().Archived:
			return errArchived
		case m.as == AsMember && levels.User(caller.User) < OwnerLevel:
			return m.room.errOwner()
		case m.as == AsMember && !m.room.Joined(user):
			return errNotInRoom(user)
		case m.as == AsMember:
			after[caller.User] = AdminLevel
		default:
			for other, level := range levels.Named() {
				if level >= OwnerLevel {
					after[other] = AdminLevel
				}
			}
		}
		if !m.room.Joined(user) {
			if err := m.add(user); err != nil {
				return err
			}
		}
		if err := m.checkPerson(user); err != nil {
			return err
		}
		after[user] = OwnerLevel
		if err := m.setLevels(after); err != nil {
			return err
		}
		return m.audit(OwnerChanged, string(user), map[string]any{"room_id": room})
	})
}
