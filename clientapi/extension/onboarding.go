package extension

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func (s *Server) onboardingRoutes(api *httpapi.API) {
	api.Handle(http.MethodGet, prefix+"/admin/default_channels", api.Administrator(s.defaultChannels))
	api.Handle(http.MethodPut, prefix+"/admin/rooms/{roomID}/default", api.Administrator(s.setDefault))
	api.Handle(http.MethodPut, prefix+"/rooms/{roomID}/team", api.Act(s.followTeam, httpapi.Limit(httpapi.Messages)))
}

// defaultChannels handles GET …/admin/default_channels → {channels: [{room_id, name,
// since_ts}]}: those that whoever is new in the account is in, by their names. Times are
// in ms.
func (s *Server) defaultChannels(r *httpapi.Request) (any, error) {
	channels, err := s.rooms.DefaultChannels(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	return map[string]any{"channels": channels}, nil
}

// setDefault handles PUT …/admin/rooms/{roomID}/default {default} → {}. Only a public
// channel can be a default one: 403. People who are there already are not put into it.
func (s *Server) setDefault(r *httpapi.Request) (any, error) {
	var body struct {
		Default *bool `json:"default"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Default == nil {
		return nil, refusal.Missing("Please say by default whether people who are new are to be in this channel.")
	}
	return nil, s.rooms.SetDefault(r.Context(), r.Caller, id.RoomID(r.Var("roomID")), *body.Default)
}

// followTeam handles PUT …/rooms/{roomID}/team {team_id} → {}: a team's ID, or null for
// none. For the channel's owners and admins and administrators of the account. A team
// that does not exist is 404; announcements and direct messages follow none: 403.
func (s *Server) followTeam(r *httpapi.Request) (any, error) {
	var body struct {
		Team *string `json:"team_id"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	team := ""
	if body.Team != nil {
		team = *body.Team
	}
	return nil, s.rooms.FollowTeam(r.Context(), r.Caller, id.RoomID(r.Var("roomID")), team)
}
