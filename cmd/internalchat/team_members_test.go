package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// managed is a moderated server where Bia owns a private channel that Ana, who
// administers the account, is not in.
type managed struct {
	*moderated
	channel string // the room's ID, escaped
	secret  string // an event there
}

func newManaged(t *testing.T) *managed {
	t.Helper()
	f := &managed{moderated: newModerated(t)}
	room := f.must(f.bia, http.MethodPost, client+"/createRoom", `{"preset":"private_chat","name":"Finance","topic":"Pay"}`).Get("room_id").Str
	f.channel = url.PathEscape(room)
	f.secret = f.must(f.bia, http.MethodPut, client+"/rooms/"+f.channel+"/send/m.room.message/2", `{"msgtype":"m.text","body":"raise zzyzx"}`).Get("event_id").Str
	return f
}

// own and admin are the paths of the channel's endpoints.
func (f *managed) own(path string) string   { return product + "/rooms/" + f.channel + path }
func (f *managed) admin(path string) string { return product + "/admin/rooms/" + f.channel + path }

// TestAdministratorsReadNothing asks, as an administrator of the account who is not in a
// private channel, for what is written there, by every path.
func TestAdministratorsReadNothing(t *testing.T) {
	t.Parallel()
	f := newManaged(t)
	room := client + "/rooms/" + f.channel
	event := url.PathEscape(f.secret)
	for _, path := range []string{
		room + "/messages?dir=b", room + "/context/" + event, room + "/event/" + event, room + "/state", room + "/state/m.room.name",
		room + "/members", room + "/joined_members", room + "/aliases", room + "/timestamp_to_event?dir=f&ts=0",
		"/_matrix/client/v1/rooms/" + f.channel + "/relations/" + event, "/_matrix/client/v1/rooms/" + f.channel + "/threads",
		"/_matrix/client/v1/rooms/" + f.channel + "/timestamp_to_event?dir=f&ts=0", f.own("/members"), f.own("/webhooks"),
	} {
		code, answer := f.ask(f.ana, http.MethodGet, path, "")
		if strings.Contains(answer, "zzyzx") || strings.Contains(answer, f.secret) || code < 400 && !strings.HasSuffix(path, "/webhooks") {
			t.Errorf("%s: got %d %s", path, code, answer)
		}
	}
	code, answer := f.ask(f.ana, http.MethodPost, client+"/search", `{"search_categories":{"room_events":{"search_term":"zzyzx"}}}`)
	if code != http.StatusOK || strings.Contains(answer, f.secret) {
		t.Errorf("search: got %d %s", code, answer)
	}
	for _, path := range []string{"", "/members"} {
		if got := f.must(f.ana, http.MethodGet, f.admin(path), ""); strings.Contains(got.Raw, "zzyzx") {
			t.Errorf("got %s", got.Raw)
		}
	}
}

