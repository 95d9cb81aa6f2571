package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// team is an account whose users ConversaLabs has said: Ana, who administers it, Bia,
// Caio and Davi. Their tokens are in it by the names.
type team struct {
	*apiFixture
	tokens map[string]string
	sent   int
}

// eachTeam runs f on an empty account on each database, as parallel subtests.
func eachTeam(t *testing.T, f func(t *testing.T, f *team)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, newTeam(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, newTeam(t, "INTERNALCHAT_DATABASE="+sqltest.PostgresURL(t)))
	})
}

func newTeam(t testing.TB, environment ...string) *team {
	t.Helper()
	f := &team{apiFixture: newAPIFixture(t, environment...), tokens: map[string]string{}}
	for i, name := range []string{"ana", "bia", "caio", "davi"} {
		role := tenant.Agent
		if name == "ana" {
			role = tenant.Administrator
		}
		f.said(accounts.Provision{User: &accounts.UserChange{External: fmt.Sprint(i + 1), Version: 1, Record: accounts.Record{
			Localpart: name, DisplayName: name, Role: role, Active: true, InternalChat: true,
		}}})
		f.tokens[name] = f.signIn(fmt.Sprint(i + 1))
	}
	return f
}

// conversaLabs is who says which users there are.
var conversaLabs = tenant.Caller{Account: tenant.Default, Server: "home.test", Machine: "conversalabs"}

// said does what ConversaLabs says.
func (f *team) said(changes ...accounts.Provision) {
	f.t.Helper()
	done, err := f.house.accounts.Provision(f.t.Context(), conversaLabs, changes...)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, d := range done {
		if d.Err != nil {
			f.t.Fatal(d.Err)
		}
	}
}

func (f *team) signIn(external string) string {
	f.t.Helper()
	token, err := f.house.accounts.LoginTokenFor(f.t.Context(), conversaLabs, external)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.must("", http.MethodPost, client+"/login", `{"type":"m.login.token","token":"`+token+`"}`).Get("access_token").Str
}

// create makes a room in somebody's name and gives its ID.
func (f *team) create(by, body string) string {
	f.t.Helper()
	return f.must(f.tokens[by], http.MethodPost, client+"/createRoom", body).Get("room_id").Str
}

func inRoom(room string) string { return client + "/rooms/" + url.PathEscape(room) }

// send sends an event and gives its ID.
func (f *team) send(by, room, kind, content string) string {
	f.t.Helper()
	f.sent++
	return f.must(f.tokens[by], http.MethodPut, fmt.Sprintf("%s/send/%s/%d", inRoom(room), kind, f.sent), content).Get("event_id").Str
}

// refuse demands that a request is refused, and gives the answer.
func (f *team) refuse(status int, by, method, path, body string) gjson.Result {
	f.t.Helper()
	code, answer := f.ask(f.tokens[by], method, path, body)
	if code != status {
		f.t.Errorf("%s %s %s: got %d %s, want %d", method, path, body, code, answer, status)
	}
	return gjson.Parse(answer)
}

// content gives an event's content as Ana reads it.
func (f *team) content(room, event string) gjson.Result {
	f.t.Helper()
	return f.must(f.tokens["ana"], http.MethodGet, inRoom(room)+"/event/"+event, "").Get("content")
}

// on is the product's path of an event.
func on(room, event, rest string) string {
	return product + "/rooms/" + url.PathEscape(room) + "/events/" + event + rest
}

