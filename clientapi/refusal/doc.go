// Package refusal says what is refused and why. A [Refusal] is a value that any
// layer may return as an error; clientapi/httpapi alone turns it into an HTTP
// answer, in the caller's language. Its one rule: an error that is not a
// Refusal is a bug, never a way of telling a client something.
//
// The message is an English sentence (a format for fmt) that a person can act
// on; it is at the same time the key under which the pt-BR and es sentences
// stand in the catalogue.
package refusal
