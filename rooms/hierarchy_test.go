package rooms_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// tree is an office with rooms that have names.
type tree struct {
	*office
	rooms map[string]id.RoomID
}

func (o *tree) add(name, preset string, space bool, state ...rooms.InitialState) {
	o.t.Helper()
	c := rooms.Creation{Name: name, Preset: preset, InitialState: state}
	if space {
		c.Content = map[string]json.RawMessage{"type": json.RawMessage(`"m.space"`)}
	}
	o.rooms[name] = o.mustCreate(c)
}

func (o *tree) link(parent, child, content string) {
	o.t.Helper()
	_, err := o.SetState(o.t.Context(), by(ana), rooms.StateChange{
		Room: o.rooms[parent], Type: "m.space.child", StateKey: string(o.rooms[child]), Content: json.RawMessage(content),
	})
	o.must(err)
}

// names gives what is in a page, by name.
func (o *tree) names(page *rooms.Hierarchy) []string {
	all := []string{}
	for _, room := range page.Rooms {
		all = append(all, room.Name)
	}
	return all
}

func (o *tree) seen(user id.UserID, q rooms.HierarchyRequest) []string {
	o.t.Helper()
	if q.Room == "" {
		q.Room = o.rooms["root"]
	}
	page, err := o.Hierarchy(o.t.Context(), by(user), q)
	o.must(err)
	return o.names(page)
}

const via = `{"via":["acme.example"]}`

// newTree makes
//
//	root ─ a ─ b ─ root (again), deep
//	     ├ space ─ c
//	     └ plain ─ lost (which counts for nothing: plain is no space)
func newTree(t *testing.T, db *sqldb.DB) *tree {
	o := &tree{newOffice(t, db), map[string]id.RoomID{}}
	for _, space := range []string{"root", "a", "b", "space"} {
		o.add(space, "public_chat", true)
	}
	for _, room := range []string{"plain", "lost", "deep", "c"} {
		o.add(room, "public_chat", false)
	}
	o.link("root", "plain", via)
	o.link("root", "space", `{"via":["acme.example"],"order":"b","suggested":true}`)
	o.link("root", "a", `{"via":["acme.example"],"order":"a"}`)
	o.link("a", "b", via)
	o.link("b", "root", via)
	o.link("b", "deep", via)
	o.link("space", "c", `{"via":["acme.example"],"suggested":true}`)
	o.link("plain", "lost", via)
	return o
}

func TestHierarchy(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTree(t, db)
		for name, c := range map[string]struct {
			q    rooms.HierarchyRequest
			want []string
		}{
			"all":           {rooms.HierarchyRequest{Depth: -1}, []string{"root", "a", "b", "deep", "space", "c", "plain"}},
			"itself":        {rooms.HierarchyRequest{Depth: 0}, []string{"root"}},
			"one level":     {rooms.HierarchyRequest{Depth: 1}, []string{"root", "a", "space", "plain"}},
			"suggested":     {rooms.HierarchyRequest{Depth: -1, Suggested: true}, []string{"root", "space", "c"}},
			"part":          {rooms.HierarchyRequest{Depth: -1, Room: o.rooms["space"]}, []string{"space", "c"}},
			"no space":      {rooms.HierarchyRequest{Depth: -1, Room: o.rooms["plain"]}, []string{"plain"}},
			"round about":   {rooms.HierarchyRequest{Depth: 2, Room: o.rooms["b"]}, []string{"b", "root", "a", "space", "plain", "deep"}},
			"first of them": {rooms.HierarchyRequest{Depth: -1, Limit: 2}, []string{"root", "a"}},
		} {
			if diff := cmp.Diff(o.seen(bia, c.q), c.want); diff != "" {
				t.Errorf("%s (-got +want):\n%s", name, diff)
			}
		}

		// A link that is taken away, redacted, or has nowhere to go is none.
		o.link("root", "a", `{}`)
		o.link("root", "plain", `{"via":[]}`)
		if got, want := o.seen(bia, rooms.HierarchyRequest{Depth: -1}), []string{"root", "space", "c"}; !slices.Equal(got, want) {
			t.Errorf("without links: got %v, want %v", got, want)
		}
		link, err := o.StateEvent(t.Context(), by(ana), o.rooms["space"], "m.space.child", string(o.rooms["c"]), true)
		o.must(err)
		_, err = o.Redact(t.Context(), by(ana), rooms.Message{Room: o.rooms["space"], Content: json.RawMessage(`{}`)}, id.EventID(gjson.GetBytes(link, "event_id").Str))
		o.must(err)
		if got, want := o.seen(bia, rooms.HierarchyRequest{Depth: -1}), []string{"root", "space"}; !slices.Equal(got, want) {
			t.Errorf("with a redacted link: got %v, want %v", got, want)
		}
	})
}

func TestHierarchyPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTree(t, db)
		whole := o.seen(bia, rooms.HierarchyRequest{Depth: -1})
		for limit := 1; limit <= len(whole)+1; limit++ {
			var got []string
			q := rooms.HierarchyRequest{Room: o.rooms["root"], Depth: -1, Limit: limit}
			for {
				page, err := o.Hierarchy(t.Context(), by(bia), q)
				o.must(err)
				if len(page.Rooms) > limit || len(page.Rooms) == 0 {
					t.Fatalf("got a page of %d, want 1 to %d", len(page.Rooms), limit)
				}
				got = append(got, o.names(page)...)
				if q.From = page.Next; q.From == "" {
					break
				}
			}
			if diff := cmp.Diff(got, whole); diff != "" {
				t.Errorf("pages of %d (-got +want):\n%s", limit, diff)
			}
		}
		first, err := o.Hierarchy(t.Context(), by(bia), rooms.HierarchyRequest{Room: o.rooms["root"], Depth: 2, Limit: 1})
		o.must(err)
		for _, q := range []rooms.HierarchyRequest{
			{Depth: 1, From: first.Next},
			{Depth: -1, From: first.Next},
			{Depth: 2, Suggested: true, From: first.Next},
			{Depth: 2, From: "x"},
			{Depth: 2, From: "-1.2.false"},
			{Depth: 2, From: first.Next + ".x"},
			{Depth: 2, From: "01.2.false"},
		} {
			q.Room = o.rooms["root"]
			_, err := o.Hierarchy(t.Context(), by(bia), q)
			mustBe(t, err, "M_INVALID_PARAM")
		}
	})
}

func TestHierarchyShowsNoMoreThanOneMaySee(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTree(t, db)
		o.add("closed", "private_chat", false)
		o.add("closed space", "private_chat", true)
		o.add("below", "public_chat", false)
		o.add("open book", "private_chat", false, initial("m.room.history_visibility", "", `{"history_visibility":"world_readable"}`))
		o.add("knocking", "private_chat", false, initial("m.room.join_rules", "", restrictedTo("knock")))
		o.add("for members", "private_chat", false, initial("m.room.join_rules", "", restrictedTo("restricted", o.rooms["closed"])))
		for _, child := range []string{"closed", "closed space", "open book", "knocking", "for members"} {
			o.link("space", child, via)
		}
		o.link("closed space", "below", via)
		see := func(user id.UserID, want ...string) {
			t.Helper()
			got := o.seen(user, rooms.HierarchyRequest{Room: o.rooms["space"], Depth: -1})
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("%s (-got +want):\n%s", user, diff)
			}
		}
		see(bia, "space", "c", "open book", "knocking")
		o.must(o.invite(bia, o.rooms["closed"]))
		see(bia, "space", "c", "open book", "knocking", "closed")
		o.must(o.join(bia, o.rooms["closed"]))
		see(bia, "space", "c", "open book", "knocking", "closed", "for members")
		o.must(o.invite(bia, o.rooms["closed space"]))
		see(bia, "space", "c", "open book", "knocking", "closed", "for members", "closed space", "below")
		o.must(o.Ban(t.Context(), by(ana), rooms.Move{Room: o.rooms["c"], User: bia}))
		o.must(o.leave(bia, o.rooms["closed"]))
		see(bia, "space", "open book", "knocking", "closed space", "below")

		_, unknown := o.Hierarchy(t.Context(), by(eva), rooms.HierarchyRequest{Room: "!unknown:acme.example"})
		mustBe(t, unknown, "M_FORBIDDEN")
		_, hidden := o.Hierarchy(t.Context(), by(eva), rooms.HierarchyRequest{Room: o.rooms["closed"]})
		if fmt.Sprint(hidden) != fmt.Sprint(unknown) {
			t.Errorf("got %v for a hidden room, want what an unknown one gets: %v", hidden, unknown)
		}
	})
}

func TestChildrenOfASpace(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &tree{newOffice(t, db), map[string]id.RoomID{}}
		o.add("root", "public_chat", true)
		for _, child := range []struct{ key, content string }{
			{"!late:x", `{"via":["x"]}`},
			{"!b:x", `{"via":["x"],"order":"b"}`},
			{"!first:x", `{"via":["x"],"order":" "}`},
			{"!a:x", `{"via":["x"],"order":"a"}`},
			{"!long:x", `{"via":["x"],"order":"` + strings.Repeat("a", 51) + `"}`},
			{"!fifty:x", `{"via":["x"],"order":"` + strings.Repeat("c", 50) + `"}`},
			{"!accent:x", `{"via":["x"],"order":"á"}`},
			{"!number:x", `{"via":["x"],"order":1}`},
			{"!none:x", `{}`},
			{"!text:x", `{"via":"x"}`},
		} {
			o.rooms[child.key] = id.RoomID(child.key)
			o.link("root", child.key, child.content)
		}
		page, err := o.Hierarchy(t.Context(), by(bia), rooms.HierarchyRequest{Room: o.rooms["root"], Depth: -1})
		o.must(err)
		var got []string
		for _, child := range page.Rooms[0].Children {
			got = append(got, gjson.GetBytes(child, "state_key").Str)
		}
		want := []string{"!first:x", "!a:x", "!b:x", "!fifty:x"}
		// The others come in the order of their times, which may be equal.
		rest := got[min(len(got), len(want)):]
		slices.Sort(rest)
		want = append(want, "!accent:x", "!late:x", "!long:x", "!number:x")
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("order (-got +want):\n%s", diff)
		}
		first := gjson.ParseBytes(page.Rooms[0].Children[0])
		if first.Get("origin_server_ts").Int() == 0 || first.Get("event_id").Exists() || first.Get("sender").Str != string(ana) ||
			first.Get("type").Str != "m.space.child" || first.Get("content.via.0").Str != "x" {
			t.Errorf("child: got %s, want it stripped, with its time", first.Raw)
		}
	})
}
