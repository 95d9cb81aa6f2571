package rooms

import (
	"context"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// In rooms of a kind nobody waits for an answer to an invitation: who is added is in
// the room at once, by an invitation and a join that no client ever sees apart; where
// everybody may join, by the join alone.

// admission is in whose name somebody is let in.
type admission struct {
	// by adds them, with the power that needs; "": the server does, for why.
	by  id.UserID
	why service
}

func (a admission) actor() id.UserID {
	if a.by != "" {
		return a.by
	}
	return a.why.actor
}

// admit lets an active user of the account into the room at once. Who is in it
// already is left as they are. Only in a lone act.
func (s *Service) admit(w *writing, a admission, m Move) error {
	if err := checkColleague(w.tx, m.User); err != nil {
		return err
	}
	if w.room.Joined(m.User) {
		return nil
	}
	open := w.open()
	if open && a.by != "" {
		if err := w.mayAdd(a.by, m.User); err != nil {
			return err
		}
	}
	if !open && w.room.Membership(m.User) != "invite" {
		if err := w.inviteTo(a, m); err != nil {
			return err
		}
	}
	if err := s.checkRoomFor(w, m.User); err != nil {
		return err
	}
	// What somebody joins with is theirs, or the server's: not that of who adds them.
	content := object{}.with("membership", "join")
	for _, key := range []string{"is_direct", teamKey} {
		if value := m.Content[key]; value != nil && a.by == "" {
			content[key] = value
		}
	}
	if m.Reason != "" && a.by == "" {
		content.with("reason", m.Reason)
	}
	if err := putProfile(w.tx, m.User, content); err != nil {
		return err
	}
	if actor := a.actor(); actor != "" {
		content.with(actorKey, actor)
	}
	return s.enter(w, m.User, content)
}

// maxFirstMembers is how many people a room can be made with: who sends meanwhile waits
// until all are in.
const maxFirstMembers = 250

// foresee brings into memory what acts ask of people whom they let in. In an act each of
// them would make it run again, while others wait.
func (s *Service) foresee(ctx context.Context, account tenant.ID, people []id.UserID) error {
	if len(people) < 2 {
		return nil
	}
	return s.store.View(ctx, account, func(v View) error {
		for _, user := range people {
			if _, err := v.UserActive(user); err != nil {
				return err
			}
			if _, err := v.Memberships(user); err != nil {
				return err
			}
			if _, err := v.Forgotten(user); err != nil {
				return err
			}
		}
		return nil
	})
}

// open tells whether who joins the room needs no invitation.
func (w *writing) open() bool {
	rule := w.room.Event("m.room.join_rules", "")
	return rule != nil && gjson.GetBytes(rule.Content, "join_rule").Str == "public"
}

// mayAdd asks of who adds somebody without an invitation what that would need.
func (w *writing) mayAdd(by, user id.UserID) error {
	levels := w.room.PowerLevels()
	switch {
	case !w.room.Joined(by):
		return errNotHere()
	case w.room.Channel().Archived:
		return errArchived
	case levels.User(by) < levels.Invite():
		return w.room.errAddMembers(levels.Invite())
	case w.room.Membership(user) == "ban":
		return refusal.Forbidden("%s is banned from this room.", string(user))
	}
	return nil
}

// checkRoomFor refuses one more where a room or who comes into it has too many already.
// Announcements are everybody's, however many that are.
func (s *Service) checkRoomFor(w *writing, user id.UserID) error {
	if w.room.Kind() == Announcement {
		return nil
	}
	if err := s.checkRoomsOf(w.tx, user); err != nil {
		return ofOther(err, user)
	}
	if s.limits.MembersPerRoom > 0 && w.room.JoinedCount() >= s.limits.MembersPerRoom {
		return errFull(w.room)
	}
	return nil
}

// inviteTo invites in the name of who adds, or of the server.
func (w *writing) inviteTo(a admission, m Move) error {
	content := m.content("invite")
	for _, field := range profileFields {
		delete(content, field)
	}
	if err := putProfile(w.tx, m.User, content); err != nil {
		return err
	}
	if a.by == "" {
		p := memberPart("", m.User, content)
		_, err := w.serve(a.why, p)
		return err
	}
	levels := w.room.PowerLevels()
	if w.room.Joined(a.by) && levels.User(a.by) < levels.Invite() && w.room.Kind() != Direct {
		return w.room.errAddMembers(levels.Invite())
	}
	_, err := w.append(memberPart(a.by, m.User, content))
	return err
}

// ofOther says of somebody else what is refused to them.
func ofOther(err error, user id.UserID) error {
	if refusal.As(err) == nil {
		return err
	}
	return refusal.Forbidden("%s is in as many rooms as anybody can be in.", string(user))
}

func errFull(r *Room) error {
	return refusal.Forbidden("This room is full: it has %d members.", r.JoinedCount())
}

// enter appends a user's join, and lets them find what they had set up before.
func (s *Service) enter(w *writing, user id.UserID, content object) error {
	first, err := firstJoin(w, user)
	if err != nil {
		return err
	}
	if _, err := w.append(memberPart(user, user, content)); err != nil {
		return err
	}
	if first {
		if err := s.settle(w, user); err != nil {
			return err
		}
	}
	return remember(w.tx, user, w.room.ID)
}
