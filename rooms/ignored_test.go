package rooms_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestIgnoredUsersAreNotRead(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		o.must(o.join(eva, room))
		o.mustSend(room, "one")
		middle := o.mustSend(room, "two")
		_, err := o.Send(t.Context(), by(eva), rooms.Message{Room: room, Type: "m.room.message", Content: json.RawMessage(`{"body":"three"}`)})
		o.must(err)
		o.mustSet(ana, room, "m.room.topic", `{"topic":"still shown"}`)
		whole := rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 100}
		for content, want := range map[string][]string{
			`{"ignored_users":{"@ana:acme.example":{}}}`: {"three"},
			`{"ignored_users":{"@eva:acme.example":{}}}`: {"two", "one"},
			`{"ignored_users":{}}`:                       {"three", "two", "one"},
			`{"ignored_users":["@ana:acme.example"]}`:    {"three", "two", "one"},
			`{}`: {"three", "two", "one"},
		} {
			o.putData(bia, "", rooms.IgnoredUsersType, content)
			_, events := o.page(bia, whole)
			if diff := cmp.Diff(bodies(events), want); diff != "" {
				t.Errorf("%s (-got +want):\n%s", content, diff)
			}
			state := 0
			for _, e := range events {
				if e.Sender == ana && e.Type == "m.room.topic" {
					state++
				}
			}
			if state != 1 {
				t.Errorf("%s: got %d topics, want the one", content, state)
			}
		}
		o.putData(bia, "", rooms.IgnoredUsersType, `{"ignored_users":{"@eva:acme.example":{}}}`)
		around, err := o.Context(t.Context(), by(bia), rooms.Surroundings{Room: room, Event: middle, Limit: 20})
		o.must(err)
		if after := bodies(mustRead(t, around.After)); len(after) != 0 {
			t.Errorf("context: got %v after the event, want nothing of an ignored user", after)
		}
		// What others are shown stays as it is.
		if _, events := o.page(ana, whole); len(bodies(events)) != 3 {
			t.Errorf("somebody else: got %v, want all", bodies(events))
		}
		if got := gjson.Get(o.state(bia, room, "m.room.topic", ""), "topic").Str; got != "still shown" {
			t.Errorf("topic: got %q", got)
		}
	})
}
