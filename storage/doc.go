// Package storage keeps everything: it implements the Stores of rooms and
// accounts over storage/sqldb, one file per domain, and runs the writer. Its one
// rule: nothing is answered, applied or shown before it is committed, and then
// in the order of the stream.
//
// An account in memory ([account]) holds the state at its head. One writer
// goroutine per account takes the acts that wait, runs them on an overlay of
// that state, and commits them as one group that claims the next positions. Only
// a committed group is applied, answered, and woken for.
package storage
