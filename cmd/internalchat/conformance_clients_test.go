package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// clientsChecks are what the clients that people use ask for beyond the suite, as
// they were seen doing it. The gates are what they look for in /versions before they
// use a feature: each must be open, and the feature there.
var clientsChecks = checks{
	"Gate v1.1: a Matrix server": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "v1.1", "")
	},
	"Gate v1.3: threads": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "v1.3", "org.matrix.msc3440.stable")
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		root := alice.mustSay(t, room, "root")
		reply := alice.mustReply(t, room, root, "reply")
		thread := alice.must(t, http.MethodGet, inEvent(room, root), "").Get(`unsigned.m\.relations.m\.thread`)
		mustBe(t, "the thread's latest event", thread.Get("latest_event.event_id").Str, reply)
		mustBe(t, "the thread's count", thread.Get("count").Raw, "1")
	},
	"Gate v1.4: the list of threads, and what is unread of each": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "v1.4", "org.matrix.msc3856.stable")
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		root := alice.mustSay(t, room, "root")
		reply := alice.mustReply(t, room, root, "reply")
		threads := bob.must(t, http.MethodGet, "/_matrix/client/v1"+inRoom(room)+"/threads", "").Get("chunk")
		mustBe(t, "the threads", eventIDs(threads), []string{root})
		mustCount(t, bob, room, root, [2]int64{2, 0}, [2]int64{1, 0}, [2]int64{1, 0})
		bob.must(t, http.MethodPost, inRoom(room)+"/receipt/m.read/"+url.PathEscape(reply), `{"thread_id":%q}`, root)
		mustCount(t, bob, room, root, [2]int64{1, 0}, [2]int64{1, 0}, [2]int64{})
		bob.mustSyncUntil(t, "the receipt with its thread", func(answer gjson.Result) bool {
			for _, e := range joined(answer, room).Get("ephemeral.events").Array() {
				if member(member(e.Get("content"), reply).Get(`m\.read`), bob.id).Get("thread_id").Str == root {
					return true
				}
			}
			return false
		})
	},
	"Gate v1.7: mentions": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "v1.7", "org.matrix.msc3952_intentional_mentions")
		rules := hs.mustRegister(t, "alice").must(t, http.MethodGet, "/pushrules/", "").Get("global")
		for _, id := range []string{".m.rule.is_user_mention", ".m.rule.is_room_mention"} {
			got := rule(rules, "override", id)
			mustBe(t, id+" is on", got.Get("enabled").Bool(), true)
			mustBe(t, id+" highlights", got.Get(`actions.#(set_tweak=="highlight")`).Exists(), true)
		}
	},
	"Gate v1.11: media with the token": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "v1.11", "")
	},
	"Gate simplified_msc3575: sliding sync": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "", "org.matrix.simplified_msc3575")
		const path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"name":"Kitchen"}`)
		lists := `{"conn_id":"room-list","lists":{"all_rooms":{"ranges":[[0,19]],"timeline_limit":1,"required_state":[["m.room.name",""]]}}}`
		answer := alice.must(t, http.MethodPost, path+"?timeout=0", "%s", lists)
		mustBe(t, "the count", answer.Get("lists.all_rooms.count").Raw, "1")
		mustBe(t, "the room's name", member(answer.Get("rooms"), room).Get("name").Str, "Kitchen")
		alice.must(t, http.MethodPost, path+"?"+query("timeout", "0", "pos", answer.Get("pos").Str), "%s", lists)
		alice.mustBeRefused(t, http.StatusBadRequest, "M_UNKNOWN_POS", http.MethodPost, path+"?timeout=0&pos=unknown", "%s", lists)
	},
	"Gate msc2285: private receipts": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "v1.4", "org.matrix.msc2285.stable")
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		said, next := alice.mustSay(t, room, "one"), alice.mustSay(t, room, "two")
		bob.must(t, http.MethodPost, inRoom(room)+"/receipt/m.read.private/"+url.PathEscape(next), `{}`)
		mustBe(t, "what is unread", joined(bob.mustSync(t), room).Get("unread_notifications.notification_count").Raw, "0")
		bob.must(t, http.MethodPost, inRoom(room)+"/receipt/m.read/"+url.PathEscape(said), `{}`)
		answer := alice.mustSyncUntil(t, "the public receipt", hasRead(room, said, bob))
		mustBe(t, "the private receipt is told", strings.Contains(joined(answer, room).Get("ephemeral").Raw, "m.read.private"), false)
		mustBe(t, "one's own is told", strings.Contains(joined(bob.mustSync(t), room).Get("ephemeral").Raw, "m.read.private"), true)
	},
	"Gate e2e_cross_signing: cross-signing": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "v1.1", "org.matrix.e2e_cross_signing")
		alice := hs.mustRegister(t, "alice")
		alice.must(t, http.MethodPost, "/keys/device_signing/upload", "%s", masterKey(alice.id, "nqOvzeuGWT/sRx3h7+MHoInYj3Uk2LD/unI9kDYcHwk", ""))
		keys := member(alice.must(t, http.MethodPost, "/keys/query", `{"device_keys":{%q:[]}}`, alice.id).Get("master_keys"), alice.id)
		mustBe(t, "the usage", strs(keys.Get("usage")), []string{"master"})
	},
	"Gate msc3827: room types in the directory": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "", "org.matrix.msc3827.stable")
		alice := hs.mustRegister(t, "alice")
		name := hs.fresh("Typed")
		room := alice.mustCreate(t, `{"visibility":"public","name":%q}`, name)
		space := alice.mustCreate(t, `{"visibility":"public","name":%q,"creation_content":{"type":"m.space"}}`, name)
		for types, want := range map[string][]string{`[null]`: {room}, `["m.space"]`: {space}} {
			found := alice.must(t, http.MethodPost, "/publicRooms", `{"filter":{"generic_search_term":%q,"room_types":%s}}`, name, types)
			mustBe(t, "the rooms of the types "+types, strs(found.Get("chunk.#.room_id")), want)
		}
		mustBe(t, "the type", alice.must(t, http.MethodPost, "/publicRooms", `{"filter":{"generic_search_term":%q,"room_types":["m.space"]}}`, name).Get("chunk.0.room_type").Str, "m.space")
	},
	"Gate msc4140: delayed events": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "", "org.matrix.msc4140")
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		delay := alice.must(t, http.MethodPut, inRoom(room)+"/send/m.room.message/txn?org.matrix.msc4140.delay=1", `{"msgtype":"m.text","body":"later"}`)
		mustBe(t, "the delay has an ID", delay.Get("delay_id").Str != "", true)
		alice.mustSyncUntil(t, "the delayed event", func(answer gjson.Result) bool {
			return joined(answer, room).Get(`timeline.events.#(content.body=="later")`).Exists()
		})
	},
	"Gate msc4133: profiles of any field": func(t *testing.T, hs *homeserver) {
		hs.mustAnnounce(t, "v1.16", "uk.tcpip.msc4133.stable")
		alice := hs.mustRegister(t, "alice")
		for _, root := range []string{"/_matrix/client/v3", "/_matrix/client/unstable/uk.tcpip.msc4133"} {
			path := root + "/profile/" + url.PathEscape(alice.id) + "/m.tz"
			alice.must(t, http.MethodPut, path, `{"m.tz":"America/Sao_Paulo"}`)
			mustBe(t, "the field", alice.must(t, http.MethodGet, path, "").Get(`m\.tz`).Str, "America/Sao_Paulo")
			alice.must(t, http.MethodDelete, path, "")
		}
	},
	"Gate msc4108: no login by QR code": func(t *testing.T, hs *homeserver) {
		mustBe(t, "it is announced", hs.nobody().must(t, http.MethodGet, "/_matrix/client/versions", "").Get(`unstable_features.org\.matrix\.msc4108`).Bool(), false)
		hs.nobody().mustBeRefused(t, http.StatusNotFound, "M_UNRECOGNIZED", http.MethodPost, "/_matrix/client/unstable/org.matrix.msc4108/rendezvous", "")
	},

	"A path that is not served": func(t *testing.T, hs *homeserver) {
		for _, path := range []string{
			"/_matrix/client/v3/nowhere", "/_matrix/client/unstable/nowhere", "/_matrix/nowhere", "/_matrix/media/v3/nowhere", "/nowhere",
			"/_matrix/client/unstable/org.matrix.msc2965/auth_issuer",
		} {
			hs.nobody().mustBeRefused(t, http.StatusNotFound, "M_UNRECOGNIZED", http.MethodGet, path, "")
			mustShare(t, hs, http.MethodGet, path, http.StatusNotFound)
			mustShare(t, hs, http.MethodOptions, path, http.StatusOK, http.StatusNoContent, http.StatusNotFound)
		}
		mustShare(t, hs, http.MethodOptions, "/_matrix/client/v3/sync", http.StatusOK, http.StatusNoContent)
		mustShare(t, hs, http.MethodGet, "/_matrix/client/v3/sync", http.StatusUnauthorized)
		mustShare(t, hs, http.MethodDelete, "/_matrix/client/v3/sync", http.StatusMethodNotAllowed)
	},
	"createRoom without a preset": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		for body, want := range map[string]string{
			`{"visibility":"public"}`:  "public",
			`{"visibility":"private"}`: "invite",
			`{}`:                       "invite",
			`{"visibility":"public","preset":"private_chat"}`:                       "invite",
			`{"visibility":"private","preset":"public_chat"}`:                       "public",
			`{"visibility":"public","room_alias_name":"` + hs.fresh("cinny") + `"}`: "public",
		} {
			room := alice.mustCreate(t, "%s", body)
			mustBe(t, "the join rule of "+body, alice.must(t, http.MethodGet, inState(room, "m.room.join_rules", ""), "").Get("join_rule").Str, want)
		}
	},
	"A sync from before the join": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat","name":"Kitchen","topic":"Tea"}`)
		since := bob.mustSync(t).Get("next_batch").Str
		bob.mustJoin(t, room)
		for i := range 30 {
			alice.mustSay(t, room, fmt.Sprint("message ", i))
		}
		whole := []string{}
		for _, e := range bob.must(t, http.MethodGet, inRoom(room)+"/state", "").Array() {
			whole = append(whole, e.Get("type").Str+" "+e.Get("state_key").Str)
		}
		slices.Sort(whole)
		for _, filter := range []string{`{"room":{"timeline":{"limit":5}}}`, `{"room":{"timeline":{"limit":5},"state":{"lazy_load_members":true}}}`, `{"room":{"timeline":{"limit":100}}}`} {
			got := joined(bob.mustSync(t, "since", since, "filter", filter), room)
			seen := map[string]bool{}
			for _, e := range append(got.Get("state.events").Array(), got.Get("timeline.events").Array()...) {
				if e.Get("state_key").Exists() {
					seen[e.Get("type").Str+" "+e.Get("state_key").Str] = true
				}
			}
			for _, key := range whole {
				if !seen[key] {
					t.Errorf("%s: the state lacks %s", filter, key)
				}
			}
		}
	},
	"A mention is a highlight": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		bob.must(t, http.MethodPut, "/profile/"+url.PathEscape(bob.id)+"/displayname", `{"displayname":"Robert Test"}`)
		for what, content := range map[string]string{
			"as Element and Sable say it": fmt.Sprintf(`{"msgtype":"m.text","body":"hello","m.mentions":{"user_ids":[%q]}}`, bob.id),
			"as Cinny says it":            `{"msgtype":"m.text","body":"Robert Test: hello","format":"org.matrix.custom.html","formatted_body":"<a href=\"https://matrix.to/#/` + bob.id + `\">Robert Test</a>: hello"}`,
			"by the user's name":          fmt.Sprintf(`{"msgtype":"m.text","body":"hello %s"}`, bob.name),
		} {
			room := alice.mustCreate(t, `{"preset":"public_chat"}`)
			bob.mustJoin(t, room)
			alice.mustSend(t, room, "m.room.message", "%s", content)
			counts := joined(bob.mustSync(t), room).Get("unread_notifications")
			mustBe(t, "highlights "+what, counts.Get("highlight_count").Raw, "1")
			mustBe(t, "notifications "+what, counts.Get("notification_count").Raw, "1")
		}
	},
	"A server name without a port": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		name := hs.fresh("address")
		room := alice.mustCreate(t, `{"preset":"public_chat","room_alias_name":%q}`, name)
		mustBe(t, "the user", alice.id, "@"+alice.name+":hs1")
		found := alice.must(t, http.MethodGet, "/directory/room/"+url.PathEscape("#"+name+":hs1"), "")
		mustBe(t, "the room", found.Get("room_id").Str, room)
		mustBe(t, "the servers", strs(found.Get("servers")), []string{"hs1"})
	},
	"The well-known file": func(t *testing.T, hs *homeserver) {
		found := hs.nobody().must(t, http.MethodGet, "/.well-known/matrix/client", "")
		mustBe(t, "the address", found.Get(`m\.homeserver.base_url`).Str, hs.url)
		mustShare(t, hs, http.MethodGet, "/.well-known/matrix/client", http.StatusOK)
	},
	"A probe for cross-signing": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		for _, root := range []string{"/_matrix/client/unstable", "/_matrix/client/v3"} {
			code, answer := alice.ask(t, http.MethodPost, root+"/keys/device_signing/upload", `{}`)
			if code != http.StatusUnauthorized && code != http.StatusBadRequest {
				t.Errorf("%s: got %d %s, want 401 or 400", root, code, answer.Raw)
			}
			mustBe(t, "401 tells the flows", code == http.StatusUnauthorized, answer.Get("flows").IsArray())
		}
		const upload = "/keys/device_signing/upload"
		first, second := "nqOvzeuGWT/sRx3h7+MHoInYj3Uk2LD/unI9kDYcHwk", "DTIsyjTPp1BqXQNtKLOtSoBVOmRcZXGp5iBxMBbXLYo"
		alice.must(t, http.MethodPost, upload, "%s", masterKey(alice.id, first, "")) // nobody is asked for a password
		alice.must(t, http.MethodPost, upload, "%s", masterKey(alice.id, first, "")) // nor where nothing changes
		refused := alice.mustBeRefused(t, http.StatusUnauthorized, "", http.MethodPost, upload, "%s", masterKey(alice.id, second, ""))
		mustBe(t, "the stages", strs(refused.Get("flows.0.stages")), []string{"m.login.password"})
		alice.must(t, http.MethodPost, upload, "%s", masterKey(alice.id, second, fmt.Sprintf(
			`,"auth":{"type":"m.login.password","session":%q,"identifier":{"type":"m.id.user","user":%q},"password":%q}`, refused.Get("session").Str, alice.name, alice.password)))
	},
	"No key backup": func(t *testing.T, hs *homeserver) {
		hs.mustRegister(t, "alice").mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, "/room_keys/version", "")
	},
	"A login has no refresh_token unasked": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		for asked, body := range map[bool]string{false: "", true: `,"refresh_token":true`} {
			in := hs.nobody().must(t, http.MethodPost, "/login",
				`{"type":"m.login.password","identifier":{"type":"m.id.user","user":%q},"password":%q%s}`, alice.name, alice.password, body)
			mustBe(t, "there is a refresh_token", in.Get("refresh_token").Exists(), asked)
		}
	},
	"People are found": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		name := hs.fresh("Roberta")
		bob.must(t, http.MethodPut, "/profile/"+url.PathEscape(bob.id)+"/displayname", `{"displayname":%q}`, name)
		for _, term := range []string{name, strings.ToLower(name), bob.name, bob.id} {
			found := alice.must(t, http.MethodPost, "/user_directory/search", `{"search_term":%q}`, term)
			mustBe(t, "who is found by "+term, slices.Contains(strs(found.Get("results.#.user_id")), bob.id), true)
		}
		mustBe(t, "the name", alice.must(t, http.MethodGet, "/profile/"+url.PathEscape(bob.id), "").Get("displayname").Str, name)
		room := bob.mustCreate(t, `{"preset":"private_chat"}`)
		bob.mustInvite(t, room, alice)
		mustBe(t, "the inviter's name", alice.must(t, http.MethodGet, "/profile/"+url.PathEscape(bob.id), "").Get("displayname").Str, name)
	},
	"A search gives the message, not its edit": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		said := alice.mustSay(t, room, "an apple")
		alice.mustSend(t, room, "m.room.message", `{"msgtype":"m.text","body":"* an orange","m.new_content":{"msgtype":"m.text","body":"an orange"},
			"m.relates_to":{"rel_type":"m.replace","event_id":%q}}`, said)
		found := alice.mustSearch(t, "", "orange", `"order_by":"recent"`)
		mustBe(t, "the events", strs(found.Get("results.#.result.event_id")), []string{said})
		mustBe(t, "the count", found.Get("count").Raw, "1")
	},
	"A new thread is seen at once": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		root := alice.mustSay(t, room, "root")
		relations := inRelations(room, root) + "?dir=b"
		mustBe(t, "the relations of no thread", len(alice.must(t, http.MethodGet, relations, "").Get("chunk").Array()), 0)
		mustBe(t, "there is no thread", len(alice.must(t, http.MethodGet, "/_matrix/client/v1"+inRoom(room)+"/threads", "").Get("chunk").Array()), 0)
		reply := alice.mustReply(t, room, root, "reply")
		mustBe(t, "the relations", eventIDs(alice.must(t, http.MethodGet, relations, "").Get("chunk")), []string{reply})
		mustBe(t, "the threads", eventIDs(alice.must(t, http.MethodGet, "/_matrix/client/v1"+inRoom(room)+"/threads", "").Get("chunk")), []string{root})
	},
}

