package webhooks

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

// Path is what the address of a webhook begins with, behind the server's. The
// webhook's secret follows.
const Path = "/_conversalabs/hooks/"

// maxBody is how large a body may be, in bytes.
const maxBody = 128 << 10

// Server holds what the handler calls.
type Server struct {
	rooms *rooms.Service
	rates *httpapi.Limiter
}

// New makes a Server.
func New(r *rooms.Service) *Server { return &Server{rooms: r} }

// Routes registers the route.
func (s *Server) Routes(api *httpapi.API) {
	s.rates = api.Rates()
	api.Handle(http.MethodPost, Path+"{token}", api.Open(s.post, httpapi.Body(maxBody)))
}

// post handles POST /_conversalabs/hooks/{token}: {event_id}, or for Slack's shape
// "ok" as text, which is what Slack answers. A secret that has ended is answered
// like one that never was.
func (s *Server) post(r *httpapi.Request) (any, error) {
	secret := r.Var("token")
	account, wellFormed := accounts.WebhookAccount(secret)
	if !wellFormed {
		return nil, rooms.ErrNoWebhook
	}
	hook, err := s.rooms.WebhookByToken(r.Context(), account, accounts.Hash(secret))
	if err != nil {
		return nil, err
	}
	r.Account, r.Caller.User = account, hook.User // for the log
	if err := s.rates.Take(httpapi.BotMessages, account, string(hook.User)); err != nil {
		return nil, err
	}
	if err := s.rates.Take(httpapi.AccountMessages, account, ""); err != nil {
		return nil, err
	}
	p, err := read(r.Header, r.Bytes())
	if err != nil {
		return nil, err
	}
	content, err := p.content()
	if err != nil {
		return nil, err
	}
	eventID, err := s.rooms.Post(r.Context(), account, hook, content, p.key)
	if err != nil {
		return nil, err
	}
	if p.slack {
		plain := http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
		return httpapi.Reply{Header: plain, Body: []byte("ok")}, nil
	}
	return map[string]id.EventID{"event_id": eventID}, nil
}