// Only who has the power for it mentions the whole room, by whatever way the message
// comes.
func TestRoomMentions(t *testing.T) {
	eachTeam(t, func(t *testing.T, f *team) {
		room := f.create("ana", `{"preset":"public_chat","name":"Hall","invite":["@bia:home.test"]}`)
		const all = `{"msgtype":"m.text","body":"@room","m.mentions":{"room":true,"user_ids":["@ana:home.test"]}}`
		mentions := func(event string) string {
			t.Helper()
			return f.content(room, event).Get(`m\.mentions`).Raw
		}
		if got, want := mentions(f.send("ana", room, "m.room.message", all)), `{"room":true,"user_ids":["@ana:home.test"]}`; got != want {
			t.Errorf("the owner: got %s, want %s", got, want)
		}
		dropped := f.send("bia", room, "m.room.message", all)
		if got, want := mentions(dropped), `{"user_ids":["@ana:home.test"]}`; got != want {
			t.Errorf("a member: got %s, want %s", got, want)
		}
		escaped := f.send("bia", room, "m.room.message", `{"msgtype":"m.text","body":"@room","m.mentio\u006es":{"room":true}}`)
		if got := mentions(escaped); got != `{}` {
			t.Errorf("a member, with an escaped key: got %s, want {}", got)
		}
		if got := mentions(f.send("bia", room, "m.sticker", `{"body":"x","url":"mxc://x/y","m.mentions":{"room":true}}`)); got != `{}` {
			t.Errorf("a member's sticker: got %s, want {}", got)
		}
		edit := f.send("bia", room, "m.room.message", `{"msgtype":"m.text","body":"* @room","m.mentions":{"room":true},
			"m.new_content":{"msgtype":"m.text","body":"@room","m.mentions":{"room":true}},
			"m.relates_to":{"rel_type":"m.replace","event_id":"`+dropped+`"}}`)
		if got := f.content(room, edit); got.Get(`m\.mentions`).Raw != `{}` || got.Get(`m\.new_content.m\.mentions`).Raw != `{}` {
			t.Errorf("a member's edit: got %s, want no mention", got.Raw)
		}
		delayed := f.must(f.tokens["bia"], http.MethodPut, inRoom(room)+"/delayed_event/m.room.message/d", `{"delay_ms":600000,"content":`+all+`}`).Get("delay_id").Str
		f.must(f.tokens["bia"], http.MethodPost, "/_matrix/client/v1/delayed_events/"+delayed+"/send", "{}")
		if got := f.must(f.tokens["ana"], http.MethodGet, inRoom(room)+"/messages?dir=b&limit=1", "").Get("chunk.0.content"); got.Get("body").Str != "@room" || got.Get(`m\.mentions.room`).Exists() {
			t.Errorf("a member's delayed message: got %s, want it without the room", got.Raw)
		}
		// The power level decides, whoever it is.
		levels := f.must(f.tokens["ana"], http.MethodGet, inRoom(room)+"/state/m.room.power_levels", "").Raw
		levels = strings.Replace(levels, `"notifications":{"room":100}`, `"notifications":{"room":0}`, 1)
		f.must(f.tokens["ana"], http.MethodPut, inRoom(room)+"/state/m.room.power_levels", levels)
		if got := mentions(f.send("bia", room, "m.room.message", all)); !gjson.Get(got, "room").Bool() {
			t.Errorf("a member who may: got %s, want the room mentioned", got)
		}
	})
}

// An edit mentions who was not mentioned before, and nobody twice.
func TestEditsMentionNobodyTwice(t *testing.T) {
	eachTeam(t, func(t *testing.T, f *team) {
		room := f.create("ana", `{"preset":"public_chat","name":"Hall","invite":["@bia:home.test","@caio:home.test","@davi:home.test"]}`)
		said := f.send("ana", room, "m.room.message", `{"msgtype":"m.text","body":"x","m.mentions":{"room":true,"user_ids":["@bia:home.test"]}}`)
		for _, step := range []struct{ mentions, want string }{
			{`{"room":true,"user_ids":["@bia:home.test","@caio:home.test"]}`, `{"user_ids":["@caio:home.test"]}`},
			{`{"user_ids":["@bia:home.test","@caio:home.test","@davi:home.test"]}`, `{"user_ids":["@davi:home.test"]}`},
		} {
			edit := f.send("ana", room, "m.room.message", `{"msgtype":"m.text","body":"* x","m.mentions":`+step.mentions+`,
				"m.new_content":{"msgtype":"m.text","body":"x","m.mentions":`+step.mentions+`},
				"m.relates_to":{"rel_type":"m.replace","event_id":"`+said+`"}}`)
			got := f.content(room, edit)
			if got.Get(`m\.mentions`).Raw != step.want || got.Get(`m\.new_content.m\.mentions`).Raw != step.mentions {
				t.Errorf("got %s, want %s, and %s in the new content", got.Raw, step.want, step.mentions)
			}
		}
		// By Bia's unread counts, she was mentioned once.
		sync := f.must(f.tokens["bia"], http.MethodGet, client+"/sync", "")
		if got := sync.Get("rooms.join." + strings.ReplaceAll(room, ".", `\.`) + ".unread_notifications.highlight_count").Int(); got != 1 {
			t.Errorf("got %d mentions of Bia, want 1", got)
		}
	})
}

