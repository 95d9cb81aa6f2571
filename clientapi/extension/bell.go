package extension

import (
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/bell"
)

func (s *Server) bellRoutes(api *httpapi.API) {
	api.Handle(http.MethodGet, prefix+"/bell", api.User(s.listBell))
	api.Handle(http.MethodPost, prefix+"/bell/read", api.Act(s.readBell))
}

var errBellRead = refusal.Missing("Say either up_to or id, the ID of an entry of the bell.")

// listBell handles GET …/bell: what the caller is to be told of, newest first, as
// {entries: [{id, kind, room_id, event_id?, sender?, ts, read}], unread, next_batch?}.
// kind is mention, direct_message, announcement, reminder or acknowledge; ts is in ms,
// of the event or the reminder; unread counts the whole bell. The parameters are limit
// (20, at most 100), from (the next_batch of an earlier page) and only=unread.
func (s *Server) listBell(r *httpapi.Request) (any, error) {
	limit, err := r.Int("limit", 20, 100)
	if err != nil {
		return nil, err
	}
	only, err := r.Choice("only", "", "unread")
	if err != nil {
		return nil, err
	}
	page, err := s.bell.List(r.Context(), r.Caller, bell.Wanted{From: r.Query("from"), Limit: max(limit, 1), Unread: only == "unread"})
	if err != nil {
		return nil, err
	}
	return struct {
		Entries []bell.Entry `json:"entries"`
		Unread  int          `json:"unread"`
		Next    string       `json:"next_batch,omitempty"`
	}{page.Entries, page.Unread, page.Next}, nil
}

// readBell handles POST …/bell/read {up_to} or {id} → {}: the entry of this ID and all
// before it, or it alone, are read. What was read, or is not there, stays as it is.
func (s *Server) readBell(r *httpapi.Request) (any, error) {
	var body struct {
		UpTo string `json:"up_to"`
		ID   string `json:"id"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	switch {
	case (body.UpTo == "") == (body.ID == ""):
		return nil, errBellRead
	case body.ID != "":
		return nil, s.bell.ReadOne(r.Context(), r.Caller, body.ID)
	}
	return nil, s.bell.ReadUpTo(r.Context(), r.Caller, body.UpTo)
}
