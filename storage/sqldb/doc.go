// Package sqldb is the seam over PostgreSQL (pgx) and SQLite (modernc): it opens
// a database, runs queries, consistent reads and batches, carries wake-ups
// between processes and applies the migrations. SQL is written once, in
// PostgreSQL's dialect; the SQLite text is derived from it by the few rules of
// [Derive]. Its one rule: it is the only importer of database drivers, and what
// it does on one database it does on the other.
package sqldb
