package rooms

import (
	"context"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"
)

// peoplePerAct is how many people one act lets into a room, or takes out of it: who
// sends meanwhile waits for one such act at most.
const peoplePerAct = 50

// departedKey marks the leave of who was deactivated: they have not left a room by
// choice, and find announcements again when they come back.
const departedKey = "br.com.conversalabs.departed"

// attend lets who is active into every announcement.
func (e *entailing) attend(ctx context.Context) error {
	if !e.policy.Kinds {
		return nil
	}
	published, err := e.service.store.PublishedRooms(ctx, e.account) // as announcements are
	if err != nil {
		return err
	}
	var absent []id.RoomID
	err = e.service.store.View(ctx, e.account, func(v View) error {
		absent = nil
		found, err := v.Rooms(published)
		if err != nil {
			return err
		}
		for _, r := range found {
			if expected, err := e.expects(v, r, e.user); err != nil {
				return err
			} else if expected {
				absent = append(absent, r.ID)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.each(ctx, absent, func(w *writing) error { return e.let(w, e.user) })
}

// gather lets everybody who is active into an announcement.
func (e *entailing) gather(ctx context.Context) error {
	if !e.policy.Kinds {
		return nil
	}
	announcement := false
	err := e.service.store.View(ctx, e.account, func(v View) error {
		r, err := v.Room(e.room)
		announcement = r != nil && r.attended()
		return err
	})
	if err != nil || !announcement {
		return err
	}
	people, err := e.service.store.People(ctx, e.account)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(people, peoplePerAct) {
		// To look brings what the act asks for into memory. In the act each of them
		// would make it run again, while others wait.
		if some, err = e.absent(ctx, some); err != nil {
			return err
		}
		if err := e.some(ctx, some, e.let); err != nil {
			return err
		}
	}
	return nil
}

// absent gives those of the people whom the room expects.
func (e *entailing) absent(ctx context.Context, people []id.UserID) (absent []id.UserID, err error) {
	err = e.service.store.View(ctx, e.account, func(v View) error {
		absent = nil
		r, err := v.Room(e.room)
		if r == nil || err != nil {
			return err
		}
		for _, user := range people {
			if expected, err := e.expects(v, r, user); err != nil {
				return err
			} else if !expected {
				continue
			}
			absent = append(absent, user)
			if _, err := v.Forgotten(user); err != nil { // as the act asks
				return err
			}
		}
		return nil
	})
	return absent, err
}

// some does in one act what is to be done to each of some people in the room.
func (e *entailing) some(ctx context.Context, people []id.UserID, do func(*writing, id.UserID) error) error {
	if len(people) == 0 {
		return nil
	}
	return e.each(ctx, []id.RoomID{e.room}, func(w *writing) error {
		for _, user := range people {
			if err := do(w, user); err != nil {
				return err
			}
		}
		return nil
	})
}

// let lets somebody into an announcement that expects them.
func (e *entailing) let(w *writing, user id.UserID) error {
	expected, err := e.expects(w.tx, w.room, user)
	if err != nil || !expected {
		return err
	}
	return e.pass(e.service.admit(w, admission{why: service{server: user.Homeserver()}}, Move{User: user}))
}

// valuePath is a key with dots as gjson takes it.
func valuePath(key string) string { return strings.ReplaceAll(key, ".", `\.`) }

// attended tells whether everybody is to be in the room.
func (r *Room) attended() bool { return r.Kind() == Announcement && !r.Channel().Archived }

// expects tells whether an announcement expects a user who is not in it: everybody but
// the banned, and who has left one that can be left, or was removed from it.
func (e *entailing) expects(v View, r *Room, user id.UserID) (bool, error) {
	if !r.attended() {
		return false, nil
	}
	person, err := v.UserSucceeds(user)
	if !person || err != nil {
		return false, err
	}
	memberships, err := v.Memberships(user)
	if err != nil {
		return false, err
	}
	spans := memberships[r.ID]
	switch current := spans.Current(); {
	case current == "join", current == "ban", spans.Since() >= e.at:
		return false, nil
	case current == "leave" && !r.Channel().Mandatory:
		return gjson.GetBytes(r.Member(user).Content, valuePath(departedKey)).Bool(), nil
	}
	return true, nil
}

// disperse takes everybody out of a room that was deleted.
func (e *entailing) disperse(ctx context.Context) error {
	var present []id.UserID
	err := e.service.store.View(ctx, e.account, func(v View) error {
		present = nil
		r, err := v.Room(e.room)
		if r == nil || err != nil || !r.Channel().Deleted {
			return err
		}
		for user, member := range r.Members() {
			if inside(MembershipOf(member)) {
				present = append(present, user)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(present)
	for some := range slices.Chunk(present, peoplePerAct) {
		if err := e.some(ctx, some, e.takeOut); err != nil {
			return err
		}
	}
	return nil
}

// inside tells whether a membership is of who is in a room or on the way there.
func inside(membership string) bool {
	return membership == "join" || membership == "invite" || membership == "knock"
}

// takeOut ends somebody's membership in a deleted room, in the name of who deleted it.
func (e *entailing) takeOut(w *writing, user id.UserID) error {
	if !inside(w.room.Membership(user)) {
		return nil
	}
	deletion := w.room.Event(channelType, "").Content
	why := service{
		server: user.Homeserver(), actor: id.UserID(gjson.GetBytes(deletion, valuePath(actorKey)).Str),
		reason: gjson.GetBytes(deletion, "reason").Str,
	}
	_, err := w.serve(why, memberPart("", user, object{}.with("membership", "leave")))
	return e.pass(err)
}
