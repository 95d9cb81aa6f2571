// Package media owns the files that people share: their records, who may read them,
// and the stores in which their bytes lie. Its one rule is that a record never points
// at nothing: bytes are durable before the row that refers to them, and go after it.
package media
