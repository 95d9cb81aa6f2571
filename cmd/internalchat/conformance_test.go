package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tidwall/gjson"
)

// Conformance is what a public suite asks of one Matrix homeserver without
// federation: on the room policy matrix, with open registration, over HTTP alone.
// The checks of an area stand in conformance_<area>_test.go, by the suite's names.

// checks are checks by their name.
type checks = map[string]func(*testing.T, *homeserver)

// conformanceChecks are all checks by their area.
var conformanceChecks = map[string]checks{
	"Register":                       registerChecks,
	"Login":                          loginChecks,
	"Devices":                        deviceChecks,
	"Versions, capabilities, errors": versionChecks,
	"Profile":                        profileChecks,
	"Presence":                       presenceChecks,
	"User directory":                 userDirectoryChecks,
	"Account data":                   accountDataChecks,
	"Rooms: create":                  createChecks,
	"Rooms: state":                   stateChecks,
	"Rooms: aliases":                 aliasChecks,
	"Rooms: directory":               directoryChecks,
	"Rooms: membership":              membershipChecks,
	"Surprises":                      surpriseChecks,
	"Clients":                        clientsChecks,
	"E2EE keys":                      keysChecks,
	"History visibility":             visibilityChecks,
	"Media":                          mediaChecks,
	"Messages":                       messagesChecks,
	"Power levels":                   levelsChecks,
	"Push":                           pushChecks,
	"Receipts":                       receiptsChecks,
	"Restricted joins and knocking":  restrictedChecks,
	"Room version 12":                version12Checks,
	"Search":                         searchChecks,
	"Spaces":                         spacesChecks,
	"Sync":                           syncChecks,
	"Sync: left rooms":               leftChecks,
	"Threads and relations":          relationsChecks,
	"To-device":                      toDeviceChecks,
	"Typing":                         typingChecks,
}

func TestConformance(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		running := in.mustStart(t, append(mustConfigure(t, "preview_networks: [127.0.0.0/8]"), "--server-name", "hs1", "--registration", "open", "--room-policy", "matrix")...)
		in.mustRun(t, "", "account", "set", "default", "--url-previews", "on")
		hs := &homeserver{url: running.url}
		for area, checks := range conformanceChecks {
			t.Run(area, func(t *testing.T) {
				t.Parallel()
				parts(checks)(t, hs)
			})
		}
	})
}

// parts makes one check of several, which run beside each other.
func parts(of checks) func(*testing.T, *homeserver) {
	return func(t *testing.T, hs *homeserver) {
		for name, check := range of {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check(t, hs)
			})
		}
	}
}

// homeserver is the server that is asked. All checks share it, and make users of
// their own.
type homeserver struct {
	url   string
	users atomic.Int64
}

// asker is who asks it: a session of a user, or nobody.
type asker struct {
	hs                *homeserver
	id, device, token string
	name, password    string
	since             string // where mustSyncUntil goes on
}

// nobody asks without a token.
func (hs *homeserver) nobody() *asker { return &asker{hs: hs} }

// fresh gives a user name that nobody has yet.
func (hs *homeserver) fresh(name string) string { return fmt.Sprintf("%s-%d", name, hs.users.Add(1)) }

// mustRegister makes a new user, whose name begins so, and signs them in.
func (hs *homeserver) mustRegister(t testing.TB, name string) *asker {
	t.Helper()
	a := &asker{hs: hs, name: hs.fresh(name), password: "complement meets min password req"}
	made := a.must(t, http.MethodPost, "/register",
		`{"auth":{"type":"m.login.dummy"},"username":%q,"password":%q}`, a.name, a.password)
	a.id, a.device, a.token = made.Get("user_id").Str, made.Get("device_id").Str, made.Get("access_token").Str
	return a
}

