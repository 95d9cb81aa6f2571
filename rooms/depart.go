package rooms

import (
	"context"
	"encoding/json"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// depart takes who is deactivated out of every room that they are in, were invited
// to, or asked to be let into.
func (e *entailing) depart(ctx context.Context) error {
	var rooms []id.RoomID
	err := e.service.store.View(ctx, e.account, func(v View) error {
		rooms = nil
		active, err := v.UserActive(e.user)
		if active || err != nil {
			return err
		}
		memberships, err := v.Memberships(e.user)
		for room, spans := range memberships {
			if e.leaves(spans) {
				rooms = append(rooms, room)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return e.each(ctx, rooms, e.leave)
}

func (e *entailing) leaves(spans Spans) bool { return e.touches(spans, "join", "invite", "knock") }

// leave takes the user out of one room. What becomes of the room is part of the
// act: it is never without who has its power, and nothing is done twice. But what the
// room refuses of that keeps nobody in it.
func (e *entailing) leave(w *writing) error {
	active, err := w.tx.UserActive(e.user)
	if active || err != nil {
		return err
	}
	memberships, err := w.tx.Memberships(e.user)
	if err != nil || !e.leaves(memberships[w.room.ID]) {
		return err
	}
	// In version 12 the power of who made the room is nobody's to give or take.
	succession := e.policy.Succession && w.room.Joined(e.user) && !event.CreatorsAbove(w.room.Version)
	if succession {
		if err := e.pass(e.handOver(w)); err != nil {
			return err
		}
	}
	content := object{}.with("membership", "leave")
	if w.room.Kind() == Announcement {
		content.with(departedKey, true)
	}
	if team := teamOf(w.room.Member(e.user)); team != "" {
		content.with(teamKey, team) // who comes back to the team comes back here
	}
	if _, err := w.append(memberPart(e.user, e.user, content)); err != nil {
		return err
	}
	if !succession {
		return nil
	}
	if w.room.Kind() == Direct {
		return nil // either may come back
	}
	if inhabited, err := w.inhabited(""); inhabited || err != nil {
		return err
	}
	return e.pass(w.archive(service{server: e.serverName()}))
}

// inhabited tells whether anybody else is in a room who is a person.
func (w *writing) inhabited(without id.UserID) (bool, error) {
	for user, member := range w.room.Members() {
		if user == without || MembershipOf(member) != "join" {
			continue
		}
		if succeeds, err := w.tx.UserSucceeds(user); succeeds || err != nil {
			return true, err
		}
	}
	return false, nil
}

// handOver gives the power of the user to a person who stays, unless somebody has
// as much: who has most power in a room owns it, and a room is never without
// owner while there is anybody to be it.
func (e *entailing) handOver(w *writing) error {
	levels := w.room.PowerLevels()
	power := levels.User(e.user)
	if power <= levels.UsersDefault() {
		return nil
	}
	for user, member := range w.room.Members() {
		if user == e.user || levels.User(user) < power || MembershipOf(member) != "join" {
			continue
		}
		if succeeds, err := w.tx.UserSucceeds(user); succeeds || err != nil {
			return err
		}
	}
	heir, err := e.heir(w)
	if err != nil || heir == "" {
		return err
	}
	content, err := readLevels(w.room)
	if err != nil {
		return err
	}
	users := map[id.UserID]int64{}
	if err := json.Unmarshal(content["users"], &users); err != nil {
		return err
	}
	users[heir] = power
	delete(users, e.user)
	content.with("users", users)
	return w.serveState(service{server: e.serverName()}, "m.room.power_levels", content.bytes())
}

// heir gives who has been in the room longest of its administrators, or else of
// all; "" when no person stays.
func (e *entailing) heir(w *writing) (id.UserID, error) {
	joined, err := w.tx.Joined(w.room.ID)
	if err != nil {
		return "", err
	}
	levels := w.room.PowerLevels()
	for _, least := range []int64{AdminLevel, levels.UsersDefault()} {
		for _, user := range joined {
			if user == e.user || levels.User(user) < least {
				continue
			}
			if succeeds, err := w.tx.UserSucceeds(user); succeeds || err != nil {
				return user, err
			}
		}
	}
	return "", nil
}
