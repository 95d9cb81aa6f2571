package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"maps"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Move is a change of somebody's membership.
type Move struct {
	Room   id.RoomID
	User   id.UserID // whose
	Reason string
	// Content is further content of the member event, or nil.
	Content map[string]json.RawMessage
}

func (m Move) content(membership string) object {
	content := object{}
	maps.Copy(content, m.Content)
	content.with("membership", membership)
	if m.Reason != "" {
		content.with("reason", m.Reason)
	}
	return content
}

// Join lets the caller into a room, by invitation, by its join rule, or by
// membership in a room that its join rule names. Who is in it already stays as
// they are.
func (s *Service) Join(ctx context.Context, caller tenant.Caller, m Move) error {
	m.User = caller.User
	return s.loneAct(ctx, caller, func(tx Tx) error {
		w, err := s.openToJoin(tx, m.Room)
		if err != nil {
			return err
		}
		return s.join(w, caller, m)
	})
}

// openToJoin is open for who is not in the room yet: an unknown room is 404.
func (s *Service) openToJoin(tx Tx, room id.RoomID) (*writing, error) {
	w, err := s.open(tx, room)
	if refusal.Is(err, "M_FORBIDDEN") {
		return nil, refusal.NotFound("There is no such room.")
	}
	return w, err
}

func (s *Service) join(w *writing, caller tenant.Caller, m Move) error {
	if w.room.Joined(caller.User) {
		return nil
	}
	if err := s.checkRoomsOf(w.tx, caller.User); err != nil {
		return err
	}
	if s.limits.MembersPerRoom > 0 && w.room.JoinedCount() >= s.limits.MembersPerRoom {
		return errFull(w.room)
	}
	if w.room.Channel().Archived && w.open() {
		return errArchived
	}
	if w.party(caller.User) {
		return s.rejoin(w, caller.User)
	}
	content := m.content("join")
	for _, key := range serversKeys {
		delete(content, key)
	}
	if err := putProfile(w.tx, caller.User, content); err != nil {
		return err
	}
	via, err := s.authorisedBy(w, caller.User)
	if err != nil {
		return err
	}
	if via != "" {
		content.with("join_authorised_via_users_server", via)
	} else {
		delete(content, "join_authorised_via_users_server")
	}
	return s.enter(w, caller.User, content)
}

func memberPart(sender, user id.UserID, content object) part {
	key := string(user)
	return part{sender: sender, kind: "m.room.member", stateKey: &key, content: content.bytes()}
}

// checkRoomsOf refuses another room to who is in too many.
func (s *Service) checkRoomsOf(tx Tx, user id.UserID) error {
	if s.limits.RoomsPerUser == 0 {
		return nil
	}
	memberships, err := tx.Memberships(user)
	if err != nil {
		return err
	}
	joined := 0
	for _, spans := range memberships {
		if spans.Current() == "join" {
			joined++
		}
	}
	if joined >= s.limits.RoomsPerUser {
		return refusal.Forbidden("You are in %d rooms, which is the most there may be. Leave one first.", joined)
	}
	return nil
}

// authorisedBy gives, for a join that only a restricted join rule lets happen,
// the member in whose name it does; "" when the join needs none.
func (s *Service) authorisedBy(w *writing, user id.UserID) (id.UserID, error) {
	allowed, restricted := event.Restricted(w.room.Version, w.room.Event("m.room.join_rules", ""))
	if !restricted || w.room.Membership(user) == "invite" {
		return "", nil
	}
	for _, roomID := range allowed {
		other, err := w.tx.Room(roomID)
		if err != nil {
			return "", err
		}
		if other == nil || !other.Joined(user) {
			continue
		}
		inviter := event.Inviter(w.room, func(yield func(id.UserID) bool) {
			for member := range w.room.Members() {
				if !yield(member) {
					return
				}
			}
		})
		if inviter == "" {
			return "", refusal.Forbidden("Nobody in this room may let you in.")
		}
		return inviter, nil
	}
	return "", refusal.Forbidden("You need an invitation, or to be in one of the rooms whose members may join this one.")
}

