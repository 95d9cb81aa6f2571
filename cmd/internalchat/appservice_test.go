package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

const (
	bridgeToken = "0123456789-as-token"
	bridgeHash  = "0123456789-hs-token"
)

// bridge is an application service: it notes what it is sent and asked.
type bridge struct {
	*httptest.Server
	arrived chan struct{} // of one: something came

	mu           sync.Mutex // guards all below
	down         bool       // it answers nothing well
	transactions []taken    // as they came, those it did not take too
	asked        []string
	make         func(path string) bool // whether what is asked for is made
	ping         func(w http.ResponseWriter)
	foul         []string // requests without its token
}

type taken struct {
	id       string
	body     gjson.Result
	accepted bool
}

func newBridge(t testing.TB) *bridge {
	t.Helper()
	b := &bridge{arrived: make(chan struct{}, 1)}
	b.Server = httptest.NewServer(b)
	t.Cleanup(func() {
		b.Close()
		if len(b.foul) > 0 {
			t.Errorf("requests without the hs_token: %v", b.foul)
		}
	})
	return b
}

func (b *bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	said, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+bridgeHash {
		b.foul = append(b.foul, r.URL.Path)
	}
	path := strings.TrimPrefix(r.URL.Path, "/base/_matrix/app/v1/")
	kind, name, _ := strings.Cut(path, "/")
	switch {
	case r.Method == http.MethodPut && kind == "transactions":
		b.transactions = append(b.transactions, taken{name, gjson.ParseBytes(said), !b.down})
		if b.down {
			w.WriteHeader(http.StatusBadGateway)
		}
	case r.Method == http.MethodPost && path == "ping":
		if b.ping != nil {
			b.ping(w)
		}
		b.asked = append(b.asked, path+string(said))
	default:
		b.asked = append(b.asked, path)
		if b.make == nil || !b.makes(path) {
			w.WriteHeader(http.StatusNotFound)
		}
	}
	select {
	case b.arrived <- struct{}{}:
	default:
	}
	_, _ = io.WriteString(w, "{}")
}

// makes asks the test, which may use the server meanwhile. b.mu is held, and let go.
func (b *bridge) makes(path string) bool {
	b.mu.Unlock()
	defer b.mu.Lock()
	return b.make(path)
}

