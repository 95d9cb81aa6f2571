package extension

import (
	"net/http"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/storage/stream"
)

func (s *Server) reportRoutes(api *httpapi.API) {
	api.Handle(http.MethodGet, prefix+"/admin/reports", api.Administrator(s.reports))
}

// reports handles GET …/admin/reports: what users have reported, oldest first. The
// content of a reported event is not in it. limit and from page.
func (s *Server) reports(r *httpapi.Request) (any, error) {
	limit, err := r.Int("limit", 100, 1000)
	if err != nil {
		return nil, err
	}
	from, err := r.Int("from", 0, 1<<53)
	if err != nil {
		return nil, err
	}
	found, err := s.rooms.Reports(r.Context(), r.Account, stream.Position(from), max(limit, 1))
	if err != nil {
		return nil, err
	}
	type report struct {
		Reporter id.UserID  `json:"reporter"`
		Room     id.RoomID  `json:"room_id,omitempty"`
		Event    id.EventID `json:"event_id,omitempty"`
		User     id.UserID  `json:"user_id,omitempty"`
		Reason   string     `json:"reason"`
		Time     int64      `json:"ts"` // ms
	}
	reports := make([]report, len(found))
	answer := map[string]any{"reports": reports}
	for i, f := range found {
		reports[i] = report{f.Reporter, f.Room, f.Event, f.User, f.Reason, f.Time}
	}
	if len(found) > 0 {
		answer["next_batch"] = strconv.FormatInt(int64(found[len(found)-1].Position), 10)
	}
	return answer, nil
}
