package sqldb

import (
	"errors"
	"fmt"
)

// ErrUnknown is wrapped by an error of [DB.Commit] after which it cannot be known
// whether the batch was committed.
var ErrUnknown = errors.New("it is not known whether the transaction was committed")

// Batch is what one transaction writes: statements in order. It is not safe for
// use by several goroutines at once.
type Batch struct {
	statements []statement
}

type statement struct {
	sql      string
	args     []any
	affected int64
}

// Add appends a statement. Rows that it returns are discarded.
func (b *Batch) Add(sql string, args ...any) {
	b.statements = append(b.statements, statement{sql: sql, args: args})
}

// Len is the number of statements; the next one added gets this index.
func (b *Batch) Len() int { return len(b.statements) }

// Affected is how many rows statement i inserted, updated or deleted, after a
// Commit that returned nil.
func (b *Batch) Affected(i int) int64 { return b.statements[i].affected }

// ViolationKind says what sort of constraint was broken.
type ViolationKind int

// The kinds of constraint.
const (
	Unique    ViolationKind = iota + 1 // a primary key or a unique index
	Reference                          // a foreign key
	Check                              // CHECK
	NotNull                            // NOT NULL
)

// String is the kind's name in SQL.
func (k ViolationKind) String() string {
	switch k {
	case Unique:
		return "UNIQUE"
	case Reference:
		return "REFERENCES"
	case Check:
		return "CHECK"
	case NotNull:
		return "NOT NULL"
	default:
		return "constraint"
	}
}

// Violation is the error of a batch that broke a constraint. Nothing was written.
type Violation struct {
	Kind ViolationKind
	// Constraint is the name for [Unique], the same on both databases so long as
	// the schema follows PostgreSQL's own names: the index's for CREATE UNIQUE
	// INDEX, table_pkey for a primary key, table_column_column_key for UNIQUE in
	// CREATE TABLE. Where a row breaks several, either may be named. For the other
	// kinds SQLite does not tell; go by Statement.
	Constraint string
	// Statement is the index in the batch of the statement that broke it.
	Statement int
	// Err is what the database said.
	Err error
}

// Error tells the kind, the constraint and the statement, never a value.
func (v *Violation) Error() string {
	return fmt.Sprintf("statement %d breaks %s %s", v.Statement, v.Kind, v.Constraint)
}

// Unwrap returns the driver's error.
func (v *Violation) Unwrap() error { return v.Err }
