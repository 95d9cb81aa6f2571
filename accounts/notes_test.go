package accounts_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// pad is some nodes where Ana makes notes on rooms.
type pad struct {
	nodes []*dataNode
	rooms *rooms.Service
	clock *atomic.Int64 // ms
	t     *testing.T
}

func newPad(t *testing.T, db *sqldb.DB) *pad {
	t.Helper()
	p := &pad{nodes: newDataNodes(t, db, 2), clock: &atomic.Int64{}, t: t}
	p.clock.Store(1_800_000_000_000)
	for _, node := range p.nodes {
		node.Data = accounts.NewData(node.store, p.now, accounts.DataLimits{})
	}
	p.rooms = rooms.New(rooms.Options{Store: p.nodes[0].store, Policies: matrixPolicy{}, Now: p.now, Random: rand.Reader})
	return p
}

type matrixPolicy struct{}

func (matrixPolicy) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) {
	return rooms.MatrixPolicy, nil
}

func (p *pad) now() time.Time { return time.UnixMilli(p.clock.Load()) }

// in gives a time so long from now, in ms.
func (p *pad) in(d time.Duration) int64 { return p.clock.Load() + d.Milliseconds() }

func (p *pad) mustRoom() id.RoomID {
	p.t.Helper()
	room, _, err := p.rooms.Create(p.t.Context(), dataCaller(dataAna), rooms.Creation{})
	must(p.t, err)
	return room
}

// note sets Ana's note by a node, with a reminder unless at is 0.
func (p *pad) note(node int, room id.RoomID, body string, at int64) error {
	content := map[string]any{"body": body}
	if at != 0 {
		content["remind_at"] = at
	}
	text, err := json.Marshal(content)
	must(p.t, err)
	return p.nodes[node].SetNote(p.t.Context(), dataCaller(dataAna), room, text)
}

// ringDue has both nodes remind at once.
func (p *pad) ringDue() {
	p.t.Helper()
	done := make(chan error)
	for _, node := range p.nodes {
		go func() {
			_, err := node.RingDue(p.t.Context())
			done <- err
		}()
	}
	for range p.nodes {
		must(p.t, <-done)
	}
}

// demand wants Ana's reminders, newest first.
func (p *pad) demand(want ...id.RoomID) {
	p.t.Helper()
	entries, err := p.nodes[1].store.Bell(p.t.Context(), "acme", rooms.BellQuery{User: dataAna, Limit: 100})
	must(p.t, err)
	var got []id.RoomID
	for _, e := range entries {
		if e.Kind != rooms.BellReminder || e.Read {
			p.t.Errorf("got %+v, want an unread reminder", e)
		}
		got = append(got, e.Room)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		p.t.Errorf("reminded of %v, want %v", got, want)
	}
}

// A note has a shape, a size and a time of its own.
func TestNotes(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		p := newPad(t, db)
		room, ana, node := p.mustRoom(), dataCaller(dataAna), p.nodes[0]
		set := func(content string) error {
			return node.SetAccountData(t.Context(), ana, room, accounts.NoteType, json.RawMessage(content))
		}
		read := func() string {
			t.Helper()
			content, err := node.AccountData(t.Context(), "acme", dataAna, room, accounts.NoteType)
			must(t, err)
			note, err := node.Note(t.Context(), "acme", dataAna, room)
			must(t, err)
			if string(note) != string(content) {
				t.Errorf("got %s as a note and %s as account data", note, content)
			}
			return string(content)
		}
		for content, code := range map[string]string{
			`{"body":7}`: "M_BAD_JSON", `{"text":"x"}`: "M_BAD_JSON", `{"body":"x","remind_at":"soon"}`: "M_BAD_JSON",
			`{"body":"x","remind_at":1.5}`: "M_BAD_JSON", `{"body":"x","remind_at":-1}`: "M_BAD_JSON", `[]`: "M_BAD_JSON",
			fmt.Sprintf(`{"body":"x","remind_at":%d}`, p.in(0)): "M_INVALID_PARAM",
			`{"body":"` + strings.Repeat("x", 64<<10) + `"}`:    "M_TOO_LARGE",
		} {
			if err := set(content); !refusal.Is(err, code) {
				t.Errorf("%.60s: got %v, want %s", content, err, code)
			}
		}
		at := p.in(time.Hour)
		must(t, set(fmt.Sprintf(`{"body":"call","updated_ts":1,"remind_at":%d,"x":1}`, at)))
		if got, want := read(), fmt.Sprintf(`{"body":"call","updated_ts":%d,"remind_at":%d}`, p.in(0), at); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		// With the time it had, a note can be corrected also when that has passed.
		p.clock.Store(at + 1)
		must(t, p.note(0, room, "called", at))
		must(t, set(`{}`))
		_, err := node.Note(t.Context(), "acme", dataAna, room)
		mustRefuse(t, err, refusal.NotFound("You have no note on this room."))
		must(t, node.DeleteAccountData(t.Context(), ana, room, accounts.NoteType))
		if err := p.note(0, "!made:up", "x", 0); !refusal.Is(err, "M_FORBIDDEN") {
			t.Errorf("a note on a room that is not there: got %v, want M_FORBIDDEN", err)
		}
	})
}

