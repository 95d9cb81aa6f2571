package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"modernc.org/sqlite"
)

// maxStatements is how many prepared statements a connection keeps. The texts are
// constants, so that it is reached only by a mistake.
const maxStatements = 1000

// liteConn is one connection with its prepared statements. It uses the driver
// itself: database/sql's own pool, locks and conversions cost more than a small
// read does. It is used by one goroutine at a time.
type liteConn struct {
	conn       driverConn
	statements map[string]*liteStatement
	// inQuery guards against a query inside a scan, which would restart the
	// statement under it. It stays set when a scan panics.
	inQuery bool
	// broken says that the connection must not be used again.
	broken bool
	row    liteRow
	bound  []driver.NamedValue
}

// driverConn is what the driver's connection can do.
type driverConn interface {
	driver.Conn
	driver.ConnPrepareContext
}

type liteStatement struct {
	derived
	statement interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}
}

func openLite(dsn string) (*liteConn, error) {
	opened, err := (&sqlite.Driver{}).Open(dsn)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(driverConn)
	if !ok {
		return nil, fmt.Errorf("the SQLite driver cannot prepare statements")
	}
	return &liteConn{conn: conn, statements: make(map[string]*liteStatement)}, nil
}

func (c *liteConn) close() {
	c.forget()
	_ = c.conn.Close() // nothing is left to be written: each commit is durable
}

func (c *liteConn) forget() {
	for _, s := range c.statements {
		_ = s.statement.Close()
	}
	clear(c.statements)
}

func (c *liteConn) prepare(sql string) (*liteStatement, error) {
	if s, ok := c.statements[sql]; ok {
		return s, nil
	}
	d, err := derive(sql)
	if err != nil {
		return nil, err
	}
	prepared, err := c.conn.PrepareContext(context.Background(), d.sql)
	if err != nil {
		return nil, fmt.Errorf("%w in %q", err, d.sql)
	}
	s := &liteStatement{derived: d}
	var ok bool
	if s.statement, ok = prepared.(interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}); !ok {
		return nil, errors.New("the SQLite driver's statements take no context")
	}
	if len(c.statements) >= maxStatements {
		c.forget()
	}
	c.statements[sql] = s
	return s, nil
}

// start prepares and binds a statement.
func (c *liteConn) start(sql string, args []any) (*liteStatement, error) {
	if c.inQuery {
		return nil, errors.New("a query inside the scan of another")
	}
	s, err := c.prepare(sql)
	if err != nil {
		return nil, err
	}
	if len(args) != s.args {
		return nil, fmt.Errorf("%d arguments where the statement has %d", len(args), s.args)
	}
	c.bound = c.bound[:0]
	for i, p := range s.params {
		v, err := bind(args[p.arg], p.kind)
		if err != nil {
			return nil, fmt.Errorf("argument $%d: %w", p.arg+1, err)
		}
		c.bound = append(c.bound, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return s, nil
}

// exec runs a statement and returns how many rows it changed.
func (c *liteConn) exec(sql string, args []any) (int64, error) {
	s, err := c.start(sql, args)
	if err != nil {
		return 0, err
	}
	result, err := s.statement.ExecContext(context.Background(), c.bound)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c *liteConn) query(sql string, args []any, scan func(Row) error) error {
	s, err := c.start(sql, args)
	if err != nil {
		return err
	}
	rows, err := s.statement.QueryContext(context.Background(), c.bound)
	if err != nil {
		return err
	}
	c.inQuery = true
	n := len(rows.Columns())
	if cap(c.row.values) < n {
		c.row.values = make([]driver.Value, n)
	}
	c.row.values = c.row.values[:n]
	err = c.each(rows, scan)
	clear(c.row.values)
	c.inQuery = false
	return errors.Join(err, rows.Close())
}

func (c *liteConn) each(rows driver.Rows, scan func(Row) error) error {
	for {
		err := rows.Next(c.row.values)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = scan(&c.row)
		}
		if err != nil {
			return err
		}
	}
}

// transaction runs f between begin and COMMIT, or ROLLBACK if it fails or panics.
func (c *liteConn) transaction(begin string, f func() error) error {
	if _, err := c.exec(begin, nil); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			c.rollback()
		}
	}()
	if err := f(); err != nil {
		return err
	}
	if _, err := c.exec("COMMIT", nil); err != nil {
		return &commitError{err}
	}
	done = true
	return nil
}

// commitError is a COMMIT that failed.
type commitError struct{ err error }

func (e *commitError) Error() string { return "COMMIT: " + e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }

// rollback ends a failed transaction. Some errors have ended it already, and then
// this fails; the connection is given up rather than trusted.
func (c *liteConn) rollback() {
	if c.inQuery {
		c.broken = true
		return
	}
	if _, err := c.exec("ROLLBACK", nil); err != nil {
		c.broken = true
	}
}
