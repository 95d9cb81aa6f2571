// Package push owns push rules (client-server API, "Push Notifications"): the
// predefined set, what a user changed in it, the user's own rules, and a
// compiled evaluator that tells what an event means to one user; and what follows
// from them: unread counts and the list of notifications. Its one rule: what is
// stored is only what the user decided. The predefined rules are laid under it at
// every read, so that a rule added to the set reaches everybody, and a decision
// once taken stays, even where it repeats the default of that day.
//
// A [Ruleset] is a value: every change gives a new one, so that an act may be
// run again from scratch. An [Evaluator] is built once per ruleset and may be
// used by many goroutines.
//
// Matching: event_match compares whole values, without regard to case (Unicode
// simple folding); only on content.body, and in content rules, it looks for
// words. A word is made of letters, marks, digits and "_" of any script, wider
// than the specification's ASCII, so that "água" and "@ana" are found as
// words. Unknown conditions never match. An evaluation is bounded: patterns have
// few wildcards and are matched without backtracking, and what one event may
// cost one user's rules has a limit.
//
// Counting: nothing is stored per member and event. [Unread] counts for the
// reader, from the events behind what they have read, by the rules, name, power
// levels and number of members of now; in memory it goes on from where it was.
// Read is what a receipt (public or private, of a thread or of the room) reaches,
// what came before one's joining, and, in its own thread, what came before a
// message of one's own: the specification has sending move the receipt. Redacted
// events, and those of ignored users, do not count.
//
// Choosing: what a member wants to be told of a room, a level and apart from it a mute,
// is push rules, in the forms that Element reads and writes. Beside them room account
// data keeps what rules cannot say: that a silence is a mute, until when, and whether
// mentions break it. [Levels] changes both in one act, whichever a client writes, and
// ends mutes in time; where they differ, the rules are right.
package push
