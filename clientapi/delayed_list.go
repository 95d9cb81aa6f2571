package clientapi

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
)

// delayedListVersion is where the list of delayed events is until MSC4486, to
// which MSC4140 left it, is accepted.
const delayedListVersion = "unstable/org.matrix.msc4486"

// delayedPage is how many delayed events one answer has at most.
const delayedPage = 100

// delayedEvents handles GET /_matrix/client/unstable/org.matrix.msc4486/delayed_events.
func (s *Server) delayedEvents(r *httpapi.Request) (any, error) {
	return s.listDelayed(r, rooms.DelayedAny)
}

// scheduledEvents handles GET /_matrix/client/unstable/org.matrix.msc4140/delayed_events.
// Without a status it gives what is scheduled: clients of the older generation
// take everything in the list for that.
func (s *Server) scheduledEvents(r *httpapi.Request) (any, error) {
	return s.listDelayed(r, rooms.DelayedScheduled)
}

func (s *Server) listDelayed(r *httpapi.Request, status rooms.DelayedStatus) (any, error) {
	query, err := delayedQuery(r, status)
	if err != nil {
		return nil, err
	}
	found, err := s.rooms.DelayedEvents(r.Context(), r.Caller, query)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{}
	if len(found) > delayedPage {
		found = found[:delayedPage]
		last := found[delayedPage-1]
		answer["next_batch"] = strconv.FormatInt(last.Due(), 10) + "_" + last.ID
	}
	list := make([]delayedAnswer, len(found))
	for i, d := range found {
		list[i] = answerOf(r, d)
	}
	answer["delayed_events"] = list
	return answer, nil
}

// delayedQuery reads what the query asks for, of one page and the first of the
// next.
func delayedQuery(r *httpapi.Request, fallback rooms.DelayedStatus) (q rooms.DelayedQuery, err error) {
	q = rooms.DelayedQuery{Room: id.RoomID(r.Query("room_id")), Type: r.Query("type"), Limit: delayedPage + 1}
	if q.Room != "" && !event.ValidRoomID(q.Room) {
		return q, refusal.Invalid("%s is not a room ID.", string(q.Room))
	}
	status, err := r.Choice("status", "", "scheduled", "sent", "cancelled", "failed", "finalised")
	if err != nil {
		return q, err
	}
	q.Status = cmp.Or(rooms.DelayedStatus(status), fallback)
	direction, err := r.Choice("dir", "f", "b")
	if err != nil {
		return q, err
	}
	q.Backwards = direction == "b"
	from, err := r.Int("from_ts", 0, math.MaxInt)
	if err != nil {
		return q, err
	}
	to, err := r.Int("to_ts", math.MaxInt, math.MaxInt)
	if err != nil {
		return q, err
	}
	q.From, q.To = int64(from), int64(to)
	q.After, err = delayedPlace(r.Query("from"))
	return q, err
}

// delayedPlace reads a next_batch, nil of "".
func delayedPlace(token string) (*rooms.DelayedPlace, error) {
	if token == "" {
		return nil, nil
	}
	due, delayID, _ := strings.Cut(token, "_")
	at, err := strconv.ParseInt(due, 10, 64)
	if err != nil || delayID == "" {
		return nil, refusal.Invalid("The parameter %s is not a token of this list.", "from")
	}
	return &rooms.DelayedPlace{Due: at, ID: delayID}, nil
}
