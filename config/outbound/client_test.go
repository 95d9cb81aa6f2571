package outbound_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/config/outbound"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func get(t testing.TB, c *outbound.Client, address string, most int64) (*outbound.Answer, error) {
	t.Helper()
	t.Cleanup(c.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(t.Context(), r, most)
}

// What stands in the server's own network is not reached by any spelling.
func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	called := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	t.Cleanup(s.Close)
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.1.2.3", "192.168.0.1", "172.16.0.1",
		"169.254.169.254", "[fe80::1]", "[fd00::1]", "100.64.0.1", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
	} {
		if _, err := get(t, outbound.New(outbound.Options{}), "http://"+host+port, 100); !outbound.Refused(err) {
			t.Errorf("%s: got %v, want it refused", host, err)
		}
	}
	if called {
		t.Error("the server on this machine was called")
	}
}

func TestAllowedNetworks(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(r.UserAgent()))
	}))
	t.Cleanup(s.Close)
	c := outbound.New(outbound.Options{Networks: loopback, UserAgent: "internalchat"})
	got, err := get(t, c, s.URL, 12)
	if err != nil || got.Status != http.StatusTeapot || string(got.Body) != "internalchat" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := get(t, c, s.URL, 11); !errors.Is(err, outbound.ErrTooLarge) {
		t.Errorf("got %v, want %v", err, outbound.ErrTooLarge)
	}
	if _, err := get(t, c, "ftp://127.0.0.1/", 11); !errors.Is(err, outbound.ErrScheme) {
		t.Errorf("got %v, want %v", err, outbound.ErrScheme)
	}
}

// A redirect leads no further than the first address could.
func TestRedirects(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/private":
			http.Redirect(w, r, "http://10.0.0.1/", http.StatusFound)
		case r.URL.Path > "/0":
			http.Redirect(w, r, "/"+string(r.URL.Path[1]-1), http.StatusFound)
		}
	}))
	t.Cleanup(s.Close)
	c := outbound.New(outbound.Options{Networks: loopback})
	if _, err := get(t, c, s.URL+"/private", 100); !outbound.Refused(err) {
		t.Errorf("got %v, want a refusal", err)
	}
	if _, err := get(t, c, s.URL+"/3", 100); err != nil {
		t.Errorf("three redirects: %v", err)
	}
	if _, err := get(t, c, s.URL+"/4", 100); err == nil {
		t.Error("four redirects were followed")
	}
}

// Nor does one lead out of https.
func TestNoDowngrade(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	t.Cleanup(secure.Close)
	c := outbound.New(outbound.Options{Networks: loopback})
	transport, _ := c.HTTP().Transport.(*http.Transport)
	transport.TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
	if got, err := get(t, c, secure.URL, 100); err == nil {
		t.Errorf("got %+v over a redirect from https to http", got)
	}
}

func TestCallsEnd(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(hold) })
	_, err := get(t, outbound.New(outbound.Options{Networks: loopback, Total: 1}), s.URL, 100)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}

// A host that is named may be reached, on that port alone; where it redirects to is
// judged.
func TestNamedHosts(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(other.Close)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(s.Close)
	c := outbound.New(outbound.Options{Hosts: []string{strings.TrimPrefix(s.URL, "http://")}})
	if got, err := get(t, c, s.URL, 12); err != nil || got.Status != http.StatusOK {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, address := range []string{other.URL, s.URL + "/away"} {
		if _, err := get(t, c, address, 12); !outbound.Refused(err) {
			t.Errorf("%s: got %v, want it refused", address, err)
		}
	}
}

// A strict client follows nobody, and talks in the clear only where it was told to.
func TestStrict(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/", http.StatusFound)
		}
	}))
	t.Cleanup(s.Close)
	c := outbound.New(outbound.Options{Networks: loopback, Strict: true})
	for path, want := range map[string]int{"": http.StatusOK, "/away": http.StatusFound} {
		if got, err := get(t, c, s.URL+path, 100); err != nil || got.Status != want {
			t.Errorf("%s: got %+v, %v, want %d", path, got, err, want)
		}
	}
	// A public address: nothing is sent to it.
	if _, err := get(t, c, "http://192.0.2.1/", 100); !errors.Is(err, outbound.ErrPlain) {
		t.Errorf("got %v, want %v", err, outbound.ErrPlain)
	}
}
