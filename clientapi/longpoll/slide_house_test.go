package longpoll_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// everything is a list of all rooms as Element X asks for them.
const everything = `{"lists":{"all":{"ranges":[[0,19]],"timeline_limit":2,"required_state":[["m.room.name",""],["m.room.member","$LAZY"],["m.room.member","$ME"]]}}`

func slidingRequest(t testing.TB, body, pos string) *longpoll.SlidingRequest {
	t.Helper()
	q := &longpoll.SlidingRequest{}
	if err := httpapi.Unmarshal([]byte(body), q); err != nil {
		t.Fatal(err)
	}
	q.Pos = pos
	return q
}

// trySlide is one request of the sliding sync.
func (h *house) trySlide(user id.UserID, body, pos string) (gjson.Result, error) {
	h.Helper()
	answer, err := h.Sliding(context.Background(), caller(user), slidingRequest(h, body, pos))
	if err == nil && !json.Valid(answer) {
		h.Fatalf("the answer is not JSON: %s", answer)
	}
	return gjson.ParseBytes(answer), err
}

// mustSlide makes a request that does not wait.
func (h *house) mustSlide(user id.UserID, body, pos string) gjson.Result {
	h.Helper()
	answer, err := h.trySlide(user, body, pos)
	if err != nil {
		h.Fatal(err)
	}
	return answer
}

// mustSlideTwice continues a connection out of memory, and again after a restart
// out of the database, and demands the same answer but for pos.
func (h *house) mustSlideTwice(user id.UserID, body, pos string) gjson.Result {
	h.Helper()
	first := h.mustSlide(user, body, pos)
	h.restart()
	second := h.mustSlide(user, body, pos)
	if diff := cmp.Diff(withoutPos(h, first), withoutPos(h, second)); diff != "" {
		h.Errorf("from memory before from the database: %s", diff)
	}
	return second
}

func withoutPos(t testing.TB, answer gjson.Result) string {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(answer.Raw), &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "pos")
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return pretty(t, string(text))
}

func posOf(answer gjson.Result) string { return answer.Get("pos").String() }

// inSlide gives a part of a room.
func inSlide(answer gjson.Result, room id.RoomID, path string) gjson.Result {
	return answer.Get("rooms").Map()[string(room)].Get(path)
}

// slidRooms lists the rooms of an answer in its order.
func slidRooms(answer gjson.Result) []string {
	all := []string{}
	answer.Get("rooms").ForEach(func(room, _ gjson.Result) bool {
		all = append(all, room.String())
		return true
	})
	return all
}

// mustForgetPos demands M_UNKNOWN_POS.
func (h *house) mustForgetPos(user id.UserID, body, pos string) {
	h.Helper()
	if _, err := h.trySlide(user, body, pos); !refusal.Is(err, "M_UNKNOWN_POS") {
		h.Errorf("pos %s: got %v, want M_UNKNOWN_POS", pos, err)
	}
}
