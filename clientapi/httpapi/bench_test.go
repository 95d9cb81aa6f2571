package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

func clientIP(t testing.TB, h http.Handler, remote string, header map[string]string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.RemoteAddr = remote
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

// sink is a ResponseWriter that costs nothing.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

type body struct{ *strings.Reader }

func (body) Close() error { return nil }

const message = `{"msgtype":"m.text","body":"Bom dia! O contrato da Ana já foi assinado? Preciso dele até as 15h.","m.mentions":{"user_ids":["@ana:acme.test"]},"format":"org.matrix.custom.html","formatted_body":"<b>Bom dia!</b>"}`

// BenchmarkSend is all that this package does for a message: route, token,
// body, answer.
func BenchmarkSend(b *testing.B) {
	a := newAPI(b)
	for i := range 170 {
		a.Client("GET", fmt.Sprintf("/rooms/{room}/other%d", i), a.User(whoami))
	}
	answer := httpapi.Raw(`{"event_id":"$0123456789012345678901234567890123456789012"}`)
	a.Client("PUT", "/rooms/{room}/send/{type}/{txn}", a.Act(func(r *httpapi.Request) (any, error) {
		_ = r.Var("room") + r.Var("type") + r.Var("txn")
		_, err := r.Object()
		return answer, err
	}))
	r := httptest.NewRequestWithContext(b.Context(), "PUT", "/_matrix/client/v3/rooms/!abcdefghij:acme.test/send/m.room.message/17", nil)
	r.Header.Set("Authorization", "Bearer bia")
	text := strings.NewReader(message)
	r.Body, r.ContentLength = body{text}, int64(len(message))
	b.ReportAllocs()
	for b.Loop() {
		text.Reset(message)
		a.ServeHTTP(&sink{http.Header{}}, r)
	}
}

func BenchmarkObject(b *testing.B) {
	text := []byte(message)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := httpapi.Object(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	l, _ := newLimiter(httpapi.Rates{httpapi.Messages: {PerSecond: 1, Burst: 1 << 30}})
	for b.Loop() {
		if err := l.Take(httpapi.Messages, "acme", "@ana:acme.test"); err != nil {
			b.Fatal(err)
		}
	}
}
