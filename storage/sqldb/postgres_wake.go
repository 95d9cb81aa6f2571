package sqldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	notifySQL = `SELECT pg_notify('internalchat', $1)`
	listenSQL = `LISTEN internalchat`

	// The timeline comes from the write-ahead log's file name, because the control
	// file learns of a promotion only at the next checkpoint.
	identitySQL = `SELECT system_identifier::text || '-' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)
		FROM pg_control_system()`

	// migrationLock is the key of the advisory lock under which migrations run.
	migrationLock int64 = 0x696e7465726e616c

	listenCheck   = 15 * time.Second // how often a silent LISTEN connection is tried
	reconnectMin  = 100 * time.Millisecond
	reconnectMax  = 5 * time.Second
	listenTimeout = 5 * time.Second
)

func (p *postgresDB) Notify(ctx context.Context, payload string) error {
	return p.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		_, err := c.Exec(ctx, notifySQL, payload)
		return err
	})
}

func (p *postgresDB) Watch(ctx context.Context, f func(string)) error {
	wait := reconnectMin
	for {
		worked, err := p.listenOnce(ctx, f)
		if worked {
			wait = reconnectMin
		}
		if ctx.Err() == nil && p.report != nil {
			p.report(fmt.Errorf("wake-ups between nodes are interrupted: %w", err))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		wait = min(2*wait, reconnectMax)
	}
}

// listenOnce serves one connection until it breaks, and says whether it ever worked.
func (p *postgresDB) listenOnce(ctx context.Context, f func(string)) (worked bool, err error) {
	try, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	c, err := pgx.ConnectConfig(try, p.listen.Copy())
	if err != nil {
		return false, err
	}
	defer func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenTimeout)
		defer cancel()
		_ = c.Close(bye)
	}()
	if _, err := c.Exec(try, listenSQL); err != nil {
		return false, err
	}
	f("")
	for {
		payload, err := nextNotification(ctx, c)
		if err != nil {
			return true, err
		}
		if payload != nil {
			f(*payload)
		}
	}
}

// nextNotification waits for a payload; nil if there was none for a while and the
// connection is still alive.
func nextNotification(ctx context.Context, c *pgx.Conn) (*string, error) {
	wait, cancel := context.WithTimeout(ctx, listenCheck)
	defer cancel()
	n, err := c.WaitForNotification(wait)
	if err == nil {
		return &n.Payload, nil
	}
	if ctx.Err() != nil || wait.Err() == nil {
		return nil, err
	}
	try, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	return nil, c.Ping(try)
}

func (p *postgresDB) Identity(ctx context.Context) (id string, err error) {
	id, _, err = One(ctx, p, Value[string], identitySQL)
	return id, err
}

// migrate holds the lock until the transaction ends. It waits for another process
// without limit, and so may a long migration take its time.
func (p *postgresDB) migrate(ctx context.Context, run func(migrator) error) error {
	c, err := p.pool.Acquire(ctx)
	if err != nil {
		return p.acquireError(ctx, err)
	}
	defer c.Release()
	return pgTransaction(ctx, c.Conn(), "BEGIN", func(q pgQuerier) error {
		for _, sql := range []string{"SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = 0"} {
			if err := q.exec(ctx, sql); err != nil {
				return err
			}
		}
		if err := q.exec(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
			return err
		}
		return run(q)
	})
}
