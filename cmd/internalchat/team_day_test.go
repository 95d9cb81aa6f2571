package main_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// day is a day in the life of a team: what was done, and by that what everybody must
// see.
type day struct {
	*office
	people   map[string]*asker // of the account, by name
	outside  []*asker          // of another account
	channels map[string]*dayRoom
	was      map[string][]string // by name: the rooms that somebody left, and reads what was said before
}

// dayRoom is a room as it has to be.
type dayRoom struct {
	id, kind string
	members  map[string]string // roles by name
	messages []string          // bodies, oldest first
	archived bool
}

// TestDayOfATeam lets two accounts and twelve agents live through a day. After each
// part of it every reader's view is held to every rule: who is in which room and in which
// role, who reads what by which path, who may write.
func TestDayOfATeam(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		d := &day{office: mustOpenOffice(t, in), people: map[string]*asker{}, channels: map[string]*dayRoom{}, was: map[string][]string{}}
		for i, name := range []string{"ana", "bia", "caio", "duda", "eva", "fabi", "gil", "hugo", "ines", "joca", "kika", "leo"} {
			role := "agent"
			if name == "ana" {
				role = "administrator"
			}
			d.people[name] = d.mustHire(t, fmt.Sprint(i+1), role)
		}
		d.mustHaveNeighbours(t)
		d.morning(t)
		d.mustSeeRight(t, "the channels are made")
		d.announce(t)
		d.mustSeeRight(t, "an announcement is acknowledged")
		d.share(t)
		d.mustSeeRight(t, "a card is shared")
		d.remove(t)
		d.mustSeeRight(t, "somebody is removed")
		d.manage(t)
		d.mustSeeRight(t, "the administrator manages what she is not in")
		d.talk(t)
		d.mustSeeRight(t, "two people talk")
		d.switchOff(t)
		d.mustSeeRight(t, "the module is on again")
		d.close(t)
		d.mustSeeRight(t, "a channel is archived and an agent leaves the company")
		d.comeBack(t)
		d.mustSeeRight(t, "the agent is back")
	})
}

// mustHaveNeighbours provisions another account with two agents.
func (d *day) mustHaveNeighbours(t *testing.T) {
	t.Helper()
	const account = "/_conversalabs/v1/accounts/8"
	d.machine.must(t, http.MethodPut, account, `{"name":"Other","server_name":"other.test","enabled":true,"version":1}`)
	for _, external := range []string{"1", "2"} {
		path := account + "/users/" + external
		d.machine.must(t, http.MethodPut, path, `{"display_name":"Neighbour","role":"administrator","internal_chat":true,"active":true,"version":1}`)
		token := d.machine.must(t, http.MethodPost, path+"/login_token", "").Get("login_token").Str
		in := d.nobody().must(t, http.MethodPost, "/login", `{"type":"m.login.token","token":%q}`, token)
		d.outside = append(d.outside, &asker{hs: d.homeserver, id: in.Get("user_id").Str, token: in.Get("access_token").Str})
	}
	d.outside[0].mustCreate(t, `{"preset":"public_chat","name":"Theirs","invite":[%q]}`, d.outside[1].id)
}

// make makes a channel of somebody's, with others in it.
func (d *day) make(t *testing.T, name, kind, owner string, others ...string) *dayRoom {
	t.Helper()
	invite := make([]string, len(others))
	members := map[string]string{owner: "owner"}
	for i, other := range others {
		invite[i] = fmt.Sprintf("%q", d.people[other].id)
		members[other] = "member"
	}
	room := d.people[owner].mustCreate(t, `{"br.com.conversalabs.kind":%q,"name":%q,"invite":[`+strings.Join(invite, ",")+`]}`, kind, name)
	d.channels[name] = &dayRoom{id: room, kind: kind, members: members}
	return d.channels[name]
}

// say lets a member say something.
func (d *day) say(t *testing.T, who, channel, text string) string {
	t.Helper()
	c := d.channels[channel]
	c.messages = append(c.messages, text)
	return d.people[who].mustSay(t, c.id, text)
}

