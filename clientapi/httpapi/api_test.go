package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// people knows three tokens: "ana" (administrator), "bia" (agent), "bot".
type people struct {
	current []string // what was brought to its head, in order
}

func (p *people) Authenticate(_ context.Context, token string, current bool) (tenant.Caller, error) {
	roles := map[string]tenant.Role{"ana": tenant.Administrator, "bia": tenant.Agent, "bot": tenant.Bot, "bridge": tenant.Bot}
	role, ok := roles[token]
	switch {
	case token == "broken":
		return tenant.Caller{}, errors.New("the database's secret address")
	case !ok:
		return tenant.Caller{}, refusal.UnknownToken(false)
	}
	if current {
		p.current = append(p.current, token)
	}
	caller := tenant.Caller{Account: "acme", Server: "acme.test", User: id.NewUserID(token, "acme.test"), Role: role}
	switch token {
	case "bot":
		caller.Locale = "es-AR"
	case "bridge":
		caller.Service, caller.Unlimited = "bridge", true
	}
	return caller, nil
}

func (p *people) Host(_ context.Context, host string) (tenant.ID, string, error) {
	if strings.HasPrefix(host, "acme.test") {
		return "acme", "acme.test", nil
	}
	return tenant.Default, "localhost", nil
}

func (p *people) Current(_ context.Context, account tenant.ID) error {
	p.current = append(p.current, string(account))
	return nil
}

type fixture struct {
	*httpapi.API
	people *people
	log    *bytes.Buffer
}

func newAPI(t testing.TB, change ...func(*httpapi.Options)) fixture {
	t.Helper()
	f := fixture{people: &people{}, log: &bytes.Buffer{}}
	logger := logrus.New()
	logger.SetOutput(f.log)
	o := httpapi.Options{
		Auth: f.people, Log: logger, Random: strings.NewReader("seed"),
		Now: func() time.Time { return time.Unix(1_700_000_000, 0) },
	}
	for _, c := range change {
		c(&o)
	}
	f.API = httpapi.New(o)
	return f
}

type exchange struct {
	method, path, token, body string
	header                    map[string]string
}

func ask(t testing.TB, h http.Handler, e exchange) *httptest.ResponseRecorder {
	t.Helper()
	var body io.Reader
	if e.body != "" {
		body = strings.NewReader(e.body)
	}
	r := httptest.NewRequestWithContext(t.Context(), e.method, e.path, body)
	if e.token != "" {
		r.Header.Set("Authorization", "Bearer "+e.token)
	}
	for name, value := range e.header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// mustRefuse demands a status and an errcode, and gives the answer.
func mustRefuse(t testing.TB, w *httptest.ResponseRecorder, status int, code string) map[string]any {
	t.Helper()
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("got a body that is not JSON: %q", w.Body)
	}
	if w.Code != status || answer["errcode"] != code {
		t.Fatalf("got %d %s, want %d %s", w.Code, w.Body, status, code)
	}
	return answer
}

func mustAnswer(t testing.TB, w *httptest.ResponseRecorder, want string) {
	t.Helper()
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Fatalf("got %d %s, want 200 %s", w.Code, w.Body, want)
	}
}

func whoami(r *httpapi.Request) (any, error) {
	return map[string]any{"user_id": r.Caller.User, "account": r.Account, "server": r.Server}, nil
}