// A reminder rings once, whatever the number of nodes, and not when it was changed or
// taken back.
func TestReminders(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		p := newPad(t, db)
		kept, changed, cleared, removed := p.mustRoom(), p.mustRoom(), p.mustRoom(), p.mustRoom()
		for _, room := range []id.RoomID{kept, changed, cleared, removed} {
			must(t, p.note(0, room, "x", p.in(time.Minute)))
		}
		must(t, p.note(1, kept, "another text", p.in(time.Minute)))
		must(t, p.note(1, changed, "x", p.in(time.Hour)))
		must(t, p.note(1, cleared, "x", 0))
		must(t, p.nodes[1].DeleteAccountData(t.Context(), dataCaller(dataAna), removed, accounts.NoteType))
		p.ringDue()
		p.demand()
		due := p.in(time.Minute)
		p.clock.Store(due)
		p.ringDue()
		p.demand(kept)
		must(t, p.note(0, kept, "corrected", due))
		p.ringDue()
		p.demand(kept)
		p.clock.Add(time.Hour.Milliseconds())
		p.ringDue()
		p.demand(changed, kept)
		must(t, p.note(0, kept, "again", p.in(time.Minute)))
		p.clock.Add(time.Minute.Milliseconds())
		p.ringDue()
		p.demand(kept, changed, kept)
		content, err := p.nodes[0].AccountData(t.Context(), "acme", dataAna, "", accounts.BellType)
		must(t, err)
		if !strings.HasPrefix(string(content), `{"unread":3,"latest":{"id":"`) || !strings.Contains(string(content), `"kind":"reminder"`) {
			t.Errorf("clients are told %s", content)
		}
	})
}

// Who has left the room or is deactivated by then is not reminded; who is locked out
// finds the reminder when they are let in again.
func TestWhoIsReminded(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		p := newPad(t, db)
		left, locked := p.mustRoom(), p.mustRoom()
		must(t, p.note(0, left, "x", p.in(time.Minute)))
		must(t, p.note(0, locked, "x", p.in(time.Minute)))
		must(t, p.rooms.Leave(t.Context(), dataCaller(dataAna), rooms.Move{Room: left}))
		store := p.nodes[0].store
		must(t, store.ChangeAccount(t.Context(), server, func(s *accounts.Settings) error { s.Disabled = true; return nil }))
		p.clock.Add(time.Minute.Milliseconds())
		p.ringDue()
		p.demand(locked)
		must(t, store.ChangeAccount(t.Context(), server, func(s *accounts.Settings) error { s.Disabled = false; return nil }))
		must(t, p.note(0, locked, "x", p.in(time.Minute)))
		must(t, store.Deactivate(t.Context(), server, dataAna))
		p.clock.Add(time.Minute.Milliseconds())
		p.ringDue()
		p.demand(locked)
		if left, err := store.NextReminders(t.Context(), 10); err != nil || len(left) != 0 {
			t.Errorf("got %v, %v, want nothing left", left, err)
		}
	})
}