// remember lets a forgotten room be seen again.
func remember(tx Tx, user id.UserID, room id.RoomID) error {
	forgotten, err := tx.Forgotten(user)
	if err != nil {
		return err
	}
	if forgotten[room] {
		tx.Put(stream.Item{Kind: stream.Forgotten, User: user, Room: room})
	}
	return nil
}

// Invite invites somebody of the account.
func (s *Service) Invite(ctx context.Context, caller tenant.Caller, m Move) error {
	return s.withMakers(ctx, caller, func() error {
		return s.loneAct(ctx, caller, func(tx Tx) error {
			w, err := s.open(tx, m.Room)
			if err != nil {
				return err
			}
			return s.invite(w, caller, m)
		})
	})
}

// strangerError is the refusal of who is no active user of the account.
type strangerError struct {
	*refusal.Refusal
	user id.UserID
}

// Unwrap gives the refusal.
func (e *strangerError) Unwrap() error { return e.Refusal }

// withMakers does what may need a user to be made first, and then does it again.
func (s *Service) withMakers(ctx context.Context, caller tenant.Caller, do func() error) error {
	asked := map[id.UserID]bool{}
	for {
		err := do()
		stranger, ok := errors.AsType[*strangerError](err)
		if !ok || s.makers == nil || asked[stranger.user] || !s.makers.MakeUser(ctx, caller.Account, stranger.user) {
			return err
		}
		asked[stranger.user] = true
	}
}

func (s *Service) invite(w *writing, caller tenant.Caller, m Move) error {
	if w.room.Kind() != "" && w.room.Joined(caller.User) && !w.room.Joined(m.User) {
		if w.room.Kind() == Direct {
			return errTwoPeople
		}
		return s.admit(w, admission{by: caller.User}, m)
	}
	if err := checkColleague(w.tx, m.User); err != nil {
		return err
	}
	content := m.content("invite")
	for _, field := range profileFields { // nobody says who somebody else is
		delete(content, field)
	}
	if err := putProfile(w.tx, m.User, content); err != nil {
		return err
	}
	if _, err := w.append(memberPart(caller.User, m.User, content)); err != nil {
		return err
	}
	return remember(w.tx, m.User, w.room.ID)
}

// checkColleague refuses to have anything to do with who is no active user of
// the account.
func checkColleague(tx Tx, user id.UserID) error {
	active, err := tx.UserActive(user)
	if err != nil {
		return err
	}
	if !active {
		return &strangerError{refusal.Forbidden("%s is not a member of this team.", string(user)), user}
	}
	return nil
}

// Knock asks to be let in.
func (s *Service) Knock(ctx context.Context, caller tenant.Caller, m Move) error {
	m.User = caller.User
	return s.loneAct(ctx, caller, func(tx Tx) error {
		w, err := s.openToJoin(tx, m.Room)
		if err != nil {
			return err
		}
		if w.room.Membership(caller.User) == "knock" {
			return nil
		}
		content := m.content("knock")
		if err := putProfile(tx, caller.User, content); err != nil {
			return err
		}
		if _, err := w.append(memberPart(caller.User, caller.User, content)); err != nil {
			return err
		}
		return remember(tx, caller.User, m.Room)
	})
}

// Leave takes the caller out of a room, or rejects an invitation. Who has left
// already stays so.
func (s *Service) Leave(ctx context.Context, caller tenant.Caller, m Move) error {
	return s.suspendedAct(ctx, caller, func(tx Tx) error {
		w, err := s.open(tx, m.Room)
		if err != nil {
			return err
		}
		if w.room.Membership(caller.User) == "leave" {
			return nil
		}
		if _, err = w.append(memberPart(caller.User, caller.User, m.content("leave"))); err != nil {
			return err
		}
		return w.archiveIfEmpty(service{server: caller.Server})
	})
}

