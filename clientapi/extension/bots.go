package extension

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

func (s *Server) botRoutes(api *httpapi.API) {
	const bots = prefix + "/admin/bots"
	api.Handle(http.MethodGet, bots, api.Administrator(s.bots))
	api.Handle(http.MethodPost, bots, api.Administrator(s.createBot))
	api.Handle(http.MethodDelete, bots+"/{userID}", api.Administrator(s.endBot))
	api.Handle(http.MethodGet, bots+"/{userID}/tokens", api.Administrator(s.botTokens))
	api.Handle(http.MethodPost, bots+"/{userID}/tokens", api.Administrator(s.createBotToken))
	api.Handle(http.MethodDelete, bots+"/{userID}/tokens/{tokenID}", api.Administrator(s.endBotToken))
}

// bots handles GET …/admin/bots.
func (s *Server) bots(r *httpapi.Request) (any, error) {
	found, err := s.accounts.Bots(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	type bot struct {
		User        id.UserID `json:"user_id"`
		DisplayName string    `json:"displayname,omitempty"`
		Created     int64     `json:"created_ts"` // ms
	}
	bots := make([]bot, len(found))
	for i, b := range found {
		bots[i] = bot(b)
	}
	return map[string]any{"bots": bots}, nil
}

// createBot handles POST …/admin/bots {name, displayname?} → {user_id}. The name
// becomes part of the bot's user ID.
func (s *Server) createBot(r *httpapi.Request) (any, error) {
	var body struct {
		Name        string `json:"name"`
		DisplayName string `json:"displayname"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	bot, err := s.accounts.CreateBot(r.Context(), r.Caller, body.Name, body.DisplayName)
	if err != nil {
		return nil, err
	}
	return map[string]id.UserID{"user_id": bot}, nil
}

// endBot handles DELETE …/admin/bots/{userID}.
func (s *Server) endBot(r *httpapi.Request) (any, error) {
	return nil, s.accounts.EndBot(r.Context(), r.Caller, id.UserID(r.Var("userID")))
}

// botTokens handles GET …/admin/bots/{userID}/tokens.
func (s *Server) botTokens(r *httpapi.Request) (any, error) {
	found, err := s.accounts.BotTokens(r.Context(), r.Account, id.UserID(r.Var("userID")))
	if err != nil {
		return nil, err
	}
	type token struct {
		ID        id.DeviceID `json:"token_id"`
		Name      string      `json:"name"`
		Rooms     []id.RoomID `json:"rooms,omitempty"` // absent: all
		Created   int64       `json:"created_ts"`      // ms
		CreatedBy string      `json:"created_by"`
		LastSeen  int64       `json:"last_used_ts,omitempty"` // ms
	}
	tokens := make([]token, len(found))
	for i, t := range found {
		tokens[i] = token{t.ID, t.Name, t.Rooms.List(), t.Created, t.CreatedBy, t.LastSeen}
	}
	return map[string]any{"tokens": tokens}, nil
}

// createBotToken handles POST …/admin/bots/{userID}/tokens {name, rooms?} →
// {token_id, access_token}. The token is shown this once.
func (s *Server) createBotToken(r *httpapi.Request) (any, error) {
	var body struct {
		Name  string      `json:"name"`
		Rooms []id.RoomID `json:"rooms"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	secret, token, err := s.accounts.CreateBotToken(r.Context(), r.Caller, id.UserID(r.Var("userID")), body.Name, body.Rooms)
	if err != nil {
		return nil, err
	}
	return map[string]any{"token_id": token, "access_token": secret}, nil
}

// endBotToken handles DELETE …/admin/bots/{userID}/tokens/{tokenID}.
func (s *Server) endBotToken(r *httpapi.Request) (any, error) {
	return nil, s.accounts.EndBotToken(r.Context(), r.Caller, id.UserID(r.Var("userID")), id.DeviceID(r.Var("tokenID")))
}
