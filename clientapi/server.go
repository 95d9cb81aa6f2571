package clientapi

import (
	"time"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/rooms"
)

// Server holds what the handlers call.
type Server struct {
	keys        *accounts.Keys
	interactive interactive
	rooms       *rooms.Service
	now         func() time.Time
}
