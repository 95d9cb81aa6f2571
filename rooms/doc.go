// Package rooms owns what happens in rooms: their kinds, creation, membership,
// timeline, receipts, typing, directory and profiles, and who may see what. Its
// one rule: whatever reads an event for somebody asks [Visibility] first.
//
// Everything that writes is an act: a function of the state at the account's
// head, run by the storage as often as it must be, so it has no effect but what
// it tells its [Tx].
package rooms
