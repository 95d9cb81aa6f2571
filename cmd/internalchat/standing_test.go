package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

// moderated is a server with Ana, an administrator, and Bia, an agent, in a room
// of Ana's.
type moderated struct {
	*apiFixture
	ana, bia, room string // tokens, and the room's path
	said           string // a message of Bia's
	anaSaid        string
}

const client = "/_matrix/client/v3"

func newModerated(t *testing.T) *moderated {
	t.Helper()
	f := &moderated{apiFixture: newAPIFixture(t)}
	f.ana = f.mustUser(tenant.Default, "ana", "ANA")
	in, err := f.house.accounts.Register(t.Context(), tenant.Default, accounts.NewUser{Name: "bia"}, accounts.SignIn{Device: "BIA"})
	if err != nil {
		t.Fatal(err)
	}
	f.bia = in.AccessToken
	room := f.must(f.ana, http.MethodPost, client+"/createRoom", `{"preset":"public_chat"}`).Get("room_id").Str
	f.room = client + "/rooms/" + url.PathEscape(room)
	f.must(f.bia, http.MethodPost, f.room+"/join", "{}")
	const hello = `{"msgtype":"m.text","body":"hello"}`
	f.said = f.must(f.bia, http.MethodPut, f.room+"/send/m.room.message/1", hello).Get("event_id").Str
	f.anaSaid = f.must(f.ana, http.MethodPut, f.room+"/send/m.room.message/1", hello).Get("event_id").Str
	return f
}

// set lays a standing upon Bia or takes it back.
func (f *moderated) set(standing string, on string) {
	f.t.Helper()
	answer := f.must(f.ana, http.MethodPut, "/_matrix/client/v1/admin/"+map[string]string{"locked": "lock", "suspended": "suspend"}[standing]+
		"/@bia:home.test", `{"`+standing+`":`+on+`}`)
	if got, want := answer.Raw, `{"`+standing+`":`+on+`}`; got != want {
		f.t.Errorf("got %s, want %s", got, want)
	}
}

// TestLockedUser walks every served endpoint: all but the two of signing out
// tell that the user is locked.
func TestLockedUser(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	f.set("locked", "true")
	open := 0
	for _, e := range mustEndpoints(t) {
		if e.state != "served" || strings.HasSuffix(e.path, "/logout") || strings.HasSuffix(e.path, "/logout/all") {
			continue
		}
		code, answer := f.ask(f.bia, e.method, variable.ReplaceAllString(e.path, "x"), "{}")
		if public := f.needsNoToken(e); public {
			open++
			continue
		}
		if code != http.StatusUnauthorized || gjson.Get(answer, "errcode").Str != "M_USER_LOCKED" || !gjson.Get(answer, "soft_logout").Bool() {
			t.Errorf("%s %s: got %d %s, want 401 M_USER_LOCKED with soft_logout", e.method, e.path, code, answer)
		}
	}
	if open > 20 {
		t.Errorf("%d endpoints need no token", open)
	}
	f.set("locked", "false")
	f.must(f.bia, http.MethodGet, client+"/account/whoami", "")
	f.set("locked", "true")
	f.must(f.bia, http.MethodPost, client+"/logout", "{}")
	if _, answer := f.ask(f.bia, http.MethodGet, client+"/account/whoami", ""); gjson.Get(answer, "errcode").Str != "M_UNKNOWN_TOKEN" {
		t.Errorf("after the logout: got %s, want M_UNKNOWN_TOKEN", answer)
	}
}

// needsNoToken tells whether an endpoint answers to who has none.
func (f *moderated) needsNoToken(e endpoint) bool {
	_, answer := f.ask("", e.method, variable.ReplaceAllString(e.path, "x"), "{}")
	return gjson.Get(answer, "errcode").Str != "M_MISSING_TOKEN" || strings.HasSuffix(e.path, "/openid/userinfo")
}

