package follow

import (
	"context"
	"errors"
	"fmt"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const (
	cursorSQL = `SELECT epoch, position FROM follower_cursors WHERE account = $1 AND follower = $2`

	cursorsSQL = `SELECT account, epoch, position FROM follower_cursors WHERE follower = $1`

	// Without the lease there is no position, which no cursor may be: the whole
	// transaction is refused, the follower's writes with it.
	moveCursorSQL = `
		INSERT INTO follower_cursors (account, follower, epoch, position)
		VALUES ($1, $2, $3, (SELECT $4::bigint FROM node_leases WHERE lease = $2 AND generation = $5))
		ON CONFLICT (account, follower) DO UPDATE SET epoch = excluded.epoch, position = excluded.position`
)

// cursor reads how far the follower has come; an account that it has not begun is
// at no place of epoch 0, which no account has.
func (r *Runner) cursor(ctx context.Context, account tenant.ID) (Place, error) {
	at, _, err := sqldb.One(ctx, r.db, func(row sqldb.Row) (p Place, err error) {
		return p, row.Scan(&p.Epoch, &p.Position)
	}, cursorSQL, account, r.follower.Name())
	if err != nil {
		return Place{}, fmt.Errorf("read cursor: %w", err)
	}
	return at, nil
}

func (r *Runner) readCursors(ctx context.Context) (map[tenant.ID]Place, error) {
	all := map[tenant.ID]Place{}
	err := r.db.Query(ctx, cursorsSQL, []any{r.follower.Name()}, func(row sqldb.Row) error {
		var account tenant.ID
		var at Place
		err := row.Scan(&account, &at.Epoch, &at.Position)
		all[account] = at
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read cursors: %w", err)
	}
	return all, nil
}

// write runs do, which adds to a batch what is one with the cursor and gives the
// cursor, and commits both if the lease is still held.
func (r *Runner) write(ctx context.Context, account tenant.ID, do func(*sqldb.Batch) (Place, error)) (Place, error) {
	b := &sqldb.Batch{}
	b.Add(lockLeaseSQL, r.lease.name)
	to, err := do(b)
	if err != nil {
		return Place{}, err
	}
	last := b.Len()
	b.Add(moveCursorSQL, account, r.lease.name, to.Epoch, to.Position, r.lease.generation)
	err = r.db.Commit(ctx, b)
	var violation *sqldb.Violation
	if errors.As(err, &violation) && violation.Statement == last {
		return Place{}, errLost
	}
	if err != nil {
		return Place{}, fmt.Errorf("move cursor: %w", err)
	}
	return to, nil
}
