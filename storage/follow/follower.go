package follow

import (
	"context"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Place is a point of one history of an account.
type Place struct {
	Epoch    int64
	Position stream.Position
}

// reaches tells whether everything up to other has been passed.
func (p Place) reaches(other Place) bool {
	return p.Epoch == other.Epoch && p.Position >= other.Position
}

// Source is the streams that are followed.
type Source interface {
	// Places gives the head of every account.
	Places(ctx context.Context) (map[tenant.ID]Place, error)
	// Place gives the head of one account, and false when there is no such account.
	Place(ctx context.Context, account tenant.ID) (Place, bool, error)
	// Moves has f called with an account after its head has moved, and with ""
	// when that may be so for any of them, until stop is called. f must not block.
	Moves(f func(account tenant.ID)) (stop func())
}

// Follower is what follows the stream. Its methods are called by one goroutine,
// and may be called again for what they have done already: after a crash, or when
// the lease was lost.
type Follower interface {
	// Name names the follower's cursors and lease: a word that never changes.
	Name() string
	// Step does what a bounded number of entries ask for, from the first after a
	// position on, none behind upTo, and gives the position it has reached, which
	// is above after. Writes that are to be one with the cursor go into b; anything
	// else is done when Step returns. In a SQLite file that sends write to, the
	// writes must take less than 20 ms: a send waits for them. An error that is a
	// [Later] has the step tried again then and not before.
	Step(ctx context.Context, account tenant.ID, after, upTo stream.Position, b *sqldb.Batch) (stream.Position, error)
	// Reset undoes, as far as that can be, what was done in another history, in
	// bounded portions: it adds one to b, and gives false when that is the last.
	Reset(ctx context.Context, account tenant.ID, b *sqldb.Batch) (more bool, err error)
}

// Later says that what a step must reach cannot be reached now.
type Later struct {
	Wait  time.Duration
	Cause error
}

// Error gives the cause.
func (l *Later) Error() string { return l.Cause.Error() }

// Unwrap gives the cause.
func (l *Later) Unwrap() error { return l.Cause }