func (d *day) morning(t *testing.T) {
	t.Helper()
	d.make(t, "sales", "public", "bia", "caio")
	d.people["duda"].mustJoin(t, d.channels["sales"].id)
	d.channels["sales"].members["duda"] = "member"
	d.make(t, "finance", "private", "bia", "caio", "duda", "eva")
	d.make(t, "people", "private", "fabi")
	d.say(t, "bia", "sales", "zebra: good morning")
	d.say(t, "duda", "sales", "zebra: good morning to you")
	d.say(t, "caio", "finance", "zebra: the charge is paid")
	d.say(t, "fabi", "people", "zebra: nobody knows")
	// Stock ways around what the channels are.
	d.people["hugo"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPost, "/join/"+url.PathEscape(d.channels["finance"].id), `{}`)
	d.people["caio"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPost, inRoom(d.channels["finance"].id)+"/invite", `{"user_id":%q}`, d.people["leo"].id)
	d.people["bia"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPost, inRoom(d.channels["finance"].id)+"/invite", `{"user_id":%q}`, d.outside[0].id)
	d.people["bia"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPost, inRoom(d.channels["finance"].id)+"/leave", `{}`)
	d.people["bia"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPut, inState(d.channels["finance"].id, "m.room.encryption", ""), `{"algorithm":"m.megolm.v1.aes-sha2"}`)
}

