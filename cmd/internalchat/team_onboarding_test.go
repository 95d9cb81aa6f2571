package main_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// company is a server with Boss, who administers the account, Ana and Bia.
type company struct {
	*server
	machine, boss, ana, bia *asker
}

func newCompany(t testing.TB, in installation) *company {
	t.Helper()
	for _, name := range []string{"ana", "bia"} {
		in.mustHaveUser(t, name, "correct horse")
	}
	in.mustRun(t, "correct horse\n", "user", "create", "boss", "--role", "administrator", "--password-stdin")
	_, token, _ := strings.Cut(strings.TrimSpace(in.mustRun(t, "", "token", "create", "conversalabs")), ": ")
	running := in.mustStart(t)
	hs := &homeserver{url: running.url}
	person := func(name string) *asker {
		return (&asker{hs: hs, name: name, password: "correct horse"}).mustLogIn(t, "")
	}
	return &company{running, &asker{hs: hs, token: token}, person("boss"), person("ana"), person("bia")}
}

const machinePaths = "/_conversalabs/v1/accounts/default"

// mustProvisioned signs in whom ConversaLabs has made.
func (f *company) mustProvisioned(t testing.TB, user string) *asker {
	t.Helper()
	granted := f.machine.must(t, http.MethodPost, machinePaths+"/users/"+user+"/login_token", "{}")
	in := f.machine.hs.nobody().must(t, http.MethodPost, "/login", `{"type":"m.login.token","token":%q}`, granted.Get("login_token").Str)
	return &asker{hs: f.machine.hs, id: in.Get("user_id").Str, device: in.Get("device_id").Str, token: in.Get("access_token").Str}
}

// mustBeInAll reads until the user is in all rooms.
func (a *asker) mustBeInAll(t testing.TB, rooms ...string) {
	t.Helper()
	in := map[string]bool{}
	a.mustSyncUntil(t, "all rooms", func(answer gjson.Result) bool {
		for _, room := range rooms {
			in[room] = in[room] || joined(answer, room).Exists()
		}
		for _, room := range rooms {
			if !in[room] {
				return false
			}
		}
		return true
	})
}

