package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

const product = "/_matrix/client/unstable/br.com.conversalabs/v1"

// poster posts by a webhook's address.
type poster struct {
	id, user, url string
}

// webhooksOf is the path of a room's webhooks.
func webhooksOf(room string) string { return product + inRoom(room) + "/webhooks" }

// mustHook makes a webhook for a room.
func (a *asker) mustHook(t testing.TB, room, name string) *poster {
	t.Helper()
	made := a.must(t, http.MethodPost, webhooksOf(room), `{"name":%q}`, name)
	p := &poster{id: made.Get("webhook_id").Str, user: made.Get("user_id").Str, url: made.Get("url").Str}
	if !strings.HasPrefix(p.url, a.hs.url+"/_conversalabs/hooks/ic_wh_default_") {
		t.Fatalf("got the address %q", p.url)
	}
	return p
}

// post sends a body. Headers are names and values in turn; JSON is the content type
// where they name none.
func (p *poster) post(t testing.TB, body string, headers ...string) (code int, kind, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), http.MethodPost, p.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	said, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, got.Header.Get("Content-Type"), string(said)
}

// mustPost gives the event's ID.
func (p *poster) mustPost(t testing.TB, body string, headers ...string) string {
	t.Helper()
	code, kind, answer := p.post(t, body, headers...)
	event := gjson.Get(answer, "event_id").Str
	if code != http.StatusOK || kind != "application/json" || event == "" {
		t.Fatalf("%s: got %d %s %s, want an event ID", body, code, kind, answer)
	}
	return event
}

func (p *poster) mustBeRefused(t testing.TB, status int, errcode, body string, headers ...string) {
	t.Helper()
	code, _, answer := p.post(t, body, headers...)
	if code != status || gjson.Get(answer, "errcode").Str != errcode || gjson.Get(answer, "error").Str == "" {
		t.Errorf("%.200s: got %d %s, want %d %s and a sentence", body, code, answer, status, errcode)
	}
}

