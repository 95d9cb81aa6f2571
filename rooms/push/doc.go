// Package push owns push rules (client-server API, "Push Notifications"): the
// predefined set, what a user changed in it, the user's own rules, and a
// compiled evaluator that tells what an event means to one user. It is pure:
// no storage, no HTTP, no clock. Its one rule: what is stored is only what the
// user decided. The predefined rules are laid under it at every read, so that a
// rule added to the set reaches everybody, and a decision once taken stays,
// even where it repeats the default of that day.
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
package push