// mustLogIn gives another session of the same user, on the device if one is named.
func (a *asker) mustLogIn(t testing.TB, device string) *asker {
	t.Helper()
	again := &asker{hs: a.hs, name: a.name, password: a.password}
	in := again.must(t, http.MethodPost, "/login",
		`{"type":"m.login.password","identifier":{"type":"m.id.user","user":%q},"password":%q%s}`,
		a.name, a.password, optional("device_id", device))
	again.id, again.device, again.token = in.Get("user_id").Str, in.Get("device_id").Str, in.Get("access_token").Str
	return again
}

// optional is one more member of a JSON object, unless the value is empty.
func optional(key, value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf(",%q:%q", key, value)
}

// ask sends a request and gives the status and the answer. A path stands below
// /_matrix/client/v3, unless it has it all, and is escaped as a client would; body
// is JSON, a format where there are arguments, and none where it is empty.
func (a *asker) ask(t testing.TB, method, path, body string, args ...any) (int, gjson.Result) {
	t.Helper()
	if len(args) > 0 {
		body = fmt.Sprintf(body, args...)
	}
	if !strings.HasPrefix(path, "/_") && !strings.HasPrefix(path, "/.well-known") {
		path = "/_matrix/client/v3" + path
	}
	request, err := http.NewRequestWithContext(within(t), method, a.hs.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	mustKeep(t, method, path, body, answer, string(said))
	return answer.StatusCode, gjson.ParseBytes(said)
}

// must is ask for what has to be answered 200.
func (a *asker) must(t testing.TB, method, path, body string, args ...any) gjson.Result {
	t.Helper()
	code, answer := a.ask(t, method, path, body, args...)
	if code != http.StatusOK {
		t.Fatalf("%s %s: got %d %s, want 200", method, path, code, answer.Raw)
	}
	return answer
}

// mustBeRefused demands a status and, unless it is empty, an error code.
func (a *asker) mustBeRefused(t testing.TB, status int, errcode, method, path, body string, args ...any) gjson.Result {
	t.Helper()
	code, answer := a.ask(t, method, path, body, args...)
	if got := answer.Get("errcode").Str; code != status || errcode != "" && got != errcode {
		t.Errorf("%s %s: got %d %s, want %d %s", method, path, code, answer.Raw, status, errcode)
	}
	return answer
}

// mustCreate makes a room from the body of createRoom, and gives its ID.
func (a *asker) mustCreate(t testing.TB, body string, args ...any) string {
	t.Helper()
	return a.must(t, http.MethodPost, "/createRoom", body, args...).Get("room_id").Str
}

// mustSend sends an event with a transaction ID of its own, and gives its ID.
func (a *asker) mustSend(t testing.TB, room, kind, content string, args ...any) string {
	t.Helper()
	return a.must(t, http.MethodPut, inRoom(room)+"/send/"+kind+"/"+a.hs.fresh("txn"), content, args...).Get("event_id").Str
}

// mustSay sends a text, and gives the event's ID.
func (a *asker) mustSay(t testing.TB, room, text string) string {
	t.Helper()
	return a.mustSend(t, room, "m.room.message", `{"msgtype":"m.text","body":%q}`, text)
}

// mustJoin joins a room by its ID or address.
func (a *asker) mustJoin(t testing.TB, room string) {
	t.Helper()
	a.must(t, http.MethodPost, "/join/"+url.PathEscape(room), `{}`)
}

// mustInvite invites somebody into a room.
func (a *asker) mustInvite(t testing.TB, room string, whom *asker) {
	t.Helper()
	a.must(t, http.MethodPost, inRoom(room)+"/invite", `{"user_id":%q}`, whom.id)
}

// mustLeave leaves a room, or rejects the invite into it.
func (a *asker) mustLeave(t testing.TB, room string) {
	t.Helper()
	a.must(t, http.MethodPost, inRoom(room)+"/leave", `{}`)
}

// mustPutState sends a state event, and gives its ID.
func (a *asker) mustPutState(t testing.TB, room, kind, key, content string, args ...any) string {
	t.Helper()
	return a.must(t, http.MethodPut, inState(room, kind, key), content, args...).Get("event_id").Str
}

// mustState is the content of a room's state event.
func (a *asker) mustState(t testing.TB, room, kind, key string) gjson.Result {
	t.Helper()
	return a.must(t, http.MethodGet, inState(room, kind, key), "")
}

// inState is the path of a state event.
func inState(room, kind, key string) string {
	return inRoom(room) + "/state/" + kind + "/" + url.PathEscape(key)
}

// inEvent is the path of an event of a room.
func inEvent(room, event string) string { return inRoom(room) + "/event/" + url.PathEscape(event) }

// inRoom is the path of a room.
func inRoom(room string) string { return "/rooms/" + url.PathEscape(room) }

// mustSync is one /sync that does not wait, with these parameters, of which since
// and filter matter most.
func (a *asker) mustSync(t testing.TB, parameters ...string) gjson.Result {
	t.Helper()
	return a.must(t, http.MethodGet, "/sync?"+query(parameters...), "")
}

// query makes a query of names and values in turn.
func query(parameters ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	return values.Encode()
}

// mustSyncUntil syncs on from where it last was, waiting by long polls, until an
// answer is as wanted; it gives that answer. The parameters are those of mustSync.
func (a *asker) mustSyncUntil(t testing.TB, what string, wanted func(gjson.Result) bool, parameters ...string) gjson.Result {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		with := append([]string{"timeout", "1000"}, parameters...)
		if a.since != "" {
			with = append(with, "since", a.since)
		}
		answer := a.mustSync(t, with...)
		a.since = answer.Get("next_batch").Str
		if wanted(answer) {
			return answer
		}
	}
	t.Fatalf("%s syncs for %v and does not see %s", a.id, patience, what)
	return gjson.Result{}
}