// Teams are mentioned by their members in the room.
func TestTeamMentions(t *testing.T) {
	eachTeam(t, func(t *testing.T, f *team) {
		say := func(id string, version int64, members ...string) {
			f.said(accounts.Provision{Team: &accounts.TeamChange{ID: id, Version: version, Record: accounts.TeamRecord{Name: id, Members: members}}})
		}
		say("sales", 1, "1", "2", "3", "99")
		room := f.create("ana", `{"preset":"private_chat","name":"Deals","invite":["@bia:home.test","@davi:home.test"]}`)
		const hello = `{"msgtype":"m.text","body":"@sales","br.com.conversalabs.mentions":{"teams":["sales"]}}`
		users := func(event string) string {
			t.Helper()
			return f.content(room, event).Get(`m\.mentions.user_ids`).Raw
		}
		if got := users(f.send("ana", room, "m.room.message", hello)); got != `["@bia:home.test"]` {
			t.Errorf("got %s, want who is in the team and in the room", got)
		}
		say("sales", 2, "4")
		if got := users(f.send("ana", room, "m.room.message", hello)); got != `["@davi:home.test"]` {
			t.Errorf("got %s, want who is in the team now", got)
		}
		path := inRoom(room) + "/send/m.room.message/"
		f.refuse(http.StatusNotFound, "ana", http.MethodPut, path+"none", strings.Replace(hello, `["sales"]`, `["none"]`, 1))
		f.refuse(http.StatusBadRequest, "ana", http.MethodPut, path+"bad", strings.Replace(hello, `["sales"]`, `"sales"`, 1))
		var many []string
		for i := range 60 {
			many = append(many, fmt.Sprintf("%q", fmt.Sprintf("@u%d:home.test", i)))
		}
		f.refuse(http.StatusBadRequest, "ana", http.MethodPut, path+"many",
			strings.TrimSuffix(hello, "}")+`,"m.mentions":{"user_ids":[`+strings.Join(many, ",")+`]}}`)

		// Who is not there is told of before.
		check := product + "/rooms/" + url.PathEscape(room) + "/mentions/check"
		got := f.must(f.tokens["ana"], http.MethodPost, check, `{"user_ids":["@bia:home.test","@caio:home.test","@eve:other.test","@no:home.test"],"teams":["sales"]}`)
		if want := `{"not_members":[{"user_id":"@caio:home.test","displayname":"caio","may_add":true}],"unknown":["@eve:other.test","@no:home.test"]}`; got.Raw != want {
			t.Errorf("got %s, want %s", got.Raw, want)
		}
		if got := f.must(f.tokens["bia"], http.MethodPost, check, `{"user_ids":["@caio:home.test"]}`); got.Get("not_members.0.may_add").Bool() {
			t.Errorf("got %s for a member, who may add nobody", got.Raw)
		}
		f.refuse(http.StatusForbidden, "caio", http.MethodPost, check, `{"user_ids":["@bia:home.test"],"teams":["none"]}`)
		f.refuse(http.StatusBadRequest, "ana", http.MethodPost, check, `{"user_ids":[`+strings.Join(append(many, many...), ",")+`]}`)
	})
}

