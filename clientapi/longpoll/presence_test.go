package longpoll_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// attending is told who polls, and shows presence as it is kept.
type attending struct {
	begin func(presence string) (leave func())
}

func (a attending) Attend(_ context.Context, _ tenant.Caller, presence string) (func(), error) {
	return a.begin(presence), nil
}
func (attending) Shown(context.Context, tenant.ID) (bool, error)       { return true, nil }
func (attending) Content(_ tenant.ID, _ id.UserID, kept []byte) []byte { return kept }

// presences are the real ones, without a rate.
type presences struct{ *accounts.Presences }

func (p presences) Attend(ctx context.Context, caller tenant.Caller, presence string) (func(), error) {
	return p.Presences.Attend(ctx, caller, presence, func() bool { return true })
}

func newPresenceHouse(t *testing.T, db *sqldb.DB) *house {
	t.Helper()
	h := newHouse(t, db)
	h.options.Presences = presences{accounts.NewPresences(h.store, func() time.Time { return clock }, 0)}
	h.options.Rooms, h.options.Store, h.options.Now, h.options.Unread = h.rooms, h.store, h.Now, h.Unread
	h.Service = longpoll.New(h.options)
	return h
}

func (h *house) switchPresence(on bool) {
	h.Helper()
	err := h.store.ChangeAccount(h.Context(), tenant.Caller{Account: tenant.Default}, func(s *accounts.Settings) error {
		s.PresenceOff = !on
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
}

// shown gives what an answer tells of a user's presence.
func shown(answer gjson.Result, user id.UserID) string {
	for _, e := range answer.Get("presence.events").Array() {
		if e.Get("sender").Str == string(user) {
			return e.Get("content").Raw
		}
	}
	return ""
}

func quietly(q *longpoll.Request) { q.Presence = "offline" }

// A poll tells of others' presence and when they were last active, as this node
// knows it.
func TestPresenceInSync(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newPresenceHouse(t, db)
		token := h.mustSync(ana, quietly).Get("next_batch").String()
		h.mustSync(bea)
		mustEqual(t, "who polls", shown(h.mustSync(ana, quietly, since(token)), bea), `{"presence":"online","last_active_ago":0,"currently_active":true}`)
		old := clock.Add(-time.Hour).UnixMilli()
		content, err := json.Marshal(accounts.Presence{Presence: "online", LastActive: old})
		if err != nil {
			t.Fatal(err)
		}
		h.put(stream.Item{Kind: stream.Presence, User: caio, Content: content})
		mustEqual(t, "who does nothing", shown(h.mustSync(ana, quietly), caio), `{"presence":"online","last_active_ago":3600000,"currently_active":false}`)
		h.options.Presences.(presences).Active(caller(caio))
		mustEqual(t, "who does something", shown(h.mustSync(ana, quietly), caio), `{"presence":"online","last_active_ago":0,"currently_active":true}`)
	})
}

// Switched off, presence is in no answer, also not in that of a poll which waits
// already, and is no reason to end it; switched on again, it is told anew.
func TestPresenceSwitchedOff(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newPresenceHouse(t, db)
		h.found(room1, ana, "shared")
		h.member(room1, bea, bea, "join")
		h.member(room1, caio, caio, "join")
		before := h.mustSync(ana, quietly).Get("next_batch").String()
		h.mustSync(bea)
		old := h.mustSync(ana, quietly).Get("next_batch").String()

		waiting := make(chan gjson.Result)
		go func() {
			waiting <- h.mustSync(ana, quietly, since(old), func(q *longpoll.Request) { q.Timeout = time.Minute })
		}()
		h.switchPresence(false)
		h.mustSync(bea, func(q *longpoll.Request) { q.Presence = "unavailable" }) // writes nothing
		h.put(stream.Item{Kind: stream.Presence, User: caio, Content: []byte(`{"presence":"online"}`)})
		h.say(room1, caio, "hello")
		answer := <-waiting
		mustEqual(t, "messages", len(inRoom(answer, "join", room1, "timeline.events").Array()), 1)
		mustEqual(t, "presence in the poll that waited", answer.Get("presence").Raw, "")
		token := answer.Get("next_batch").String()
		h.member(room1, "@davi:hs", id.UserID("@davi:hs"), "join")
		for name, q := range map[string][]query{"at first": nil, "later": {since(before)}, "of who comes": {since(token)}} {
			mustEqual(t, "presence "+name, h.mustSync(ana, append(q, quietly)...).Get("presence").Raw, "")
		}

		token = h.mustSync(ana, quietly).Get("next_batch").String()
		h.switchPresence(true)
		answer = h.mustSync(ana, quietly, since(token))
		for _, user := range []id.UserID{bea, caio} {
			mustEqual(t, "switched on, of "+user.String(), gjson.Get(shown(answer, user), "presence").Str, "offline")
		}
		h.mustSync(bea)
		answer = h.mustSync(ana, quietly, since(answer.Get("next_batch").String()))
		mustEqual(t, "who polls", gjson.Get(shown(answer, bea), "presence").Str, "online")
	})
}
