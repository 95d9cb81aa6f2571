package rooms_test

import (
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// Nobody takes away what makes a room one of its kind.
func TestKindIsNotRedacted(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		for _, kind := range []rooms.Kind{rooms.Public, rooms.Private, rooms.Announcement} {
			room := o.as(byRole(ana, tenant.Administrator), rooms.Creation{Kind: kind})
			for _, eventType := range []string{"br.com.conversalabs.channel", "m.room.power_levels", "m.room.join_rules", "m.room.history_visibility"} {
				target := o.room(room).Event(eventType, "").ID
				_, err := o.Redact(t.Context(), by(ana), rooms.Message{Room: room, Content: json.RawMessage(`{}`)}, target)
				mustBe(t, err, "M_FORBIDDEN")
			}
			if got := o.room(room).Kind(); got != kind {
				t.Errorf("got the kind %q, want %s", got, kind)
			}
			name := o.mustSet(ana, room, "m.room.name", `{"name":"x"}`)
			_, err := o.Redact(t.Context(), by(ana), rooms.Message{Room: room, Content: json.RawMessage(`{}`)}, name)
			o.must(err)
		}
	})
}

// A bot owns no channel, so that the last person who does cannot go.
func TestBotsOwnNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		o.become(db, bia, "role = 'bot'")
		override := json.RawMessage(`{"users":{"@bia:acme.example":150}}`)
		room := o.as(by(ana), rooms.Creation{Kind: rooms.Private, Invite: []id.UserID{bia, eva}, LevelOverride: override})
		mustBecause(t, o.leave(ana, room), "last_owner")
		_, err := o.SetState(t.Context(), by(ana), rooms.StateChange{
			Room: o.as(by(ana), rooms.Creation{Invite: []id.UserID{bia}}), Type: "m.room.power_levels",
			Content: json.RawMessage(`{"users":{"@ana:acme.example":150,"@bia:acme.example":150}}`),
		})
		mustBe(t, err, "M_FORBIDDEN")
	})
}

// Who adds somebody says nothing in their name, and nobody says what the server says.
func TestNobodySpeaksForOthers(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		room := o.as(by(ana), rooms.Creation{Kind: rooms.Public})
		_, err := o.SetState(t.Context(), by(ana), rooms.StateChange{
			Room: room, Type: "m.room.member", StateKey: string(eva),
			Content: json.RawMessage(`{"membership":"invite","org.example.status":"I resign","reason":"I quit","displayname":"Fool"}`),
		})
		o.must(err)
		if got, want := o.content(room, "m.room.member", string(eva)), `{"br.com.conversalabs.actor":"@ana:acme.example","membership":"join"}`; got != want {
			t.Errorf("got the membership %s, want %s", got, want)
		}
		o.must(o.Join(t.Context(), by(bia), rooms.Move{Room: room, Content: map[string]json.RawMessage{
			"br.com.conversalabs.actor": json.RawMessage(`"@boss:acme.example"`), "br.com.conversalabs.departed": json.RawMessage(`true`),
		}}))
		if got, want := o.content(room, "m.room.member", string(bia)), `{"membership":"join"}`; got != want {
			t.Errorf("got the membership %s, want %s", got, want)
		}
	})
}

// The room of two people who were both away is theirs when they are back.
func TestDirectMessageOfTwoWhoWereAway(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		room := o.mustOpenDirect(ana, bia)
		for _, user := range []id.UserID{ana, bia} {
			o.deactivate(user)
			o.followTwice()
		}
		o.become(db, ana, "deactivated = FALSE")
		o.become(db, bia, "deactivated = FALSE")
		if got := o.mustOpenDirect(bia, ana); got != room {
			t.Fatalf("got the room %s, want %s", got, room)
		}
		o.mustSend(room, "we are back")
	})
}

// What was deleted is not brought back by who was its owner.
func TestDeletedIsNotBroughtBack(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		o.become(db, eva, "role = 'administrator'")
		room := o.as(by(ana), rooms.Creation{Kind: rooms.Public, Invite: []id.UserID{bia}})
		boss := byRole(eva, tenant.Administrator)
		asked, err := o.AskDeletion(t.Context(), boss, room)
		o.must(err)
		encoded, err := json.Marshal(asked)
		o.must(err)
		o.must(o.Delete(t.Context(), boss, room, gjson.GetBytes(encoded, "confirmation_token").Str, "over"))
		if err := o.Archive(t.Context(), by(ana), room, false); err == nil {
			t.Error("the owner brought the channel back")
		}
		if channel := o.room(room).Channel(); !channel.Archived || o.room(room).Published {
			t.Errorf("got %+v", channel)
		}
	})
}
