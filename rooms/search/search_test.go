package search_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/search"
)

// The words of a search are found however they are written, all of them, and
// nothing else is.
func TestFolding(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		for _, body := range []string{"Ação de hoje", "água", "MÜLLER & Cia.", "aguardente", "e-mail: Ana@Acme.Example", "AND OR NOT"} {
			o.mustSend(ana, room, body)
		}
		for term, want := range map[string][]string{
			"acao":                   {"Ação de hoje"},
			"AÇÃO hoje":              {"Ação de hoje"},
			"hoje, ação!":            {"Ação de hoje"},
			"ação água":              {},
			"ÁGUA":                   {"água"},
			"agua":                   {"água"},
			"müller":                 {"MÜLLER & Cia."},
			"Muller cia":             {"MÜLLER & Cia."},
			"acme.example":           {"e-mail: Ana@Acme.Example"},
			"and not":                {"AND OR NOT"},
			`" OR "`:                 {"AND OR NOT"},
			"*":                      {},
			"":                       {},
			"@acme":                  {"e-mail: Ana@Acme.Example"},
			"') OR 1=1 --":           {},
			"search_words:agua NEAR": {},
		} {
			o.mustFind(ana, term, want...)
		}
	})
}

// A message is found by whoever searches after it was sent.
func TestFoundAtOnce(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		for i := range 20 {
			o.mustSend(ana, room, fmt.Sprintf("word%d", i))
			o.mustFind(ana, fmt.Sprintf("word%d", i), fmt.Sprintf("word%d", i))
		}
	})
}

func TestKeys(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		for eventType, content := range map[string]string{"m.room.name": `{"name":"blue room"}`, "m.room.topic": `{"topic":"all that is blue"}`} {
			_, err := o.rooms.SetState(t.Context(), by(ana), rooms.StateChange{Room: room, Type: eventType, Content: json.RawMessage(content)})
			o.must(err)
		}
		o.mustSend(ana, room, "blue")
		if got := len(o.find(ana, "blue")); got != 3 {
			t.Errorf("got %d in all keys, want 3", got)
		}
		for key, want := range map[string]string{"content.body": "blue", "content.name": "blue room", "content.topic": "all that is blue"} {
			got := o.texts(o.mustSearch(ana, search.Request{Term: "blue", Keys: []string{key}}))
			if diff := cmp.Diff(got, []string{want}); diff != "" {
				t.Errorf("%s: got before want: %s", key, diff)
			}
		}
	})
}

// A redacted event is not found, and what is left of its text finds nothing.
func TestRedaction(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		kept, gone := o.mustSend(ana, room, "kept secret"), o.mustSend(ana, room, "lost secret")
		o.mustFind(ana, "secret", "lost secret", "kept secret")
		o.mustRedact(ana, room, gone)
		o.mustFind(ana, "secret", "kept secret")
		edit := o.mustEdit(ana, room, kept, "no mystery")
		o.mustFind(ana, "mystery", "kept secret")
		o.mustRedact(ana, room, edit)
		o.mustFind(ana, "mystery")
		o.mustFind(ana, "secret", "kept secret")
		if n := o.documents(); n != 1 {
			t.Errorf("the index has %d texts, want 1", n)
		}
	})
}

// What the index does not know yet is not told either.
func TestRedactionThatIsNotIndexed(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		message, other := o.mustSend(ana, room, "secret one"), o.mustSend(ana, room, "plain two")
		edit := o.mustEdit(ana, room, other, "secret two")
		o.mustFind(ana, "secret", "plain two", "secret one")
		o.follower.Close()
		o.Service = search.New(search.Options{Rooms: o.rooms, Index: o.index, Await: behind})
		o.mustRedact(ana, room, message)
		o.mustRedact(ana, room, edit)
		o.mustFind(ana, "secret")
	})
}