// TestWebhook is the life of a webhook: it is made, posts, is renamed, and ends.
func TestWebhook(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		for _, name := range []string{"ana", "bia"} {
			in.mustHaveUser(t, name, "correct horse")
		}
		in.mustRun(t, "correct horse\n", "user", "create", "boss", "--role", "administrator", "--password-stdin")
		running := in.mustStart(t)
		admin := (&asker{hs: &homeserver{url: running.url}, name: "boss", password: "correct horse"}).mustLogIn(t, "")
		ana := (&asker{hs: admin.hs, name: "ana", password: "correct horse"}).mustLogIn(t, "")
		bia := (&asker{hs: admin.hs, name: "bia", password: "correct horse"}).mustLogIn(t, "")
		room := ana.mustCreate(t, `{"preset":"private_chat","invite":["@bia:localhost"]}`)
		bia.mustJoin(t, room)

		hook := ana.mustHook(t, room, "Deploys")
		list := ana.must(t, http.MethodGet, webhooksOf(room), "")
		if got := list.Get("webhooks.0"); list.Get("webhooks.#").Int() != 1 || got.Get("webhook_id").Str != hook.id || got.Get("name").Str != "Deploys" ||
			got.Get("created_by").Str != ana.id || strings.Contains(list.Raw, "ic_wh_") {
			t.Errorf("got %s", list.Raw)
		}
		mustBeShownAs(t, bia, room, hook.user, `{"membership":"join","displayname":"Deploys"}`)
		if bots := admin.must(t, http.MethodGet, product+"/admin/bots", ""); bots.Get("bots.#").Int() != 0 {
			t.Errorf("got the bots %s, want none", bots.Raw)
		}

		bia.mustSyncUntil(t, "all", func(gjson.Result) bool { return true })
		said := hook.mustPost(t, `{"text":"@room and @bia:localhost, it is done","username":"CI"}`)
		answer := joined(bia.mustSyncUntil(t, "the message", func(a gjson.Result) bool { return joined(a, room).Exists() }), room)
		got := answer.Get("timeline.events.0")
		if got.Get("event_id").Str != said || got.Get("sender").Str != hook.user || got.Get("type").Str != "m.room.message" ||
			got.Get("content.body").Str != "CI: @room and @bia:localhost, it is done" || got.Get("content.msgtype").Str != "m.text" {
			t.Errorf("got %s", got.Raw)
		}
		if unread := answer.Get("unread_notifications"); unread.Get("notification_count").Int() != 1 || unread.Get("highlight_count").Int() != 0 {
			t.Errorf("got %s, want one unread message that mentions nobody", unread.Raw)
		}

		code, kind, slack := hook.post(t, url.Values{"payload": {`{"text":"*x* <https://x.y|z>"}`}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		if code != http.StatusOK || kind != "text/plain; charset=utf-8" || slack != "ok" {
			t.Errorf("Slack's shape: got %d %s %q, want ok", code, kind, slack)
		}
		mustHaveSaid(t, bia, room, "x z (https://x.y)")

		ana.must(t, http.MethodPut, webhooksOf(room)+"/"+hook.id, `{"name":"Builds","avatar_url":"mxc://localhost/pic"}`)
		mustBeShownAs(t, bia, room, hook.user, `{"membership":"join","displayname":"Builds","avatar_url":"mxc://localhost/pic"}`)
		if profile := bia.must(t, http.MethodGet, "/profile/"+hook.user, ""); profile.Get("displayname").Str != "Builds" {
			t.Errorf("got the profile %s", profile.Raw)
		}

		in.mustRun(t, "correct horse\n", "user", "set-password", hook.id, "--password-stdin")
		bia.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/login",
			`{"type":"m.login.password","identifier":{"type":"m.id.user","user":%q},"password":"correct horse"}`, hook.id)
		for _, c := range [][2]string{{http.MethodPost, "/tokens"}, {http.MethodDelete, ""}} {
			admin.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", c[0], product+"/admin/bots/"+hook.user+c[1], `{"name":"x"}`)
		}

		ana.must(t, http.MethodDelete, webhooksOf(room)+"/"+hook.id, "")
		mustBeShownAs(t, bia, room, hook.user, `{"membership":"leave"}`)
		never := &poster{url: hook.url[:len(hook.url)-1] + "-"}
		_, _, want := never.post(t, `{"text":"x"}`)
		if code, _, got := hook.post(t, `{"text":"x"}`); code != http.StatusNotFound || got != want {
			t.Errorf("got %d %s after its end, want 404 %s", code, got, want)
		}
		ana.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodDelete, webhooksOf(room)+"/"+hook.id, "")
		if users := in.mustRun(t, "", "user", "list"); !strings.Contains(users, hook.user) || !strings.Contains(users, "deactivated") {
			t.Errorf("got the users %s, want %s deactivated", users, hook.user)
		}
		for _, action := range []string{"token.created", "token.changed", "token.revoked"} {
			entry := admin.must(t, http.MethodGet, product+"/admin/audit?action="+action, "").Get("entries.0")
			if entry.Get("actor").Str != ana.id || entry.Get("target").Str != hook.user || entry.Get("details.kind").Str != "webhook" {
				t.Errorf("%s: got %s", action, entry.Raw)
			}
		}
	})
}

func mustBeShownAs(t testing.TB, reader *asker, room, user, want string) {
	t.Helper()
	got := reader.must(t, http.MethodGet, inRoom(room)+"/state/m.room.member/"+user, "")
	if sortedObject(got) != sortedObject(gjson.Parse(want)) {
		t.Errorf("got the member %s, want %s", got.Raw, want)
	}
}

// sortedObject is a flat object's members in the order of their names.
func sortedObject(object gjson.Result) string { return fmt.Sprint(object.Value()) }

// mustHaveSaid demands the newest message of a room.
func mustHaveSaid(t testing.TB, reader *asker, room, want string) {
	t.Helper()
	page := reader.must(t, http.MethodGet, inRoom(room)+"/messages?dir=b&limit=1", "")
	if got := page.Get("chunk.0.content.body").Str; got != want {
		t.Errorf("got %q as the newest message, want %q", got, want)
	}
}

