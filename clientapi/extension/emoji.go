package extension

import (
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) emojiRoutes(api *httpapi.API) {
	const emoji = prefix + "/admin/emoji"
	api.Handle(http.MethodGet, emoji, api.Administrator(s.allEmoji))
	api.Handle(http.MethodGet, emoji+"/{shortcode}", api.Administrator(s.emoji))
	api.Handle(http.MethodPut, emoji+"/{shortcode}", api.Administrator(s.setEmoji))
	api.Handle(http.MethodDelete, emoji+"/{shortcode}", api.Administrator(s.removeEmoji))
}

// allEmoji handles GET …/admin/emoji → {emoji: {shortcode: {url, body?}}}.
func (s *Server) allEmoji(r *httpapi.Request) (any, error) {
	all, err := s.rooms.Emoji(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	return map[string]any{"emoji": all}, nil
}

// emoji handles GET …/admin/emoji/{shortcode} → {url, body?}.
func (s *Server) emoji(r *httpapi.Request) (any, error) {
	return s.rooms.EmojiNamed(r.Context(), r.Account, r.Var("shortcode"))
}

// setEmoji handles PUT …/admin/emoji/{shortcode} {url, body?} → {}. The url is an mxc
// URI, the body what the emoji shows in words, at most 100 bytes. An account without a
// space has no emoji: 403.
func (s *Server) setEmoji(r *httpapi.Request) (any, error) {
	var body rooms.Emoji
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return nil, s.rooms.SetEmoji(r.Context(), r.Caller, r.Var("shortcode"), body)
}

// removeEmoji handles DELETE …/admin/emoji/{shortcode} → {}.
func (s *Server) removeEmoji(r *httpapi.Request) (any, error) {
	return nil, s.rooms.RemoveEmoji(r.Context(), r.Caller, r.Var("shortcode"))
}
