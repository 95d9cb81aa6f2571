package httpapi_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newLimiter(replaced httpapi.Rates) (*httpapi.Limiter, *clock) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	return httpapi.NewLimiter(replaced, c.now), c
}

// taken counts how many permits of a class are there at once.
func taken(t testing.TB, l *httpapi.Limiter, class httpapi.Class, subject string) int {
	t.Helper()
	for n := range 5000 {
		if err := l.Take(class, "acme", subject); err != nil {
			if !refusal.Is(err, "M_LIMIT_EXCEEDED") {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s has no limit", class)
	return 0
}

func TestDefaultRates(t *testing.T) {
	for class, rate := range httpapi.DefaultRates() {
		l, c := newLimiter(nil)
		if got := taken(t, l, class, "ana"); got != rate.Burst {
			t.Errorf("%s: got %d at once, want %d", class, got, rate.Burst)
		}
		second := time.Duration(float64(time.Second) / rate.PerSecond)
		c.at = c.at.Add(second - time.Millisecond)
		if got := taken(t, l, class, "ana"); got != 0 {
			t.Errorf("%s: got another before its time", class)
		}
		c.at = c.at.Add(2 * time.Millisecond)
		if got := taken(t, l, class, "ana"); got != 1 {
			t.Errorf("%s: got %d after %v, want 1", class, got, second)
		}
	}
}

func TestLimiterKeepsSubjectsApart(t *testing.T) {
	l, _ := newLimiter(httpapi.Rates{httpapi.Search: {PerSecond: 1, Burst: 2}})
	taken(t, l, httpapi.Search, "ana")
	if got := taken(t, l, httpapi.Search, "bia"); got != 2 {
		t.Errorf("another subject: got %d, want 2", got)
	}
	if err := l.Take(httpapi.Search, "other", "ana"); err != nil {
		t.Errorf("another account: %v", err)
	}
	if err := l.Take(httpapi.Media, "acme", "ana"); err != nil {
		t.Errorf("another class: %v", err)
	}
}

func TestCheckTakesNothing(t *testing.T) {
	l, _ := newLimiter(httpapi.Rates{httpapi.LoginFailed: {PerSecond: 0.5, Burst: 1}})
	for range 3 {
		if err := l.Check(httpapi.LoginFailed, "acme", "ana"); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Take(httpapi.LoginFailed, "acme", "ana"); err != nil {
		t.Fatal(err)
	}
	err := l.Check(httpapi.LoginFailed, "acme", "ana")
	if !refusal.Is(err, "M_LIMIT_EXCEEDED") {
		t.Fatalf("got %v, want M_LIMIT_EXCEEDED", err)
	}
	if got := refusal.As(err).Extra["retry_after_ms"]; got != int64(2000) {
		t.Errorf("got retry_after_ms %v, want 2000", got)
	}
}

// A flood of new subjects, more than the limiter keeps, may not push out one
// that is at its limit.
func TestFloodDoesNotFreeTheBusy(t *testing.T) {
	l, c := newLimiter(httpapi.Rates{httpapi.LoginAddress: {PerSecond: 0.01, Burst: 30}})
	taken(t, l, httpapi.LoginAddress, "attacker")
	for i := range 200_000 {
		c.at = c.at.Add(time.Microsecond)
		if err := l.Take(httpapi.LoginAddress, "acme", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := taken(t, l, httpapi.LoginAddress, "attacker"); got != 0 {
		t.Errorf("got %d permits back by a flood", got)
	}
}

func TestLimitOption(t *testing.T) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	a := newAPI(t, func(o *httpapi.Options) {
		o.Now, o.RateLimits = c.now, true
		o.Masquerade = func(_ context.Context, caller tenant.Caller, _ id.UserID, _ id.DeviceID) (tenant.Caller, error) {
			return caller, nil
		}
		o.Limits.Rates = httpapi.Rates{
			httpapi.Messages:        {PerSecond: 2, Burst: 1},
			httpapi.BotMessages:     {PerSecond: 1, Burst: 2},
			httpapi.AccountMessages: {PerSecond: 1, Burst: 5},
		}
	})
	a.Handle("PUT", "/send", a.Act(whoami, httpapi.Limit(httpapi.Messages)))
	send := func(token string) int {
		return ask(t, a, exchange{method: "PUT", path: "/send", token: token}).Code
	}
	for i, step := range []struct {
		token string
		want  int
	}{{"ana", 200}, {"ana", 429}, {"bia", 200}, {"bot", 200}, {"bot", 200}, {"bot", 429}, {"bridge", 200}, {"bridge", 200}, {"bridge", 200}} {
		if got := send(step.token); got != step.want {
			t.Fatalf("step %d: got %d for %s, want %d", i, got, step.token, step.want)
		}
	}
	w := ask(t, a, exchange{method: "PUT", path: "/send", token: "ana"})
	answer := mustRefuse(t, w, 429, "M_LIMIT_EXCEEDED")
	if answer["retry_after_ms"] != 500.0 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("got %v and Retry-After %q, want 500 ms and 1 s", answer["retry_after_ms"], w.Header().Get("Retry-After"))
	}
	mustHaveHeaders(t, w.Header())
	c.at = c.at.Add(500 * time.Millisecond)
	if got := send("ana"); got != 200 {
		t.Errorf("after the wait: got %d, want 200", got)
	}
	c.at = c.at.Add(500 * time.Millisecond) // of the account one was left, one has come, and one is used
	if got := []int{send("ana"), send("bia"), send("bot")}; fmt.Sprint(got) != "[200 429 429]" {
		t.Errorf("the account's rate: got %v, want [200 429 429]", got)
	}
	unlimited := newAPI(t)
	unlimited.Handle("PUT", "/send", unlimited.Act(whoami, httpapi.Limit(httpapi.Messages)))
	for range 300 {
		if got := ask(t, unlimited, exchange{method: "PUT", path: "/send", token: "ana"}).Code; got != 200 {
			t.Fatalf("rates off: got %d", got)
		}
	}
}

func TestClientIP(t *testing.T) {
	a := newAPI(t, func(o *httpapi.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	})
	a.Handle("GET", "/", a.Open(func(r *httpapi.Request) (any, error) { return r.ClientIP(), nil }))
	for _, c := range []struct{ remote, forwardedFor, forwarded, want string }{
		{"192.0.2.1:99", "", "", "192.0.2.1"},
		{"192.0.2.1:99", "198.51.100.1", "for=198.51.100.1", "192.0.2.1"},
		{"[2001:db8::1%eth0]:99", "", "", "2001:db8::1"},
		{"[::ffff:10.0.0.1]:99", "198.51.100.1", "", "198.51.100.1"},
		{"10.0.0.1:99", "", "", "10.0.0.1"},
		{"10.0.0.1:99", "198.51.100.1", "", "198.51.100.1"},
		{"10.0.0.1:99", "203.0.113.9, 198.51.100.1", "", "198.51.100.1"},
		{"10.0.0.1:99", "203.0.113.9, 198.51.100.1, 10.1.1.1", "", "198.51.100.1"},
		{"10.0.0.1:99", "10.9.9.9", "", "10.9.9.9"},
		{"10.0.0.1:99", "unknown", "", "10.0.0.1"},
		{"10.0.0.1:99", "198.51.100.1:1234", "for=203.0.113.9", "198.51.100.1"},
		{"[fd00::1]:99", "", `for=203.0.113.9, For="[2001:db8::2]:47";proto=https;by=10.0.0.1`, "2001:db8::2"},
		{"@", "198.51.100.1", "", ""},
	} {
		header := map[string]string{}
		if c.forwardedFor != "" {
			header["X-Forwarded-For"] = c.forwardedFor
		}
		if c.forwarded != "" {
			header["Forwarded"] = c.forwarded
		}
		if got := clientIP(t, a, c.remote, header); got != `"`+c.want+`"` {
			t.Errorf("%+v: got %s", c, got)
		}
	}
	if got := httpapi.AddressKey("2001:db8:1:2:3::4"); got != "2001:db8:1:2::/64" {
		t.Errorf("got key %s, want the /64", got)
	}
}
