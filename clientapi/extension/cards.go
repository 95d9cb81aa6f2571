package extension

import (
	"net/http"
	"unicode/utf8"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/cards"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) cardRoutes(api *httpapi.API) {
	api.Handle(http.MethodPost, prefix+"/rooms/{roomID}/cards", api.User(s.share, httpapi.Limit(httpapi.Messages), httpapi.Limit(httpapi.Cards)))
	api.Handle(http.MethodPost, prefix+"/cards", api.User(s.shareDirectly, httpapi.Limit(httpapi.Messages), httpapi.Limit(httpapi.Cards)))
	api.Handle(http.MethodGet, prefix+"/cards/{cardType}/{cardID}", api.User(s.card, httpapi.Limit(httpapi.Cards)))
}

// shareBody names an item.
type shareBody struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Comment string `json:"comment"`
	// Direct is who is to be shown it, where the path names no room.
	Direct id.UserID `json:"dm_user_id"`
	// Key is for browsers, whose pages may not set the header.
	Key *string `json:"idempotency_key"`
}

// share handles POST …/rooms/{roomID}/cards {type, id, comment?, idempotency_key?} →
// {room_id, event_id}: one message that shows an item, if the account's resolver says
// that the caller may see it. What else the body says of the item counts for nothing.
// The key, which may be in the header Idempotency-Key too, makes a retry give the first
// message's IDs.
func (s *Server) share(r *httpapi.Request) (any, error) {
	var body shareBody
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	room := r.Var("roomID")
	return s.shareTo(r, body, room, func() (id.RoomID, error) { return id.RoomID(room), nil })
}

// shareDirectly handles POST …/cards {type, id, dm_user_id, comment?, idempotency_key?}
// → {room_id, event_id}: share in the room for direct messages with somebody, which is
// made if there is none once the item is known.
func (s *Server) shareDirectly(r *httpapi.Request) (any, error) {
	var body shareBody
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Direct == "" {
		return nil, errNoPeer
	}
	return s.shareTo(r, body, string(body.Direct), func() (id.RoomID, error) {
		return s.rooms.OpenDirect(r.Context(), r.Caller, body.Direct)
	})
}

var errNoPeer = refusal.Missing("Name one colleague to share this with, in dm_user_id.")

// shareTo sends the message to a room or a person; open gives the room.
func (s *Server) shareTo(r *httpapi.Request, body shareBody, to string, open func() (id.RoomID, error)) (any, error) {
	if len(body.Comment) > rooms.MaxComment {
		return nil, rooms.ErrComment
	}
	key, err := body.key(r)
	if err != nil {
		return nil, err
	}
	share := rooms.Share{Comment: body.Comment, To: to, Transaction: key}
	eventID, err := s.rooms.Shared(r.Context(), r.Caller, to, key)
	if err == nil && eventID == "" {
		err = s.fill(r, &share, body)
	}
	if err != nil {
		return nil, err
	}
	if share.Room, err = open(); err != nil {
		return nil, err
	}
	if eventID == "" {
		eventID, err = s.rooms.Share(r.Context(), r.Caller, share)
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{"room_id": string(share.Room), "event_id": string(eventID)}, nil
}

// fill asks for the item that is to be shared. All who are in the room are shown it, so
// it is in the account's language.
func (s *Server) fill(r *httpapi.Request, share *rooms.Share, body shareBody) error {
	account, err := s.accounts.Account(r.Context(), r.Account)
	if err != nil {
		return err
	}
	share.Locale = account.Settings.Locale
	item, err := s.item(r, account, body.Type, body.ID, share.Locale)
	if err != nil {
		return err
	}
	share.Card = rooms.Card{
		Type: item.Type, ID: item.ID, Title: item.Title, Summary: item.Summary, Icon: item.Icon, URL: item.URL,
	}
	return nil
}

// card handles GET …/cards/{cardType}/{cardID} → {type, id, account_id, title,
// summary, icon, url, state?}: the item as the caller may see it now, in their
// language. state is a word of the system that knows it.
func (s *Server) card(r *httpapi.Request) (any, error) {
	account, err := s.accounts.Account(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	item, err := s.item(r, account, r.Var("cardType"), r.Var("cardID"), refusal.Language(r.Languages()))
	if err != nil {
		return nil, err
	}
	answer := map[string]string{
		"type": item.Type, "id": item.ID, "account_id": string(r.Account),
		"title": item.Title, "summary": item.Summary, "icon": item.Icon, "url": item.URL,
	}
	if item.State != "" {
		answer["state"] = item.State
	}
	return answer, nil
}

// item asks the account's resolver for an item in the caller's name.
func (s *Server) item(r *httpapi.Request, account *accounts.Account, kind, item, locale string) (*cards.Item, error) {
	user, err := s.accounts.User(r.Context(), r.Account, r.Caller.User)
	if err != nil {
		return nil, err
	}
	q := cards.Question{Account: r.Account, Type: kind, ID: item, Locale: locale}
	if user != nil {
		q.User = user.External
	}
	return s.cards.Resolve(r.Context(), account.Settings.Cards, q)
}

// maxKey is how long an idempotency key may be, in bytes.
const maxKey = 255

var errKey = refusal.Invalid("An idempotency key has 1 to 255 bytes of UTF-8 text.")

// key gives what makes a retry be known, "" for none. The header counts where both are
// there.
func (b *shareBody) key(r *httpapi.Request) (string, error) {
	key := b.Key
	if keys := r.Header.Values("Idempotency-Key"); len(keys) > 0 {
		key = &keys[0]
	}
	switch {
	case key == nil:
		return "", nil
	case *key == "" || len(*key) > maxKey || !utf8.ValidString(*key):
		return "", errKey
	}
	return *key, nil
}
