package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

const team = "/_matrix/client/unstable/br.com.conversalabs/v1"

// office is an account, 7, with a resolver of its own: everybody may see the items that
// it has, but who is not among those of an item that names some.
type office struct {
	*homeserver
	machine  *asker
	resolver *httptest.Server

	mu    sync.Mutex // guards the rest
	items map[string]string
	only  map[string]string // the user who may see an item
	down  bool
	asked []url.Values
}

func mustOpenOffice(t *testing.T, in installation) *office {
	t.Helper()
	o := &office{items: map[string]string{}, only: map[string]string{}}
	o.resolver = httptest.NewServer(o)
	t.Cleanup(o.resolver.Close)
	running := in.mustStart(t, "--outbound-networks", "127.0.0.0/8")
	o.homeserver = &homeserver{url: running.url}
	_, token, _ := strings.Cut(strings.TrimSpace(in.mustRun(t, "", "token", "create", "conversalabs")), ": ")
	o.machine = &asker{hs: o.homeserver, token: token}
	o.mustBe(t, 1, `"conversalabs"`)
	return o
}

// mustBe provisions the account.
func (o *office) mustBe(t testing.TB, version int, kind string) {
	t.Helper()
	o.machine.must(t, http.MethodPut, "/_conversalabs/v1/accounts/7", `{"name":"Acme","server_name":"acme.test","enabled":true,
		"locale":"pt-BR","cards":{"resolver_url":%q,"secret":"s3cret","kind":%s},"version":%d}`, o.resolver.URL, kind, version)
}

// mustHire makes a user and signs them in.
func (o *office) mustHire(t testing.TB, external, role string) *asker {
	t.Helper()
	path := "/_conversalabs/v1/accounts/7/users/" + external
	o.machine.must(t, http.MethodPut, path, `{"display_name":"Agent %s","role":%q,"internal_chat":true,"active":true,"version":1}`, external, role)
	token := o.machine.must(t, http.MethodPost, path+"/login_token", "").Get("login_token").Str
	in := o.nobody().must(t, http.MethodPost, "/login", `{"type":"m.login.token","token":%q}`, token)
	return &asker{hs: o.homeserver, id: in.Get("user_id").Str, device: in.Get("device_id").Str, token: in.Get("access_token").Str}
}

// ServeHTTP is the resolver.
func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := r.URL.Query()
	o.asked = append(o.asked, q)
	item, there := o.items[q.Get("type")+"/"+q.Get("id")]
	only := o.only[q.Get("type")+"/"+q.Get("id")]
	switch {
	case o.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case !there || only != "" && only != q.Get("user_id"):
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write([]byte(item))
	}
}

// keep gives the resolver an item, which only one user may see unless that is "".
func (o *office) keep(kind, id, title, summary, link, only string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.items[kind+"/"+id] = fmt.Sprintf(`{"type":%q,"id":%q,"title":%q,"summary":%q,"url":%q,"state":"open"}`, kind, id, title, summary, link)
	o.only[kind+"/"+id] = only
}

