package rooms

import (
	"context"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// introduce shows the name and picture of an active user in the rooms whose member
// event is older than they are: who changes their own profile does so in the same
// act (see [Service.SetProfile]), another system changes the profile alone. What
// is newer is what somebody wanted to be called in that room.
func (e *entailing) introduce(ctx context.Context) error {
	query := stream.ItemQuery{Kinds: []stream.Kind{stream.Profile}, User: e.user}
	profile, err := e.service.store.Items(ctx, e.account, query)
	if err != nil {
		return err
	}
	newest := stream.Position(0)
	for _, item := range profile {
		if slices.Contains(profileFields, item.Key) {
			newest = max(newest, item.Position)
		}
	}
	var rooms []id.RoomID
	err = e.service.store.View(ctx, e.account, func(v View) error {
		rooms = nil
		active, err := v.UserActive(e.user)
		if !active || err != nil {
			return err
		}
		memberships, err := v.Memberships(e.user)
		if err != nil {
			return err
		}
		var joined []id.RoomID
		for room, spans := range memberships {
			if e.touches(spans, "join") && spans.Since() < newest {
				joined = append(joined, room)
			}
		}
		found, err := v.Rooms(joined)
		for _, room := range found {
			if len(outdated(room.Member(e.user), profile)) > 0 {
				rooms = append(rooms, room.ID)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return e.each(ctx, rooms, func(w *writing) error {
		active, err := w.tx.UserActive(e.user)
		if !active || err != nil {
			return err
		}
		profile, err := w.tx.Items(query)
		if err != nil || !w.room.Joined(e.user) {
			return err
		}
		fields := outdated(w.room.Member(e.user), profile)
		if len(fields) == 0 {
			return nil
		}
		return w.show(e.user, fields)
	})
}

// outdated gives the fields of the profile that are newer than a member event and
// other than what it tells; nil for one that was removed.
func outdated(member *event.Event, profile []stream.Item) object {
	fields := object{}
	for _, item := range profile {
		if !slices.Contains(profileFields, item.Key) || item.Position < member.Position {
			continue
		}
		if gjson.GetBytes(member.Content, item.Key).String() == gjson.ParseBytes(item.Content).String() {
			continue
		}
		fields[item.Key] = nil
		if len(item.Content) > 0 {
			fields[item.Key] = item.Content
		}
	}
	return fields
}