// The sidebar has each of one's rooms as it is.
func TestSidebar(t *testing.T) {
	eachTeam(t, func(t *testing.T, f *team) {
		hall := f.create("ana", `{"preset":"public_chat","name":"Hall","topic":"All of us","invite":["@bia:home.test"]}`)
		news := f.create("ana", announcement)
		f.create("ana", `{"creation_content":{"type":"m.space"},"name":"Floor","invite":["@bia:home.test"]}`)
		left := f.create("ana", `{"preset":"public_chat","name":"Left","invite":["@bia:home.test"]}`)
		direct := f.create("caio", `{"is_direct":true,"invite":["@bia:home.test"]}`)
		f.send("caio", direct, "m.room.message", `{"msgtype":"m.text","body":"hi"}`)
		f.send("ana", news, "m.room.message", `{"msgtype":"m.text","body":"`+strings.Repeat("ação ", 40)+`"}`)
		said := f.send("ana", hall, "m.room.message", `{"msgtype":"m.text","body":"first\n line","m.mentions":{"user_ids":["@bia:home.test"]}}`)
		f.send("ana", hall, "m.room.message", `{"msgtype":"m.text","body":"* x","m.new_content":{"msgtype":"m.text","body":"edited"},
			"m.relates_to":{"rel_type":"m.replace","event_id":"`+said+`"}}`)
		f.send("ana", hall, "m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":"`+said+`","key":"+"}}`)

		f.must(f.tokens["bia"], http.MethodPut, product+"/rooms/"+url.PathEscape(direct)+"/notifications", `{"level":"mentions"}`)
		f.must(f.tokens["bia"], http.MethodPut, product+"/rooms/"+url.PathEscape(left)+"/notifications", `{"muted":true}`)

		rooms := func(by string) map[string]gjson.Result {
			t.Helper()
			all := map[string]gjson.Result{}
			for _, room := range f.must(f.tokens[by], http.MethodGet, product+"/rooms", "").Get("rooms").Array() {
				all[room.Get("room_id").Str] = room
			}
			return all
		}
		if muted := rooms("bia")[left]; !muted.Get("muted").Bool() || muted.Get("level").Str != "default" {
			t.Errorf("got %s, want it muted", muted.Raw)
		}
		f.must(f.tokens["bia"], http.MethodPost, inRoom(left)+"/leave", "{}")
		bias := rooms("bia")
		if len(bias) != 3 {
			t.Fatalf("got %v, want the channel, the announcements and the direct message", bias)
		}
		for room, want := range map[string]map[string]string{
			hall: {
				"kind": `"public"`, "name": `"Hall"`, "topic": `"All of us"`, "role": `"member"`, "may_post": "true", "archived": "false",
				"mandatory": "false", "mentions": "1", "last_message.event_id": `"` + said + `"`, "last_message.preview": `"edited"`,
				"last_message.sender": `"@ana:home.test"`, "last_message.type": `"m.room.message"`,
			},
			news:   {"kind": `"announcement"`, "may_post": "false", "mandatory": "true", "role": `"member"`, "unread": "1", "level": `"everything"`},
			direct: {"kind": `"dm"`, "name": `"caio"`, "peer.user_id": `"@caio:home.test"`, "peer.active": "true", "may_post": "true", "level": `"mentions"`, "muted": "false"},
		} {
			for field, value := range want {
				if got := bias[room].Get(field).Raw; got != value {
					t.Errorf("%s of %s: got %s, want %s", field, bias[room].Get("name").Str, got, value)
				}
			}
		}
		if preview := []rune(bias[news].Get("last_message.preview").Str); len(preview) > 140 || preview[len(preview)-1] != '…' {
			t.Errorf("got the preview %q, want at most 140 characters", string(preview))
		}
		if anas := rooms("ana"); anas[news].Get("role").Str != "owner" || !anas[news].Get("may_post").Bool() || anas[left].Get("name").Str != "Left" {
			t.Errorf("got %v for the owner", anas)
		}
		order := f.must(f.tokens["bia"], http.MethodGet, product+"/rooms", "").Get("rooms.#.room_id").Raw
		if want := fmt.Sprintf("[%q,%q,%q]", hall, news, direct); order != want {
			t.Errorf("got the order %s, want %s", order, want)
		}
		// A redacted message is no last message, and what lies further back is found.
		f.must(f.tokens["ana"], http.MethodPut, inRoom(hall)+"/redact/"+said+"/r", "{}")
		for range 40 {
			f.send("ana", news, "m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":"`+said+`","key":"`+fmt.Sprint(f.sent)+`"}}`)
		}
		f.said(accounts.Provision{User: &accounts.UserChange{External: "3", Remove: accounts.RemoveAccess, Version: 2}})
		bias = rooms("bia")
		if got := bias[hall].Get("last_message"); got.Get("event_id").Str == said {
			t.Errorf("got %s, which was redacted", got.Raw)
		}
		if got := bias[news].Get("last_message.preview").Str; !strings.HasPrefix(got, "ação ação") {
			t.Errorf("got %q behind many reactions, want the message", got)
		}
		if got := bias[direct]; got.Get("peer.active").Bool() || got.Get("may_post").Bool() || got.Get("name").Str != "caio" {
			t.Errorf("got %s, want that who is gone is not there", got.Raw)
		}
	})
}

// A bot's token of some rooms gives those.
func TestSidebarOfBots(t *testing.T) {
	eachTeam(t, func(t *testing.T, f *team) {
		bot := f.must(f.tokens["ana"], http.MethodPost, product+"/admin/bots", `{"name":"ops"}`).Get("user_id").Str
		one := f.create("ana", `{"preset":"public_chat","name":"One","invite":["`+bot+`"]}`)
		f.create("ana", `{"preset":"public_chat","name":"Other","invite":["`+bot+`"]}`)
		for body, want := range map[string]int{`{"name":"x","rooms":["` + one + `"]}`: 1, `{"name":"y"}`: 2} {
			token := f.must(f.tokens["ana"], http.MethodPost, product+"/admin/bots/"+bot+"/tokens", body).Get("access_token").Str
			got := f.must(token, http.MethodGet, product+"/rooms", "").Get("rooms")
			if len(got.Array()) < want || want == 1 && got.Get("#").Int() != 1 {
				t.Errorf("%s: got %s, want %d rooms", body, got.Raw, want)
			}
		}
	})
}
