package extension

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) seenRoutes(api *httpapi.API) {
	const event = prefix + "/rooms/{roomID}/events/{eventID}"
	api.Handle(http.MethodGet, event+"/seen_by", api.User(s.seenBy))
	api.Handle(http.MethodPost, event+"/ack", api.Act(s.acknowledge, httpapi.Limit(httpapi.Messages)))
	api.Handle(http.MethodGet, event+"/acks", api.User(s.acknowledgements))
	api.Handle(http.MethodPost, prefix+"/rooms/{roomID}/mentions/check", api.User(s.checkMentions))
}

// peoplePage reads limit (100, at most 1,000) and from.
func peoplePage(r *httpapi.Request) (rooms.PeoplePage, error) {
	limit, err := r.Int("limit", 100, 1000)
	return rooms.PeoplePage{From: id.UserID(r.Query("from")), Limit: max(limit, 1)}, err
}

type sight struct {
	User id.UserID `json:"user_id"`
	Time int64     `json:"ts,omitempty"` // ms
}

// seenBy handles GET …/rooms/{roomID}/events/{eventID}/seen_by → {counts: {seen,
// not_seen}, seen: [{user_id, ts?}], not_seen: [{user_id}], next_batch?}: the people of
// the room but the event's sender, by public read receipts, at or behind the event, of
// the whole room or of the event's thread; ts is the receipt's, in ms. The lists are
// pages by user ID: limit (100, at most 1,000) people in both together, from is
// next_batch of the page before. The counts are of all. Who is not in the room is
// answered M_FORBIDDEN, an event that one may not see M_NOT_FOUND.
func (s *Server) seenBy(r *httpapi.Request) (any, error) {
	page, err := peoplePage(r)
	if err != nil {
		return nil, err
	}
	found, err := s.rooms.SeenBy(r.Context(), r.Caller, id.RoomID(r.Var("roomID")), id.EventID(r.Var("eventID")), page)
	if err != nil {
		return nil, err
	}
	seen, notSeen := []sight{}, []sight{}
	for _, p := range found.People {
		if p.Seen {
			seen = append(seen, sight{p.User, p.Time})
		} else {
			notSeen = append(notSeen, sight{User: p.User})
		}
	}
	answer := map[string]any{
		"counts": map[string]int{"seen": found.Seen, "not_seen": found.NotSeen}, "seen": seen, "not_seen": notSeen,
	}
	if found.Next != "" {
		answer["next_batch"] = found.Next
	}
	return answer, nil
}

// checkMentions handles POST …/rooms/{roomID}/mentions/check {user_ids, teams?} →
// {not_members: [{user_id, displayname?, may_add}], unknown: [user_id]}: who of those
// users (at most 100), and of the members of those teams (at most 10), is not in the
// room and would not read what mentions them; may_add tells whether the caller may add
// them. not_members has at most 100. Who does not exist, is deactivated, or is in another
// account is unknown. Only for members of the room: M_FORBIDDEN.
func (s *Server) checkMentions(r *httpapi.Request) (any, error) {
	var body struct {
		Users []id.UserID `json:"user_ids"`
		Teams []string    `json:"teams"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return s.rooms.CheckMentions(r.Context(), r.Caller, id.RoomID(r.Var("roomID")), body.Users, body.Teams)
}
