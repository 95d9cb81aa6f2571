package storage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// actorKey tells in what the service user writes for whom it acts.
const actorKey = `br\.com\.conversalabs\.actor`

// link writes what the act has made to refer to media, and drops what it has ended. A
// link arises only where who acts may read the media at this moment: so nobody opens a
// file by naming it. An act that names no media pays for no more than a look.
func (t *tx) link() error {
	for _, e := range t.redacted {
		if err := t.linkRedacted(e); err != nil {
			return err
		}
	}
	for _, c := range t.changes {
		var err error
		if c.Event != nil {
			err = t.linkEvent(c.Event)
		} else {
			err = t.linkItem(c.Item)
		}
		if err != nil {
			return err
		}
	}
	for _, d := range t.delayed {
		if err := t.linkDelayed(d); err != nil {
			return err
		}
	}
	return nil
}

// roomAvatar tells whether an event is the picture of its room, which is also shown to
// who is not in it.
func roomAvatar(e *event.Event) bool {
	return e.Type == "m.room.avatar" && e.StateKey != nil && *e.StateKey == ""
}

func linkOfEvent(e *event.Event) media.Link {
	return media.Link{Kind: media.EventLink, Room: e.Room, Reference: string(e.ID)}
}

func (t *tx) linkEvent(e *event.Event) error {
	links := []media.Link{linkOfEvent(e)}
	if roomAvatar(e) {
		shown := media.Link{Kind: media.RoomLink, Room: e.Room}
		t.unlink(shown)
		links = append(links, shown)
	}
	if !media.MayName(e.Content) {
		return nil
	}
	server, actor := e.Sender.Homeserver(), e.Sender
	if actor == tenant.ServiceUser(server) {
		actor = cmp.Or(id.UserID(gjson.GetBytes(e.Content, actorKey).Str), t.act.caller.User)
	}
	return t.linkTo(media.NamedInEvent(e.Content, server), actor, links...)
}

func (t *tx) linkRedacted(e *event.Event) error {
	t.unlink(linkOfEvent(e))
	if !roomAvatar(e) {
		return nil
	}
	room, err := t.Room(e.Room)
	if err != nil {
		return err
	}
	if current := room.Event(e.Type, ""); current != nil && current.ID == e.ID {
		t.unlink(media.Link{Kind: media.RoomLink, Room: e.Room})
	}
	return nil
}

func (t *tx) linkItem(item stream.Item) error {
	var link media.Link
	actor := item.User
	switch {
	case item.Kind == stream.Profile && item.Key == "avatar_url":
		// Of a webhook, somebody else decides.
		link, actor = media.Link{Kind: media.ProfileLink, Reference: string(item.User)}, cmp.Or(t.act.caller.User, item.User)
	case item.Kind == stream.AccountData && item.Key != accounts.FullyReadType && item.Key != accounts.PushRulesType:
		link = media.Link{Kind: media.AccountDataLink, Room: item.Room, Reference: media.OwnReference(item.User, item.Key)}
	default:
		return nil
	}
	t.unlink(link)
	if !media.MayName(item.Content) {
		return nil
	}
	return t.linkTo(media.NamedAnywhere(item.Content, item.User.Homeserver()), actor, link)
}

func (t *tx) linkDelayed(d rooms.Delayed) error {
	link := media.Link{Kind: media.DelayedLink, Room: d.Room, Reference: media.OwnReference(d.User, d.ID)}
	switch {
	case !media.MayName(d.Content):
		return nil
	case d.Finalised != 0:
		t.unlink(link)
		return nil
	}
	return t.linkTo(media.NamedInEvent(d.Content, d.User.Homeserver()), d.User, link)
}

// linkTo writes links to those of the media that the actor may read.
func (t *tx) linkTo(named []media.ID, actor id.UserID, links ...media.Link) error {
	if len(named) == 0 {
		return nil
	}
	reader := t.act.caller
	if reader.User != actor {
		reader = tenant.Caller{Account: t.group.account.id, User: actor}
	}
	readable, err := t.readable(named, reader)
	if err != nil {
		return err
	}
	for _, name := range named {
		if !readable[name] {
			continue
		}
		for _, link := range links {
			link.Media = name
			addLink(t.exec, t.group.account.id, link)
		}
	}
	return nil
}

