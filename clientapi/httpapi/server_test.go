package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

func TestServer(t *testing.T) {
	a := newAPI(t)
	a.Client("GET", "/whoami", a.User(whoami))
	s := httptest.NewUnstartedServer(nil)
	s.Config = httpapi.Server(a, logrus.New())
	if c := s.Config; c.ReadHeaderTimeout != 10*time.Second || c.IdleTimeout != 75*time.Second || c.WriteTimeout != 0 {
		t.Errorf("got timeouts %v, %v, %v; want 10 s, 75 s and none", c.ReadHeaderTimeout, c.IdleTimeout, c.WriteTimeout)
	}
	s.Start()
	t.Cleanup(s.Close)
	for headerBytes, want := range map[int]int{15 << 10: 200, 24 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/_matrix/client/v3/whoami", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer bia")
		r.Header.Set("X-Padding", strings.Repeat("a", headerBytes))
		answer, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%d bytes of headers: got %d %s, want %d", headerBytes, answer.StatusCode, body, want)
		}
	}
}

// The request log names the caller and the route, and nothing that the path or
// the query hold.
func TestRequestLog(t *testing.T) {
	var logger *logrus.Logger
	a := newAPI(t, func(o *httpapi.Options) {
		logger = o.Log
		logger.SetLevel(logrus.DebugLevel)
	})
	a.Client("GET", "/profile/{user}", a.User(whoami))
	ask(t, a, exchange{method: "GET", path: "/_matrix/client/v3/profile/carla?access_token=bia&q=hush"})
	ask(t, a, exchange{method: "GET", path: "/_matrix/client/v3/profile/carla?access_token=dora"})
	lines := a.log.String()
	for _, want := range []string{"account=acme", "@bia:acme.test", "/profile/{user}", "status=200", "status=401", "errcode=M_UNKNOWN_TOKEN"} {
		if !strings.Contains(lines, want) {
			t.Errorf("want %s in the log, got %s", want, lines)
		}
	}
	for _, secret := range []string{"carla", "dora", "hush", "access_token"} {
		if strings.Contains(lines, secret) {
			t.Errorf("%s is in the log: %s", secret, lines)
		}
	}
}
