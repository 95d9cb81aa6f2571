package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/stream"
)

// alike is an ID of another account and one of the same shape that nobody has.
type alike struct{ foreign, random string }

// foreigner finds differences between the answers to foreign and random IDs.
type foreigner struct {
	*apiFixture
	token    string           // of who has nothing to do with the IDs
	ids      map[string]alike // by the word that stands for them in bodies and queries
	compared int
}

// stands says which ID, or which text, a path variable of a template takes. The
// variables that can be two kinds of ID take each in turn.
var stands = map[string][]string{
	"roomID": {"ROOM", "PUBLIC"}, "roomId": {"ROOM", "PUBLIC"}, "room": {"ROOM", "PUBLIC"},
	"roomIDOrAlias": {"ROOM", "PUBLIC", "ALIAS"}, "roomIdOrAlias": {"ROOM", "PUBLIC", "ALIAS"}, "alias": {"ALIAS"},
	"user": {"USER"}, "userID": {"USER"}, "userId": {"USER"},
	"event": {"EVENT"}, "eventID": {"EVENT"}, "eventId": {"EVENT"},
	"device": {"DEVICE"}, "deviceID": {"DEVICE"}, "filter": {"FILTER"}, "filterId": {"FILTER"}, "version": {"VERSION"},
	"field": {"displayname"}, "type": {"m.room.message"}, "eventType": {"m.room.message"}, "key": {"x"}, "stateKey": {"x"},
	"kind": {"override"}, "rule": {".m.rule.master"}, "ruleId": {".m.rule.master"}, "tag": {"u.x"},
	"receiptType": {"m.read"}, "transaction": {"t"}, "txnId": {"t"}, "session": {"s"}, "protocol": {"irc"},
	"appserviceId": {"bridge"}, "relType": {"m.thread"}, "delayID": {"d"}, "delayId": {"d"}, "action": {"cancel"}, "idpId": {"conversalabs"}, "tokenID": {"DEVICE"},
	"webhookID": {"WEBHOOK"}, "token": {"SECRET"}, "cardType": {"conversation"}, "cardID": {"4812"}, "shortcode": {"x"},
	"serverName": {"home.test", "other.test"}, "mediaId": {"MEDIA"}, "fileName": {"x"},
}

// bodies are what is sent to templates with these endings, else {}.
var bodies = map[string]string{
	"/invite": `{"user_id":"USER"}`, "/kick": `{"user_id":"USER"}`, "/ban": `{"user_id":"USER"}`, "/unban": `{"user_id":"USER"}`,
	"/createRoom":             `{"invite":["USER"]}`,
	"/read_markers":           `{"m.fully_read":"EVENT","m.read":"EVENT"}`,
	"/typing/{user}":          `{"typing":true}`,
	"/keys/query":             `{"device_keys":{"USER":["DEVICE"]}}`,
	"/keys/claim":             `{"one_time_keys":{"USER":{"DEVICE":"signed_curve25519"}}}`,
	"/signatures/upload":      `{"USER":{"DEVICE":{"user_id":"USER","device_id":"DEVICE","keys":{},"signatures":{}}}}`,
	"/{transaction}":          `{"body":"x","msgtype":"m.text","messages":{"USER":{"DEVICE":{}}}}`,
	"/{field}":                `{"displayname":"x"}`,
	"/admin/lock/{userID}":    `{"locked":true}`,
	"/suspend/{userID}":       `{"suspended":true}`,
	"/status":                 `{"presence":"online"}`,
	"/user_directory/search":  `{"search_term":"USER"}`,
	"/search":                 `{"search_categories":{"room_events":{"search_term":"hello","filter":{"rooms":["ROOM"]}}}}`,
	"/room/{alias}":           `{"room_id":"ROOM"}`,
	"/list/room/{roomID}":     `{"visibility":"public"}`,
	"/upgrade":                `{"new_version":"11"}`,
	"/report":                 `{"reason":"x"}`,
	"/report/{eventID}":       `{"reason":"x"}`,
	"/bots/{userID}/tokens":   `{"name":"x"}`,
	"/delete_devices":         `{"devices":["DEVICE"]}`,
	"/webhooks":               `{"name":"x"}`,
	"/{webhookID}":            `{"name":"x"}`,
	"/{roomID}/notifications": `{"level":"nothing","muted":true}`,
	"/mentions/check":         `{"user_ids":["USER"]}`,
	"/hooks/{token}":          `{"text":"x"}`,
	"/cards":                  `{"type":"conversation","id":"4812","dm_user_id":"USER"}`,
	"/note":                   `{"body":"x"}`,
	"/members/{userID}":       `{"role":"member"}`,
	"/owner":                  `{"user_id":"USER"}`,
	"/kind":                   `{"kind":"private"}`,
	"/settings":               `{"name":"x"}`,
	"/default":                `{"default":true}`,
	"/team":                   `{"team_id":"x"}`,
	"/appearance":             `{"avatar_url":"mxc://home.test/x"}`,
}

