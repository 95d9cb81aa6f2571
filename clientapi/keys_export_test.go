package clientapi

import (
	"encoding/json"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

// Confirm stands for user-interactive authentication.
type Confirm func(auth json.RawMessage) error

// Confirm implements interactive.
func (c Confirm) Confirm(_ *httpapi.Request, auth json.RawMessage) error { return c(auth) }

// KeyRoutes registers the routes of keys on a Server that has nothing else.
func KeyRoutes(api *httpapi.API, keys *accounts.Keys, service *rooms.Service, confirm Confirm) {
	(&Server{keysBytes: 4 << 20, keys: keys, rooms: service, interactive: confirm}).keyRoutes(api)
}
