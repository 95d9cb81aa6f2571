package rooms_test

import (
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// No act of a client is the service user's, whatever name it comes under.
func TestNobodyActsAsTheServiceUser(t *testing.T) {
	o := newOffice(t, sqltest.SQLite(t))
	room := o.mustCreate(rooms.Creation{})
	sent := o.mustSend(room, "hello")
	ctx, caller := t.Context(), by(service)
	state := func(kind, key, content string) error {
		_, err := o.SetState(ctx, caller, rooms.StateChange{Room: room, Type: kind, StateKey: key, Content: json.RawMessage(content)})
		return err
	}
	for name, err := range map[string]error{
		"power":  state("m.room.power_levels", "", `{"users":{"@bia:acme.example":100}}`),
		"topic":  state("m.room.topic", "", `{"topic":"x"}`),
		"kick":   o.Kick(ctx, caller, rooms.Move{Room: room, User: ana}),
		"invite": o.Invite(ctx, caller, rooms.Move{Room: room, User: bia}),
		"in the name of": func() error {
			_, err := o.Send(ctx, by(bia), rooms.Message{Room: room, Type: "m.room.message", Content: json.RawMessage(`{"body":"x","sender":"@conversalabs:acme.example","br.com.conversalabs.actor":"@ana:acme.example"}`)})
			return err
		}(),
		"redact": func() error {
			_, err := o.Redact(ctx, caller, rooms.Message{Room: room, Content: json.RawMessage(`{}`)}, sent)
			return err
		}(),
		"send": func() error {
			_, err := o.Send(ctx, caller, rooms.Message{Room: room, Type: "m.room.message", Content: json.RawMessage(`{}`)})
			return err
		}(),
	} {
		if !refusal.Is(err, "M_FORBIDDEN") {
			t.Errorf("%s: got %v, want M_FORBIDDEN", name, err)
		}
	}
	mustBe(t, o.invite(service, room), "M_FORBIDDEN")
}

// What the service user does tells for whom and why, to who sees it and to who it
// is done to.
func TestServiceUserNamesTheActor(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		o.must(o.Remove(t.Context(), "acme", rooms.Move{Room: room, User: bia, Reason: "Removed by account administrator Eva"}, eva))
		want := `{"br.com.conversalabs.actor":"@eva:acme.example","membership":"leave","reason":"Removed by account administrator Eva"}`
		for _, reader := range []id.UserID{ana, bia} {
			page, events := o.page(reader, rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 1})
			if got := gjson.GetBytes(page.Chunk, "0.content").Raw; got != want || events[0].Sender != service {
				t.Errorf("%s reads %s of %s, want %s", reader, got, events[0].Sender, want)
			}
		}
		mustBe(t, o.Remove(t.Context(), "acme", rooms.Move{Room: room, User: bia}, eva), "M_FORBIDDEN")
	})
}
