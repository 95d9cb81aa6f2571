package cards_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/cards"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// other is the system that is asked.
type other struct {
	*httptest.Server
	mu     sync.Mutex // guards asked
	asked  []*http.Request
	faults []error // that the resolver reports
}

// mustServe starts a system that answers so, and demands of all it is asked that it is
// read only: a GET without a body.
func mustServe(t *testing.T, answer http.HandlerFunc) *other {
	t.Helper()
	o := &other{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.ContentLength != 0 || r.TransferEncoding != nil {
			t.Errorf("asked %s with %d bytes, want GET without a body", r.Method, r.ContentLength)
		}
		o.mu.Lock()
		o.asked = append(o.asked, r)
		o.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *other) resolver(t *testing.T, networks ...netip.Prefix) *cards.Resolver {
	t.Helper()
	r := cards.New(cards.Options{
		Networks: networks, Now: func() time.Time { return noon },
		Report: func(_ tenant.ID, err error) { o.faults = append(o.faults, err) },
	})
	t.Cleanup(r.Close)
	return r
}

var loopback = netip.MustParsePrefix("127.0.0.0/8")

var question = cards.Question{Account: "7", User: "42", Type: "deal", ID: "4812", Locale: "pt-BR"}

func (o *other) at(path string) *accounts.CardResolver {
	return &accounts.CardResolver{Endpoint: accounts.Endpoint{URL: o.URL + path, Secret: "the secret"}}
}

const deal = `{"type":"deal","id":"4812","title":" Negócio Acme ","summary":"Proposta","icon":"star","url":"https://app.example/deals/4812","state":"open","more":1}`

// The resolver is told who asks and for what, signed, and nothing else.
func TestQuestion(t *testing.T) {
	t.Parallel()
	o := mustServe(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(deal)) })
	got, err := o.resolver(t, loopback).Resolve(t.Context(), o.at("/cards?tenant=x"), question)
	want := cards.Item{
		Type: "deal", ID: "4812", Title: "Negócio Acme", Summary: "Proposta", Icon: "star",
		URL: "https://app.example/deals/4812", State: "open",
	}
	if err != nil || *got != want {
		t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
	asked := o.asked[0]
	if got, want := asked.URL.RequestURI(), "/cards?account_id=7&id=4812&locale=pt-BR&tenant=x&type=deal&user_id=42"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	mac := hmac.New(sha256.New, []byte("the secret"))
	_, _ = mac.Write([]byte("1795953600." + asked.URL.RawQuery))
	if got, want := asked.Header.Get("X-ConversaLabs-Signature"), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("got the signature %q, want %q", got, want)
	}
	if got := asked.Header.Get("X-ConversaLabs-Timestamp"); got != "1795953600" {
		t.Errorf("got the timestamp %q", got)
	}
	if slices.ContainsFunc([]string{"Cookie", "Authorization", "Referer"}, func(name string) bool { return asked.Header.Get(name) != "" }) {
		t.Errorf("got the headers %v", asked.Header)
	}
}

// What a resolver says wrongly is not believed, and never shown.
func TestAnswersThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	var answer func(http.ResponseWriter, *http.Request)
	o := mustServe(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r) })
	r := o.resolver(t, loopback)
	const failed, unseen = "card_resolver_failed", "card_not_visible"
	with := func(key, value string) string {
		start := strings.Index(deal, `"`+key+`":"`) + len(key) + 4
		return deal[:start] + value + deal[start+strings.IndexByte(deal[start:], '"'):]
	}
	for name, c := range map[string]struct {
		status  int
		body    string
		code    string
		because string
	}{
		"another type":       {200, with("type", "task"), "M_UNKNOWN", failed},
		"another ID":         {200, with("id", "4813"), "M_UNKNOWN", failed},
		"no title":           {200, with("title", " "), "M_UNKNOWN", failed},
		"a long title":       {200, with("title", strings.Repeat("x", 257)), "M_UNKNOWN", failed},
		"two lines":          {200, with("title", `a\nb`), "M_UNKNOWN", failed},
		"turned around":      {200, with("title", `a\u202eb`), "M_UNKNOWN", failed},
		"a long summary":     {200, with("summary", strings.Repeat("x", 513)), "M_UNKNOWN", failed},
		"an icon's markup":   {200, with("icon", "<b>"), "M_UNKNOWN", failed},
		"a state's markup":   {200, with("state", "a b"), "M_UNKNOWN", failed},
		"a script":           {200, with("url", "javascript:alert(1)"), "M_UNKNOWN", failed},
		"data":               {200, with("url", "data:text/html,x"), "M_UNKNOWN", failed},
		"no scheme":          {200, with("url", "//app.example/x"), "M_UNKNOWN", failed},
		"no host":            {200, with("url", "https:///x"), "M_UNKNOWN", failed},
		"a user":             {200, with("url", "https://app.example@evil.example/"), "M_UNKNOWN", failed},
		"a quote":            {200, with("url", `https://app.example/\"x`), "M_UNKNOWN", failed},
		"no URL":             {200, with("url", ""), "M_UNKNOWN", failed},
		"a long URL":         {200, with("url", "https://app.example/"+strings.Repeat("x", 2048)), "M_UNKNOWN", failed},
		"no JSON":            {200, "<html>", "M_UNKNOWN", failed},
		"a list":             {200, "[" + deal + "]", "M_UNKNOWN", failed},
		"a number":           {200, `{"type":"deal","id":4812,"title":"x","url":"https://x.example"}`, "M_UNKNOWN", failed},
		"a key twice":        {200, `{"type":"deal",` + deal[1:], "M_UNKNOWN", failed},
		"no UTF-8":           {200, with("title", "\xff"), "M_UNKNOWN", failed},
		"too much":           {200, deal + strings.Repeat(" ", 1<<20), "M_UNKNOWN", failed},
		"another status":     {204, "", "M_BAD_STATUS", failed},
		"a wrong signature":  {401, "", "M_BAD_STATUS", failed},
		"a fault":            {500, deal, "M_BAD_STATUS", failed},
		"too many":           {429, deal, "M_BAD_STATUS", failed},
		"not to be seen":     {403, deal, "M_NOT_FOUND", unseen},
		"not there":          {404, deal, "M_NOT_FOUND", unseen},
		"not there any more": {410, deal, "M_NOT_FOUND", unseen},
	} {
		answer = func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}
		o.faults = nil
		item, err := r.Resolve(t.Context(), o.at(""), question)
		refused := refusal.As(err)
		if item != nil || refused == nil || refused.Code != c.code || refused.Reason != c.because {
			t.Errorf("%s: got %+v, %v, want %s because of %s", name, item, err, c.code, c.because)
		}
		if reported := len(o.faults) == 1; reported != (c.because == failed) {
			t.Errorf("%s: reported %v", name, o.faults)
		}
	}
	// A redirect is not followed, wherever it leads.
	answer = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/there" {
			_, _ = w.Write([]byte(deal))
			return
		}
		http.Redirect(w, r, "/there?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
	}
	if item, err := r.Resolve(t.Context(), o.at("/"), question); !refusal.Is(err, "M_BAD_STATUS") {
		t.Errorf("a redirect: got %+v, %v, want M_BAD_STATUS", item, err)
	}
	// The link may be as plain as the way to the resolver is.
	answer = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(with("url", "http://127.0.0.1/x")))
	}
	if item, err := r.Resolve(t.Context(), o.at("/"), question); err != nil {
		t.Errorf("a plain link: got %+v, %v", item, err)
	}
}

