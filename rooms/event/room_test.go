package event_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

const (
	ana   id.UserID = "@ana:example.org" // the creator
	bea   id.UserID = "@bea:example.org" // a member
	caio  id.UserID = "@caio:example.org"
	davi  id.UserID = "@davi:example.org"
	extra id.UserID = "@extra:example.org"
)

type stateKey struct{ eventType, key string }

// room is a room in memory: its state, and the last event.
type room struct {
	version id.RoomVersion
	id      id.RoomID
	state   map[stateKey]*event.Event
	last    *event.Event
	levels  *event.PowerLevels
	clock   int64
}

func (r *room) Event(eventType, key string) *event.Event { return r.state[stateKey{eventType, key}] }

func (r *room) PowerLevels() *event.PowerLevels {
	if r.levels == nil {
		r.levels = event.ParsePowerLevels(r.version, r.Event("m.room.create", ""), r.Event("m.room.power_levels", ""))
	}
	return r.levels
}

// draft is the next event; key is its state key, "-" for none.
func (r *room) draft(sender id.UserID, eventType, key, content string) event.Draft {
	r.clock++
	d := event.Draft{
		Room: r.id, Sender: sender, Type: eventType, Content: json.RawMessage(content),
		Timestamp: 1_700_000_000_000 + r.clock, Prev: r.last, Random: strings.NewReader(fmt.Sprintf("%024d", r.clock)),
	}
	if key != "-" {
		d.StateKey = &key
	}
	return d
}

// apply makes e the room's last event.
func (r *room) apply(e *event.Event) {
	r.last = e
	if e.StateKey != nil {
		r.state[stateKey{e.Type, *e.StateKey}] = e
		r.levels = nil
	}
}

// try builds and authorises an event, and appends it when it may be.
func (r *room) try(d event.Draft, target *event.Event) (*event.Event, error) {
	e, err := event.Build(r.version, d, r)
	if err != nil {
		return nil, err
	}
	if err := event.Authorise(r.version, e, target, r); err != nil {
		return nil, err
	}
	r.apply(e)
	return e, nil
}

func (r *room) mustSend(t testing.TB, sender id.UserID, eventType, key, content string) *event.Event {
	t.Helper()
	e, err := r.try(r.draft(sender, eventType, key, content), nil)
	if err != nil {
		t.Fatalf("version %s: %s sends %s %s: %v", r.version, sender, eventType, content, err)
	}
	return e
}

func createContent(v id.RoomVersion, sender id.UserID) string {
	switch v {
	case "11":
		return fmt.Sprintf(`{"room_version":%q}`, v)
	case "12":
		return fmt.Sprintf(`{"room_version":%q,"additional_creators":[%q]}`, v, extra)
	}
	return fmt.Sprintf(`{"room_version":%q,"creator":%q}`, v, sender)
}

// newRoom is a room of ana's with nothing but her in it.
func newRoom(t testing.TB, v id.RoomVersion) *room {
	t.Helper()
	r := &room{version: v, state: make(map[stateKey]*event.Event)}
	if v != "12" {
		r.id = "!room:example.org"
	}
	e := r.mustSend(t, ana, "m.room.create", "", createContent(v, ana))
	r.id = e.Room
	r.mustSend(t, ana, "m.room.member", string(ana), `{"membership":"join"}`)
	return r
}

// mustRoom is a public room of ana's in which bea is; davi is banned, caio is
// nobody. Power levels are the usual ones.
func mustRoom(t testing.TB, v id.RoomVersion) *room {
	t.Helper()
	r := newRoom(t, v)
	users := fmt.Sprintf(`{%q:100}`, ana)
	if v == "12" {
		users = `{}`
	}
	r.mustSend(t, ana, "m.room.power_levels", "", `{"users":`+users+`,"invite":50}`)
	r.mustSend(t, ana, "m.room.join_rules", "", `{"join_rule":"public"}`)
	r.mustSend(t, bea, "m.room.member", string(bea), `{"membership":"join","displayname":"Béa"}`)
	r.mustSend(t, ana, "m.room.member", string(davi), `{"membership":"ban"}`)
	return r
}

// code is what an error is refused with: "403 M_FORBIDDEN", or "" for none.
func code(err error) string {
	if err == nil {
		return ""
	}
	r := refusal.As(err)
	if r == nil {
		return "not a refusal: " + err.Error()
	}
	return fmt.Sprintf("%d %s", r.Status, r.Code)
}

func eachVersion(t *testing.T, test func(t *testing.T, v id.RoomVersion)) {
	t.Helper()
	for _, v := range event.Versions() {
		t.Run("version "+string(v), func(t *testing.T) { test(t, v) })
	}
}
