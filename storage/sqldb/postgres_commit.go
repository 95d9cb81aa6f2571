package sqldb

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

func (p *postgresDB) Commit(ctx context.Context, b *Batch) error {
	if len(b.statements) == 0 {
		return nil
	}
	return p.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		// A cancelled context would cut the connection and leave an unknown commit.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.answer)
		defer cancel()
		return pgCommit(ctx, c.Conn(), b)
	})
}

// pgCommit sends all statements with one Sync at the end, which makes them one
// implicit transaction. Only the ReadyForQuery that Close waits for says that it
// was committed.
func pgCommit(ctx context.Context, c *pgx.Conn, b *Batch) error {
	var pb pgx.Batch
	for _, s := range b.statements {
		pb.Queue(s.sql, pgArgs(s.args)...)
	}
	results := c.SendBatch(ctx, &pb)
	for i := range b.statements {
		tag, err := results.Exec()
		if err != nil {
			return errors.Join(pgCommitError(i, err), ignoreClose(results))
		}
		b.statements[i].affected = tag.RowsAffected()
	}
	if err := results.Close(); err != nil {
		return pgCommitError(len(b.statements), err)
	}
	return nil
}

// ignoreClose drains the results after an error, which Close would only repeat.
func ignoreClose(results pgx.BatchResults) error {
	_ = results.Close()
	return nil
}

// pgCommitError tells apart what the server refused, and so rolled back, from what
// it may have done.
func pgCommitError(i int, err error) error {
	var pg *pgconn.PgError
	var unsent pgx.ErrPreprocessingBatch
	switch {
	case errors.As(err, &unsent): // a text or an argument is wrong; no statement has run
		return fmt.Errorf("commit: %w", err)
	case errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR":
		if kind := pgViolationKind(pg.Code); kind != 0 {
			return &Violation{Kind: kind, Constraint: pg.ConstraintName, Statement: i, Err: err}
		}
		return fmt.Errorf("commit: statement %d: %w", i, err)
	case pg == nil && pgconn.SafeToRetry(err):
		return fmt.Errorf("commit: %w", err)
	default: // FATAL comes when the server ends the session, at any point
		return fmt.Errorf("commit: %w: %w", ErrUnknown, err)
	}
}

// pgViolationKind reads a SQLSTATE of class 23; 0 is any other.
func pgViolationKind(code string) ViolationKind {
	switch code {
	case "23505":
		return Unique
	case "23503":
		return Reference
	case "23514":
		return Check
	case "23502":
		return NotNull
	default:
		return 0
	}
}
