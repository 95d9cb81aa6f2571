package rooms

import (
	"context"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// forgetAtOnce is how many member events one act looks at, and redacts at most.
const forgetAtOnce = 20

// forget redacts the member events, of all times and rooms, that tell the name or
// picture of who is erased. That they came and left stays: a redaction leaves the
// membership.
func (e *entailing) forget(ctx context.Context) error {
	erased := false
	err := e.service.store.View(ctx, e.account, func(v View) (err error) {
		erased, err = v.UserErased(e.user)
		return err
	})
	if !erased || err != nil {
		return err
	}
	for after, more := stream.Position(0), true; more; {
		from := after
		err := e.act(ctx, func(tx Tx) error {
			more = false
			erased, err := tx.UserErased(e.user)
			if !erased || err != nil {
				return err
			}
			events, err := tx.MemberEvents(e.user, from, e.at, forgetAtOnce)
			if err != nil {
				return err
			}
			for _, member := range events {
				after = member.Position
				if err := e.redact(tx, member); err != nil {
					return err
				}
			}
			more = len(events) == forgetAtOnce
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *entailing) redact(tx Tx, member *event.Event) error {
	tells := false
	for _, field := range profileFields {
		tells = tells || gjson.GetBytes(member.Content, field).Exists()
	}
	if !tells {
		return nil
	}
	w, err := e.service.open(tx, member.Room)
	if err != nil {
		return err
	}
	redaction, err := w.serve(service{server: e.serverName()}, part{
		kind: "m.room.redaction", content: object{}.bytes(), target: member,
	})
	if err != nil {
		return err
	}
	return w.empty(member, redaction)
}