// The timer sleeps until the next reminder is due, a few seconds at most, and wakes
// when a note is set.
func TestReminderTimer(t *testing.T) {
	t.Parallel()
	p := newPad(t, sqltest.SQLite(t))
	room := p.mustRoom()
	asked, ring := make(chan time.Duration), make(chan time.Time)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.nodes[0].RunReminders(ctx, func(d time.Duration) <-chan time.Time { asked <- d; return ring }, func(err error) { t.Error(err) })
	}()
	for _, step := range []struct {
		do   func()
		want time.Duration
	}{
		{func() {}, 5 * time.Second},
		{func() { must(t, p.note(0, room, "x", p.in(2*time.Second))) }, 2 * time.Second},
		{func() { p.clock.Add(1999); ring <- p.now() }, time.Millisecond},
		{func() { p.clock.Add(1); ring <- p.now() }, 5 * time.Second},
	} {
		step.do()
		if got := <-asked; got != step.want {
			t.Errorf("the timer sleeps for %v, want %v", got, step.want)
		}
	}
	cancel()
	<-ended
	p.demand(room)
}

// A note goes along when its room is upgraded, and reminds of the new room.
func TestNotesFollowAnUpgrade(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		p := newPad(t, db)
		old := p.mustRoom()
		must(t, p.note(0, old, "x", p.in(time.Minute)))
		upgraded, err := p.rooms.Upgrade(t.Context(), dataCaller(dataAna), rooms.Upgrade{Room: old, Version: "11"})
		must(t, err)
		p.clock.Add(time.Minute.Milliseconds())
		p.ringDue()
		p.demand(upgraded)
	})
}

// Preferences have a shape, whoever writes them, and what was never said is as it is
// by default.
func TestNotificationPreferences(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		node := newDataNodes(t, db, 1)[0]
		set := func(content string) error {
			return node.SetAccountData(t.Context(), dataCaller(dataAna), "", accounts.NotificationPreferencesType, json.RawMessage(content))
		}
		demand := func(want string) {
			t.Helper()
			p, err := node.NotificationPreferences(t.Context(), "acme", dataAna)
			must(t, err)
			if got, err := json.Marshal(p); err != nil || string(got) != want {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		}
		const on, off = `{"bell":true,"email":false,"push":true}`, `{"bell":false,"email":true,"push":true}`
		demand(`{"mention":` + on + `,"direct_message":` + on + `,"announcement":` + on + `}`)
		quiet := `{"start":"22:00","end":"07:00","days":["mon","fri"],"timezone":"America/Sao_Paulo"}`
		must(t, set(`{"mention":{"bell":false,"email":true},"quiet_hours":`+quiet+`,"x":1}`))
		want := `{"mention":` + off + `,"direct_message":` + on + `,"announcement":` + on + `,"quiet_hours":` + quiet + `}`
		demand(want)
		for _, bad := range []string{
			`{"mention":true}`, `{"mention":null}`, `{"announcement":{"bell":"yes"}}`, `{"direct_message":{"push":null}}`,
			`{"quiet_hours":{"start":"22:00"}}`, `{"quiet_hours":{"start":"7:00","end":"22:00"}}`, `{"quiet_hours":[]}`,
			`{"quiet_hours":{"start":"22:00","end":"22:00"}}`, `{"quiet_hours":{"start":"22:00","end":"24:00"}}`,
			`{"quiet_hours":{"start":"22:00","end":"07:00","days":["monday"]}}`,
			`{"quiet_hours":{"start":"22:00","end":"07:00","timezone":"Mars"}}`,
		} {
			if err := set(bad); !refusal.Is(err, "M_BAD_JSON") {
				t.Errorf("%s: got %v, want M_BAD_JSON", bad, err)
			}
		}
		demand(want)
		must(t, node.DeleteAccountData(t.Context(), dataCaller(dataAna), "", accounts.NotificationPreferencesType))
		demand(`{"mention":` + on + `,"direct_message":` + on + `,"announcement":` + on + `}`)
	})
}

// How the bell stands, the server alone says.
func TestTheBellIsNotWritten(t *testing.T) {
	t.Parallel()
	node := newDataNodes(t, sqltest.SQLite(t), 1)[0]
	for _, err := range []error{
		node.SetAccountData(t.Context(), dataCaller(dataAna), "", accounts.BellType, json.RawMessage(`{"unread":0}`)),
		node.DeleteAccountData(t.Context(), dataCaller(dataAna), "", accounts.BellType),
	} {
		if refused := refusal.As(err); refused == nil || refused.Status != 405 {
			t.Errorf("got %v, want a refusal with 405", err)
		}
	}
	if content, err := node.store.Item(t.Context(), "acme", stream.AccountData, dataAna, "", accounts.BellType); content != nil || err != nil {
		t.Errorf("got %s, %v, want nothing", content, err)
	}
}