// announce makes an announcement channel, in which everybody is, and lets gil post.
func (d *day) announce(t *testing.T) {
	t.Helper()
	d.people["bia"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPost, "/createRoom", `{"br.com.conversalabs.kind":"announcement"}`)
	news := d.make(t, "news", "announcement", "ana")
	for _, name := range slices.Sorted(maps.Keys(d.people)) {
		if name != "ana" {
			news.members[name] = "member"
		}
		d.people[name].mustSyncUntil(t, "that they are in the announcements", func(answer gjson.Result) bool { return joined(answer, news.id).Exists() })
	}
	d.people["ana"].must(t, http.MethodPut, ofRoom(news.id, "members/"+url.PathEscape(d.people["gil"].id)), `{"role":"poster"}`)
	news.members["gil"] = "poster"
	notice := d.people["gil"].mustSend(t, news.id, "m.room.message",
		`{"msgtype":"m.text","body":"zebra: the office closes at noon","br.com.conversalabs.ack":{"required":true}}`)
	news.messages = append(news.messages, "zebra: the office closes at noon")
	for _, who := range []string{"hugo", "eva"} {
		d.people[who].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPut, inRoom(news.id)+"/send/m.room.message/no", `{"msgtype":"m.text","body":"no"}`)
		d.people[who].mustSend(t, news.id, "m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":%q,"key":"👍"}}`, notice)
		d.people[who].must(t, http.MethodPost, ofEvent(news.id, notice, "ack"), `{}`)
		d.people[who].must(t, http.MethodPost, inRoom(news.id)+"/receipt/m.read/"+url.PathEscape(notice), `{}`)
		d.people[who].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPost, inRoom(news.id)+"/leave", `{}`)
	}
	d.people["gil"].mustSend(t, news.id, "m.room.message", `{"msgtype":"m.text","body":"* noon","m.new_content":{"msgtype":"m.text","body":"noon"},"m.relates_to":{"rel_type":"m.replace","event_id":%q}}`, notice)
	news.messages = append(news.messages, "* noon")
	acks := d.people["ana"].must(t, http.MethodGet, ofEvent(news.id, notice, "acks"), "")
	if got, want := acks.Get("counts").Raw, `{"acknowledged":2,"outstanding":9}`; got != want {
		t.Errorf("got the acknowledgements %s, want %s", got, want)
	}
	seen := d.people["kika"].must(t, http.MethodGet, ofEvent(news.id, notice, "seen_by"), "")
	if got := seen.Get("counts.seen").Int(); got < 2 {
		t.Errorf("got %s, want that two have seen it", seen.Raw)
	}
	d.outside[0].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodGet, ofEvent(news.id, notice, "seen_by"), "")
}

// share shows a card to finance: first by who may not see the item.
func (d *day) share(t *testing.T) {
	t.Helper()
	finance := d.channels["finance"]
	d.keep("charge", "77", "Charge #77", "open", "https://app.example/charges/77", "3")
	d.keep("deal", "5", "Deal 5", "open", "https://app.example/deals/5", "")
	before := d.people["bia"].messages(t, finance.id)
	d.people["bia"].mustBeRefused(t, 404, "M_NOT_FOUND", http.MethodPost, cardsOf(finance.id), `{"type":"charge","id":"77"}`)
	if after := d.people["bia"].messages(t, finance.id); after != before {
		t.Errorf("a card that was refused left %d messages, want %d", after, before)
	}
	shared := d.people["caio"].must(t, http.MethodPost, cardsOf(finance.id), `{"type":"charge","id":"77","comment":"zebra: please look"}`)
	finance.messages = append(finance.messages, d.people["eva"].mustContent(t, finance.id, shared.Get("event_id").Str).Get("body").Str)
	d.people["hugo"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPost, cardsOf(finance.id), `{"type":"deal","id":"5"}`)
	d.people["eva"].mustBeRefused(t, 404, "M_NOT_FOUND", http.MethodGet, team+"/cards/charge/77", "")
	d.people["caio"].must(t, http.MethodGet, team+"/cards/charge/77", "")
}

// remove takes duda out of finance, by a stock client.
func (d *day) remove(t *testing.T) {
	t.Helper()
	finance := d.channels["finance"]
	d.people["caio"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPost, inRoom(finance.id)+"/kick", `{"user_id":%q}`, d.people["duda"].id)
	d.people["bia"].must(t, http.MethodPost, inRoom(finance.id)+"/kick", `{"user_id":%q,"reason":"moved on"}`, d.people["duda"].id)
	delete(finance.members, "duda")
	d.was["duda"] = append(d.was["duda"], finance.id)
	d.say(t, "bia", "finance", "zebra: after duda")
}

// manage lets the owner be demoted by the account's administrator, who is in none of it.
func (d *day) manage(t *testing.T) {
	t.Helper()
	finance, ana := d.channels["finance"], d.people["ana"]
	admin := team + "/admin" + inRoom(finance.id)
	d.people["bia"].must(t, http.MethodPut, ofRoom(finance.id, "members/"+url.PathEscape(d.people["caio"].id)), `{"role":"admin"}`)
	d.people["bia"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPut, ofRoom(finance.id, "members/"+url.PathEscape(d.people["bia"].id)), `{"role":"member"}`)
	ana.mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPut, admin+"/members/"+url.PathEscape(d.people["bia"].id), `{"role":"member"}`)
	ana.must(t, http.MethodPut, admin+"/owner", `{"user_id":%q}`, d.people["eva"].id)
	ana.must(t, http.MethodPut, admin+"/members/"+url.PathEscape(d.people["bia"].id), `{"role":"member"}`)
	ana.must(t, http.MethodPut, admin+"/members/"+url.PathEscape(d.people["leo"].id), `{}`)
	maps.Copy(finance.members, map[string]string{"eva": "owner", "bia": "member", "caio": "admin", "leo": "member"})
	audit := ana.must(t, http.MethodGet, team+"/admin/audit?actor="+url.QueryEscape(ana.id), "")
	if got := audit.Get("entries.#").Int(); got < 3 {
		t.Errorf("got the audit %s, want what the administrator did", audit.Raw)
	}
	if strings.Contains(audit.Raw, "zebra") {
		t.Errorf("the audit tells what was written: %s", audit.Raw)
	}
	d.people["caio"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodGet, team+"/admin/rooms", "")
	if rooms := ana.must(t, http.MethodGet, team+"/admin/rooms", ""); strings.Contains(rooms.Raw, "zebra") || !strings.Contains(rooms.Raw, finance.id) {
		t.Errorf("got the rooms %s", rooms.Raw)
	}
}

// talk opens a direct message from both sides, and lets one leave it and come back.
func (d *day) talk(t *testing.T) {
	t.Helper()
	bia, hugo := d.people["bia"], d.people["hugo"]
	room := bia.mustCreate(t, `{"is_direct":true,"preset":"trusted_private_chat","invite":[%q]}`, hugo.id)
	if again := hugo.must(t, http.MethodPut, team+"/dm/"+url.PathEscape(bia.id), `{}`).Get("room_id").Str; again != room {
		t.Errorf("got two rooms, %s and %s", room, again)
	}
	d.channels["bia and hugo"] = &dayRoom{id: room, kind: "dm", members: map[string]string{"bia": "member", "hugo": "member"}}
	d.say(t, "bia", "bia and hugo", "zebra: between us")
	hugo.mustLeave(t, room)
	d.say(t, "bia", "bia and hugo", "zebra: still there?")
	bia.mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPost, inRoom(room)+"/invite", `{"user_id":%q}`, d.people["leo"].id)
	if rooms := d.people["ana"].must(t, http.MethodGet, team+"/admin/rooms?limit=1000", ""); strings.Contains(rooms.Raw, room) {
		t.Error("an administrator is told of a direct message")
	}
	d.people["ana"].mustBeRefused(t, 404, "M_NOT_FOUND", http.MethodGet, team+"/admin"+inRoom(room), "")
}

// switchOff switches the module off for the account, and on again.
func (d *day) switchOff(t *testing.T) {
	t.Helper()
	enable := func(enabled bool, version int) {
		t.Helper()
		d.machine.must(t, http.MethodPut, "/_conversalabs/v1/accounts/7", `{"name":"Acme","server_name":"acme.test","enabled":%t,
			"locale":"pt-BR","cards":{"resolver_url":%q,"secret":"s3cret","kind":"conversalabs"},"version":%d}`, enabled, d.resolver.URL, version)
	}
	enable(false, 2)
	for name, p := range d.people {
		for _, path := range []string{"/sync", "/joined_rooms", team + "/rooms", team + "/bell"} {
			refused := p.mustBeRefused(t, 401, "M_USER_LOCKED", http.MethodGet, path, "")
			if !refused.Get("soft_logout").Bool() || refused.Get(`br\.com\.conversalabs\.reason`).Str != "module_disabled_account" {
				t.Errorf("%s: got %s", name, refused.Raw)
			}
		}
		if me := p.must(t, http.MethodGet, team+"/me", ""); me.Get("enabled").Bool() {
			t.Errorf("%s: got %s", name, me.Raw)
		}
	}
	d.outside[0].must(t, http.MethodGet, "/sync", "")
	enable(true, 3)
}

// close archives a channel, and deactivates its owner: another one owns it then.
func (d *day) close(t *testing.T) {
	t.Helper()
	sales := d.channels["sales"]
	d.people["bia"].must(t, http.MethodPost, ofRoom(sales.id, "archive"), `{}`)
	sales.archived = true
	d.machine.must(t, http.MethodDelete, "/_conversalabs/v1/accounts/7/users/5?mode=deactivate", "") // eva
	delete(d.people, "eva")
	for _, c := range d.channels {
		if c.members["eva"] == "" {
			continue
		}
		delete(c.members, "eva")
		witness := d.people[slices.Sorted(maps.Keys(c.members))[0]]
		witness.mustSyncUntil(t, "that eva is gone", func(gjson.Result) bool {
			return !strings.Contains(witness.must(t, http.MethodGet, inRoom(c.id)+"/joined_members", "").Raw, "@u5:")
		})
	}
	d.channels["finance"].members["caio"] = "owner" // the longest-standing admin
	d.people["bia"].mustBeRefused(t, 403, "M_FORBIDDEN", http.MethodPut, inRoom(sales.id)+"/send/m.room.message/late", `{"msgtype":"m.text","body":"late"}`)
}

// comeBack activates eva again: she is in the announcements, and in nothing else.
func (d *day) comeBack(t *testing.T) {
	t.Helper()
	const path = "/_conversalabs/v1/accounts/7/users/5"
	d.machine.must(t, http.MethodPut, path, `{"display_name":"Agent 5","role":"agent","internal_chat":true,"active":true,"version":3}`)
	token := d.machine.must(t, http.MethodPost, path+"/login_token", "").Get("login_token").Str
	in := d.nobody().must(t, http.MethodPost, "/login", `{"type":"m.login.token","token":%q}`, token)
	eva := &asker{hs: d.homeserver, id: in.Get("user_id").Str, token: in.Get("access_token").Str}
	d.people["eva"] = eva
	news := d.channels["news"]
	news.members["eva"] = "member"
	eva.mustSyncUntil(t, "that she is in the announcements", func(answer gjson.Result) bool { return joined(answer, news.id).Exists() })
	d.was["eva"] = append(d.was["eva"], d.channels["finance"].id)
}

// ofRoom is a path of the product's own about a room, ofEvent about an event.
func ofRoom(room, what string) string { return team + inRoom(room) + "/" + what }

func ofEvent(room, event, what string) string {
	return ofRoom(room, "events/"+url.PathEscape(event)+"/"+what)
}

// mustSeeRight holds what everybody sees of every room to what they should.
func (d *day) mustSeeRight(t *testing.T, when string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(d.people)) {
		d.mustSeeTheirs(t, when, name)
		for channel, c := range d.channels {
			what := fmt.Sprintf("%s: %s of %s", when, name, channel)
			switch {
			case c.members[name] != "":
				d.mustRead(t, what, d.people[name], c)
			case d.wasIn(name, c.id):
				d.mustReadUntilLeft(t, what, d.people[name], c)
			default:
				d.mustSeeNothing(t, what, d.people[name], c)
			}
		}
	}
	for _, stranger := range d.outside {
		for channel, c := range d.channels {
			d.mustSeeNothing(t, when+": a stranger of "+channel, stranger, c)
		}
		if found := stranger.must(t, http.MethodPost, "/publicRooms", `{}`); found.Get("chunk.#").Int() != 1 {
			t.Errorf("%s: a stranger finds the rooms %s", when, found.Raw)
		}
		if found := stranger.must(t, http.MethodPost, "/user_directory/search", `{"search_term":"Agent"}`); found.Get("results.#").Int() != 0 {
			t.Errorf("%s: a stranger finds the people %s", when, found.Raw)
		}
	}
}

// mustSeeTheirs holds somebody's lists of rooms to what they are in.
func (d *day) mustSeeTheirs(t *testing.T, when, name string) {
	t.Helper()
	p := d.people[name]
	want, public := map[string]string{}, map[string]bool{}
	for _, c := range d.channels {
		if role := c.members[name]; role != "" {
			want[c.id] = fmt.Sprint(c.kind, " ", role, " ", !c.archived && (c.kind != "announcement" || role != "member"))
		}
		if !c.archived && (c.kind == "public" || c.kind == "announcement") {
			public[c.id] = true
		}
	}
	got := map[string]string{}
	for _, room := range p.must(t, http.MethodGet, team+"/rooms", "").Get("rooms").Array() {
		got[room.Get("room_id").Str] = fmt.Sprint(room.Get("kind").Str, " ", room.Get("role").Str, " ", room.Get("may_post").Bool())
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("%s: %s has other rooms (-) than they should (+):\n%s", when, name, diff)
	}
	synced := map[string]bool{}
	for room, part := range p.mustSync(t).Get("rooms.join").Map() {
		if part.Get(`state.events.#(type=="m.room.create").content.type`).Str != "m.space" {
			synced[room] = true
		}
	}
	for room := range want {
		if !synced[room] {
			t.Errorf("%s: %s does not sync %s", when, name, room)
		}
	}
	found := map[string]bool{}
	for _, room := range p.must(t, http.MethodPost, "/publicRooms", `{"limit":100,"filter":{"room_types":[null]}}`).Get("chunk").Array() {
		found[room.Get("room_id").Str] = true
	}
	if diff := cmp.Diff(found, public); diff != "" {
		t.Errorf("%s: %s finds other rooms (-) than they should (+):\n%s", when, name, diff)
	}
	// Of a search for what everybody writes they get what they may read, and all of it.
	results := p.must(t, http.MethodPost, "/search", `{"search_categories":{"room_events":{"search_term":"zebra","filter":{"limit":100}}}}`)
	for _, result := range results.Get("search_categories.room_events.results").Array() {
		if room := result.Get("result.room_id").Str; want[room] == "" && !d.wasIn(name, room) {
			t.Errorf("%s: %s finds what is written in %s", when, name, room)
		}
	}
}

