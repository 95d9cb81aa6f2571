package clientapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/search"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/follow"
)

// newSearchFixture is a server of rooms that can be searched.
func newSearchFixture(t *testing.T) *roomFixture {
	t.Helper()
	f := newRoomFixture(t, rooms.MatrixPolicy)
	index, err := storage.OpenSearchIndex(t.Context(), f.store, f.db)
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	follower, err := follow.Start(t.Context(), follow.Options{Source: f.store, Follower: index, DB: f.db, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(follower.Close)
	clientapi.SearchRoutes(f.API, search.New(search.Options{Rooms: f.rooms, Index: index, Await: follower.Await}))
	return f
}

func (f *roomFixture) mustSend(token, room, body string) string {
	f.t.Helper()
	f.sent++
	path := fmt.Sprintf("/rooms/%s/send/m.room.message/search%d", room, f.sent)
	return f.must(token, http.MethodPut, path, `{"msgtype":"m.text","body":"`+body+`"}`).Get("event_id").Str
}

// found searches and gives what the answer has for events of rooms.
func (f *roomFixture) found(token, query, criteria string) gjson.Result {
	f.t.Helper()
	body := `{"search_categories":{"room_events":` + criteria + `}}`
	return f.must(token, http.MethodPost, "/search"+query, body).Get("search_categories.room_events")
}

func TestSearchRefusals(t *testing.T) {
	f := newSearchFixture(t)
	events := func(criteria string) string { return `{"search_categories":{"room_events":` + criteria + `}}` }
	f.exchanges("", []exchange{
		{ana, "POST", "/search", `{}`, 400, "M_MISSING_PARAM", "", ""},
		{ana, "POST", "/search", `{"search_categories":{}}`, 200, "", "search_categories", `{}`},
		{ana, "POST", "/search", events(`{}`), 400, "M_MISSING_PARAM", "", ""},
		{ana, "POST", "/search", events(`[]`), 400, "M_BAD_JSON", "", ""},
		{ana, "POST", "/search", events(`{"search_term":7}`), 400, "M_BAD_JSON", "", ""},
		{ana, "POST", "/search", events(`{"search_term":"` + strings.Repeat("x", 1025) + `"}`), 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/search", events(`{"search_term":"` + strings.Repeat("x", 1024) + `"}`), 200, "", "", ""},
		{ana, "POST", "/search", events(`{"search_term":"x","keys":["content.password"]}`), 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/search", events(`{"search_term":"x","order_by":"length"}`), 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/search", events(`{"search_term":"x","groupings":{"group_by":[{"key":"type"}]}}`), 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/search", events(`{"search_term":"x","filter":{"limit":-1}}`), 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/search", events(`{"search_term":"x","filter":{"rooms":["x"]}}`), 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/search", events(`{"search_term":"x","filter":[]}`), 400, "M_BAD_JSON", "", ""},
		{ana, "POST", "/search", events(`{"search_term":"x","filter":null}`), 200, "", "search_categories.room_events.count", "0"},
		{ana, "POST", "/search", events(`{"search_term":"x","event_context":{"before_limit":-1}}`), 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/search?next_batch=nonsense", events(`{"search_term":"x"}`), 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/search", events(`{"search_term":"x"}`), 200, "", "search_categories.room_events.results", "[]"},
	})
	if code, _ := f.ask("", http.MethodPost, "/search", events(`{"search_term":"x"}`)); code != http.StatusUnauthorized {
		t.Errorf("without a token: got %d, want 401", code)
	}
}

// What the public conformance suites and Element ask.
func TestSearchOverHTTP(t *testing.T) {
	f := newSearchFixture(t)
	room := f.mustCreate(`{"preset":"public_chat"}`)
	roomID, err := url.PathUnescape(room)
	if err != nil {
		t.Fatal(err)
	}
	var sent []string
	for i := range 8 {
		sent = append(sent, f.mustSend(ana, room, fmt.Sprintf("Message %d", i)))
	}
	found := f.found(ana, "", `{"search_term":"message 4","keys":["content.body"],"order_by":"recent","filter":{"limit":1},
		"event_context":{"before_limit":2,"after_limit":2,"include_profile":true},"include_state":true,
		"groupings":{"group_by":[{"key":"room_id"},{"key":"sender"}]}}`)
	for path, want := range map[string]string{
		"count":                                      "1",
		"results.#":                                  "1",
		"results.0.result.event_id":                  sent[4],
		"results.0.result.room_id":                   roomID,
		"results.0.result.content.body":              "Message 4",
		"results.0.result.unsigned.membership":       "join",
		"results.0.rank":                             "1.000000",
		"results.0.context.events_before.#":          "2",
		"results.0.context.events_before.0.event_id": sent[3],
		"results.0.context.events_before.1.event_id": sent[2],
		"results.0.context.events_after.0.event_id":  sent[5],
		"results.0.context.events_after.1.event_id":  sent[6],
		"groups.sender.@ana:acme\\.test.results.0":   sent[4],
		"groups.sender.@ana:acme\\.test.order":       "1",
		"groups.room_id." + strings.ReplaceAll(roomID, ".", "\\.") + ".results.0": sent[4],
		"highlights.0": "message",
	} {
		if got := found.Get(path); strings.Trim(got.Raw, `"`) != want {
			t.Errorf("%s: got %s, want %s", path, got.Raw, want)
		}
	}
	for _, path := range []string{"next_batch", "results.0.context.start", "results.0.context.end", "results.0.context.profile_info.@ana:acme\\.test"} {
		if !found.Get(path).Exists() {
			t.Errorf("%s is missing in %s", path, found.Raw)
		}
	}
	if got := found.Get("state." + strings.ReplaceAll(roomID, ".", "\\.") + ".#").Int(); got < 5 {
		t.Errorf("got %d state events, want the room's", got)
	}
	last := f.found(ana, "?next_batch="+url.QueryEscape(found.Get("next_batch").Str), `{"search_term":"message 4","order_by":"recent","filter":{"limit":1}}`)
	if last.Get("results.#").Int() != 0 || last.Get("next_batch").Exists() {
		t.Errorf("got %s, want an empty last page", last.Raw)
	}
	if got := f.found(bia, "", `{"search_term":"message"}`).Get("count").Raw; got != "0" {
		t.Errorf("who is not in the room: got count %s, want 0", got)
	}
}

func TestSearchPagesOverHTTP(t *testing.T) {
	f := newSearchFixture(t)
	room := f.mustCreate(`{"preset":"public_chat"}`)
	var want []string
	for i := range 20 {
		want = append([]string{f.mustSend(ana, room, fmt.Sprintf("Message %d", i))}, want...)
	}
	for _, order := range []string{"recent", "rank"} {
		var got []string
		query := ""
		for page := range 3 {
			found := f.found(ana, query, `{"search_term":"Message","order_by":"`+order+`","filter":{"limit":10}}`)
			for _, result := range found.Get("results").Array() {
				got = append(got, result.Get("result.event_id").Str)
			}
			if count := found.Get("count").Int(); count != 20 {
				t.Errorf("got count %d, want 20", count)
			}
			next := found.Get("next_batch")
			if next.Exists() != (page < 2) {
				t.Errorf("page %d: got next_batch %s", page, next.Raw)
			}
			query = "?next_batch=" + url.QueryEscape(next.Str)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s: got before want: %s", order, diff)
		}
	}
}
