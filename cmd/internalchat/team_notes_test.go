package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// TestNotesAreTheirOwners has an administrator who is in the same room ask every route
// that shows something for the note of a colleague, and search for its words.
func TestNotesAreTheirOwners(t *testing.T) {
	t.Parallel()
	const machineToken = "ic_test_machine_token_of_thirty_two_letters_or_more"
	f := newAPIFixture(t, "INTERNALCHAT_MACHINE_TOKEN="+machineToken)
	ana, eva := f.mustUser(tenant.Default, "ana", "ANA"), f.mustUser(tenant.Default, "eva", "EVA")
	room := f.must(ana, http.MethodPost, client+"/createRoom", `{"preset":"public_chat"}`).Get("room_id").Str
	f.must(eva, http.MethodPost, client+"/rooms/"+url.PathEscape(room)+"/join", "{}")
	since := f.must(eva, http.MethodGet, client+"/sync", "").Get("next_batch").Str
	sent := f.must(ana, http.MethodPut, client+"/rooms/"+url.PathEscape(room)+"/send/m.room.message/1", `{"msgtype":"m.text","body":"hello"}`).Get("event_id").Str
	const secret = "persimmon"
	note := product + "/rooms/" + url.PathEscape(room) + "/note"
	f.must(ana, http.MethodPut, note, `{"body":"`+secret+`"}`)
	stock := "/user/@ana:home.test/rooms/" + url.PathEscape(room) + "/account_data/br.com.conversalabs.note"
	if got := f.must(ana, http.MethodGet, client+stock, ""); got.Get("body").Str != secret {
		t.Fatalf("the owner reads %s", got.Raw)
	}
	if code, answer := f.ask(eva, http.MethodGet, client+stock, ""); code != http.StatusForbidden {
		t.Errorf("got %d %s of somebody else's account data, want 403", code, answer)
	}
	asked := 0
	look := func(token, method, path, body string) {
		t.Helper()
		asked++
		if code, answer := f.ask(token, method, path, body); strings.Contains(answer, secret) {
			t.Errorf("%s %s: got %d %s", method, path, code, answer)
		}
	}
	values := map[string]string{
		"USER": "@ana:home.test", "ROOM": url.PathEscape(room), "PUBLIC": url.PathEscape(room), "EVENT": url.PathEscape(sent), "DEVICE": "ANA",
	}
	f.Routes(func(method, template string) {
		if method != http.MethodGet {
			return
		}
		path := variable.ReplaceAllStringFunc(template, func(name string) string {
			stand := "default" // the account, for machines
			if choices := stands[strings.Trim(name, "{}")]; choices != nil && !strings.HasPrefix(template, "/_conversalabs/") {
				stand = choices[0]
			}
			if name == "{type}" {
				stand = "br.com.conversalabs.note"
			}
			if value := values[stand]; value != "" {
				stand = value
			}
			return stand
		})
		look(eva, method, path+ending(queries, template), "")
		look(machineToken, method, path, "")
	})
	look(eva, http.MethodGet, client+"/sync?full_state=true&since="+since, "")
	if asked < 100 {
		t.Errorf("asked only %d times", asked)
	}
	for _, token := range []string{ana, eva} { // it is in no index, not even its owner's
		found := f.must(token, http.MethodPost, client+"/search", `{"search_categories":{"room_events":{"search_term":"`+secret+`"}}}`)
		if found.Get("search_categories.room_events.count").Int() != 0 {
			t.Errorf("found %s", found.Raw)
		}
	}
}

// TestPreferencesAreOneThing writes preferences by the product's endpoint and by
// account data, and reads both ways.
func TestPreferencesAreOneThing(t *testing.T) {
	t.Parallel()
	f := newAPIFixture(t)
	ana := f.mustUser(tenant.Default, "ana", "ANA")
	const data = client + "/user/@ana:home.test/account_data/br.com.conversalabs."
	f.must(ana, http.MethodPut, product+"/notification_preferences", `{"announcement":{"bell":false}}`)
	if got := f.must(ana, http.MethodGet, data+"notification_preferences", ""); got.Raw != `{"announcement":{"bell":false}}` {
		t.Errorf("got the account data %s", got.Raw)
	}
	f.must(ana, http.MethodPut, data+"notification_preferences", `{"mention":{"email":true}}`)
	got := f.must(ana, http.MethodGet, product+"/notification_preferences", "")
	if !got.Get("announcement.bell").Bool() || !got.Get("mention.email").Bool() || got.Get("direct_message.email").Raw != "false" {
		t.Errorf("got the preferences %s", got.Raw)
	}
	f.must(ana, http.MethodPut, product+"/preferences", `{"send_key":"ctrl_enter","locale":"es"}`)
	if got := f.must(ana, http.MethodGet, product+"/preferences", ""); got.Raw != `{"send_key":"ctrl_enter","locale":"es"}` {
		t.Errorf("got the preferences %s", got.Raw)
	}
	code, answer := f.ask(ana, http.MethodPut, product+"/notification_preferences", `{"mention":1}`)
	if code != http.StatusBadRequest || !strings.Contains(answer, "preferencias de notificación") {
		t.Errorf("got %d %s, want 400 in Spanish", code, answer)
	}
}