func (b *bridge) set(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

// until waits for something to be so.
func (b *bridge) until(t testing.TB, what string, so func() bool) {
	t.Helper()
	for ctx := within(t); ; {
		b.mu.Lock()
		done := so()
		b.mu.Unlock()
		if done {
			return
		}
		select {
		case <-b.arrived:
		case <-ctx.Done():
			b.mu.Lock()
			defer b.mu.Unlock()
			t.Fatalf("not %s: got %v", what, b.transactions)
		}
	}
}

// events are the events that the service has taken, each transaction once.
func (b *bridge) events() (events []gjson.Result) {
	seen := map[string]bool{}
	for _, tx := range b.transactions {
		if tx.accepted && !seen[tx.id] {
			seen[tx.id] = true
			events = append(events, tx.body.Get("events").Array()...)
		}
	}
	return events
}

// texts are what the events it has taken say.
func (b *bridge) texts() (texts []string) {
	for _, e := range b.events() {
		if text := e.Get("content.body").Str; text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// ephemerals are what it has taken of a type.
func (b *bridge) ephemerals(kind string) (all []gjson.Result) {
	for _, tx := range b.transactions {
		for _, one := range tx.body.Get("ephemeral").Array() {
			if one.Get("type").Str == kind {
				all = append(all, one)
			}
		}
	}
	return all
}

// mustAdd registers the service with an account.
func (b *bridge) mustAdd(t testing.TB, in installation, more string, args ...string) *asker {
	t.Helper()
	in.mustRun(t, fmt.Sprintf(`
id: bridge
url: %q
as_token: %s
hs_token: %s
sender_localpart: bridge
namespaces:
  users:
    - {exclusive: true, regex: "@_irc_.*"}
  aliases:
    - {exclusive: true, regex: "#_irc_.*"}
%s`, b.URL+"/base/", bridgeToken, bridgeHash, more), append([]string{"appservice", "add", "-"}, args...)...)
	return &asker{id: "@bridge:localhost", token: bridgeToken}
}

// as names the user that a service acts as.
func as(path, user string) string {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + "user_id=" + url.QueryEscape(user)
}

const puppet = "@_irc_bob:localhost"

func mustPuppet(t testing.TB, service *asker) {
	t.Helper()
	service.must(t, http.MethodPost, "/register", `{"type":"m.login.application_service","username":"_irc_bob","inhibit_login":true}`)
}

// A service is sent every message of its users' rooms, in order, whatever ends
// meanwhile: itself, the server, or both. A transaction that it has not taken comes
// again as it was.
func TestApplicationServiceDelivery(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		in.mustHaveUser(t, "ana", "correct horse")
		bridge, broken := newBridge(t), newBridge(t)
		broken.set(true)
		service := bridge.mustAdd(t, in, "receive_ephemeral: true")
		in.mustRun(t, fmt.Sprintf("{id: broken, url: %q, as_token: another-as-token-x, hs_token: %s, sender_localpart: broken,"+
			" namespaces: {rooms: [{regex: '.*', exclusive: false}]}}", broken.URL+"/base", bridgeHash), "appservice", "add", "-")
		running := in.mustStart(t)
		hs := &homeserver{url: running.url}
		service.hs = hs
		ana := (&asker{hs: hs, name: "ana", password: "correct horse"}).mustLogIn(t, "PHONE")
		mustPuppet(t, service)
		room := ana.mustCreate(t, `{"preset":"public_chat"}`)
		unseen := ana.mustSay(t, room, "before")
		service.must(t, http.MethodPost, as("/join/"+url.PathEscape(room), puppet), `{}`)
		elsewhere := ana.mustCreate(t, `{"preset":"public_chat"}`)
		ana.mustSay(t, elsewhere, "nobody's business")
		var want []string
		say := func(text string) (event string) {
			want = append(want, text)
			return ana.mustSay(t, room, text)
		}
		for i := range 5 {
			say(fmt.Sprint("first ", i))
		}
		all := func() bool { return slices.Equal(bridge.texts(), want) }
		bridge.until(t, "the first messages", all)

		read := say("to be read")
		ana.must(t, http.MethodPost, inRoom(room)+"/receipt/m.read/"+url.PathEscape(read), `{}`)
		bridge.until(t, "the receipt", func() bool {
			got := bridge.ephemerals("m.receipt")
			return all() && len(got) > 0 && got[0].Get("room_id").Str == room &&
				member(member(member(got[0].Get("content"), read), "m.read"), ana.id).Exists()
		})

		bridge.set(true)
		for i := range 5 {
			say(fmt.Sprint("down ", i))
		}
		refused := func() []taken {
			return slices.DeleteFunc(slices.Clone(bridge.transactions), func(tx taken) bool { return tx.accepted })
		}
		bridge.until(t, "a refused transaction", func() bool { return len(refused()) > 0 })
		running.kill(t)
		running = in.mustStart(t)
		hs.url = running.url
		bridge.until(t, "the same again", func() bool {
			tried := refused()
			first, last := tried[0], tried[len(tried)-1]
			if len(tried) > 1 && first.id == last.id && strings.Join(idsIn(first), " ") != strings.Join(idsIn(last), " ") {
				t.Fatalf("the transaction %s was %s and is %s", first.id, first.body, last.body)
			}
			return len(tried) > 1 && first.id == last.id
		})
		say("after the restart")
		running.stop(t)
		bridge.set(false)
		running = in.mustStart(t)
		hs.url = running.url
		say("the end")
		bridge.until(t, "everything", all)

		bridge.mu.Lock()
		defer bridge.mu.Unlock()
		for _, e := range bridge.events() {
			if e.Get("event_id").Str == unseen || e.Get("room_id").Str == elsewhere {
				t.Errorf("the service was sent %s, which does not concern it", e)
			}
		}
		in.mustRun(t, "", "appservice", "remove", "broken")
	})
}

func idsIn(tx taken) (ids []string) { return eventIDs(tx.body.Get("events")) }

// A service acts as its users and nobody else, on their devices, and dates events.
func TestApplicationServiceIdentity(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		in.mustHaveUser(t, "ana", "correct horse")
		in.mustRun(t, "", "account", "create", "acme", "--server-name", "acme.example")
		in.mustRun(t, "correct horse\n", "user", "create", "eve", "--account", "acme", "--password-stdin")
		bridge := newBridge(t)
		service := bridge.mustAdd(t, in, "rate_limited: false")
		running := in.mustStart(t, "--registration", "open")
		service.hs = &homeserver{url: running.url}
		ana := (&asker{hs: service.hs, name: "ana", password: "correct horse"}).mustLogIn(t, "PHONE")
		eve := (&asker{hs: service.hs, name: "@eve:acme.example", password: "correct horse"}).mustLogIn(t, "PHONE")
		nobody := service.hs.nobody()

		const register, by = "/register", `{"type":"m.login.application_service","username":%q}`
		nobody.mustBeRefused(t, 401, "M_MISSING_TOKEN", "POST", register, by, "_irc_x")
		ana.mustBeRefused(t, 401, "M_UNKNOWN_TOKEN", "POST", register, by, "_irc_x")
		service.mustBeRefused(t, 400, "M_EXCLUSIVE", "POST", register, by, "somebody")
		nobody.mustBeRefused(t, 400, "M_EXCLUSIVE", "POST", register, `{"auth":{"type":"m.login.dummy"},"username":"_irc_x","password":"correct horse"}`)
		nobody.mustBeRefused(t, 400, "M_EXCLUSIVE", "GET", "/register/available?username=_irc_x", "")
		if got := in.run(t, "correct horse\n", "user", "create", "_irc_x", "--password-stdin"); got.code == 0 {
			t.Error("the command line made a user of the service's")
		}
		if got := nobody.must(t, "GET", "/login", "").Get(`flows.#(type=="m.login.application_service")`); !got.Exists() {
			t.Error("the services' way to sign in is not listed")
		}
		mustPuppet(t, service)
		service.mustBeRefused(t, 400, "M_USER_IN_USE", "POST", register, by, "_irc_bob")

		who := "/account/whoami"
		for _, c := range []struct {
			path, user, device string
			status             int
			errcode            string
		}{
			{who, "@bridge:localhost", "", 200, ""},
			{as(who, puppet), puppet, "", 200, ""},
			{as(who, "@_irc_unknown:localhost"), "", "", 403, "M_FORBIDDEN"},
			{as(who, "@ana:localhost"), "", "", 403, "M_FORBIDDEN"},
			{as(who, "@_irc_bob:acme.example"), "", "", 403, "M_FORBIDDEN"},
			{as(who, "@eve:acme.example"), "", "", 403, "M_FORBIDDEN"},
			{as(who, "nonsense"), "", "", 403, "M_FORBIDDEN"},
			{as(who, puppet) + "&device_id=NONE", "", "", 400, "M_UNKNOWN_DEVICE"},
			{as(who, puppet) + "&device_id=PHONE", "", "", 400, "M_UNKNOWN_DEVICE"},
		} {
			code, got := service.ask(t, "GET", c.path, "")
			if code != c.status || got.Get("errcode").Str != c.errcode || got.Get("user_id").Str != c.user {
				t.Errorf("%s: got %d %s, want %d %s %s", c.path, code, got.Raw, c.status, c.errcode, c.user)
			}
		}
		if code, got := service.ask(t, "PUT", as("/devices/TUBE", puppet), `{"display_name":"Tube"}`); code != 201 {
			t.Errorf("a new device: got %d %s, want 201", code, got.Raw)
		}
		service.must(t, "PUT", as("/devices/TUBE", puppet), `{"display_name":"Pipe"}`)
		if got := service.must(t, "GET", as(who, puppet)+"&device_id=TUBE", ""); got.Get("device_id").Str != "TUBE" {
			t.Errorf("got %s, want the device", got.Raw)
		}
		if got := service.must(t, "GET", as("/devices/TUBE", puppet), ""); got.Get("display_name").Str != "Pipe" {
			t.Errorf("got %s, want the new name", got.Raw)
		}
		service.must(t, "DELETE", as("/devices/TUBE", puppet), `{}`)
		in1 := service.must(t, "POST", "/login", `{"type":"m.login.application_service","identifier":{"type":"m.id.user","user":"_irc_bob"}}`)
		bob := &asker{hs: service.hs, token: in1.Get("access_token").Str}
		if got := bob.must(t, "GET", who, ""); got.Get("user_id").Str != puppet {
			t.Errorf("got %s", got.Raw)
		}
		service.mustBeRefused(t, 400, "M_EXCLUSIVE", "POST", "/login", `{"type":"m.login.application_service","identifier":{"type":"m.id.user","user":"ana"}}`)
		nobody.mustBeRefused(t, 401, "M_MISSING_TOKEN", "POST", "/login", `{"type":"m.login.application_service","identifier":{"type":"m.id.user","user":"_irc_bob"}}`)

		room := ana.mustCreate(t, `{"preset":"public_chat","power_level_content_override":{"events":{"m.room.topic":0,"m.room.canonical_alias":0}}}`)
		service.must(t, "POST", as("/join/"+url.PathEscape(room), puppet), `{}`)
		for _, path := range []string{inRoom(room) + "/send/m.room.message/1", inRoom(room) + "/state/m.room.topic/"} {
			sent := service.must(t, "PUT", as(path, puppet)+"&ts=1234", `{"msgtype":"m.text","body":"old","topic":"old"}`).Get("event_id").Str
			if got := ana.must(t, "GET", inRoom(room)+"/event/"+url.PathEscape(sent), ""); got.Get("origin_server_ts").Int() != 1234 || got.Get("sender").Str != puppet {
				t.Errorf("got %s, want it dated 1234", got.Raw)
			}
		}
		service.mustBeRefused(t, 400, "M_INVALID_PARAM", "PUT", as(inRoom(room)+"/send/m.room.message/2", puppet)+"&ts=-1", `{}`)
		again := service.must(t, "PUT", as(inRoom(room)+"/send/m.room.message/3", puppet), `{"body":"x"}`)
		if twice := service.must(t, "PUT", as(inRoom(room)+"/send/m.room.message/3", puppet), `{"body":"x"}`); twice.Raw != again.Raw {
			t.Errorf("a retry gave %s, want %s", twice.Raw, again.Raw)
		}
		if got := service.must(t, "GET", as("/sync", puppet), ""); !joined(got, room).Exists() {
			t.Errorf("the room is not in the sync: %s", got.Raw)
		}

		alias := "/directory/room/" + url.PathEscape("#_irc_hall:localhost")
		ana.mustBeRefused(t, 400, "M_EXCLUSIVE", "PUT", alias, `{"room_id":%q}`, room)
		ana.mustBeRefused(t, 400, "M_EXCLUSIVE", "POST", "/createRoom", `{"room_alias_name":"_irc_hall"}`)
		service.must(t, "PUT", as(alias, puppet), `{"room_id":%q}`, room)

		// Another account's user finds nothing of it, and its token means nothing there.
		eve.mustBeRefused(t, 403, "M_FORBIDDEN", "POST", "/_matrix/client/v1/appservice/bridge/ping", `{}`)
		eve.mustBeRefused(t, 404, "M_NOT_FOUND", "GET", "/profile/"+puppet, "")
		if got := in.run(t, "id: x\nurl: null\nas_token: "+bridgeToken+"\nhs_token: "+bridgeHash+"\nsender_localpart: x\n",
			"appservice", "add", "-", "--account", "acme"); got.code == 0 || !strings.Contains(got.err, "as_token") {
			t.Errorf("another account's as_token: got %d %q", got.code, got.err)
		}
		if got := in.mustRun(t, "", "appservice", "list", "--account", "acme"); strings.Contains(got, "bridge") {
			t.Errorf("another account lists %q", got)
		}
		if got := in.run(t, "", "appservice", "remove", "bridge", "--account", "acme"); got.code == 0 {
			t.Error("another account's service was removed")
		}
		if got := in.mustRun(t, "", "appservice", "show", "bridge"); !strings.Contains(got, "@_irc_.* (exclusive)") || strings.Contains(got, "token") {
			t.Errorf("show says %q", got)
		}
		in.mustRun(t, "", "appservice", "remove", "bridge")
		service.mustBeRefused(t, 401, "M_UNKNOWN_TOKEN", "GET", who, "")
		service.mustBeRefused(t, 401, "M_UNKNOWN_TOKEN", "PUT", as(inRoom(room)+"/send/m.room.message/9", puppet), `{"body":"x"}`)
		bob.must(t, "GET", who, "")
	})
}