func (o *office) stop(down bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

// mustContent gives the content of a message.
func (a *asker) mustContent(t testing.TB, room, eventID string) gjson.Result {
	t.Helper()
	return a.must(t, http.MethodGet, inRoom(room)+"/event/"+url.PathEscape(eventID), "").Get("content")
}

func cardsOf(room string) string { return team + "/rooms/" + url.PathEscape(room) + "/cards" }

// messages counts the messages of a room.
func (a *asker) messages(t testing.TB, room string) int {
	t.Helper()
	return len(a.must(t, http.MethodGet, inRoom(room)+"/messages?dir=b&limit=100", "").Get(`chunk.#(type=="m.room.message")#`).Array())
}

const cardKey = `br\.com\.conversalabs\.card`

// Who may see an item shows it to a room, and each who looks at the card sees it by
// their own rights.
func TestShareCards(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		o := mustOpenOffice(t, in)
		ana, bia := o.mustHire(t, "42", "agent"), o.mustHire(t, "43", "agent")
		room := ana.mustCreate(t, `{"preset":"public_chat"}`)
		bia.mustJoin(t, room)
		const link = "https://app.example/app/accounts/7/conversations/4812"
		o.keep("conversation", "4812", "#4812 — Maria <Souza>", "WhatsApp · open", link, "42")
		made := ana.must(t, http.MethodPost, cardsOf(room),
			`{"type":"conversation","id":"4812","comment":"Can you take\nthis <b>one</b>?","title":"forged","url":"https://evil.example"}`)
		if got := made.Get("room_id").Str; got != room {
			t.Errorf("got the room %s, want %s", got, room)
		}
		content := bia.mustContent(t, room, made.Get("event_id").Str)
		if resolved := content.Get(cardKey + ".resolved_ts").Int(); resolved < 1_700_000_000_000 {
			t.Errorf("got resolved_ts %d", resolved)
		}
		mustBeJSON(t, content, `{"msgtype":"m.text","m.mentions":{},"format":"org.matrix.custom.html",
			"body":"Can you take\nthis <b>one</b>?\n🗨 Conversa #4812 — Maria <Souza>: `+link+`",
			"formatted_body":"<p>Can you take<br>this &lt;b&gt;one&lt;/b&gt;?</p><p>🗨 <a href=\"`+link+`\">Conversa #4812 — Maria &lt;Souza&gt;</a></p>",
			"br.com.conversalabs.card":{"version":1,"type":"conversation","id":"4812","account_id":"7","title":"#4812 — Maria <Souza>",
				"summary":"WhatsApp · open","icon":"conversation","url":"`+link+`","comment":"Can you take\nthis <b>one</b>?",
				"resolved_ts":`+content.Get(cardKey+".resolved_ts").Raw+`}}`)
		// The resolver learns who asks, for what and in which language, and nothing else.
		asked := o.asked[len(o.asked)-1].Encode()
		if want := "account_id=7&id=4812&locale=pt-BR&type=conversation&user_id=42"; asked != want {
			t.Errorf("asked %s, want %s", asked, want)
		}
		live := ana.must(t, http.MethodGet, team+"/cards/conversation/4812", "")
		mustBeJSON(t, live, `{"type":"conversation","id":"4812","account_id":"7","title":"#4812 — Maria <Souza>","summary":"WhatsApp · open",
			"icon":"conversation","url":"`+link+`","state":"open"}`)
		// Bia reads the card, and neither sees the item nor shares it.
		before := bia.messages(t, room)
		bia.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, team+"/cards/conversation/4812", "")
		bia.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodPost, cardsOf(room), `{"type":"conversation","id":"4812"}`)
		if after := bia.messages(t, room); after != before {
			t.Errorf("got %d messages, want still %d", after, before)
		}
		// All kinds, and a kind that nobody knows yet: its link.
		for _, kind := range []string{"contact", "deal", "task", "product", "charge", "calendar_event", "broadcast", "campaign", "spaceship"} {
			o.keep(kind, "a-1", "Apollo", "", "https://app.example/"+kind, "")
			content := bia.mustContent(t, room, bia.must(t, http.MethodPost, cardsOf(room), `{"type":%q,"id":"a-1"}`, kind).Get("event_id").Str)
			if body := content.Get("body").Str; !strings.HasSuffix(body, "Apollo: https://app.example/"+kind) {
				t.Errorf("%s: got %s", kind, content.Raw)
			}
			if got := content.Get(cardKey + ".type").Str; got != kind && (kind != "spaceship" || content.Get(cardKey).Exists()) {
				t.Errorf("%s: got %s", kind, content.Raw)
			}
		}
		// An item is found by what its summary says.
		found := bia.must(t, http.MethodPost, "/search", `{"search_categories":{"room_events":{"search_term":"whatsapp"}}}`)
		if got := found.Get("search_categories.room_events.results.0.result.event_id").Str; got != made.Get("event_id").Str {
			t.Errorf("found %s, want the card", found.Raw)
		}
		o.mustShareDirectly(t, ana, bia)
		edited := ana.mustSend(t, room, "m.room.message", `{"msgtype":"m.text","body":"* x","m.new_content":{"msgtype":"m.text","body":"x",
			"br.com.conversalabs.card":{"url":"https://evil.example"}},"m.relates_to":{"rel_type":"m.replace","event_id":%q}}`, made.Get("event_id").Str)
		if content := bia.mustContent(t, room, edited); content.Get("m\\.new_content."+cardKey).Exists() || content.Get("m\\.new_content.body").Str != "x" {
			t.Errorf("the edit became %s", content.Raw)
		}
	})
}