func TestAccess(t *testing.T) {
	a := newAPI(t)
	a.Client("GET", "/user", a.User(whoami))
	a.Client("GET", "/act", a.Act(whoami))
	a.Client("GET", "/administrator", a.Administrator(whoami))
	a.Client("GET", "/public", a.Public(whoami))
	a.Client("GET", "/open", a.Open(whoami))
	const bia = `{"account":"acme","server":"acme.test","user_id":"@bia:acme.test"}`
	const host = `{"account":"acme","server":"acme.test","user_id":""}`

	get := func(path, token string) *httptest.ResponseRecorder {
		t.Helper()
		a.people.current = nil
		return ask(t, a, exchange{method: "GET", path: "http://acme.test/_matrix/client/" + path, token: token})
	}
	current := func(want string) {
		t.Helper()
		if got := strings.Join(a.people.current, " "); got != want {
			t.Errorf("brought %q to head, want %q", got, want)
		}
	}
	mustAnswer(t, get("v3/user", "bia"), bia)
	current("bia")
	mustAnswer(t, get("r0/act", "bia"), bia)
	current("")
	mustAnswer(t, get("v3/act?access_token=bia", ""), bia)
	mustAnswer(t, get("v3/public", ""), host)
	current("acme")
	mustAnswer(t, get("v3/open", ""), host)
	current("")
	mustRefuse(t, get("v3/user", ""), 401, "M_MISSING_TOKEN")
	for opened, path := range map[bool]string{true: "/opened", false: "/closed"} {
		a.Client("GET", path, a.UserUnless(func(_ context.Context, account tenant.ID) (bool, error) {
			return opened && account == "acme", nil
		}, whoami))
	}
	mustAnswer(t, get("v3/opened", ""), host)
	current("acme")
	mustAnswer(t, get("v3/opened", "bia"), bia)
	current("bia")
	mustAnswer(t, get("v3/closed", "bia"), bia)
	mustRefuse(t, get("v3/closed", ""), 401, "M_MISSING_TOKEN")
	mustRefuse(t, get("v3/opened", "carla"), 401, "M_UNKNOWN_TOKEN")
	gone := mustRefuse(t, get("v3/user", "carla"), 401, "M_UNKNOWN_TOKEN")
	if gone["soft_logout"] != false {
		t.Errorf("got %v, want soft_logout false in it", gone)
	}
	if w := get("v3/administrator", "ana"); w.Code != 200 {
		t.Errorf("administrator: got %d", w.Code)
	}
	denied := mustRefuse(t, get("v3/administrator", "bia"), 403, "M_FORBIDDEN")
	if denied["br.com.conversalabs.reason"] != "requires_administrator" {
		t.Errorf("got %v, want the reason in it", denied)
	}
}

func TestFaultsStayInside(t *testing.T) {
	a := newAPI(t)
	a.Client("GET", "/user", a.User(whoami))
	a.Client("GET", "/fault", a.User(func(*httpapi.Request) (any, error) { return nil, errors.New("secret cause") }))
	a.Client("GET", "/panic", a.User(func(*httpapi.Request) (any, error) { panic("secret panic") }))
	a.Client("GET", "/odd", a.User(func(*httpapi.Request) (any, error) { return func() {}, nil }))
	a.Client("GET", "/gone", a.User(func(r *httpapi.Request) (any, error) { return nil, r.Context().Err() }))

	for path, cause := range map[string]string{
		"user?access_token=broken": "secret address",
		"fault?access_token=ana":   "secret cause",
		"panic?access_token=ana":   "secret panic",
		"odd?access_token=ana":     "unsupported type",
	} {
		a.log.Reset()
		w := ask(t, a, exchange{method: "GET", path: "/_matrix/client/v3/" + path})
		mustRefuse(t, w, 500, "M_UNKNOWN")
		if strings.Contains(w.Body.String(), cause) {
			t.Errorf("%s: the answer shows the cause: %s", path, w.Body)
		}
		if got := strings.Count(a.log.String(), "level=error"); got != 1 || !strings.Contains(a.log.String(), cause) {
			t.Errorf("%s: want the cause in one log line, got %s", path, a.log)
		}
		if strings.Contains(a.log.String(), "access_token") {
			t.Errorf("%s: the query is in the log: %s", path, a.log)
		}
		if request := w.Header().Get("X-Request-Id"); request == "" || !strings.Contains(a.log.String(), request) {
			t.Errorf("%s: the answer's request ID %q is not in the log", path, request)
		}
	}

	a.log.Reset()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/_matrix/client/v3/gone?access_token=ana", nil))
	mustRefuse(t, w, 503, "M_UNKNOWN")
	if a.log.Len() > 0 {
		t.Errorf("a client that went away is in the log: %s", a.log)
	}
}

// Polls, and what is asked without a token or refused at the door, are no sign that
// somebody does something.
func TestActive(t *testing.T) {
	var active []id.UserID
	f := newAPI(t, func(o *httpapi.Options) {
		o.Active = func(caller tenant.Caller) { active = append(active, caller.User) }
	})
	f.Client(http.MethodGet, "/sync", f.User(whoami, httpapi.Poll()))
	f.Client(http.MethodGet, "/read", f.User(whoami))
	f.Client(http.MethodGet, "/rule", f.Administrator(whoami))
	f.Client(http.MethodGet, "/open", f.Public(whoami))
	for path, token := range map[string]string{"/sync": "ana", "/rule": "bia", "/open": "", "/read": "bia"} {
		ask(t, f, exchange{method: http.MethodGet, path: "/_matrix/client/v3" + path, token: token})
	}
	if len(active) != 1 || active[0] != "@bia:acme.test" {
		t.Errorf("active are %v, want Bia, once", active)
	}
}