// Who and what does not exist is asked for, made, and found.
func TestApplicationServiceQueries(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		in.mustHaveUser(t, "ana", "correct horse")
		bridge := newBridge(t)
		service := bridge.mustAdd(t, in, "")
		running := in.mustStart(t)
		service.hs = &homeserver{url: running.url}
		ana := (&asker{hs: service.hs, name: "ana", password: "correct horse"}).mustLogIn(t, "PHONE")
		room := ana.mustCreate(t, `{"preset":"public_chat"}`)
		refused := inRoom(room) + "/invite"
		ana.mustBeRefused(t, 403, "M_FORBIDDEN", "POST", refused, `{"user_id":"@_irc_one:localhost"}`)
		ana.mustBeRefused(t, 404, "M_NOT_FOUND", "GET", "/directory/room/%23_irc_hall:localhost", "")
		ana.mustBeRefused(t, 404, "M_NOT_FOUND", "GET", "/directory/room/%23none:localhost", "")
		bridge.make = func(path string) bool {
			kind, name, _ := strings.Cut(path, "/")
			if kind == "users" {
				local, _, _ := strings.Cut(strings.TrimPrefix(name, "@"), ":")
				service.must(t, "POST", "/register", `{"type":"m.login.application_service","username":%q,"inhibit_login":true}`, local)
			} else {
				service.mustCreate(t, `{"preset":"public_chat","room_alias_name":"_irc_hall"}`)
			}
			return true
		}
		ana.must(t, "POST", refused, `{"user_id":"@_irc_one:localhost"}`)
		ana.mustCreate(t, `{"invite":["@_irc_two:localhost","@_irc_three:localhost"]}`)
		ana.must(t, "GET", "/profile/@_irc_four:localhost", "")
		ana.must(t, "GET", "/directory/room/%23_irc_hall:localhost", "")
		ana.mustJoin(t, "#_irc_hall:localhost")
		bridge.mu.Lock()
		defer bridge.mu.Unlock()
		want := []string{
			"users/@_irc_one:localhost", "rooms/#_irc_hall:localhost", "users/@_irc_one:localhost", "users/@_irc_two:localhost",
			"users/@_irc_three:localhost", "users/@_irc_four:localhost", "rooms/#_irc_hall:localhost",
		}
		if !slices.Equal(bridge.asked, want) {
			t.Errorf("got asked %v, want %v", bridge.asked, want)
		}
	})
}

