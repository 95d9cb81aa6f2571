package sqldb

import "context"

// Row is the current row of a result.
type Row interface {
	// Scan copies the columns into dst, pointers to: strings, integers, floats,
	// booleans and []byte, types made of these, pointers to any of them (nil for
	// NULL), any, or a sql.Scanner. Bytes are the caller's to keep.
	Scan(dst ...any) error
}

// Querier runs reads. SQL is PostgreSQL's text with $1, $2, …; arguments are
// strings, integers, floats, booleans, []byte, types made of these, pointers to
// any of them (nil is NULL), and slices of strings, integers or byte strings for
// = ANY($n) and unnest($n::text[]).
type Querier interface {
	// Query runs one read and calls scan for each row. An error of scan ends the
	// query and is returned. scan must not run queries itself.
	Query(ctx context.Context, sql string, args []any, scan func(Row) error) error
	// QueryMany runs one text for many sets of arguments and calls scan for each
	// row with the index of its set, in the order of the sets. On PostgreSQL that
	// is one round trip.
	QueryMany(ctx context.Context, sql string, argSets [][]any, scan func(i int, r Row) error) error
}

// All runs a read and returns its rows, nil if there are none.
func All[T any](ctx context.Context, q Querier, scan func(Row) (T, error), sql string, args ...any) ([]T, error) {
	var all []T
	err := q.Query(ctx, sql, args, func(r Row) error {
		v, err := scan(r)
		if err != nil {
			return err
		}
		all = append(all, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// One runs a read and returns its first row, or false if there is none.
func One[T any](ctx context.Context, q Querier, scan func(Row) (T, error), sql string, args ...any) (T, bool, error) {
	var one, zero T
	found := false
	err := q.Query(ctx, sql, args, func(r Row) error {
		if found {
			return nil
		}
		v, err := scan(r)
		one, found = v, err == nil
		return err
	})
	if err != nil {
		return zero, false, err
	}
	return one, found, nil
}

// Value scans a row of one column; it is for use with [All] and [One].
func Value[T any](r Row) (T, error) {
	var v T
	err := r.Scan(&v)
	return v, err
}
