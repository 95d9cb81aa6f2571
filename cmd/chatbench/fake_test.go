package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// homeserver is as much of a Matrix homeserver as the tool needs. Its
// latencies are exact where the clock is synctest's.
type homeserver struct {
	sendTakes    func(n int) time.Duration    // of the nth send, from 0
	deliverTakes func(user int) time.Duration // from a message to the answer of the user with this number
	syncTakes    time.Duration                // of a sync without a token
	refuseSend   func(n int) bool
	loseMessage  func(user, n int) bool
	repeat       bool // every message is delivered twice
	busy         int  // how many times createRoom asks for patience
	closed       bool // registration
	sessions     bool // registration takes two requests

	mu     sync.Mutex
	users  map[string]int // by token
	names  []string
	joined map[string]map[string]bool // room → user name
	sends  int
	events []json.RawMessage
	more   chan struct{} // closed with the next event; nil while nobody waits
}

func newHomeserver() *homeserver {
	return &homeserver{
		sendTakes:    func(int) time.Duration { return 0 },
		deliverTakes: func(int) time.Duration { return 0 },
		refuseSend:   func(int) bool { return false },
		loseMessage:  func(int, int) bool { return false },
		users:        map[string]int{},
		joined:       map[string]map[string]bool{},
	}
}

func (h *homeserver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/_matrix/client/v3")
	var body gjson.Result
	if r.Method != http.MethodGet {
		var raw json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&raw); err != nil {
			answer(w, http.StatusBadRequest, "M_NOT_JSON")
			return
		}
		body = gjson.ParseBytes(raw)
	}
	switch path {
	case "/register":
		h.register(w, body)
		return
	case "/login":
		h.login(w, body)
		return
	}
	user, known := h.user(r)
	switch {
	case !known:
		answer(w, http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
	case path == "/createRoom":
		h.createRoom(w, user)
	case strings.HasPrefix(path, "/join/"):
		h.join(w, user, unescape(strings.TrimPrefix(path, "/join/")))
	case strings.Contains(path, "/send/m.room.message/"):
		room, _, _ := strings.Cut(strings.TrimPrefix(path, "/rooms/"), "/")
		h.send(w, user, unescape(room), body)
	case path == "/sync":
		h.sync(w, r, user)
	default:
		answer(w, http.StatusNotFound, "M_UNRECOGNIZED")
	}
}

// unescape gives the room of a path segment; rooms have a slash in their IDs
// here, to see that the tool escapes them.
func unescape(segment string) string {
	room, _ := url.PathUnescape(segment)
	return room
}

func answer(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errcode":%q,"error":"This is a test's refusal."}`, code)
}

func (h *homeserver) register(w http.ResponseWriter, body gjson.Result) {
	switch {
	case h.closed:
		answer(w, http.StatusForbidden, "M_FORBIDDEN")
	case h.sessions && body.Get("auth.session").Str != "s1":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprint(w, `{"session":"s1","flows":[{"stages":["m.login.dummy"]}]}`)
	case body.Get("auth.type").Str != "m.login.dummy":
		answer(w, http.StatusUnauthorized, "M_UNKNOWN")
	default:
		h.admit(w, body.Get("username").Str)
	}
}

func (h *homeserver) login(w http.ResponseWriter, body gjson.Result) {
	name := body.Get("identifier.user").Str
	if body.Get("password").Str != "secret of "+name {
		answer(w, http.StatusForbidden, "M_FORBIDDEN")
		return
	}
	h.admit(w, name)
}

func (h *homeserver) admit(w http.ResponseWriter, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	token := fmt.Sprintf("token%d", len(h.names))
	h.users[token] = len(h.names)
	h.names = append(h.names, name)
	_, _ = fmt.Fprintf(w, `{"user_id":"@%s:test","access_token":%q}`, name, token)
}

func (h *homeserver) user(r *http.Request) (int, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	user, known := h.users[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	return user, known
}

// number is what the user's name ends with; users register in any order.
func (h *homeserver) number(user int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := h.names[user]
	n, _ := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	return n
}

func (h *homeserver) createRoom(w http.ResponseWriter, user int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy > 0 {
		h.busy--
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = fmt.Fprint(w, `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":500}`)
		return
	}
	room := fmt.Sprintf("!room/%d:test", len(h.joined))
	h.joined[room] = map[string]bool{h.names[user]: true}
	_, _ = fmt.Fprintf(w, `{"room_id":%q}`, room)
}

func (h *homeserver) join(w http.ResponseWriter, user int, room string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.joined[room] == nil {
		answer(w, http.StatusNotFound, "M_NOT_FOUND")
		return
	}
	h.joined[room][h.names[user]] = true
	_, _ = fmt.Fprint(w, `{}`)
}

func (h *homeserver) send(w http.ResponseWriter, user int, room string, content gjson.Result) {
	h.mu.Lock()
	n := h.sends
	h.sends++
	member, refused := h.joined[room][h.names[user]], h.refuseSend(n)
	if member && !refused {
		h.events = append(h.events, json.RawMessage(fmt.Sprintf(`{"type":"m.room.message","content":%s}`, content.Raw)))
		if h.more != nil {
			close(h.more)
			h.more = nil
		}
	}
	h.mu.Unlock()
	time.Sleep(h.sendTakes(n))
	if !member || refused {
		answer(w, http.StatusForbidden, "M_FORBIDDEN")
		return
	}
	_, _ = fmt.Fprintf(w, `{"event_id":"$%d"}`, n)
}

func (h *homeserver) sync(w http.ResponseWriter, r *http.Request, user int) {
	since, err := strconv.Atoi(r.URL.Query().Get("since"))
	if err != nil {
		h.syncAll(w, user)
		return
	}
	var more chan struct{}
	h.mu.Lock()
	if len(h.events) <= since {
		if h.more == nil {
			h.more = make(chan struct{})
		}
		more = h.more
	}
	h.mu.Unlock()
	if more != nil {
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
	number := h.number(user)
	time.Sleep(h.deliverTakes(number))
	h.mu.Lock()
	defer h.mu.Unlock()
	var timeline []json.RawMessage
	for n := since; n < len(h.events); n++ {
		if !h.loseMessage(number, n) {
			timeline = append(timeline, h.events[n])
		}
		if h.repeat {
			timeline = append(timeline, h.events[n])
		}
	}
	for room := range h.joined {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"next_batch": strconv.Itoa(len(h.events)),
			"rooms":      map[string]any{"join": map[string]any{room: map[string]any{"timeline": map[string]any{"events": timeline}}}},
		})
		return
	}
}

func (h *homeserver) syncAll(w http.ResponseWriter, user int) {
	time.Sleep(h.syncTakes)
	h.mu.Lock()
	defer h.mu.Unlock()
	rooms := map[string]any{}
	for room, members := range h.joined {
		if members[h.names[user]] {
			rooms[room] = struct{}{}
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"next_batch": strconv.Itoa(len(h.events)),
		"rooms":      map[string]any{"join": rooms},
	})
}

// pipes listens without a network, so that synctest sees every wait.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.accept <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// mustServe serves h on pipes until the test is over, and gives their dialer.
func mustServe(t testing.TB, h http.Handler) func(ctx context.Context, network, address string) (net.Conn, error) {
	t.Helper()
	p := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(p)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return p.dial
}