// queries are what is asked of templates with these endings.
var queries = map[string]string{
	"/messages": "?dir=b", "/timestamp_to_event": "?dir=f&ts=0", "/mutual_rooms": "?user_id=USER",
	"/thumbnail/{serverName}/{mediaId}": "?width=10&height=10",
}

func ending(of map[string]string, template string) string {
	longest := ""
	for end := range of {
		if strings.HasSuffix(template, end) && len(end) > len(longest) {
			longest = end
		}
	}
	return of[longest]
}

// TestForeignIDs asks every route, as an administrator of one account, for what
// another account has, and for what nobody has. The answers must be the same,
// byte for byte, and nothing may come of it.
func TestForeignIDs(t *testing.T) {
	t.Parallel()
	f := newForeigner(t)
	before := f.head()
	f.Routes(func(method, template string) {
		// Older names of the same handlers, and what machine tokens alone open, whose
		// package has a test like this.
		if !strings.HasPrefix(template, "/_matrix/client/r0/") && !strings.HasPrefix(template, "/_conversalabs/") {
			f.compare(method, template)
		}
	})
	if f.compared < 100 {
		t.Errorf("compared the answers of only %d requests", f.compared)
	}
	if after := f.head(); after != before {
		t.Errorf("another account's requests moved the head from %d to %d", before, after)
	}
}

// newForeigner makes Ana's things and Eve, who is to find none of them.
func newForeigner(t *testing.T) *foreigner {
	t.Helper()
	f := &foreigner{apiFixture: newAPIFixture(t)}
	const api = "/_matrix/client/v3"
	ana := f.mustUser(tenant.Default, "ana", "ANASPHONE")
	f.token = f.mustUser("other", "eve", "EVESPHONE")
	room := f.must(ana, "POST", api+"/createRoom", `{"name":"secret"}`).Get("room_id").Str
	public := f.must(ana, "POST", api+"/createRoom", `{"preset":"public_chat","visibility":"public","room_alias_name":"hall"}`).Get("room_id").Str
	sent := f.must(ana, "PUT", api+"/rooms/"+url.PathEscape(room)+"/send/m.room.message/1", `{"msgtype":"m.text","body":"hello"}`)
	filter := f.must(ana, "POST", api+"/user/@ana:home.test/filter", `{"room":{"rooms":[]}}`).Get("filter_id").Str
	backup := f.must(ana, "POST", api+"/room_keys/version", `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{}}`)
	webhooks := product + "/rooms/" + url.PathEscape(room) + "/webhooks"
	hook := f.must(ana, "POST", webhooks, `{"name":"x"}`)
	ended := f.must(ana, "POST", webhooks, `{"name":"y"}`) // by a secret that has not, everybody may post
	f.must(ana, "DELETE", webhooks+"/"+ended.Get("webhook_id").Str, "")
	file := f.must(ana, "POST", "/_matrix/media/v3/upload", "a file").Get("content_uri").Str[len("mxc://home.test/"):]
	secret := ended.Get("url").Str[len("/_conversalabs/hooks/"):]
	f.ids = map[string]alike{
		"MEDIA":   {file, other(file)},
		"WEBHOOK": {hook.Get("webhook_id").Str, other(hook.Get("webhook_id").Str)},
		"SECRET":  {secret, secret[:len(secret)-2] + "AA"},
		"ROOM":    {room, other(room)}, "PUBLIC": {public, other(public)}, "ALIAS": {"#hall:home.test", "#none:home.test"},
		"USER": {"@ana:home.test", "@not:home.test"}, "EVENT": {sent.Get("event_id").Str, other(sent.Get("event_id").Str)},
		"DEVICE": {"ANASPHONE", "NOTAPHONE"}, "FILTER": {filter, other(filter)}, "VERSION": {backup.Get("version").Str, "7"},
	}
	for _, path := range []string{"/rooms/" + url.PathEscape(room) + "/state", "/directory/room/%23hall:home.test", "/profile/@ana:home.test"} {
		f.must(ana, "GET", api+path, "")
	}
	return f
}

