// Package migrations owns the schema: SQL files in PostgreSQL's dialect, numbered
// from 1 without gaps, and for each the oldest program that may still use the
// database after it. Its one rule: a file that has been released never changes.
package migrations