func TestAdministratorsManageChannels(t *testing.T) {
	t.Parallel()
	f := newManaged(t)
	bia := "/members/@bia:home.test"
	list := f.must(f.ana, http.MethodGet, product+"/admin/rooms?kind=private&q=finance", "")
	if got := list.Get("rooms.0"); list.Get("total").Int() != 1 || got.Get("name").Str != "Finance" || got.Get("topic").Str != "Pay" ||
		got.Get("owners.0").Str != "@bia:home.test" || got.Get("joined_members").Int() != 1 || got.Get("last_activity_ts").Int() == 0 {
		t.Errorf("got %s", list.Raw)
	}
	f.must(f.ana, http.MethodPut, f.admin("/members/@ana:home.test"), `{"role":"admin"}`) // for Bia to see
	if roles := f.must(f.bia, http.MethodGet, f.own("/members"), ""); roles.Get("members.0.role").Str != "owner" ||
		roles.Get("members.1.role").Str != "admin" || roles.Get("members.1.displayname").Str != "ana" || roles.Get("total").Int() != 2 {
		t.Errorf("got %s", roles.Raw)
	}
	f.must(f.ana, http.MethodPut, f.admin("/owner"), `{"user_id":"@ana:home.test"}`)
	f.must(f.ana, http.MethodPut, f.admin("/settings"), `{"name":"Money"}`)
	f.must(f.ana, http.MethodPost, f.admin("/archive"), `{}`)
	f.must(f.ana, http.MethodPost, f.own("/unarchive"), `{}`)
	f.must(f.ana, http.MethodPut, f.admin("/kind"), `{"kind":"public"}`)
	f.must(f.ana, http.MethodDelete, f.admin(bia), `{"reason":"zzyzx"}`)
	if got := f.must(f.ana, http.MethodGet, f.admin("/members"), ""); got.Get("total").Int() != 1 {
		t.Errorf("got %s", got.Raw)
	}
	asked := f.must(f.ana, http.MethodDelete, f.admin(""), ``)
	if asked.Get("room.joined_members").Int() != 1 || asked.Get("expires_ts").Int() == 0 {
		t.Errorf("got %s", asked.Raw)
	}
	f.must(f.ana, http.MethodDelete, f.admin(""), `{"confirmation_token":"`+asked.Get("confirmation_token").Str+`"}`)
	f.mustRefuse(f.ana, http.MethodGet, f.admin(""), "", http.StatusNotFound, "")

	audit := f.must(f.ana, http.MethodGet, product+"/admin/audit?actor=@ana:home.test&limit=8", "")
	var actions []string
	for _, entry := range audit.Get("entries").Array() {
		actions = append(actions, entry.Get("action").Str)
	}
	if got, want := strings.Join(actions, " "), "room.deleted member.removed room.kind room.unarchived room.archived room.changed owner.changed member.added"; got != want {
		t.Errorf("got the actions %s, want %s", got, want)
	}
	if strings.Contains(audit.Raw, "Money") || strings.Contains(audit.Raw, "zzyzx") {
		t.Errorf("what people have written is in the audit: %s", audit.Raw)
	}
}

// Agents hear why they may not, in their language.
func TestManagingNeedsARole(t *testing.T) {
	t.Parallel()
	f := newManaged(t)
	f.must(f.bia, http.MethodPut, f.own("/members/@ana:home.test"), `{}`)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, f.own("/members/@bia:home.test"), strings.NewReader(`{"role":"member"}`))
	r.Header.Set("Authorization", "Bearer "+f.ana)
	r.Header.Set("Accept-Language", "pt-BR")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	answer := gjson.Parse(w.Body.String())
	if w.Code != http.StatusForbidden || answer.Get(`br\.com\.conversalabs\.reason`).Str != "requires_channel_admin" ||
		answer.Get(`br\.com\.conversalabs\.required_roles`).Raw != `["admin","owner"]` || !strings.HasPrefix(answer.Get("error").Str, "Para mudar papéis") {
		t.Errorf("got %d %s", w.Code, answer.Raw)
	}
	for _, ask := range [][3]string{
		{http.MethodGet, "", ""},
		{http.MethodGet, "/members", ""},
		{http.MethodPut, "/owner", `{"user_id":"@bia:home.test"}`},
		{http.MethodPut, "/kind", `{"kind":"public"}`},
		{http.MethodPut, "/settings", `{"name":"x"}`},
		{http.MethodPost, "/archive", "{}"},
		{http.MethodDelete, "", ""},
		{http.MethodDelete, "/members/@bia:home.test", ""},
		{http.MethodPut, "/members/@bia:home.test", "{}"},
	} {
		f.mustRefuse(f.bia, ask[0], f.admin(ask[1]), ask[2], http.StatusForbidden, "requires_administrator")
	}
	direct := f.must(f.bia, http.MethodPut, product+"/dm/@ana:home.test", "{}").Get("room_id").Str
	f.channel = url.PathEscape(direct)
	f.mustRefuse(f.ana, http.MethodGet, f.admin(""), "", http.StatusNotFound, "")
	f.mustRefuse(f.ana, http.MethodPut, f.admin("/members/@bia:home.test"), "{}", http.StatusNotFound, "")
	f.mustRefuse(f.bia, http.MethodDelete, f.own("/members/@ana:home.test"), "{}", http.StatusForbidden, "direct_message")
}

// mustRefuse demands a refusal with a status and a reason.
func (f *managed) mustRefuse(token, method, path, body string, status int, reason string) {
	f.t.Helper()
	code, answer := f.ask(token, method, path, body)
	if code != status || gjson.Get(answer, `br\.com\.conversalabs\.reason`).Str != reason {
		f.t.Errorf("%s %s: got %d %s, want %d because of %q", method, path, code, answer, status, reason)
	}
}
