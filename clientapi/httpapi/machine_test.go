package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// machines knows the tokens "all" and, for the account acme alone, "one".
func machines(_ context.Context, token string) (tenant.Machine, error) {
	scopes := map[string]tenant.ID{"all": tenant.All, "one": "acme"}
	scope, known := scopes[token]
	if !known {
		return tenant.Machine{}, refusal.UnknownToken(false)
	}
	return tenant.Machine{Name: token, Scope: scope}, nil
}

func TestMachines(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(o *httpapi.Options) { o.Machines = machines })
	who := func(r *httpapi.Request) (any, error) {
		return map[string]any{"name": r.Machine.Name, "account": r.Account, "user": r.Caller.User}, nil
	}
	a.Handle(http.MethodGet, "/_conversalabs/v1/accounts/{account}", a.Machine(who))
	a.Handle(http.MethodGet, "/_conversalabs/v1/accounts", a.Machine(who))
	get := func(path, token string) *httptest.ResponseRecorder {
		return ask(t, a, exchange{method: http.MethodGet, path: "/_conversalabs/v1/accounts" + path, token: token})
	}
	mustAnswer(t, get("/acme", "all"), `{"account":"acme","name":"all","user":""}`)
	mustAnswer(t, get("/acme", "one"), `{"account":"acme","name":"one","user":""}`)
	mustAnswer(t, get("", "all"), `{"account":"*","name":"all","user":""}`)
	mustRefuse(t, get("", "one"), http.StatusNotFound, "M_NOT_FOUND")
	mustRefuse(t, get("/acme", ""), http.StatusUnauthorized, "M_MISSING_TOKEN")
	mustRefuse(t, get("/acme", "ana"), http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
	mustRefuse(t, get("/Acme!", "all"), http.StatusNotFound, "M_NOT_FOUND")
	foreign, unknown := get("/other", "one"), get("/nobody", "one")
	mustRefuse(t, foreign, http.StatusNotFound, "M_NOT_FOUND")
	if foreign.Body.String() != unknown.Body.String() {
		t.Errorf("got %s for a foreign account, and %s for one that does not exist", foreign.Body, unknown.Body)
	}
}

// Guesses count against the address; who has a good token is let in all the same
// only until the permits are used up.
func TestWrongMachineTokensAreCounted(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(o *httpapi.Options) {
		o.Machines, o.RateLimits = machines, true
		o.Limits.Rates = httpapi.Rates{httpapi.LoginAddress: {PerSecond: 0.1, Burst: 3}}
	})
	a.Handle(http.MethodGet, "/_conversalabs/v1/accounts", a.Machine(whoami))
	get := func(token string) *httptest.ResponseRecorder {
		return ask(t, a, exchange{method: http.MethodGet, path: "/_conversalabs/v1/accounts", token: token})
	}
	for range 3 {
		mustRefuse(t, get("guess"), http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
		if w := get("all"); w.Code != http.StatusOK && w.Code != http.StatusTooManyRequests {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	}
	mustRefuse(t, get("guess"), http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
}