// archiveIfEmpty takes a channel in which no person is left out of use.
func (w *writing) archiveIfEmpty(why service) error {
	if kind := w.room.Kind(); kind != Public && kind != Private {
		return nil
	}
	if inhabited, err := w.inhabited(""); inhabited || err != nil {
		return err
	}
	return w.archive(why)
}

// Kick removes somebody from a room, or takes back an invitation.
func (s *Service) Kick(ctx context.Context, caller tenant.Caller, m Move) error {
	return s.act(ctx, caller, func(tx Tx) error {
		w, err := s.open(tx, m.Room)
		if err != nil {
			return err
		}
		if w.room.Joined(caller.User) && w.room.Membership(m.User) == "ban" {
			return refusal.Forbidden("%s is not in this room.", string(m.User))
		}
		_, err = w.append(memberPart(caller.User, m.User, m.content("leave")))
		return err
	})
}

// Ban removes somebody and keeps them out.
func (s *Service) Ban(ctx context.Context, caller tenant.Caller, m Move) error {
	return s.act(ctx, caller, func(tx Tx) error {
		w, err := s.open(tx, m.Room)
		if err != nil {
			return err
		}
		_, err = w.append(memberPart(caller.User, m.User, m.content("ban")))
		return err
	})
}

// Unban lets somebody who was banned come back.
func (s *Service) Unban(ctx context.Context, caller tenant.Caller, m Move) error {
	return s.act(ctx, caller, func(tx Tx) error {
		w, err := s.open(tx, m.Room)
		if err != nil {
			return err
		}
		if w.room.Joined(caller.User) && w.room.Membership(m.User) != "ban" {
			return refusal.Forbidden("%s is not banned from this room.", string(m.User))
		}
		_, err = w.append(memberPart(caller.User, m.User, m.content("leave")))
		return err
	})
}

// Forget hides a room that the caller has left from them, its history included.
func (s *Service) Forget(ctx context.Context, caller tenant.Caller, room id.RoomID) error {
	return s.suspendedAct(ctx, caller, func(tx Tx) error {
		w, err := s.open(tx, room)
		if err != nil {
			return err
		}
		switch w.room.Membership(caller.User) {
		case "leave", "ban":
		case "":
			return errNotHere()
		default:
			return refusal.New(400, "M_UNKNOWN", "Leave this room before you forget it.")
		}
		forgotten, err := tx.Forgotten(caller.User)
		if err != nil || forgotten[room] {
			return err
		}
		tx.Put(stream.Item{Kind: stream.Forgotten, User: caller.User, Room: room, Content: []byte("true")})
		return nil
	})
}

// serversKeys are what the server alone says in a membership.
var serversKeys = []string{actorKey, departedKey, teamKey}

// setMember is SetState for m.room.member: it is held to what the endpoints for
// membership are.
func (s *Service) setMember(ctx context.Context, caller tenant.Caller, c StateChange) (id.EventID, error) {
	content := object{}
	if err := json.Unmarshal(c.Content, &content); err != nil {
		return "", refusal.BadJSON("The content of an event must be a JSON object.")
	}
	var membership string
	_ = json.Unmarshal(content["membership"], &membership) // of the wrong type: refused by Authorise
	// Who let somebody in is the server's to say.
	delete(content, "join_authorised_via_users_server")
	for _, key := range serversKeys {
		delete(content, key)
	}
	user := id.UserID(c.StateKey)
	var set *event.Event
	err := s.withMakers(ctx, caller, func() error {
		return s.loneAct(ctx, caller, func(tx Tx) error {
			w, err := s.open(tx, c.Room)
			if err != nil {
				return err
			}
			switch {
			case membership == "join" && user == caller.User && !w.room.Joined(user):
				err = s.join(w, caller, Move{Room: c.Room, Content: content})
			case membership == "invite":
				err = s.invite(w, caller, Move{Room: c.Room, User: user, Content: content})
			default:
				_, err = w.setState(caller.User, c.Type, c.StateKey, content.bytes())
			}
			set = w.room.Member(user)
			return err
		})
	})
	if err != nil {
		return "", err
	}
	return set.ID, nil
}