// joined is a room's part of a /sync answer; its path in gjson is escaped.
func joined(answer gjson.Result, room string) gjson.Result {
	return member(answer.Get("rooms.join"), room)
}

// member is a member of a JSON object whose key may have dots and the like.
func member(object gjson.Result, key string) gjson.Result { return object.Map()[key] }

// left is the part of a /sync answer of a room that one has left.
func left(answer gjson.Result, room string) gjson.Result {
	return member(answer.Get("rooms.leave"), room)
}

// inTimeline wants an event in a room's timeline, for mustSyncUntil.
func inTimeline(room, event string) func(gjson.Result) bool {
	return func(answer gjson.Result) bool {
		return slices.Contains(eventIDs(joined(answer, room).Get("timeline.events")), event)
	}
}

// stateIn is the last event of this type and state key in a list.
func stateIn(events gjson.Result, kind, key string) (found gjson.Result) {
	for _, e := range events.Array() {
		if e.Get("type").Str == kind && e.Get("state_key").Exists() && e.Get("state_key").Str == key {
			found = e
		}
	}
	return found
}

// strs are the strings of a list, sorted.
func strs(list gjson.Result) []string {
	said := []string{}
	for _, s := range list.Array() {
		said = append(said, s.String())
	}
	slices.Sort(said)
	return said
}

// mustBe demands that what was got is what was wanted; what says what it is.
func mustBe[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: got what differs (+) from what is wanted (-):\n%s", what, diff)
	}
}

// eventIDs are the IDs of a list of events.
func eventIDs(events gjson.Result) (ids []string) {
	for _, e := range events.Array() {
		ids = append(ids, e.Get("event_id").Str)
	}
	return ids
}

// invited is the part of a /sync answer of a room that one is invited into.
func invited(answer gjson.Result, room string) gjson.Result {
	return member(answer.Get("rooms.invite"), room)
}

// ofType is the last event of this type in a list.
func ofType(events gjson.Result, kind string) (found gjson.Result) {
	for _, e := range events.Array() {
		if e.Get("type").Str == kind {
			found = e
		}
	}
	return found
}