// mustShareDirectly shares with a colleague: no room is made for what cannot be seen,
// and one for all that can.
func (o *office) mustShareDirectly(t testing.TB, ana, bia *asker) {
	t.Helper()
	rooms := func() string { return ana.must(t, http.MethodGet, "/joined_rooms", "").Raw }
	before := rooms()
	ana.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodPost, team+"/cards", `{"type":"deal","id":"none","dm_user_id":%q}`, bia.id)
	ana.mustBeRefused(t, http.StatusBadRequest, "M_MISSING_PARAM", http.MethodPost, team+"/cards", `{"type":"deal","id":"a-1"}`)
	if after := rooms(); after != before {
		t.Errorf("got the rooms %s, want still %s", after, before)
	}
	const body = `{"type":"deal","id":"a-1","dm_user_id":%q,"idempotency_key":"k"}`
	first := ana.must(t, http.MethodPost, team+"/cards", body, bia.id)
	room := first.Get("room_id").Str
	if again := ana.must(t, http.MethodPost, team+"/cards", body, bia.id); again.Raw != first.Raw {
		t.Errorf("got %s again, want %s", again.Raw, first.Raw)
	}
	bia.mustLeave(t, room)
	back := ana.must(t, http.MethodPost, cardsOf(room), `{"type":"deal","id":"a-1"}`).Get("event_id").Str
	if got := bia.mustContent(t, room, back).Get(cardKey + ".type").Str; got != "deal" {
		t.Errorf("got a card of type %q in the direct message, want a deal", got)
	}
}

// mustBeJSON compares JSON whatever the order of its keys.
func mustBeJSON(t testing.TB, got gjson.Result, want string) {
	t.Helper()
	if diff := cmp.Diff(got.Value(), gjson.Parse(want).Value()); diff != "" {
		t.Errorf("(got -, want +):\n%s", diff)
	}
}

// What fails at the resolver, or in the room, sends nothing.
func TestRefusedCards(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		o := mustOpenOffice(t, in)
		ana, bia := o.mustHire(t, "42", "administrator"), o.mustHire(t, "43", "agent")
		room := ana.mustCreate(t, `{"preset":"public_chat","power_level_content_override":{"events_default":50}}`)
		bia.mustJoin(t, room)
		o.keep("deal", "1", "Deal", "", "https://app.example/1", "")
		o.keep("deal", "2", "Deal", "", "javascript:alert(1)", "")
		const share = `{"type":"deal","id":"1"}`
		bia.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, cardsOf(room), share)
		stranger := o.mustHire(t, "44", "agent")
		hidden := ana.mustCreate(t, `{"preset":"private_chat"}`)
		there := stranger.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, cardsOf(hidden), share)
		nowhere := stranger.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, cardsOf("!none:acme.test"), share)
		if there.Raw != nowhere.Raw {
			t.Errorf("got %s for a room that there is and %s for none", there.Raw, nowhere.Raw)
		}
		ana.mustBeRefused(t, http.StatusBadGateway, "M_UNKNOWN", http.MethodPost, cardsOf(room), `{"type":"deal","id":"2"}`)
		ana.mustBeRefused(t, http.StatusRequestEntityTooLarge, "M_TOO_LARGE", http.MethodPost, cardsOf(room),
			`{"type":"deal","id":"1","comment":%q}`, strings.Repeat("x", 4097))
		ana.mustBeRefused(t, http.StatusBadRequest, "M_INVALID_PARAM", http.MethodPost, cardsOf(room), `{"type":"deal","id":"../1"}`)
		ana.mustBeRefused(t, http.StatusBadRequest, "M_INVALID_PARAM", http.MethodPost, cardsOf(room), `{}`)
		ana.mustBeRefused(t, http.StatusBadRequest, "M_BAD_JSON", http.MethodPost, cardsOf(room), `{"type":1,"id":"1"}`)
		o.stop(true)
		refused := ana.mustBeRefused(t, http.StatusBadGateway, "M_BAD_STATUS", http.MethodPost, cardsOf(room), share)
		if got := refused.Get(`br\.com\.conversalabs\.reason`).Str; got != "card_resolver_failed" || refused.Get("error").Str == "" {
			t.Errorf("got %s", refused.Raw)
		}
		o.stop(false)
		if got := ana.messages(t, room); got != 0 {
			t.Errorf("%d messages were sent", got)
		}
		// A retry is answered with the first message, whatever the resolver says by now.
		first := ana.mustShareOnce(t, room, "key", share)
		o.stop(true)
		if again := ana.mustShareOnce(t, room, "key", share); again != first {
			t.Errorf("got %s, want the first message %s", again, first)
		}
		again := ana.must(t, http.MethodPost, cardsOf(room), `{"type":"deal","id":"1","idempotency_key":"key"}`).Get("event_id").Str
		if again != first {
			t.Errorf("got %s with the key in the body, want %s", again, first)
		}
		ana.mustBeRefused(t, http.StatusBadRequest, "M_INVALID_PARAM", http.MethodPost, cardsOf(room), `{"type":"deal","id":"1","idempotency_key":""}`)
		o.stop(false)
		if got := ana.messages(t, room); got != 1 {
			t.Errorf("got %d messages, want 1", got)
		}
		// A room that was replaced takes none, not even from its owner.
		ana.must(t, http.MethodPost, inRoom(hidden)+"/upgrade", `{"new_version":"11"}`)
		ana.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, cardsOf(hidden), share)
	})
}

