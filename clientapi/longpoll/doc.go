// Package longpoll answers "what changed for this user and device between two
// positions", at once or as soon as there is something: /sync and the sliding sync
// (files sliding*.go) are two ways of writing that down. Its one rule: register
// with the hub first, then read, then wait, with no transaction open while
// anything waits.
//
// A reading has two steps. Under the view, changes.go and room.go take from
// memory what changed, down to the newest events of each room; outside of it,
// fill.go and items.go read what memory does not have. answer.go writes the
// result by joining stored bytes.
//
// The sliding sync has a position for each room, kept in its connection: a room is
// read from where it was last told. Which rooms, its roster says, the list of the
// user's rooms by recency.
package longpoll
