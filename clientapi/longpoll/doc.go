// Package longpoll answers "what changed for this user and device between two
// positions", at once or as soon as there is something: /sync is one way of
// writing that down. Its one rule: register with the hub first, then read, then
// wait, with no transaction open while anything waits.
//
// A reading has two steps. Under the view, changes.go and room.go take from
// memory what changed, down to the newest events of each room; outside of it,
// fill.go and items.go read what memory does not have. answer.go writes the
// result by joining stored bytes.
package longpoll
