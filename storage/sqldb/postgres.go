package sqldb

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/puddle/v2"
)

const (
	// idleInTransaction ends a snapshot whose reader has frozen.
	idleInTransaction = 15 * time.Second
	// answerMargin is how much longer than a statement may run the server's answer
	// is waited for, when it or the network does not answer at all.
	answerMargin = 5 * time.Second
	// poolSize is the size of the pool unless the URL has pool_max_conns.
	poolSize = 16
)

// postgresDB is the backend over a pool of connections.
type postgresDB struct {
	pool    *pgxpool.Pool
	listen  *pgx.ConnConfig
	report  func(error)
	acquire time.Duration // the longest wait for a connection
	answer  time.Duration // the longest wait for an answer
}

func openPostgres(ctx context.Context, o Options) (*postgresDB, error) {
	cfg, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, err
	}
	listen, err := pgxpool.ParseConfig(o.ListenURL) // it may have a pool's settings too
	if err != nil {
		return nil, err
	}
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if !strings.Contains(o.URL, "pool_max_conns") {
		cfg.MaxConns = poolSize
	}
	bare := cfg.Copy()
	setSession(cfg.ConnConfig.RuntimeParams, o)
	pool, err := connectPostgres(ctx, cfg)
	if refusesParameters(err) {
		pool, err = connectPostgres(ctx, bare)
	}
	if err != nil {
		return nil, err
	}
	return &postgresDB{
		pool: pool, listen: listen.ConnConfig, report: o.Report,
		acquire: o.Acquire, answer: o.Statement + answerMargin,
	}, nil
}

// setSession asks for what every session needs, in the words of the protocol's
// start-up message.
func setSession(params map[string]string, o Options) {
	params["synchronous_commit"] = "on"
	params["statement_timeout"] = milliseconds(o.Statement)
	params["lock_timeout"] = milliseconds(o.Lock)
	params["idle_in_transaction_session_timeout"] = milliseconds(idleInTransaction)
	if o.ReadOnly {
		params["default_transaction_read_only"] = "on"
	}
	if params["application_name"] == "" {
		params["application_name"] = "internalchat"
	}
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// refusesParameters recognises PgBouncer, which refuses start-up parameters that
// it does not track. Its operator sets the timeouts by ALTER ROLE; what durability
// needs is read back in any case.
func refusesParameters(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "08P01"
}

const settingsSQL = `SELECT current_setting('synchronous_commit'), current_setting('server_encoding'),
	current_setting('server_version_num')::bigint`

// connectPostgres makes a pool and reads back what it rests on.
func connectPostgres(ctx context.Context, cfg *pgxpool.Config) (*pgxpool.Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	var durable, encoding string
	var version int
	if err := pool.QueryRow(ctx, settingsSQL).Scan(&durable, &encoding, &version); err != nil {
		pool.Close()
		return nil, err
	}
	switch {
	case durable == "off" || durable == "local":
		err = fmt.Errorf("synchronous_commit is %q: messages could be lost after they were acknowledged; set it to on", durable)
	case encoding != "UTF8":
		err = fmt.Errorf("the database's encoding is %s; create it with ENCODING 'UTF8'", encoding)
	case version < 140000:
		err = fmt.Errorf("PostgreSQL 14 or newer is needed; this is version %d", version/10000)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

func (p *postgresDB) postgres() bool { return true }

func (p *postgresDB) Close() { p.pool.Close() }

func (p *postgresDB) Ping(ctx context.Context) error {
	return p.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error { return c.Ping(ctx) })
}

// with runs f on a connection of the pool, and ends it when the server does not
// answer.
func (p *postgresDB) with(ctx context.Context, f func(context.Context, *pgxpool.Conn) error) error {
	wait, cancel := context.WithTimeout(ctx, p.acquire)
	c, err := p.pool.Acquire(wait)
	cancel()
	if err != nil {
		return p.acquireError(ctx, err)
	}
	defer c.Release()
	ctx, cancel = context.WithTimeout(ctx, p.answer)
	defer cancel()
	return f(ctx, c)
}

func (p *postgresDB) acquireError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, puddle.ErrClosedPool):
		return ErrClosed
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no database connection became free in %s", p.acquire)
	default:
		return fmt.Errorf("connect to the database: %w", err)
	}
}

