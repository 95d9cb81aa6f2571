package rooms

import (
	"context"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/storage/stream"
)

// joinSpace lets a user into the account's space.
func (e *entailing) joinSpace(ctx context.Context) error {
	if e.policy.Space == "" {
		return nil
	}
	room, err := spaceID(e.service.store.Item(ctx, e.account, stream.AccountSpace, "", "", ""))
	if err != nil || room == "" {
		return err
	}
	return e.each(ctx, []id.RoomID{room}, func(w *writing) error { return e.inSpace(w, e.user) })
}

// keepSpace makes the account's space what it is to be: there, once there is a channel
// to be shown in it, with the account's name, all people and all channels that are for
// everybody. The space of an account that is to have none is emptied.
func (e *entailing) keepSpace(ctx context.Context) error {
	space, err := spaceID(e.service.store.Item(ctx, e.account, stream.AccountSpace, "", "", ""))
	if err != nil {
		return err
	}
	listed, err := e.listed(ctx)
	if err != nil || space == "" && len(listed) == 0 {
		return err
	}
	born, err := e.service.birth(e.policy.Server)
	if err != nil {
		return err
	}
	var plan spacePlan
	err = e.act(ctx, func(tx Tx) error {
		w, err := e.service.space(tx)
		if err != nil {
			return err
		}
		if w == nil {
			if w, err = e.service.makeSpace(tx, e.policy, born); err != nil {
				return err
			}
		}
		plan = planOf(w.room, listed)
		return e.rename(w)
	})
	if err != nil {
		return err
	}
	return e.carryOut(ctx, plan)
}

// listed gives the rooms that the account's space is to show: none where there is to be
// no space.
func (e *entailing) listed(ctx context.Context) ([]id.RoomID, error) {
	if e.policy.Space == "" {
		return nil, nil
	}
	published, err := e.service.store.PublishedRooms(ctx, e.account)
	if err != nil {
		return nil, err
	}
	var listed []id.RoomID
	err = e.service.store.View(ctx, e.account, func(v View) error {
		listed = nil
		rooms, err := v.Rooms(published)
		for _, room := range rooms {
			if room.listed() {
				listed = append(listed, room.ID)
			}
		}
		return err
	})
	return listed, err
}

// rename gives the space the account's name.
func (e *entailing) rename(w *writing) error {
	if e.policy.Space == "" || publicRoom(w.room).Name == e.policy.Space {
		return nil
	}
	return w.serveState(e.why(), "m.room.name", object{}.with("name", e.policy.Space).bytes())
}

// spacePlan is what there may be to do in the account's space.
type spacePlan struct {
	space  id.RoomID
	rooms  []id.RoomID // shown, or to be shown
	inside map[id.UserID]bool
}

func planOf(space *Room, listed []id.RoomID) spacePlan {
	plan := spacePlan{space: space.ID, rooms: slices.Clone(listed), inside: map[id.UserID]bool{}}
	for _, e := range space.Settings() {
		if e.Type != "m.space.child" {
			continue
		}
		if room := id.RoomID(*e.StateKey); space.shows(room) && !slices.Contains(listed, room) {
			plan.rooms = append(plan.rooms, room)
		}
	}
	for user, member := range space.Members() {
		if MembershipOf(member) == "join" {
			plan.inside[user] = true
		}
	}
	return plan
}

// carryOut does what is left to do, an act for each room and user.
func (e *entailing) carryOut(ctx context.Context, plan spacePlan) error {
	for _, room := range plan.rooms {
		err := e.each(ctx, []id.RoomID{plan.space}, func(w *writing) error {
			r, err := w.tx.Room(room)
			if err != nil {
				return err
			}
			return w.showChild(e.why(), room, e.policy.Space != "" && r != nil && r.listed())
		})
		if err != nil {
			return err
		}
	}
	people, err := e.service.store.People(ctx, e.account)
	if err != nil {
		return err
	}
	if e.policy.Space == "" {
		people = nil
		for user := range plan.inside {
			people = append(people, user)
		}
		slices.Sort(people)
	}
	for _, user := range people {
		if plan.inside[user] == (e.policy.Space != "") {
			continue
		}
		err := e.each(ctx, []id.RoomID{plan.space}, func(w *writing) error { return e.inSpace(w, user) })
		if err != nil {
			return err
		}
	}
	return nil
}

// inSpace lets a person into the account's space, whose emoji they have everywhere then,
// or takes them out of that of an account that is to have none.
func (e *entailing) inSpace(w *writing, user id.UserID) error {
	if e.policy.Space == "" {
		if !w.room.Joined(user) {
			return nil
		}
		_, err := w.serve(e.why(), memberPart("", user, object{}.with("membership", "leave")))
		return err
	}
	person, err := w.tx.UserSucceeds(user)
	if err != nil || !person || w.room.Joined(user) {
		return err
	}
	if err := e.service.admit(w, admission{why: e.why()}, Move{User: user}); err != nil {
		return err
	}
	return enableEmoji(w.tx, user, w.room.ID)
}

// enableEmoji lists a room's emoji among those that a user has in all rooms.
func enableEmoji(tx Tx, user id.UserID, room id.RoomID) error {
	for _, kind := range emojiRoomsTypes {
		content, err := tx.Item(stream.AccountData, user, "", kind)
		if err != nil {
			return err
		}
		if after := withEmojiRoom(content, room); after != nil {
			tx.Put(stream.Item{Kind: stream.AccountData, User: user, Key: kind, Content: after})
		}
	}
	return nil
}
