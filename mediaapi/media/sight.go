package media

import (
	"context"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Sight answers whether people see what refers to media.
type Sight interface {
	// Sees tells whether the caller sees the event, room, profile or other thing that
	// a link names: an event that was redacted or is unknown is not seen. It is not
	// asked about [PreviewLink].
	Sees(ctx context.Context, caller tenant.Caller, link Link) (bool, error)
}

// Rules are what an account's media are held to.
type Rules struct {
	// Linked demands of readers that they have uploaded the media or see something
	// that refers to it; else every user of the account may read all that has an
	// address they know. What nothing refers to is removed after a time.
	Linked bool
	// UploadBytes is how large one file may be, UserBytes how much all files of one
	// user, AccountBytes all files of the account. 0 is no limit.
	UploadBytes, UserBytes, AccountBytes int64
}