const (
	uploadersSQL = `SELECT media_id, uploader FROM media WHERE account = $1 AND media_id = ANY($2)`

	// Events of rooms that the reader never had to do with are passed over, so that
	// nobody keeps the writer busy with the links of others.
	seenLinksSQL = `
		SELECT l.media_id, l.kind, l.room, l.reference, e.room, e.position, e.type, e.state_key, e.redacted_by
		FROM media_links l
		LEFT JOIN events e ON l.kind = 'event' AND e.account = l.account AND e.event_id = l.reference
		WHERE l.account = $1 AND l.media_id = ANY($2) AND (l.kind <> 'event' OR l.room = ANY($3))`
)

// readable tells which media a user may read at this head: what [media.Service.MayRead]
// says, of many at once. The act becomes a lone one.
func (t *tx) readable(named []media.ID, reader tenant.Caller) (map[media.ID]bool, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	if t.state.settings == nil {
		return nil, &missingError{settings: true}
	}
	open := t.state.settings.RoomPolicy == accounts.MatrixPolicy && reader.Rooms == ""
	readable := map[media.ID]bool{}
	var asked []media.ID
	err = q.Query(t.ctx, uploadersSQL, []any{t.group.account.id, texts(named)}, func(r sqldb.Row) error {
		var name media.ID
		var uploader id.UserID
		err := r.Scan(&name, &uploader)
		if readable[name] = open || uploader == reader.User; !readable[name] {
			asked = append(asked, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read who has uploaded media: %w", err)
	}
	if len(asked) == 0 {
		return readable, nil
	}
	memberships, err := t.Memberships(reader.User)
	if err != nil {
		return nil, err
	}
	known := texts(slices.Collect(maps.Keys(memberships)))
	return readable, q.Query(t.ctx, seenLinksSQL, []any{t.group.account.id, texts(asked), known}, func(r sqldb.Row) error {
		link, of, err := scanSeenLink(r)
		if err != nil || readable[link.Media] || !reader.Rooms.Allow(link.Room) {
			return err
		}
		readable[link.Media], err = rooms.SeesLink(t, reader.User, link, of)
		return err
	})
}

func scanSeenLink(r sqldb.Row) (media.Link, *event.Event, error) {
	var link media.Link
	var room, kind, stateKey, redactedBy *string
	var position *int64
	err := r.Scan(&link.Media, &link.Kind, &link.Room, &link.Reference, &room, &position, &kind, &stateKey, &redactedBy)
	if err != nil || room == nil {
		return link, nil, err
	}
	of := &event.Event{Room: id.RoomID(*room), Position: stream.Position(*position), Type: *kind, StateKey: stateKey}
	if redactedBy != nil {
		of.RedactedBy = id.EventID(*redactedBy)
	}
	return link, of, nil
}

// These drop all links of one kind, room and reference, as [addUnlink] drops one. The
// media begin to wait for their removal before their links go, as it is by these that
// they are found.
const (
	ofReference = ` media_id IN (
		SELECT l.media_id FROM media_links l WHERE l.account = $1 AND l.kind = $2 AND l.room = $3 AND l.reference = $4)`

	holdReferredSQL = `UPDATE media SET loose = 0 WHERE account = $1 AND` + ofReference

	loosenReferredSQL = `
		UPDATE media SET loose = $5 WHERE account = $1 AND` + ofReference + `
		AND NOT EXISTS (
			SELECT 1 FROM media_links o WHERE o.account = $1 AND o.media_id = media.media_id
			AND (o.kind <> $2 OR o.room <> $3 OR o.reference <> $4))`

	dropReferenceSQL = `DELETE FROM media_links WHERE account = $1 AND kind = $2 AND room = $3 AND reference = $4`
)

// unlink drops all links that are like this one, to whichever media.
func (t *tx) unlink(l media.Link) {
	account, now := t.group.account.id, t.group.account.store.now().UnixMilli()
	t.exec(holdReferredSQL, account, l.Kind, l.Room, l.Reference)
	t.exec(loosenReferredSQL, account, l.Kind, l.Room, l.Reference, now)
	t.exec(dropReferenceSQL, account, l.Kind, l.Room, l.Reference)
}