// TestWhoMayManageWebhooks lets owners and administrators, who need not be in the
// room, and nobody else.
func TestWhoMayManageWebhooks(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		for _, name := range []string{"ana", "bia", "caio"} {
			in.mustHaveUser(t, name, "correct horse")
		}
		in.mustRun(t, "correct horse\n", "user", "create", "boss", "--role", "administrator", "--password-stdin")
		hs := &homeserver{url: in.mustStart(t).url}
		logIn := func(name string) *asker {
			return (&asker{hs: hs, name: name, password: "correct horse"}).mustLogIn(t, "")
		}
		admin, ana, bia, caio := logIn("boss"), logIn("ana"), logIn("bia"), logIn("caio")
		public := ana.mustCreate(t, `{"preset":"public_chat","power_level_content_override":{"users":{"@ana:localhost":100,"@bia:localhost":99}}}`)
		bia.mustJoin(t, public)
		hook := admin.mustHook(t, public, "from outside")
		hook.mustPost(t, `{"text":"hello"}`)
		if got := admin.must(t, http.MethodGet, webhooksOf(public), "").Get("webhooks.#").Int(); got != 1 {
			t.Errorf("got %d webhooks", got)
		}
		admin.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodGet, inRoom(public)+"/messages?dir=b", "")
		for _, a := range []*asker{bia, caio} {
			for _, c := range [][2]string{
				{http.MethodGet, webhooksOf(public)},
				{http.MethodPost, webhooksOf(public)},
				{http.MethodPut, webhooksOf(public) + "/" + hook.id},
				{http.MethodDelete, webhooksOf(public) + "/" + hook.id},
			} {
				a.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", c[0], c[1], `{"name":"x"}`)
			}
		}
		other := ana.mustCreate(t, `{"preset":"public_chat"}`)
		ana.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodDelete, webhooksOf(other)+"/"+hook.id, "")
		for _, body := range []string{`{}`, `{"name":""}`, `{"name":"x","avatar_url":"https://x.y"}`, `{"name":"` + strings.Repeat("x", 257) + `"}`} {
			ana.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPost, webhooksOf(other), body)
		}

		// Into a private room who may not invite is helped by the server itself.
		private := ana.mustCreate(t, `{"preset":"private_chat","power_level_content_override":{"invite":100}}`)
		admin.mustHook(t, private, "from outside").mustPost(t, `{"text":"hello"}`)
		ana.must(t, http.MethodPost, inRoom(private)+"/invite", `{"user_id":%q}`, admin.id)
		admin.mustJoin(t, private)
		admin.mustHook(t, private, "from below").mustPost(t, `{"text":"hello"}`)
		ana.mustHook(t, private, "of the owner").mustPost(t, `{"text":"hello"}`)
		var inviters []string
		for _, e := range ana.must(t, http.MethodGet, inRoom(private)+"/messages?dir=f&limit=100", "").Get("chunk").Array() {
			if e.Get("content.membership").Str == "invite" && strings.HasPrefix(e.Get("state_key").Str, "@webhook-") {
				inviters = append(inviters, e.Get("sender").Str+" for "+e.Get(`content.br\.com\.conversalabs\.actor`).Str)
			}
		}
		if diff := cmp.Diff(inviters, []string{"@conversalabs:localhost for " + admin.id, "@conversalabs:localhost for " + admin.id, ana.id + " for "}); diff != "" {
			t.Errorf("who invited, got before want: %s", diff)
		}

		// Where messages need power, it is the owner's to give, and an administrator's.
		boss := logIn("boss")
		news := admin.mustCreate(t, `{"br.com.conversalabs.kind":"announcement","invite":["@ana:localhost"],"power_level_content_override":{"users":{"@ana:localhost":150}}}`)
		for name, by := range map[string]*asker{"of the owner": ana, "of an administrator": boss} {
			announcer := by.mustHook(t, news, name)
			announcer.mustPost(t, `{"text":"news"}`)
			if got := member(ana.must(t, http.MethodGet, inRoom(news)+"/state/m.room.power_levels", "").Get("users"), announcer.user).Int(); got != 50 {
				t.Errorf("got the power %d, want 50", got)
			}
		}
		direct := ana.mustCreate(t, `{"is_direct":true,"invite":["@bia:localhost"]}`)
		ana.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, webhooksOf(direct), `{"name":"x"}`)
	})
}