// TestTeamOnboarding makes an agent in a provisioned account and kills the server: the
// next one brings the agent into the account's space, its default channels and the
// channel of their team.
func TestTeamOnboarding(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		f := newCompany(t, in)
		hall := f.ana.mustCreate(t, `{"preset":"public_chat","name":"Hall"}`)
		sales := f.ana.mustCreate(t, `{"preset":"private_chat","name":"Sales"}`)
		f.machine.must(t, http.MethodPut, machinePaths, `{"name":"Acme","enabled":true,"version":1}`)
		var space string
		f.ana.mustSyncUntil(t, "the account's space", func(answer gjson.Result) bool {
			packs := ofType(answer.Get("account_data.events"), "m.image_pack.rooms")
			packs.Get("content.rooms").ForEach(func(room, _ gjson.Result) bool {
				space = room.Str
				return false
			})
			return space != ""
		})
		mustBe(t, "the space's name", f.ana.mustState(t, space, "m.room.name", "").Get("name").Str, "Acme")

		f.bia.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, product+"/admin"+inRoom(hall)+"/default", `{"default":true}`)
		f.boss.must(t, http.MethodPut, product+"/admin"+inRoom(hall)+"/default", `{"default":true}`)
		defaults := f.boss.must(t, http.MethodGet, product+"/admin/default_channels", "")
		mustBe(t, "the default channels", defaults.Get("channels.#.name").Raw, `["Hall"]`)
		f.machine.must(t, http.MethodPut, machinePaths+"/teams/t1", `{"name":"Sales","members":["noa"],"version":1}`)
		f.ana.must(t, http.MethodPut, product+inRoom(sales)+"/team", `{"team_id":"t1"}`)
		f.machine.must(t, http.MethodPut, machinePaths+"/users/noa",
			`{"display_name":"Noa","role":"agent","internal_chat":true,"active":true,"version":1}`)
		f.kill(t)
		f.server = in.mustStart(t)
		f.machine.hs.url = f.url
		noa := f.mustProvisioned(t, "noa")
		noa.mustBeInAll(t, hall, sales, space)
		mustBe(t, "who came by the team", member(f.ana.mustState(t, sales, "m.room.member", noa.id), "br.com.conversalabs.team").Str, "t1")

		refused := noa.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(space)+"/leave", "{}")
		mustBe(t, "the reason", member(refused, "br.com.conversalabs.reason").Str, "mandatory")
		shown := noa.must(t, http.MethodGet, "/_matrix/client/v1/rooms/"+url.PathEscape(space)+"/hierarchy?suggested_only=true", "")
		mustBe(t, "what the space shows", shown.Get("rooms.#.name").Raw, `["Acme","Hall"]`)

		f.boss.must(t, http.MethodPut, product+"/admin/emoji/party", `{"url":"mxc://localhost/party","body":"a party"}`)
		mustBe(t, "an emoji", noa.mustState(t, space, "m.room.image_pack", "").Get("images.party.url").Str, "mxc://localhost/party")
		mustBe(t, "an emoji", f.boss.must(t, http.MethodGet, product+"/admin/emoji/party", "").Raw, `{"url":"mxc://localhost/party","body":"a party"}`)
		f.boss.must(t, http.MethodDelete, product+"/admin/emoji/party", "")
		mustBe(t, "no emoji", f.boss.must(t, http.MethodGet, product+"/admin/emoji", "").Raw, `{"emoji":{}}`)

		f.machine.must(t, http.MethodPut, machinePaths+"/teams/t1", `{"name":"Sales","members":[],"version":2}`)
		noa.mustSyncUntil(t, "the end in Sales", func(answer gjson.Result) bool { return left(answer, sales).Exists() })
	})
}

// TestAppearanceOfChannels sets pictures through the extension and the stock way.
func TestAppearanceOfChannels(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		f := newCompany(t, in)
		room := f.ana.mustCreate(t, `{"preset":"private_chat","name":"Sales","invite":["@bia:localhost"]}`)
		icons := f.bia.must(t, http.MethodGet, product+"/appearance/icons", "").Get("icons")
		if n := icons.Get("#").Int(); n < 40 {
			t.Errorf("got %d icons", n)
		}
		appearance := product + inRoom(room) + "/appearance"
		refused := f.bia.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, appearance, `{"avatar_url":"mxc://localhost/a"}`)
		mustBe(t, "the reason", member(refused, "br.com.conversalabs.reason").Str, "requires_channel_admin")
		f.ana.mustBeRefused(t, http.StatusBadRequest, "M_INVALID_PARAM", http.MethodPut, appearance, `{"icon":"flag"}`)
		f.ana.must(t, http.MethodPut, appearance, `{"avatar_url":"mxc://localhost/a"}`)
		mustBe(t, "the picture", f.bia.mustState(t, room, "m.room.avatar", "").Get("url").Str, "mxc://localhost/a")
		f.ana.must(t, http.MethodPut, appearance, `{"icon":"flag","color":"#2563EB"}`)
		painted := f.bia.mustState(t, room, "m.room.avatar", "")
		if !member(painted.Get("info"), "br.com.conversalabs.generated").Bool() || painted.Get("info.mimetype").Str != "image/png" {
			t.Errorf("got the picture %s, want a painted one", painted.Raw)
		}
		f.ana.must(t, http.MethodGet, "/_matrix/client/v1/media/thumbnail/"+strings.TrimPrefix(painted.Get("url").Str, "mxc://")+"?width=32&height=32&method=crop", "")
		f.boss.must(t, http.MethodPut, appearance, `{"avatar_url":""}`)
		mustBe(t, "the picture", f.bia.mustState(t, room, "m.room.avatar", "").Get("url").Exists(), false)
	})
}