func TestApplicationServicePing(t *testing.T) {
	t.Parallel()
	in := installation{folder: filepath.Join(t.TempDir(), "data")}
	in.mustHaveUser(t, "ana", "correct horse")
	bridge := newBridge(t)
	service := bridge.mustAdd(t, in, "")
	file := filepath.Join(t.TempDir(), "silent.yaml")
	silent := "id: silent\nurl: null\nas_token: silent-as-token-xyz\nhs_token: " + bridgeHash + "\nsender_localpart: silent\n"
	if err := os.WriteFile(file, []byte(silent), 0o600); err != nil {
		t.Fatal(err)
	}
	in.mustRun(t, "", "appservice", "add", file)
	running := in.mustStart(t)
	service.hs = &homeserver{url: running.url}
	ana := (&asker{hs: service.hs, name: "ana", password: "correct horse"}).mustLogIn(t, "PHONE")
	mute := &asker{hs: service.hs, token: "silent-as-token-xyz"}
	const path = "/_matrix/client/v1/appservice/bridge/ping"

	if got := service.must(t, "POST", path, `{"transaction_id":"meow"}`); !got.Get("duration_ms").Exists() {
		t.Errorf("got %s", got.Raw)
	}
	if !slices.Equal(bridge.asked, []string{`ping{"transaction_id":"meow"}`}) {
		t.Errorf("got asked %v", bridge.asked)
	}
	ana.mustBeRefused(t, 403, "M_FORBIDDEN", "POST", path, `{}`)
	mute.mustBeRefused(t, 403, "M_FORBIDDEN", "POST", path, `{}`)
	mute.mustBeRefused(t, 400, "M_URL_NOT_SET", "POST", "/_matrix/client/v1/appservice/silent/ping", `{}`)
	bridge.ping = func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) }
	if got := service.mustBeRefused(t, 502, "M_BAD_STATUS", "POST", path, `{}`); got.Get("status").Int() != 418 || got.Get("body").Str != "{}" {
		t.Errorf("got %s", got.Raw)
	}
	bridge.ping = func(http.ResponseWriter) { <-time.After(6 * time.Second) }
	service.mustBeRefused(t, 504, "M_CONNECTION_TIMEOUT", "POST", path, `{}`)
	bridge.Close()
	service.mustBeRefused(t, 502, "M_CONNECTION_FAILED", "POST", path, `{}`)
}