// Who cannot be asked, or for nobody, is not.
func TestQuestionsThatAreNotAsked(t *testing.T) {
	t.Parallel()
	o := mustServe(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(deal)) })
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	but := func(change func(*cards.Question)) cards.Question {
		q := question
		change(&q)
		return q
	}
	for name, c := range map[string]struct {
		from    *accounts.CardResolver
		q       cards.Question
		private bool
		because string
	}{
		"no resolver":          {nil, question, true, "cards_not_configured"},
		"no secret":            {&accounts.CardResolver{Endpoint: accounts.Endpoint{URL: o.URL}}, question, true, "cards_not_configured"},
		"nobody":               {o.at(""), but(func(q *cards.Question) { q.User = "" }), true, "card_user_unknown"},
		"a type of no name":    {o.at(""), but(func(q *cards.Question) { q.Type = "Deal" }), true, ""},
		"no type":              {o.at(""), but(func(q *cards.Question) { q.Type = "" }), true, ""},
		"an ID with a slash":   {o.at(""), but(func(q *cards.Question) { q.ID = "../1" }), true, ""},
		"a long ID":            {o.at(""), but(func(q *cards.Question) { q.ID = strings.Repeat("1", 129) }), true, ""},
		"our own network":      {o.at(""), question, false, "card_resolver_failed"},
		"nobody answers there": {&accounts.CardResolver{Endpoint: accounts.Endpoint{URL: closed.URL, Secret: "x"}}, question, true, "card_resolver_failed"},
		"no address":           {&accounts.CardResolver{Endpoint: accounts.Endpoint{URL: "ftp://127.0.0.1", Secret: "x"}}, question, true, "card_resolver_failed"},
	} {
		var networks []netip.Prefix
		if c.private {
			networks = append(networks, loopback)
		}
		item, err := o.resolver(t, networks...).Resolve(t.Context(), c.from, c.q)
		if refused := refusal.As(err); item != nil || refused == nil || refused.Reason != c.because {
			t.Errorf("%s: got %+v, %v, want it refused because of %q", name, item, err, c.because)
		}
	}
	if len(o.asked) != 0 {
		t.Errorf("%d were asked", len(o.asked))
	}
}

// An address with a secret in it does not get into the log.
func TestAddressesAreNotReported(t *testing.T) {
	t.Parallel()
	o := mustServe(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := o.resolver(t, loopback).Resolve(t.Context(), o.at("/?key=hidden"), question)
	if !refusal.Is(err, "M_CONNECTION_FAILED") || len(o.faults) != 1 || strings.Contains(o.faults[0].Error(), "hidden") {
		t.Errorf("got %v and the reports %v", err, o.faults)
	}
}

// Who does not answer is not waited for.
func TestSlowResolver(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	o := mustServe(t, func(http.ResponseWriter, *http.Request) { <-hold })
	defer close(hold)
	r := cards.New(cards.Options{Networks: []netip.Prefix{loopback}, Now: func() time.Time { return noon }, Wait: 50 * time.Millisecond})
	defer r.Close()
	if got, err := r.Resolve(t.Context(), o.at(""), question); !refusal.Is(err, "M_CONNECTION_TIMEOUT") {
		t.Errorf("got %+v, %v, want M_CONNECTION_TIMEOUT", got, err)
	}
}
