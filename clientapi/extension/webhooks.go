package extension

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) webhookRoutes(api *httpapi.API) {
	const webhooks = prefix + "/rooms/{roomID}/webhooks"
	api.Handle(http.MethodGet, webhooks, api.User(s.webhooks))
	api.Handle(http.MethodPost, webhooks, api.Act(s.createWebhook, httpapi.Limit(httpapi.Creation)))
	api.Handle(http.MethodPut, webhooks+"/{webhookID}", api.Act(s.changeWebhook, httpapi.Limit(httpapi.Messages)))
	api.Handle(http.MethodDelete, webhooks+"/{webhookID}", api.Act(s.deleteWebhook, httpapi.Limit(httpapi.Messages)))
}

// webhooks handles GET …/rooms/{roomID}/webhooks, oldest first.
func (s *Server) webhooks(r *httpapi.Request) (any, error) {
	found, err := s.rooms.Webhooks(r.Context(), r.Caller, id.RoomID(r.Var("roomID")))
	if err != nil {
		return nil, err
	}
	type webhook struct {
		ID        string    `json:"webhook_id"`
		User      id.UserID `json:"user_id"` // whom it posts as
		Name      string    `json:"name"`
		AvatarURL string    `json:"avatar_url,omitempty"`
		Created   int64     `json:"created_ts"` // ms
		CreatedBy string    `json:"created_by"`
	}
	webhooks := make([]webhook, len(found))
	for i, w := range found {
		webhooks[i] = webhook{w.ID(), w.User, w.Name, w.AvatarURL, w.Created, w.CreatedBy}
	}
	return map[string]any{"webhooks": webhooks}, nil
}

// webhookBody is how a webhook is shown.
type webhookBody struct {
	Name      string `json:"name"`
	AvatarURL string `json:"avatar_url"`
}

// createWebhook handles POST …/rooms/{roomID}/webhooks {name, avatar_url?} →
// {webhook_id, user_id, url}. The address, which is the secret, is shown this once.
func (s *Server) createWebhook(r *httpapi.Request) (any, error) {
	var body webhookBody
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	secret, err := s.accounts.NewWebhookSecret(r.Account)
	if err != nil {
		return nil, err
	}
	hook, err := s.rooms.CreateWebhook(r.Context(), r.Caller, rooms.Webhook{
		Room: id.RoomID(r.Var("roomID")), Name: body.Name, AvatarURL: body.AvatarURL, Token: accounts.Hash(secret),
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"webhook_id": hook.ID(), "user_id": hook.User, "url": s.hooksURL + secret}, nil
}

// changeWebhook handles PUT …/rooms/{roomID}/webhooks/{webhookID} {name,
// avatar_url?}, which takes the place of both.
func (s *Server) changeWebhook(r *httpapi.Request) (any, error) {
	var body webhookBody
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return nil, s.rooms.ChangeWebhook(r.Context(), r.Caller, id.RoomID(r.Var("roomID")), r.Var("webhookID"), body.Name, body.AvatarURL)
}

// deleteWebhook handles DELETE …/rooms/{roomID}/webhooks/{webhookID}.
func (s *Server) deleteWebhook(r *httpapi.Request) (any, error) {
	return nil, s.rooms.DeleteWebhook(r.Context(), r.Caller, id.RoomID(r.Var("roomID")), r.Var("webhookID"))
}