func (p *postgresDB) Query(ctx context.Context, sql string, args []any, scan func(Row) error) error {
	return p.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		return pgQuery(ctx, c.Conn(), sql, args, scan)
	})
}

func (p *postgresDB) QueryMany(ctx context.Context, sql string, argSets [][]any, scan func(int, Row) error) error {
	if len(argSets) == 0 {
		return nil
	}
	return p.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		return pgQueryMany(ctx, c.Conn(), sql, argSets, scan)
	})
}

const beginReadSQL = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

func (p *postgresDB) Read(ctx context.Context, f func(Querier) error) error {
	return p.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		return pgTransaction(ctx, c.Conn(), beginReadSQL, func(q pgQuerier) error { return f(q) })
	})
}

// pgTransaction runs f between BEGIN and COMMIT, or ROLLBACK if it fails.
func pgTransaction(ctx context.Context, c *pgx.Conn, begin string, f func(pgQuerier) error) (err error) {
	if _, err := c.Exec(ctx, begin); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // an error or a panic; if even this fails, the pool drops the connection
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerMargin)
			defer cancel()
			_, undoErr := c.Exec(undo, "ROLLBACK")
			_ = undoErr // what matters is why we are here
		}
	}()
	if err := f(pgQuerier{c}); err != nil {
		return err
	}
	done = true
	_, err = c.Exec(ctx, "COMMIT")
	return err
}

func pgQuery(ctx context.Context, c *pgx.Conn, sql string, args []any, scan func(Row) error) error {
	rows, err := c.Query(ctx, sql, pgArgs(args)...)
	if err != nil {
		return err
	}
	return pgScan(rows, scan)
}

func pgScan(rows pgx.Rows, scan func(Row) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func pgQueryMany(ctx context.Context, c *pgx.Conn, sql string, argSets [][]any, scan func(int, Row) error) (err error) {
	var b pgx.Batch
	for _, args := range argSets {
		b.Queue(sql, pgArgs(args)...)
	}
	results := c.SendBatch(ctx, &b)
	defer func() { err = errors.Join(err, results.Close()) }()
	for i := range argSets {
		rows, err := results.Query()
		if err != nil {
			return err
		}
		if err := pgScan(rows, func(r Row) error { return scan(i, r) }); err != nil {
			return err
		}
	}
	return nil
}

// pgQuerier reads and, for migrations, writes on one connection.
type pgQuerier struct{ c *pgx.Conn }

func (q pgQuerier) Query(ctx context.Context, sql string, args []any, scan func(Row) error) error {
	return pgQuery(ctx, q.c, sql, args, scan)
}

func (q pgQuerier) QueryMany(ctx context.Context, sql string, argSets [][]any, scan func(int, Row) error) error {
	if len(argSets) == 0 {
		return nil
	}
	return pgQueryMany(ctx, q.c, sql, argSets, scan)
}

func (q pgQuerier) exec(ctx context.Context, sql string, args ...any) error {
	_, err := q.c.Exec(ctx, onlyFor(sql, "postgres"), args...)
	return err
}

// pgArgs makes nil slices empty ones: pgx would send NULL, and x <> ALL(NULL) is
// true for no row.
func pgArgs(args []any) []any {
	for i, arg := range args {
		switch arg.(type) {
		case nil, string, []byte, int, int64, bool, *string, *int64:
			continue
		}
		v := reflect.ValueOf(arg)
		if v.Kind() == reflect.Slice && v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8 {
			args = slices.Clone(args)
			args[i] = reflect.MakeSlice(v.Type(), 0, 0).Interface()
		}
	}
	return args
}
