// Package storagetest is the suite that every database must pass: that the
// stream has no gaps and no lies (what is acknowledged is there, once, in order,
// for every reader on every node). Its one rule: it looks only at what a Store
// gives out, never into the tables.
package storagetest
