package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

const bellType = "br.com.conversalabs.bell"

// mustAsk asks one of the product's own endpoints.
func mustAsk(t testing.TB, client *mautrix.Client, method, path string, body any) gjson.Result {
	t.Helper()
	answer, err := ask(t, client, method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

func ask(t testing.TB, client *mautrix.Client, method, path string, body any) (gjson.Result, error) {
	t.Helper()
	address, query, _ := strings.Cut(path, "?")
	full := client.HomeserverURL.JoinPath("/_matrix/client/unstable/br.com.conversalabs/v1", address)
	full.RawQuery = query
	var answer json.RawMessage
	_, err := client.MakeRequest(within(t), method, full.String(), body, &answer)
	return gjson.ParseBytes(answer), err
}

// bellPoll reads by /sync what a client is told of its user's bell.
type bellPoll struct {
	client *mautrix.Client
	since  string
}

// next waits for the next word of the bell.
func (p *bellPoll) next(t testing.TB) gjson.Result {
	t.Helper()
	deadline := within(t)
	for {
		answer, err := p.client.FullSyncRequest(deadline, mautrix.ReqSync{Since: p.since, Timeout: 30_000})
		if err != nil {
			t.Fatalf("%s waits for the bell: %v", p.client.UserID, err)
		}
		p.since = answer.NextBatch
		for _, e := range answer.AccountData.Events {
			if e.Type.Type == bellType {
				return gjson.ParseBytes(e.Content.VeryRaw)
			}
		}
	}
}

// TestBell has Bia mention the administrator: a parked poll learns of it, the list has
// it, and what is read anywhere is read in all of it.
func TestBell(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t, "--registration", "open")
		ana, bia := mustRegister(t, s.url, "ana"), mustRegister(t, s.url, "bia")
		room := mustCreateRoom(t, ana, "kitchen")
		mustJoin(t, bia, room.String())
		poll := &bellPoll{client: ana}
		mention := func(text string) id.EventID {
			t.Helper()
			sent, err := bia.SendMessageEvent(within(t), room, event.EventMessage, &event.MessageEventContent{
				MsgType: event.MsgText, Body: text, Mentions: &event.Mentions{UserIDs: []id.UserID{ana.UserID}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return sent.EventID
		}
		first := mention("one")
		state := poll.next(t)
		if state.Get("unread").Int() != 1 || state.Get("latest.kind").Str != "mention" || state.Get("latest.event_id").Str != first.String() {
			t.Errorf("got the bell %s", state.Raw)
		}
		second := mention("two")
		list := mustAsk(t, ana, http.MethodGet, "bell?only=unread&limit=1", nil)
		if list.Get("unread").Int() != 2 || list.Get("entries.#").Int() != 1 || list.Get("entries.0.event_id").Str != second.String() ||
			list.Get("entries.0.sender").Str != bia.UserID.String() || list.Get("entries.0.id").Str == "" {
			t.Errorf("got the list %s", list.Raw)
		}
		more := mustAsk(t, ana, http.MethodGet, "bell?from="+list.Get("next_batch").Str, nil)
		if more.Get("entries.#").Int() != 1 || more.Get("entries.0.event_id").Str != first.String() || more.Get("entries.0.read").Raw != "false" {
			t.Errorf("got the rest %s", more.Raw)
		}
		mustAsk(t, ana, http.MethodPost, "bell/read", map[string]string{"id": list.Get("entries.0.id").Str})
		if err := ana.MarkRead(within(t), room, first); err != nil {
			t.Fatal(err)
		}
		if list = mustAsk(t, ana, http.MethodGet, "bell", nil); list.Get("unread").Int() != 0 || list.Get("entries.#(read==true)#|#").Int() != 2 {
			t.Errorf("got %s, want all of it read", list.Raw)
		}
		for state.Get("unread").Int() != 0 {
			state = poll.next(t)
		}
		if err := ana.SetAccountData(within(t), bellType, map[string]int{"unread": 7}); err == nil {
			t.Error("a client has written the bell")
		}
		if list := mustAsk(t, bia, http.MethodGet, "bell", nil); list.Raw != `{"entries":[],"unread":0}` {
			t.Errorf("the bell of who mentioned has %s", list.Raw)
		}
		if _, err := ask(t, ana, http.MethodPost, "bell/read", map[string]string{}); err == nil {
			t.Error("nothing was read, and that was no mistake")
		}
	})
}

// TestRemindersOutliveTheServer sets reminders by the stock endpoint and the product's,
// loses the server as in a power cut, and is reminded by the next one, of each once.
func TestRemindersOutliveTheServer(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t)
		ana := mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s))
		down, up := mustCreateRoom(t, ana, "down"), mustCreateRoom(t, ana, "up")
		// Due while the server is down, and when it is up again.
		soon := time.Now().Add(time.Second).UnixMilli()
		err := ana.SetRoomAccountData(within(t), down, "br.com.conversalabs.note", map[string]any{"body": "call", "remind_at": soon})
		if err != nil {
			t.Fatal(err)
		}
		note := "rooms/" + up.String() + "/note"
		mustAsk(t, ana, http.MethodPut, note, map[string]any{"body": "write", "remind_at": time.Now().Add(4 * time.Second).UnixMilli()})
		s.kill(t)

		s = in.mustStart(t)
		ana = moved(t, ana, s.url)
		poll := &bellPoll{client: ana}
		for state := poll.next(t); state.Get("unread").Int() != 2; state = poll.next(t) {
		}
		s.kill(t)

		s = in.mustStart(t)
		ana = moved(t, ana, s.url)
		list := mustAsk(t, ana, http.MethodGet, "bell", nil)
		rooms := list.Get("entries.#.room_id").Raw
		if want := fmt.Sprintf("[%s,%s]", strconv.Quote(up.String()), strconv.Quote(down.String())); rooms != want ||
			list.Get(`entries.#(kind=="reminder")#|#`).Int() != 2 {
			t.Errorf("got %s, want a reminder of each", list.Raw)
		}
		if got := mustAsk(t, ana, http.MethodGet, note, nil); got.Get("body").Str != "write" {
			t.Errorf("got the note %s", got.Raw)
		}
		mustAsk(t, ana, http.MethodDelete, note, nil)
		if _, err := ask(t, ana, http.MethodGet, note, nil); err == nil {
			t.Error("the note is still there")
		}
	})
}
