package clientapi

import (
	"time"

	"github.com/conversalabs/internalchat/rooms"
)

// Server holds what the handlers call.
type Server struct {
	rooms *rooms.Service
	now   func() time.Time
}
