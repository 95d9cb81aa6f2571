package sqldb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

func (s *sqliteDB) Commit(ctx context.Context, b *Batch) error {
	if len(b.statements) == 0 {
		return nil
	}
	return s.withWriter(ctx, func(c *liteConn) error {
		at := 0
		err := c.transaction("BEGIN IMMEDIATE", func() error {
			for at = range b.statements {
				st := &b.statements[at]
				n, err := c.exec(st.sql, st.args)
				if err != nil {
					return err
				}
				st.affected = n
			}
			return nil
		})
		if err != nil {
			return liteCommitError(c, b, at, err)
		}
		return nil
	})
}

// liteCommitError tells apart what was refused, and so rolled back, from a COMMIT
// that failed on the disk, whose last frame may have been written all the same.
func liteCommitError(c *liteConn, b *Batch, at int, err error) error {
	code := liteCode(err)
	if kind := liteViolationKind(code); kind != 0 {
		v := &Violation{Kind: kind, Statement: at, Err: err}
		if kind == Unique && !c.broken {
			v.Constraint = c.uniqueName(err.Error())
		}
		return v
	}
	var commit *commitError
	switch {
	case errors.As(err, &commit) && code&0xff != sqlite3.SQLITE_BUSY:
		return fmt.Errorf("commit: %w: %w", ErrUnknown, err)
	case errors.As(err, &commit):
		return fmt.Errorf("commit: %w", err)
	default:
		return fmt.Errorf("commit: statement %d of %d: %w", at, len(b.statements), err)
	}
}

// liteCode is SQLite's extended result code, or 0.
func liteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

func isBusy(err error) bool { return liteCode(err)&0xff == sqlite3.SQLITE_BUSY }

func liteViolationKind(code int) ViolationKind {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return Unique
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return Reference
	case sqlite3.SQLITE_CONSTRAINT_CHECK:
		return Check
	case sqlite3.SQLITE_CONSTRAINT_NOTNULL:
		return NotNull
	default:
		return 0
	}
}

const (
	uniqueIndexesSQL = `SELECT name, origin FROM pragma_index_list($1) WHERE "unique" ORDER BY seq`
	indexColumnsSQL  = `SELECT name FROM pragma_index_info($1) ORDER BY seqno`
)

// uniqueName finds the name that PostgreSQL would give from SQLite's message,
// which is "UNIQUE constraint failed: table.column, table.column" or, for an
// index on an expression, "… failed: index 'name'".
func (c *liteConn) uniqueName(message string) string {
	_, what, _ := strings.Cut(message, "UNIQUE constraint failed: ")
	what, _, _ = strings.Cut(what, " (")
	if name, ok := strings.CutPrefix(what, "index '"); ok {
		return strings.TrimSuffix(name, "'")
	}
	table, _, _ := strings.Cut(what, ".")
	columns := strings.Split(strings.ReplaceAll(what, table+".", ""), ", ")
	type index struct{ name, origin string }
	var indexes []index
	err := c.query(uniqueIndexesSQL, []any{table}, func(r Row) error {
		var i index
		err := r.Scan(&i.name, &i.origin)
		indexes = append(indexes, i)
		return err
	})
	if err != nil {
		return what
	}
	for _, i := range indexes {
		if !slices.Equal(c.indexColumns(i.name), columns) {
			continue
		}
		switch i.origin {
		case "c":
			return i.name
		case "u":
			return table + "_" + strings.Join(columns, "_") + "_key"
		}
	}
	return table + "_pkey" // an INTEGER PRIMARY KEY has no index of its own
}

func (c *liteConn) indexColumns(index string) (columns []string) {
	_ = c.query(indexColumnsSQL, []any{index}, func(r Row) error {
		var name *string // NULL for an expression
		err := r.Scan(&name)
		if name != nil {
			columns = append(columns, *name)
		}
		return err
	})
	return columns
}