// A service that wants to know is told who is typing, who is there and what they have
// read in the rooms that concern it, and of no other.
func TestApplicationServiceEphemeral(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		in.mustHaveUser(t, "ana", "correct horse")
		bridge := newBridge(t)
		service := bridge.mustAdd(t, in, "receive_ephemeral: true")
		hs := &homeserver{url: in.mustStart(t).url}
		service.hs = hs
		ana := (&asker{hs: hs, name: "ana", password: "correct horse"}).mustLogIn(t, "PHONE")
		mustPuppet(t, service)
		room, elsewhere := ana.mustCreate(t, `{"preset":"public_chat"}`), ana.mustCreate(t, `{"preset":"public_chat"}`)
		service.must(t, http.MethodPost, as("/join/"+url.PathEscape(room), puppet), `{}`)

		typing := func(room, typing string) {
			ana.must(t, http.MethodPut, inRoom(room)+"/typing/"+url.PathEscape(ana.id), `{"typing":`+typing+`,"timeout":30000}`)
		}
		told := func(want string) func() bool {
			return func() bool {
				got := bridge.ephemerals("m.typing")
				return len(got) > 0 && got[len(got)-1].Get("room_id").Str == room && got[len(got)-1].Get("content.user_ids").Raw == want
			}
		}
		typing(elsewhere, "true")
		typing(room, "true")
		bridge.until(t, "told who is typing", told(`["`+ana.id+`"]`))
		typing(room, "false")
		bridge.until(t, "told that nobody is", told(`[]`))

		ana.must(t, http.MethodPut, "/presence/"+url.PathEscape(ana.id)+"/status", `{"presence":"unavailable","status_msg":"at lunch"}`)
		bridge.until(t, "told who is there", func() bool {
			got := bridge.ephemerals("m.presence")
			return len(got) > 0 && got[len(got)-1].Get("sender").Str == ana.id && got[len(got)-1].Get("content.status_msg").Str == "at lunch"
		})
		bridge.mu.Lock()
		defer bridge.mu.Unlock()
		for _, e := range bridge.ephemerals("m.typing") {
			if e.Get("room_id").Str == elsewhere {
				t.Errorf("the service was told of a room that does not concern it: %s", e)
			}
		}
	})
}
