package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) routesSpaces(api *httpapi.API) {
	api.Versions(http.MethodGet, "/rooms/{roomID}/hierarchy", api.User(s.hierarchy, httpapi.WholeAccount()), "v1")
	summary := api.UserUnless(s.rooms.OpenReads, s.roomSummary)
	api.Versions(http.MethodGet, "/room_summary/{roomIDOrAlias}", summary, "v1")
	older := api.UserUnless(s.rooms.OpenReads, s.olderSummary)
	for _, path := range []string{"/summary/{roomIDOrAlias}", "/rooms/{roomIDOrAlias}/summary"} {
		api.Versions(http.MethodGet, path, older, "unstable/im.nheko.summary")
	}
	mutual := api.User(s.mutualRooms)
	api.Versions(http.MethodGet, "/mutual_rooms", mutual, "v1")
	const msc2666 = "unstable/uk.half-shot.msc2666"
	api.Versions(http.MethodGet, "/user/mutual_rooms", api.User(s.olderMutualRooms), msc2666)
	for _, path := range []string{"/user/mutual_rooms/{userID}", "/user/shared_rooms/{userID}"} {
		api.Versions(http.MethodGet, path, api.User(s.oldestMutualRooms), msc2666)
	}
}

// hierarchy handles GET /_matrix/client/v1/rooms/{roomID}/hierarchy.
func (s *Server) hierarchy(r *httpapi.Request) (any, error) {
	q := rooms.HierarchyRequest{Room: roomOf(r), From: r.Query("from"), Depth: -1}
	var err error
	if q.Suggested, err = r.Bool("suggested_only"); err != nil {
		return nil, err
	}
	if r.Query("max_depth") != "" {
		if q.Depth, err = r.Int("max_depth", 0, maxPage); err != nil {
			return nil, err
		}
	}
	if q.Limit, err = r.Int("limit", maxPage, maxPage); err != nil {
		return nil, err
	}
	if q.Limit == 0 {
		return nil, refusal.Invalid("The parameter %s must be greater than zero.", "limit")
	}
	return s.rooms.Hierarchy(r.Context(), r.Caller, q)
}

// roomSummary handles GET /_matrix/client/v1/room_summary/{roomIDOrAlias}.
func (s *Server) roomSummary(r *httpapi.Request) (any, error) { return s.summary(r) }

func (s *Server) summary(r *httpapi.Request) (*rooms.Summary, error) {
	room, err := s.roomOrAlias(r)
	if err != nil {
		return nil, err
	}
	// Without a token the caller has no account; the request has.
	caller := r.Caller
	caller.Account = r.Account
	return s.rooms.Summary(r.Context(), caller, room)
}

// olderSummary handles GET /_matrix/client/unstable/im.nheko.summary/summary/{roomIDOrAlias}
// and GET /_matrix/client/unstable/im.nheko.summary/rooms/{roomIDOrAlias}/summary,
// where two keys have older names too (MSC3266).
func (s *Server) olderSummary(r *httpapi.Request) (any, error) {
	summary, err := s.summary(r)
	if err != nil {
		return nil, err
	}
	return struct {
		*rooms.Summary
		Version     id.RoomVersion `json:"im.nheko.summary.version"`
		RoomVersion id.RoomVersion `json:"im.nheko.summary.room_version"`
		Encryption  string         `json:"im.nheko.summary.encryption,omitempty"`
	}{summary, summary.Version, summary.Version, summary.Encryption}, nil
}

// mutualRooms handles GET /_matrix/client/v1/mutual_rooms.
func (s *Server) mutualRooms(r *httpapi.Request) (any, error) {
	return s.mutual(r, r.Query("user_id"), r.Query("from"))
}

// olderMutualRooms handles GET
// /_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms (MSC2666).
func (s *Server) olderMutualRooms(r *httpapi.Request) (any, error) {
	return s.mutualBatch(r, r.Query("user_id"))
}

// oldestMutualRooms handles GET
// /_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms/{userID} and
// GET …/user/shared_rooms/{userID}.
func (s *Server) oldestMutualRooms(r *httpapi.Request) (any, error) {
	return s.mutualBatch(r, r.Var("userID"))
}

// mutualBatch gives mutual rooms under the names that MSC2666 had before it was
// accepted.
func (s *Server) mutualBatch(r *httpapi.Request, user string) (any, error) {
	page, err := s.mutual(r, user, r.Query("batch_token"))
	if err != nil {
		return nil, err
	}
	return struct {
		*rooms.MutualRooms
		Next string `json:"next_batch_token,omitempty"`
	}{page, page.Next}, nil
}

func (s *Server) mutual(r *httpapi.Request, user, from string) (*rooms.MutualRooms, error) {
	if user == "" {
		return nil, refusal.Missing("The request must name a user in user_id.")
	}
	return s.rooms.MutualRooms(r.Context(), r.Caller, id.UserID(user), from)
}
