package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"
)

// client is one logged-in user with one connection.
type client struct {
	wire  wire
	user  id.UserID
	token string
}

// answerError is an answer that is not 200.
type answerError struct {
	status int
	code   string
	reason string
	body   []byte
}

func (e *answerError) Error() string {
	return fmt.Sprintf("%d %s %s", e.status, e.code, e.reason)
}

// call sends a request as this user. The answer stays valid until the next.
func (c *client) call(ctx context.Context, r *request) ([]byte, error) {
	r.token = c.token
	status, answer, err := c.wire.do(ctx, r)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, &answerError{
			status: status,
			code:   gjson.GetBytes(answer, "errcode").Str,
			reason: gjson.GetBytes(answer, "error").Str,
			body:   append([]byte(nil), answer...),
		})
	}
	return answer, nil
}

// prepare is call for what goes before a measurement: it waits where the
// server asks for patience (429).
func (c *client) prepare(ctx context.Context, method, path string, body any) ([]byte, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		answer, err := c.call(ctx, &request{method: method, path: path, body: encoded})
		var refused *answerError
		if !errors.As(err, &refused) || refused.status != http.StatusTooManyRequests || attempt == 20 {
			return answer, err
		}
		wait := time.Duration(gjson.GetBytes(refused.body, "retry_after_ms").Int()) * time.Millisecond
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(max(wait, 100*time.Millisecond), 30*time.Second)):
		}
	}
}

type object = map[string]any

// register makes the user by open registration: one request with m.login.dummy,
// and a second one for servers that insist on a session.
func (c *client) register(ctx context.Context, name, password string) error {
	const path = "/_matrix/client/v3/register"
	auth := object{"type": "m.login.dummy"}
	body := object{"username": name, "password": password, "auth": auth, "initial_device_display_name": "chatbench"}
	answer, err := c.prepare(ctx, http.MethodPost, path, body)
	if refused := new(answerError); errors.As(err, &refused) && refused.status == http.StatusUnauthorized {
		if session := gjson.GetBytes(refused.body, "session").Str; session != "" {
			auth["session"] = session
			answer, err = c.prepare(ctx, http.MethodPost, path, body)
		}
	}
	if err != nil {
		return fmt.Errorf("register %s: %w", name, err)
	}
	return c.adopt(answer)
}

// login starts a session of a user that exists.
func (c *client) login(ctx context.Context, name, password string) error {
	answer, err := c.prepare(ctx, http.MethodPost, "/_matrix/client/v3/login", object{
		"type":                        "m.login.password",
		"identifier":                  object{"type": "m.id.user", "user": name},
		"password":                    password,
		"initial_device_display_name": "chatbench",
	})
	if err != nil {
		return fmt.Errorf("log in as %s: %w", name, err)
	}
	return c.adopt(answer)
}

func (c *client) adopt(answer []byte) error {
	c.user = id.UserID(gjson.GetBytes(answer, "user_id").Str)
	c.token = gjson.GetBytes(answer, "access_token").Str
	if c.user == "" || c.token == "" {
		return errors.New("the answer holds no user_id or no access_token")
	}
	return nil
}

// createRoom makes a room that everyone may join.
func (c *client) createRoom(ctx context.Context, name string) (id.RoomID, error) {
	answer, err := c.prepare(ctx, http.MethodPost, "/_matrix/client/v3/createRoom", object{
		"preset": "public_chat",
		"name":   name,
	})
	if err != nil {
		return "", err
	}
	room := id.RoomID(gjson.GetBytes(answer, "room_id").Str)
	if room == "" {
		return "", errors.New("createRoom: the answer holds no room_id")
	}
	return room, nil
}

func (c *client) join(ctx context.Context, room id.RoomID) error {
	_, err := c.prepare(ctx, http.MethodPost, "/_matrix/client/v3/join/"+url.PathEscape(room.String()), object{})
	return err
}

// sendPath is where messages of a room go; the transaction ID is missing.
func sendPath(room id.RoomID) string {
	return "/_matrix/client/v3/rooms/" + url.PathEscape(room.String()) + "/send/m.room.message/"
}

// send sends one message to a [sendPath].
func (c *client) send(ctx context.Context, path, txn string, body []byte) error {
	answer, err := c.call(ctx, &request{method: http.MethodPut, path: path + txn, body: body})
	if err != nil {
		return err
	}
	if gjson.GetBytes(answer, "event_id").Str == "" {
		return errors.New("send: the answer holds no event_id")
	}
	return nil
}

// sync asks for what is new since a token (empty: everything), and waits for
// it up to wait. Filter is empty or a filter's JSON. It gives the next token
// and the whole answer, which stays valid until the next call.
func (c *client) sync(ctx context.Context, since, filter string, wait time.Duration) (next string, answer []byte, err error) {
	path := "/_matrix/client/v3/sync?timeout=" + strconv.FormatInt(wait.Milliseconds(), 10)
	if since != "" {
		path += "&since=" + url.QueryEscape(since)
	}
	if filter != "" {
		path += "&filter=" + url.QueryEscape(filter)
	}
	answer, err = c.call(ctx, &request{method: http.MethodGet, path: path, wait: wait})
	if err != nil {
		return "", nil, err
	}
	next = gjson.GetBytes(answer, "next_batch").String()
	if next == "" {
		return "", nil, errors.New("sync: the answer holds no next_batch")
	}
	return next, answer, nil
}
