package search

import (
	"context"
	"slices"

	"maunium.net/go/mautrix/id"
)

// answer puts an answer together.
func (w *searching) answer(ctx context.Context, hits []Hit) (*Results, error) {
	found, last, rest, err := w.read(ctx, hits)
	if err != nil {
		return nil, err
	}
	a := &Results{Count: len(hits), Highlights: w.highlights(found), Groups: w.groups(found, last, rest)}
	// A full answer names a next one, though that may turn out to be empty: clients
	// ask until there is none.
	if last != nil && (len(rest) > 0 || len(found) == w.limit()) {
		a.Next = w.from.to(*last).String()
	}
	for _, f := range found {
		result, err := w.result(ctx, f)
		if err != nil {
			return nil, err
		}
		a.Results = append(a.Results, result)
	}
	if w.q.State {
		a.State, err = w.states(ctx, found)
	}
	return a, err
}

func (w *searching) result(ctx context.Context, f finding) (r Result, err error) {
	r.Rank = w.rank(f.Hit)
	c := w.q.Context
	if c == nil {
		r.Event, err = w.rooms.Show(ctx, w.reach, f.message)
		return r, err
	}
	r.Context, err = w.rooms.Near(ctx, w.reach, f.message, min(c.Before, maxContext), min(c.After, maxContext), c.Profiles)
	if err != nil {
		return r, err
	}
	r.Event = r.Context.Event
	return r, nil
}

func (w *searching) states(ctx context.Context, found []finding) (map[id.RoomID][]byte, error) {
	all := map[id.RoomID][]byte{}
	for _, f := range found {
		if all[f.Room] != nil {
			continue
		}
		state, err := w.rooms.ShowState(ctx, w.reach, f.Room)
		if err != nil {
			return nil, err
		}
		all[f.Room] = state
	}
	return all, nil
}

// maxHighlights bounds the list.
const maxHighlights = 100

// highlights gives the words that were asked for, as they were written there and in
// what was found: a client looks for them letter by letter.
func (w *searching) highlights(found []finding) []string {
	all := []string{}
	add := func(text string) {
		for _, word := range split(text) {
			if w.words[word.folded] && len(all) < maxHighlights && !slices.Contains(all, word.written) {
				all = append(all, word.written)
			}
		}
	}
	add(w.q.Term)
	for _, f := range found {
		add(textOf(f.source))
	}
	return all
}

// groups parts the results by the keys that were asked for.
func (w *searching) groups(found []finding, last *Hit, rest []Hit) []Grouping {
	var all []Grouping
	for _, key := range w.q.GroupBy {
		g := Grouping{Key: key}
		at := map[string]int{}
		for _, f := range found {
			value := valueOf(key, f.Hit)
			i, known := at[value]
			if !known {
				i = len(g.Groups)
				at[value] = i
				g.Groups = append(g.Groups, Group{Value: value})
			}
			g.Groups[i].Results = append(g.Groups[i].Results, f.ID)
		}
		for _, h := range rest {
			if i, known := at[valueOf(key, h)]; known && g.Groups[i].Next == "" {
				g.Groups[i].Next = w.from.within(key, valueOf(key, h)).to(*last).String()
			}
		}
		all = append(all, g)
	}
	return all
}

// valueOf gives a document's value of a grouping's key.
func valueOf(key string, h Hit) string {
	if key == "sender" {
		return string(h.Sender)
	}
	return string(h.Room)
}
