package stream

import "sort"

// Tail is a bounded run of an account's newest entries, oldest first. It is not
// safe for concurrent use: its owner guards it.
type Tail[T any] struct {
	entries  []T
	position func(T) Position
	floor    Position // nothing above it is missing
	limit    int
}

// NewTail makes a tail that is complete above floor and keeps at least limit
// entries.
func NewTail[T any](limit int, floor Position, position func(T) Position) *Tail[T] {
	return &Tail[T]{position: position, floor: floor, limit: limit}
}

// Append adds an entry above all others.
func (t *Tail[T]) Append(entry T) {
	if len(t.entries) == 2*t.limit {
		// Copied, not resliced: readers keep slices of the old array, which must
		// not change under them and must not be held by us.
		t.floor = t.position(t.entries[t.limit-1])
		t.entries = append(make([]T, 0, 2*t.limit), t.entries[t.limit:]...)
	}
	t.entries = append(t.entries, entry)
}

// After gives the entries above p, and false when some of them are no longer
// here.
func (t *Tail[T]) After(p Position) ([]T, bool) {
	if p < t.floor {
		return nil, false
	}
	i := sort.Search(len(t.entries), func(i int) bool { return t.position(t.entries[i]) > p })
	return t.entries[i:len(t.entries):len(t.entries)], true
}

// Replace puts changed in the place of the entry at position p, if it is here.
func (t *Tail[T]) Replace(p Position, changed T) {
	i := sort.Search(len(t.entries), func(i int) bool { return t.position(t.entries[i]) >= p })
	if i == len(t.entries) || t.position(t.entries[i]) != p {
		return
	}
	t.entries = append(make([]T, 0, 2*t.limit), t.entries...)
	t.entries[i] = changed
}
