package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/conversalabs/internalchat/storage/sqldb"
)

// errLost says that another node has taken the lease over.
var errLost = errors.New("the lease was lost")

// lease is the right to run one follower. It is kept where the follower writes,
// so that each write can demand it.
type lease struct {
	db    *sqldb.DB
	name  string // the follower's
	owner string // this runner, by a name that nobody else has
	life  time.Duration

	generation int64 // 0: not held
}

// clock is the database's own: nodes need not agree on the time of day. It is one
// of two texts because SQLite has no extract, and PostgreSQL no unixepoch.
func (l *lease) clock() string {
	if l.db.Postgres() {
		return `(extract(epoch FROM clock_timestamp()) * 1000)::bigint`
	}
	return `CAST(unixepoch('subsec') * 1000 AS INTEGER)`
}

const (
	// A SQLite file has one server, which its folder's lock guarantees: it need not
	// wait until the lease of the one before has run out.
	takeLeaseSQL = `
		INSERT INTO node_leases (lease, owner, expires, generation) VALUES ($1, $2, %[1]s + $3::bigint, 1)
		ON CONFLICT (lease) DO UPDATE SET owner = excluded.owner, expires = excluded.expires, generation = node_leases.generation + 1
		WHERE node_leases.expires < %[1]s OR node_leases.owner = excluded.owner OR $4::boolean`

	generationSQL = `SELECT generation FROM node_leases WHERE lease = $1 AND owner = $2`

	renewLeaseSQL = `
		UPDATE node_leases SET expires = %[1]s + $4::bigint WHERE lease = $1 AND owner = $2 AND generation = $3`

	dropLeaseSQL = `UPDATE node_leases SET expires = 0 WHERE lease = $1 AND owner = $2 AND generation = $3`

	// The lock makes a takeover wait for the transaction, and the transaction for a
	// takeover.
	lockLeaseSQL = `SELECT generation FROM node_leases WHERE lease = $1 FOR SHARE`
)

// take tries to get the lease.
func (l *lease) take(ctx context.Context) (held bool, err error) {
	b := &sqldb.Batch{}
	b.Add(fmt.Sprintf(takeLeaseSQL, l.clock()), l.name, l.owner, l.life.Milliseconds(), !l.db.Postgres())
	if err := l.db.Commit(ctx, b); err != nil {
		return false, fmt.Errorf("take the lease of %s: %w", l.name, err)
	}
	if b.Affected(0) == 0 {
		return false, nil
	}
	l.generation, held, err = sqldb.One(ctx, l.db, sqldb.Value[int64], generationSQL, l.name, l.owner)
	if err != nil {
		return false, fmt.Errorf("read the lease of %s: %w", l.name, err)
	}
	return held, nil
}

// renew makes the lease last longer.
func (l *lease) renew(ctx context.Context) error {
	b := &sqldb.Batch{}
	b.Add(fmt.Sprintf(renewLeaseSQL, l.clock()), l.name, l.owner, l.generation, l.life.Milliseconds())
	if err := l.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("renew the lease of %s: %w", l.name, err)
	}
	if b.Affected(0) == 0 {
		return errLost
	}
	return nil
}

// drop lets another node take over at once.
func (l *lease) drop(ctx context.Context) error {
	b := &sqldb.Batch{}
	b.Add(dropLeaseSQL, l.name, l.owner, l.generation)
	if err := l.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("drop the lease of %s: %w", l.name, err)
	}
	return nil
}