// mustShareOnce shares an item with an idempotency key.
func (a *asker) mustShareOnce(t testing.TB, room, key, body string) (eventID string) {
	t.Helper()
	r, err := http.NewRequestWithContext(within(t), http.MethodPost, a.hs.url+cardsOf(room), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Idempotency-Key", key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s, %v", answer.StatusCode, said, err)
	}
	return gjson.GetBytes(said, "event_id").Str
}

// Whatever way a client sends a card by, it is taken out.
func TestForgedCards(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		in.mustHaveUser(t, "ana", "correct horse")
		running := in.mustStart(t)
		ana := (&asker{hs: &homeserver{url: running.url}, name: "ana", password: "correct horse"}).mustLogIn(t, "")
		const forged = `"br.com.conversalabs.card":{"version":1,"url":"https://evil.example"}`
		room := ana.mustCreate(t, `{"preset":"private_chat","initial_state":[{"type":"test.one","content":{`+forged+`,"kept":1}}],
			"creation_content":{`+forged+`}}`)
		ana.mustSend(t, room, "m.room.message", `{"msgtype":"m.text","body":"a",`+forged+`}`)
		ana.mustSend(t, room, "test.two", `{"list":[{`+forged+`}],"\u0062r.com.conversalabs.card":1}`)
		one := ana.mustPutState(t, room, "test.three", "", `{"kept":1,`+forged+`}`)
		if again := ana.mustPutState(t, room, "test.three", "", `{"kept":1,`+forged+`}`); again != one {
			t.Error("the same state with a card made another event")
		}
		ana.must(t, http.MethodPut, inRoom(room)+"/send/m.room.message/d?org.matrix.msc4140.delay=1", `{"msgtype":"m.text","body":"later",`+forged+`}`)
		hook := ana.must(t, http.MethodPost, team+"/rooms/"+url.PathEscape(room)+"/webhooks", `{"name":"x"}`).Get("url").Str
		ana.must(t, http.MethodPost, hook[strings.Index(hook, "/_conversalabs"):], `{"text":"hooked",`+forged+`}`)
		answer := ana.mustSyncUntil(t, "the delayed message", func(answer gjson.Result) bool {
			return strings.Contains(answer.Raw, "later")
		})
		all := answer.Raw + ana.must(t, http.MethodGet, inRoom(room)+"/messages?dir=b&limit=100", "").Raw
		if strings.Contains(all, "evil.example") || strings.Contains(all, "conversalabs.card") {
			t.Errorf("a forged card is in %s", all)
		}
		if !strings.Contains(all, "hooked") || !strings.Contains(all, `"kept":1`) {
			t.Errorf("what came with it is missing in %s", all)
		}
		// A user whom ConversaLabs does not know has nothing to share.
		ana.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodPost, cardsOf(room), `{"type":"deal","id":"1"}`)
	})
}