// TestWebhooksAreRefused finds every post that cannot be answered with a sentence.
func TestWebhooksAreRefused(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		in.mustHaveUser(t, "ana", "correct horse")
		running := in.mustStart(t)
		ana := (&asker{hs: &homeserver{url: running.url}, name: "ana", password: "correct horse"}).mustLogIn(t, "")
		room := ana.mustCreate(t, `{"preset":"private_chat"}`)
		hook := ana.mustHook(t, room, "Deploys")
		hook.mustBeRefused(t, http.StatusBadRequest, "M_MISSING_PARAM", `{"text":" "}`)
		hook.mustBeRefused(t, http.StatusBadRequest, "M_NOT_JSON", `text`)
		hook.mustBeRefused(t, http.StatusUnsupportedMediaType, "M_UNKNOWN", `{"text":"x"}`, "Content-Type", "text/html")
		hook.mustBeRefused(t, http.StatusRequestEntityTooLarge, "M_TOO_LARGE", `{"text":"`+strings.Repeat("x", 128<<10)+`"}`)
		hook.mustBeRefused(t, http.StatusRequestEntityTooLarge, "M_TOO_LARGE", `{"text":"`+strings.Repeat("x", 66<<10)+`"}`)
		for _, secret := range []string{"x", "ic_wh_default_" + strings.Repeat("A", 43), "ic_wh_other_" + strings.Repeat("A", 43), "ic_at_default_" + strings.Repeat("A", 43)} {
			(&poster{url: running.url + "/_conversalabs/hooks/" + secret}).mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", `{"text":"x"}`)
		}
		ana.must(t, http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q}`, hook.user)
		hook.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", `{"text":"x"}`)
		ana.must(t, http.MethodDelete, webhooksOf(room)+"/"+hook.id, "")

		replaced := ana.mustCreate(t, `{"preset":"private_chat"}`)
		hook = ana.mustHook(t, replaced, "Deploys")
		ana.must(t, http.MethodPost, inRoom(replaced)+"/upgrade", `{"new_version":"11"}`)
		hook.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", `{"text":"x"}`)
	})
}

// TestWebhookRates answers who posts too much with the time to wait.
func TestWebhookRates(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		in.mustHaveUser(t, "ana", "correct horse")
		file := filepath.Join(t.TempDir(), "rates.yaml")
		if err := os.WriteFile(file, []byte("rates:\n  bot_messages: 0.001/2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		running := in.mustStart(t, "--rate-limits", "on", "--config", file)
		ana := (&asker{hs: &homeserver{url: running.url}, name: "ana", password: "correct horse"}).mustLogIn(t, "")
		room := ana.mustCreate(t, `{"preset":"private_chat"}`)
		hook, other := ana.mustHook(t, room, "one"), ana.mustHook(t, room, "two")
		hook.mustPost(t, `{"text":"1"}`)
		hook.mustPost(t, `{"text":"2"}`)
		if code, _, answer := hook.post(t, `{"text":"3"}`); code != http.StatusTooManyRequests || gjson.Get(answer, "retry_after_ms").Int() <= 0 {
			t.Errorf("got %d %s, want 429 and how long to wait", code, answer)
		}
		other.mustPost(t, `{"text":"of another webhook"}`)
	})
}

// TestWebhookRepeats gives the first event for the same key, after a restart too.
func TestWebhookRepeats(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		in.mustHaveUser(t, "ana", "correct horse")
		running := in.mustStart(t)
		ana := (&asker{hs: &homeserver{url: running.url}, name: "ana", password: "correct horse"}).mustLogIn(t, "")
		room := ana.mustCreate(t, `{"preset":"private_chat"}`)
		hook, other := ana.mustHook(t, room, "one"), ana.mustHook(t, room, "two")
		first := hook.mustPost(t, `{"text":"first"}`, "Idempotency-Key", "k")
		if again := hook.mustPost(t, `{"text":"another","idempotency_key":"k"}`); again != first {
			t.Errorf("got %s for the same key, want %s", again, first)
		}
		for _, different := range []string{hook.mustPost(t, `{"text":"a","idempotency_key":"l"}`), other.mustPost(t, `{"text":"a","idempotency_key":"k"}`), hook.mustPost(t, `{"text":"first"}`)} {
			if different == first {
				t.Error("got the event of another key or webhook")
			}
		}
		running.stop(t)
		running = in.mustStart(t)
		hook.url = running.url + hook.url[strings.Index(hook.url, "/_conversalabs"):]
		if again := hook.mustPost(t, `{"text":"first"}`, "Idempotency-Key", "k"); again != first {
			t.Errorf("got %s after a restart, want %s", again, first)
		}
	})
}

// TestWebhookOnTwoNodes repeats on one node what was posted on the other, and ends
// on one what then is unknown to both.
func TestWebhookOnTwoNodes(t *testing.T) {
	t.Parallel()
	_, one, two, password := nodes(t)
	admin := (&asker{hs: &homeserver{url: one.url}, name: "admin", password: password}).mustLogIn(t, "")
	room := admin.mustCreate(t, `{"preset":"private_chat"}`)
	here := admin.mustHook(t, room, "Deploys")
	there := &poster{url: two.url + strings.TrimPrefix(here.url, one.url)}
	if first, again := here.mustPost(t, `{"text":"x","idempotency_key":"k"}`), there.mustPost(t, `{"text":"y","idempotency_key":"k"}`); first != again {
		t.Errorf("got %s on the other node, want %s", again, first)
	}
	there.mustPost(t, `{"text":"z"}`)
	admin.must(t, http.MethodDelete, webhooksOf(room)+"/"+here.id, "")
	for _, p := range []*poster{there, here} {
		p.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", `{"text":"x"}`)
	}
}
