package clientapi

import (
	"encoding/json"
	"slices"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/search"
)

// searchAnswer joins an answer out of events that are JSON already.
func searchAnswer(found *search.Results) json.RawMessage {
	var a answer
	a.add("count", strconv.AppendInt(nil, int64(found.Count), 10))
	if found.Groups != nil {
		a.add("groups", searchGroups(found.Groups))
	}
	a.add("highlights", joined(found.Highlights, func(word string) []byte { return rooms.AppendText(nil, word) }))
	if found.Next != "" {
		a.addText("next_batch", found.Next)
	}
	a.add("results", joined(found.Results, searchResult))
	if found.State != nil {
		a.add("state", searchState(found.State))
	}
	return json.RawMessage(a.raw())
}

// joined makes a JSON list.
func joined[T any](all []T, write func(T) []byte) []byte {
	out := []byte{'['}
	for i, v := range all {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, write(v)...)
	}
	return append(out, ']')
}

func searchResult(found search.Result) []byte {
	var a answer
	if found.Context != nil {
		a.add("context", searchContext(found.Context))
	}
	a.add("rank", strconv.AppendFloat(nil, found.Rank, 'f', 6, 64))
	a.add("result", found.Event)
	return a.raw()
}

func searchContext(c *rooms.Vicinity) []byte {
	var a answer
	a.addText("end", c.End)
	a.add("events_after", c.After)
	a.add("events_before", c.Before)
	if c.Profiles != nil {
		a.add("profile_info", c.Profiles)
	}
	a.addText("start", c.Start)
	return a.raw()
}

func searchState(state map[id.RoomID][]byte) []byte {
	all := make([]id.RoomID, 0, len(state))
	for room := range state {
		all = append(all, room)
	}
	slices.Sort(all)
	out := []byte{'{'}
	for i, room := range all {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(rooms.AppendText(out, string(room)), ':')
		out = append(out, state[room]...)
	}
	return append(out, '}')
}

type searchGroup struct {
	Next    string       `json:"next_batch,omitempty"`
	Order   int          `json:"order"`
	Results []id.EventID `json:"results"`
}

// searchGroups writes results by grouping and value.
func searchGroups(groupings []search.Grouping) []byte {
	all := map[string]map[string]searchGroup{}
	for _, grouping := range groupings {
		all[grouping.Key] = map[string]searchGroup{}
		for i, group := range grouping.Groups {
			all[grouping.Key][group.Value] = searchGroup{group.Next, i + 1, group.Results}
		}
	}
	out, err := json.Marshal(all)
	if err != nil {
		return []byte("{}") // texts and numbers always encode
	}
	return out
}
