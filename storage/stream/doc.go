// Package stream owns the numbers: positions of an account's stream, the sync
// tokens made of them, the tail (the newest entries, in memory) and the hub
// that wakes long polls. It knows no SQL and no rooms. Its one rule: a position
// becomes visible here only after everything before it is.
package stream