// wasIn tells whether somebody was in a room before, and may read what was said then.
func (d *day) wasIn(name, room string) bool { return slices.Contains(d.was[name], room) }

// mustRead demands that a member reads all of a room, by each path alike.
func (d *day) mustRead(t *testing.T, what string, p *asker, c *dayRoom) {
	t.Helper()
	var bodies []string
	var last gjson.Result
	for _, e := range p.must(t, http.MethodGet, inRoom(c.id)+"/messages?dir=f&limit=100", "").Get("chunk").Array() {
		if e.Get("type").Str == "m.room.message" {
			bodies = append(bodies, e.Get("content.body").Str)
			last = e
		}
	}
	if diff := cmp.Diff(bodies, c.messages); diff != "" {
		t.Errorf("%s: reads what differs (-) from what was said (+):\n%s", what, diff)
	}
	if last.Exists() {
		p.must(t, http.MethodGet, inEvent(c.id, last.Get("event_id").Str), "")
	}
}

// mustReadUntilLeft demands that who has left a room, or was removed, reads what was said
// before and nothing since, and writes nothing.
func (d *day) mustReadUntilLeft(t *testing.T, what string, p *asker, c *dayRoom) {
	t.Helper()
	page := p.must(t, http.MethodGet, inRoom(c.id)+"/messages?dir=f&limit=100", "")
	if strings.Contains(page.Raw, "after duda") && p == d.people["duda"] || !strings.Contains(page.Raw, "the charge is paid") {
		t.Errorf("%s: reads %s", what, page.Raw)
	}
	if code, answer := p.ask(t, http.MethodPut, inRoom(c.id)+"/send/m.room.message/x", `{"body":"x"}`); code != http.StatusForbidden {
		t.Errorf("%s: writes: %d %s", what, code, answer.Raw)
	}
}

