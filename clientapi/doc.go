// Package clientapi serves the Matrix client-server API: one file per chapter of
// the specification, its routes at the top. Its one rule: a handler reads the
// request, calls one method of rooms or accounts, and shapes the answer; it
// decides nothing.
package clientapi