// mustAnnounce demands a version of the specification and an unstable feature in
// /versions, of each one if it is not empty.
func (hs *homeserver) mustAnnounce(t testing.TB, version, feature string) {
	t.Helper()
	answer := hs.nobody().must(t, http.MethodGet, "/_matrix/client/versions", "")
	if version != "" && !slices.Contains(strs(answer.Get("versions")), version) {
		t.Errorf("%s is not announced", version)
	}
	if feature != "" && !member(answer.Get("unstable_features"), feature).Bool() {
		t.Errorf("%s is not announced", feature)
	}
}

// mustShare demands that a page of another origin may read the answer, which has one
// of these statuses.
func mustShare(t testing.TB, hs *homeserver, method, path string, statuses ...int) {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), method, hs.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "https://app.example.com")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if !slices.Contains(statuses, answer.StatusCode) {
		t.Errorf("%s %s: got %d, want one of %v", method, path, answer.StatusCode, statuses)
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":  "*",
		"Access-Control-Allow-Methods": "PUT",
		"Access-Control-Allow-Headers": "Authorization",
	} {
		if got := answer.Header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s %s: got %s: %q, want %q in it", method, path, name, got, want)
		}
	}
}

// masterKey is the body of an upload of a cross-signing key, and more members.
func masterKey(user, key, more string) string {
	return fmt.Sprintf(`{"master_key":{"user_id":%q,"usage":["master"],"keys":{"ed25519:%[2]s":%[2]q}}%[3]s}`, user, key, more)
}

// TestHasteIsNoFlood types, reads and marks as fast as clients do, which no limit
// of rates must bite.
func TestHasteIsNoFlood(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		running := in.mustStart(t, "--server-name", "hs1", "--registration", "open", "--room-policy", "matrix", "--rate-limits", "on")
		hs := &homeserver{url: running.url}
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		for i := range 25 {
			alice.must(t, http.MethodPut, inRoom(room)+"/typing/"+url.PathEscape(alice.id), `{"typing":true,"timeout":30000}`)
			said := alice.mustSay(t, room, fmt.Sprint("message ", i))
			alice.must(t, http.MethodPut, inRoom(room)+"/typing/"+url.PathEscape(alice.id), `{"typing":false}`)
			alice.must(t, http.MethodPost, inRoom(room)+"/receipt/m.read/"+url.PathEscape(said), `{}`)
			alice.must(t, http.MethodPost, inRoom(room)+"/read_markers", `{"m.fully_read":%q,"m.read":%q}`, said, said)
		}
	})
}