// mustSeeNothing demands that who is not in a room reads nothing of it, by any path.
func (d *day) mustSeeNothing(t *testing.T, what string, p *asker, c *dayRoom) {
	t.Helper()
	for _, path := range []string{
		"/_matrix/client/v3" + inRoom(c.id) + "/messages?dir=b&limit=100", "/_matrix/client/v3" + inRoom(c.id) + "/state",
		"/_matrix/client/v3" + inRoom(c.id) + "/members", "/_matrix/client/v3" + inRoom(c.id) + "/joined_members",
		"/_matrix/client/v3" + inRoom(c.id) + "/aliases", "/_matrix/client/v1" + inRoom(c.id) + "/threads",
	} {
		code, answer := p.ask(t, http.MethodGet, path, "")
		if code != http.StatusForbidden || strings.Contains(answer.Raw, "zebra") {
			t.Errorf("%s: %s gives %d %s, want 403", what, path, code, answer.Raw)
		}
	}
	for _, path := range []string{"members", "note", "notifications", "webhooks"} {
		code, answer := p.ask(t, http.MethodGet, ofRoom(c.id, path), "")
		administers := path == "webhooks" && p == d.people["ana"] && c.kind != "dm"
		if code != http.StatusForbidden && code != http.StatusNotFound && !administers {
			t.Errorf("%s: %s gives %d %s, want a refusal", what, path, code, answer.Raw)
		}
	}
	if code, answer := p.ask(t, http.MethodPut, inRoom(c.id)+"/send/m.room.message/x", `{"body":"x"}`); code != http.StatusForbidden {
		t.Errorf("%s: writes: %d %s", what, code, answer.Raw)
	}
}