// A search finds the message by the newest of its texts, not the edit.
func TestEdits(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		o.mustJoin(bia, room)
		message := o.mustSend(ana, room, "alpha")
		first := o.mustEdit(ana, room, message, "beta")
		second := o.mustEdit(ana, room, message, "gamma")
		o.mustEdit(bia, room, message, "delta") // not hers
		o.mustEdit(ana, room, first, "epsilon") // an edit of an edit
		for _, term := range []string{"alpha", "beta", "delta", "epsilon"} {
			o.mustFind(ana, term)
		}
		o.mustFind(ana, "gamma", "alpha")
		o.mustRedact(ana, room, first)
		o.mustFind(ana, "gamma", "alpha")
		o.mustRedact(ana, room, second)
		o.mustFind(ana, "gamma")
		o.mustFind(ana, "alpha", "alpha")
		o.mustEdit(ana, room, message, "zeta")
		o.mustFind(ana, "zeta", "alpha")
		o.mustRedact(ana, room, message)
		o.mustFind(ana, "zeta")
		if n := o.documents(); n != 0 {
			t.Errorf("the index has %d texts, want none", n)
		}
	})
}

func TestPages(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room, other := o.mustCreate(ana), o.mustCreate(ana)
		var want []string
		for i := range 25 {
			body := fmt.Sprintf("message %d", i)
			o.mustSend(ana, []id.RoomID{room, other}[i%2], body)
			want = append([]string{body}, want...)
		}
		q := search.Request{Term: "Message", Recent: true, Filter: mustFilter(t, `{"limit":10}`)}
		var got []string
		for page := 0; ; page++ {
			found := o.mustSearch(ana, q)
			got = append(got, o.texts(found)...)
			if found.Count != 25 {
				t.Errorf("page %d: got count %d, want 25", page, found.Count)
			}
			if found.Next == "" {
				break
			}
			o.mustSend(ana, room, "message in between")
			q.From = found.Next
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("got before want: %s", diff)
		}
		for _, from := range []string{"x", "f1.2.3", "f1.2.-3..", "f1.2.3.?.", "s1_2_3_4", "f1.2.3...."} {
			_, err := o.Search(t.Context(), by(ana), search.Request{Term: "message", From: from})
			if !refusal.Is(err, "M_INVALID_PARAM") {
				t.Errorf("%q: got %v, want M_INVALID_PARAM", from, err)
			}
		}
	})
}

// Ranked, the texts of which most was asked for come first, page by page.
func TestRank(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		bodies := []string{"red car", "a red car in the street", "the car is red", "red car", "car, not blue, red"}
		for _, body := range bodies {
			o.mustSend(ana, room, body)
		}
		q := search.Request{Term: "red car", Filter: mustFilter(t, `{"limit":2}`)}
		var got []string
		last := 2.0
		for {
			found := o.mustSearch(ana, q)
			for _, result := range found.Results {
				if result.Rank > last || result.Rank <= 0 {
					t.Errorf("got rank %f after %f", result.Rank, last)
				}
				last = result.Rank
			}
			got = append(got, o.texts(found)...)
			if q.From = found.Next; q.From == "" {
				break
			}
		}
		want := []string{"red car", "red car", "car, not blue, red", "the car is red", "a red car in the street"}
		want[2], want[3] = "car, not blue, red", "the car is red"
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("got before want: %s", diff)
		}
	})
}

func TestFilter(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room, other := o.mustCreate(ana), o.mustCreate(ana)
		o.mustJoin(bia, room)
		o.mustSend(ana, room, "one word")
		o.mustSend(bia, room, "two word")
		o.mustSend(ana, other, "three word")
		o.mustSendContent(ana, other, map[string]any{"body": "four word", "url": "mxc://x/y"})
		for filter, want := range map[string][]string{
			`{"rooms":["` + string(room) + `"]}`:                         {"two word", "one word"},
			`{"not_rooms":["` + string(room) + `"]}`:                     {"four word", "three word"},
			`{"rooms":["` + string(room) + `","` + string(other) + `"]}`: {"four word", "three word", "two word", "one word"},
			`{"rooms":[]}`:                          {},
			`{"rooms":["!unknown:acme.example"]}`:   {},
			`{"senders":["@bia:acme.example"]}`:     {"two word"},
			`{"not_senders":["@ana:acme.example"]}`: {"two word"},
			`{"types":["m.room.name"]}`:             {},
			`{"types":["m.room.*"]}`:                {"four word", "three word", "two word", "one word"},
			`{"contains_url":true}`:                 {"four word"},
			`{"contains_url":false,"limit":2}`:      {"three word", "two word"},
			`{"limit":0}`:                           {},
		} {
			found := o.mustSearch(ana, search.Request{Term: "word", Recent: true, Filter: mustFilter(t, filter)})
			if diff := cmp.Diff(o.texts(found), want); diff != "" {
				t.Errorf("%s: got before want: %s", filter, diff)
			}
		}
	})
}

