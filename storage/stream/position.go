package stream

// Position numbers the durable entries of one account, from 1 on. A Position
// used as a bound is the gap behind that entry: "after P" are the entries above
// P, and 0 is the beginning.
type Position int64