// A poll that waits when its user is locked ends at once.
func TestLockEndsPolls(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	since := f.must(f.bia, http.MethodGet, client+"/sync", "").Get("next_batch").Str
	ended := make(chan string)
	go func() {
		_, answer := f.ask(f.bia, http.MethodGet, client+"/sync?timeout=60000&since="+since, "")
		ended <- answer
	}()
	f.set("locked", "true")
	if answer := <-ended; gjson.Get(answer, "errcode").Str != "M_USER_LOCKED" {
		t.Errorf("got %s, want M_USER_LOCKED", answer)
	}
	f.set("locked", "false")
	f.must(f.bia, http.MethodGet, client+"/sync?since="+since, "")
}

func TestSuspendedUser(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	elsewhere := f.must(f.ana, http.MethodPost, client+"/createRoom", `{"preset":"public_chat","invite":["@bia:home.test"]}`).Get("room_id").Str
	other := client + "/rooms/" + url.PathEscape(elsewhere)
	f.set("suspended", "true")
	const mine, yes = http.StatusForbidden, http.StatusOK
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"PUT", f.room + "/send/m.room.message/2", `{"msgtype":"m.text","body":"x"}`, mine},
		{"PUT", f.room + "/send/m.reaction/3", `{"m.relates_to":{}}`, mine},
		{"PUT", f.room + "/state/m.room.topic", `{"topic":"x"}`, mine},
		{"PUT", f.room + "/state/m.room.member/@bia:home.test", `{"membership":"join","displayname":"x"}`, mine},
		{"PUT", f.room + "/typing/@bia:home.test", `{"typing":true}`, mine},
		{"PUT", f.room + "/redact/" + f.anaSaid + "/4", `{}`, mine},
		{"POST", f.room + "/invite", `{"user_id":"@ana:home.test"}`, mine},
		{"POST", f.room + "/kick", `{"user_id":"@ana:home.test"}`, mine},
		{"POST", f.room + "/ban", `{"user_id":"@ana:home.test"}`, mine},
		{"POST", other + "/join", `{}`, mine},
		{"POST", client + "/join/" + url.PathEscape(elsewhere), `{}`, mine},
		{"POST", client + "/createRoom", `{}`, mine},
		{"PUT", client + "/directory/room/%23x:home.test", `{"room_id":"` + elsewhere + `"}`, mine},
		{"PUT", client + "/profile/@bia:home.test/displayname", `{"displayname":"x"}`, mine},
		{"PUT", client + "/profile/@bia:home.test/m.tz", `{"m.tz":"UTC"}`, mine},

		{"GET", client + "/sync", "", yes},
		{"GET", f.room + "/messages?dir=b", "", yes},
		{"GET", f.room + "/state", "", yes},
		{"POST", f.room + "/receipt/m.read/" + f.anaSaid, `{}`, yes},
		{"POST", f.room + "/read_markers", `{"m.fully_read":"` + f.anaSaid + `"}`, yes},
		{"PUT", client + "/user/@bia:home.test/account_data/x.y", `{}`, yes},
		{"POST", client + "/keys/upload", `{"one_time_keys":{}}`, yes},
		{"PUT", client + "/sendToDevice/m.key.verification.request/1", `{"messages":{}}`, yes},
		{"POST", client + "/room_keys/version", `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{}}`, yes},
		{"PUT", f.room + "/redact/" + f.said + "/5", `{}`, yes},
		{"POST", other + "/leave", `{}`, yes},
		{"POST", f.room + "/leave", `{}`, yes},
		{"POST", f.room + "/forget", `{}`, yes},
		{"POST", client + "/logout", `{}`, yes},
	} {
		code, answer := f.ask(f.bia, c.method, c.path, c.body)
		if code != c.status || code == mine && gjson.Get(answer, "errcode").Str != "M_USER_SUSPENDED" {
			t.Errorf("%s %s: got %d %s, want %d", c.method, c.path, code, answer, c.status)
		}
	}
}

func TestModerationCapability(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	const moderation = `capabilities.m\.account_moderation`
	if got := f.must(f.ana, http.MethodGet, client+"/capabilities", "").Get(moderation).Raw; got != `{"lock":true,"suspend":true}` {
		t.Errorf("administrator: got %s, want both", got)
	}
	if got := f.must(f.bia, http.MethodGet, client+"/capabilities", "").Get(moderation).Raw; got != "" {
		t.Errorf("agent: got %s, want none", got)
	}
}
