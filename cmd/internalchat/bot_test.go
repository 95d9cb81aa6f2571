package main_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// A bot's token for one room reads and writes there, and learns of nothing else,
// though the bot is in other rooms too.
func TestBotOfOneRoom(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		in.mustHaveUser(t, "ana", "correct horse")
		running := in.mustStart(t)
		hs := &homeserver{url: running.url}
		ana := (&asker{hs: hs, name: "ana", password: "correct horse"}).mustLogIn(t, "PHONE")
		here := ana.mustCreate(t, `{"preset":"public_chat"}`)
		there := ana.mustCreate(t, `{"preset":"public_chat"}`)

		in.mustRun(t, "", "bot", "create", "deploy", "--display-name", "Deploy")
		token := func(args ...string) *asker {
			said := in.mustRun(t, "", append([]string{"bot", "token", "deploy"}, args...)...)
			found := regexp.MustCompile(`: (ic_at_\S+)\n`).FindStringSubmatch(said)
			if found == nil {
				t.Fatalf("got %q, want a token in it", said)
			}
			return &asker{hs: hs, id: "@deploy:localhost", token: found[1]}
		}
		everywhere := token("all")
		everywhere.mustJoin(t, here)
		everywhere.mustJoin(t, there)
		ana.mustSay(t, there, "a secret of another room")
		bot := token("one", "--room", here)

		if who := bot.must(t, http.MethodGet, "/account/whoami", ""); who.Get("user_id").Str != bot.id {
			t.Errorf("got %s", who.Raw)
		}
		said := bot.mustSay(t, here, "deployed")
		ana.must(t, http.MethodGet, inRoom(here)+"/event/"+said, "")
		if got := bot.must(t, http.MethodGet, "/joined_rooms", "").Get("joined_rooms").Raw; got != `["`+here+`"]` {
			t.Errorf("got the rooms %s, want %s alone", got, here)
		}
		for _, parameters := range [][]string{nil, {"filter", `{"room":{"rooms":["` + there + `"]}}`}, {"full_state", "true"}} {
			if answer := bot.mustSync(t, parameters...); strings.Contains(answer.Raw, there) || strings.Contains(answer.Raw, "secret") {
				t.Errorf("sync %v tells of another room: %s", parameters, answer.Raw)
			}
		}
		// What is in no room is not its business either.
		everywhere.must(t, http.MethodPut, "/user/"+everywhere.id+"/account_data/m.direct", `{"@ana:localhost":[%q]}`, there)
		if answer := bot.mustSync(t); answer.Get("presence").Exists() || answer.Get("account_data").Exists() {
			t.Errorf("a sync tells of what is in no room: %s", answer.Raw)
		}
		if !joined(bot.mustSync(t), here).Exists() {
			t.Error("the room is not in the sync")
		}
		everything := inRoom(there)
		for _, c := range [][2]string{
			{http.MethodGet, everything + "/messages?dir=b"},
			{http.MethodGet, everything + "/state"},
			{http.MethodPut, everything + "/send/m.room.message/1"},
			{http.MethodPost, everything + "/leave"},
			{http.MethodPost, "/search"},
			{http.MethodPost, "/createRoom"},
			{http.MethodGet, "/notifications"},
			{http.MethodPost, "/user_directory/search"},
			{http.MethodGet, "/publicRooms"},
			{http.MethodGet, "/devices"},
			{http.MethodGet, "/_matrix/client/v1" + inRoom(here) + "/hierarchy"},
			{http.MethodPost, inRoom(here) + "/upgrade"},
			{http.MethodPost, "/_matrix/client/v4/sync"},
			{http.MethodPost, "/join/%23x:localhost"},
		} {
			bot.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", c[0], c[1], `{"search_term":"x","msgtype":"m.text","body":"x"}`)
		}
		if list := in.mustRun(t, "", "bot", "tokens", "deploy"); !strings.Contains(list, here) || strings.Contains(list, "ic_at") {
			t.Errorf("got the list %q, want the room in it and no secret", list)
		}
		if list := in.mustRun(t, "", "bot", "list"); !strings.Contains(list, "@deploy:localhost  Deploy") {
			t.Errorf("got the list %q", list)
		}
		in.mustRun(t, "", "bot", "delete", "deploy")
		bot.mustBeRefused(t, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", http.MethodGet, "/account/whoami", "")
	})
}