func TestContextStateAndHighlights(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		for i := range 7 {
			o.mustSend(ana, room, fmt.Sprintf("Mensagem Nº%d", i))
		}
		found := o.mustSearch(ana, search.Request{
			Term: "mensagem 3", Recent: true, Filter: mustFilter(t, `{"limit":1}`), State: true,
			Context: &search.Context{Before: 2, After: 2, Profiles: true},
		})
		if len(found.Results) != 0 {
			t.Fatalf("got %d results: Nº3 is one word", len(found.Results))
		}
		found = o.mustSearch(ana, search.Request{
			Term: "mensagem NO3", Recent: true, Filter: mustFilter(t, `{"limit":1}`), State: true,
			Context: &search.Context{Before: 2, After: 2, Profiles: true},
		})
		if len(found.Results) != 1 || found.Next == "" {
			t.Fatalf("got %d results and next %q, want one and where to go on", len(found.Results), found.Next)
		}
		near := found.Results[0].Context
		for name, list := range map[string]struct {
			got  []byte
			want []string
		}{"before": {near.Before, []string{"Mensagem Nº2", "Mensagem Nº1"}}, "after": {near.After, []string{"Mensagem Nº4", "Mensagem Nº5"}}} {
			var events []read
			o.must(json.Unmarshal(list.got, &events))
			var bodies []string
			for _, e := range events {
				bodies = append(bodies, e.Content.Body)
			}
			if diff := cmp.Diff(bodies, list.want); diff != "" {
				t.Errorf("%s: got before want: %s", name, diff)
			}
		}
		page, err := o.rooms.Messages(t.Context(), by(ana), rooms.PageRequest{Room: room, From: near.End, Direction: rooms.Forwards, Limit: 1})
		o.must(err)
		var events []read
		o.must(json.Unmarshal(page.Chunk, &events))
		if len(events) != 1 || events[0].Content.Body != "Mensagem Nº6" {
			t.Errorf("behind the context comes %s, want the seventh message", page.Chunk)
		}
		var profiles map[id.UserID]json.RawMessage
		o.must(json.Unmarshal(near.Profiles, &profiles))
		if len(profiles) != 1 || profiles[ana] == nil {
			t.Errorf("got profiles %s, want ana's", near.Profiles)
		}
		var state []read
		o.must(json.Unmarshal(found.State[room], &state))
		if len(state) < 5 {
			t.Errorf("got state %s, want the room's", found.State[room])
		}
		if diff := cmp.Diff(found.Highlights, []string{"mensagem", "NO3", "Mensagem", "Nº3"}); diff != "" {
			t.Errorf("highlights: got before want: %s", diff)
		}
	})
}

func TestGroups(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room, other := o.mustCreate(ana), o.mustCreate(ana)
		o.mustJoin(bia, room)
		for i := range 4 {
			o.mustSend(ana, other, fmt.Sprintf("word %d", i))
		}
		o.mustSend(bia, room, "word of bia")
		q := search.Request{Term: "word", Recent: true, GroupBy: []string{"room_id", "sender"}, Filter: mustFilter(t, `{"limit":2}`)}
		found := o.mustSearch(ana, q)
		if len(found.Groups) != 2 || found.Groups[0].Key != "room_id" || found.Groups[1].Key != "sender" {
			t.Fatalf("got %+v, want both groupings", found.Groups)
		}
		byRoom := found.Groups[0].Groups
		if len(byRoom) != 2 || byRoom[0].Value != string(room) || byRoom[1].Value != string(other) ||
			len(byRoom[0].Results) != 1 || len(byRoom[1].Results) != 1 {
			t.Fatalf("got %+v, want one result of each room", byRoom)
		}
		if byRoom[0].Next != "" || byRoom[1].Next == "" {
			t.Errorf("got %q and %q, want more of the second room alone", byRoom[0].Next, byRoom[1].Next)
		}
		var got []string
		for q.From = byRoom[1].Next; q.From != ""; {
			found = o.mustSearch(ana, q)
			got = append(got, o.texts(found)...)
			q.From = found.Next
		}
		if diff := cmp.Diff(got, []string{"word 2", "word 1", "word 0"}); diff != "" {
			t.Errorf("got before want: %s", diff)
		}
	})
}