// other gives an ID of the same shape.
func other(known string) string {
	b := []byte(known)
	for i := range b {
		if b[i] == ':' {
			break
		}
		if 'a' <= b[i] && b[i] < 'z' || 'A' <= b[i] && b[i] < 'Z' || '0' <= b[i] && b[i] < '9' {
			b[i]++
		}
	}
	return string(b)
}

func (f *foreigner) head() (head stream.Position) {
	f.t.Helper()
	err := f.house.store.View(f.t.Context(), tenant.Default, func(v rooms.View) error {
		head = v.Head()
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return head
}

// compare asks one route for both, with every choice of its variables.
func (f *foreigner) compare(method, template string) {
	f.t.Helper()
	paths := []string{template + ending(queries, template)}
	for _, name := range variable.FindAllString(template, -1) {
		choices, known := stands[strings.Trim(name, "{}")]
		if !known {
			f.t.Errorf("%s %s: the test does not know what %s is", method, template, name)
			return
		}
		var more []string
		for _, path := range paths {
			for _, choice := range choices {
				more = append(more, strings.Replace(path, name, choice, 1))
			}
		}
		paths = more
	}
	body := "{}"
	if wanted := ending(bodies, template); wanted != "" {
		body = wanted
	}
	for _, path := range paths {
		f.comparePath(method, path, body)
	}
}

// uiaSession is what is random in every answer that asks for a confirmation.
var uiaSession = regexp.MustCompile(`"session":"[^"]*"`)

func (f *foreigner) comparePath(method, path, body string) {
	f.t.Helper()
	var foreign, random []string // for Replacers: word, ID
	var hide []string            // ID, word
	for word, ids := range f.ids {
		if strings.Contains(path+body, word) {
			foreign = append(foreign, word, ids.foreign)
			random = append(random, word, ids.random)
			hide = append(hide, ids.foreign, word, ids.random, word)
		}
	}
	if foreign == nil {
		return
	}
	f.compared++
	hidden := strings.NewReplacer(hide...)
	ask := func(pairs []string) (int, string) {
		escaped := slices.Clone(pairs)
		for i := 1; i < len(escaped); i += 2 {
			escaped[i] = url.PathEscape(escaped[i])
		}
		code, answer := f.ask(f.token, method, strings.NewReplacer(escaped...).Replace(path), strings.NewReplacer(pairs...).Replace(body))
		return code, uiaSession.ReplaceAllString(hidden.Replace(answer), "")
	}
	wantCode, want := ask(random)
	if code, got := ask(foreign); code != wantCode || got != want {
		f.t.Errorf("%s %s %s: got %d %s for another account's, want %d %s as for nobody's", method, path, body, code, got, wantCode, want)
	}
	if wantCode >= 500 {
		f.t.Errorf("%s %s: got %d %s", method, path, wantCode, want)
	}
}
