package rooms_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// TestHistory goes through a membership and asks, at every stage, by every path,
// what is to be seen.
func TestHistory(t *testing.T) {
	type stage struct {
		name string
		do   func(*office, id.RoomID) error
		sees map[string][]string // by history visibility; absent: 403
	}
	everything := []string{"alone", "invited", "joined", "left", "rejoined"}
	stages := []stage{
		{"alone", nil, map[string][]string{"world_readable": {"alone"}}},
		{
			"invited", func(o *office, room id.RoomID) error { return o.invite(bia, room) },
			map[string][]string{"world_readable": {"alone", "invited"}},
		},
		{"joined", func(o *office, room id.RoomID) error { return o.join(bia, room) }, map[string][]string{
			"world_readable": everything[:3], "shared": everything[:3], "invited": {"invited", "joined"}, "joined": {"joined"},
		}},
		{"left", func(o *office, room id.RoomID) error { return o.leave(bia, room) }, map[string][]string{
			"world_readable": everything[:4], "shared": everything[:3], "invited": {"invited", "joined"}, "joined": {"joined"},
		}},
		{"rejoined", func(o *office, room id.RoomID) error { return o.join(bia, room) }, map[string][]string{
			"world_readable": everything, "shared": everything, "invited": {"invited", "joined", "rejoined"}, "joined": {"joined", "rejoined"},
		}},
		{"gone", func(o *office, room id.RoomID) error { return o.leave(bia, room) }, map[string][]string{
			"world_readable": append(everything[:5:5], "gone"), "shared": everything,
			"invited": {"invited", "joined", "rejoined"}, "joined": {"joined", "rejoined"},
		}},
		{
			"forgotten", func(o *office, room id.RoomID) error { return o.Forget(o.t.Context(), by(bia), room) },
			map[string][]string{"world_readable": append(everything[:5:5], "gone", "forgotten")},
		},
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		for _, visibility := range []string{"world_readable", "shared", "invited", "joined"} {
			room := o.mustCreateWith(visibility)
			sent := map[string]id.EventID{}
			for _, stage := range stages {
				if stage.do != nil {
					o.must(stage.do(o, room))
				}
				sent[stage.name] = o.mustSend(room, stage.name)
				sees, inside := stage.sees[visibility]
				t.Run(visibility+"/"+stage.name, func(t *testing.T) {
					checkSight(t, o, room, sent, sees, inside)
				})
			}
		}
	})
}

func checkSight(t *testing.T, o *office, room id.RoomID, sent map[string]id.EventID, sees []string, inside bool) {
	t.Helper()
	for name, eventID := range sent {
		_, err := o.Event(t.Context(), by(bia), room, eventID)
		_, contextErr := o.Context(t.Context(), by(bia), rooms.Surroundings{Room: room, Event: eventID, Limit: 50})
		switch {
		case slices.Contains(sees, name):
			if err != nil || contextErr != nil {
				t.Errorf("%s: got %v, %v, want to see it", name, err, contextErr)
			}
		case inside:
			mustBe(t, err, "M_NOT_FOUND")
			mustBe(t, contextErr, "M_NOT_FOUND")
		default:
			mustBe(t, err, "M_NOT_FOUND")
			mustBe(t, contextErr, "M_FORBIDDEN")
		}
	}
	q := rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 3}
	if !inside {
		_, err := o.Messages(t.Context(), by(bia), q)
		mustBe(t, err, "M_FORBIDDEN")
		_, err = o.State(t.Context(), by(bia), room)
		mustBe(t, err, "M_FORBIDDEN")
		_, err = o.StateEvent(t.Context(), by(bia), room, "m.room.create", "", false)
		mustBe(t, err, "M_FORBIDDEN")
		_, err = o.Members(t.Context(), by(bia), rooms.MembersRequest{Room: room})
		mustBe(t, err, "M_FORBIDDEN")
		_, err = o.RoomAliases(t.Context(), by(bia), room)
		mustBe(t, err, "M_FORBIDDEN")
		_, err = o.JoinedMembers(t.Context(), by(bia), room)
		mustBe(t, err, "M_FORBIDDEN")
		return
	}
	got := bodies(o.all(bia, q))
	slices.Reverse(got)
	if diff := cmp.Diff(got, sees); diff != "" {
		t.Errorf("backwards (-got +want):\n%s", diff)
	}
	q.Direction = rooms.Forwards
	if diff := cmp.Diff(bodies(o.all(bia, q)), sees); diff != "" {
		t.Errorf("forwards (-got +want):\n%s", diff)
	}
}

func TestPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		other := o.mustCreate(rooms.Creation{})
		want := numbered(100)
		var between string
		for i, body := range want {
			if i == 50 {
				between = o.now()
			}
			o.mustSend(room, body)
			o.mustSend(other, "elsewhere")
		}
		backwards := slices.Clone(want)
		slices.Reverse(backwards)
		for _, limit := range []int{1, 7, 32, 33, 64, 1000} {
			q := rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: limit}
			if diff := cmp.Diff(bodies(o.all(ana, q)), backwards); diff != "" {
				t.Errorf("backwards by %d (-got +want):\n%s", limit, diff)
			}
			q.Direction = rooms.Forwards
			if diff := cmp.Diff(bodies(o.all(ana, q)), want); diff != "" {
				t.Errorf("forwards by %d (-got +want):\n%s", limit, diff)
			}
		}
		for name, c := range map[string]struct {
			q    rooms.PageRequest
			want []string
		}{
			"b from":      {rooms.PageRequest{Direction: rooms.Backwards, From: between}, backwards[50:]},
			"b to":        {rooms.PageRequest{Direction: rooms.Backwards, To: between}, backwards[:50]},
			"f from":      {rooms.PageRequest{Direction: rooms.Forwards, From: between}, want[50:]},
			"f to":        {rooms.PageRequest{Direction: rooms.Forwards, To: between}, want[:50]},
			"f from head": {rooms.PageRequest{Direction: rooms.Forwards, From: o.now()}, []string{}},
			"crossed":     {rooms.PageRequest{Direction: rooms.Forwards, From: o.now(), To: between}, []string{}},
			"beyond":      {rooms.PageRequest{Direction: rooms.Backwards, From: "s1_999999999_0_0"}, backwards},
			"other epoch": {rooms.PageRequest{Direction: rooms.Backwards, From: "s99_999999999_0_0"}, backwards},
		} {
			c.q.Room, c.q.Limit = room, 9
			if diff := cmp.Diff(bodies(o.all(ana, c.q)), c.want); diff != "" {
				t.Errorf("%s (-got +want):\n%s", name, diff)
			}
		}
		page, events := o.page(ana, rooms.PageRequest{Room: room, Direction: rooms.Forwards, From: between, Limit: 3})
		if page.Start != between || len(events) != 3 {
			t.Errorf("got start %s and %d events, want %s and 3", page.Start, len(events), between)
		}
		page, events = o.page(ana, rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 0})
		if page.End == "" || len(events) != 0 {
			t.Errorf("limit 0: got end %q and %d events, want an end and none", page.End, len(events))
		}
		_, err := o.Messages(t.Context(), by(ana), rooms.PageRequest{Room: room, Direction: rooms.Backwards, From: "nonsense"})
		mustBe(t, err, "M_INVALID_PARAM")
		for _, unknown := range []id.RoomID{"!unknown:acme.example", "nonsense", "!x:elsewhere.example"} {
			_, err := o.Messages(t.Context(), by(ana), rooms.PageRequest{Room: unknown, Direction: rooms.Backwards})
			mustBe(t, err, "M_FORBIDDEN")
		}
	})
}

// TestLateJoiner joins a long room whose past she may not see: her pages jump
// over it.
func TestLateJoiner(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreateWith("joined")
		for _, body := range numbered(80) {
			o.mustSend(room, body)
		}
		o.must(o.join(bia, room))
		o.mustSend(room, "hello")
		q := rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 2}
		page, events := o.page(bia, q)
		if diff := cmp.Diff(bodies(events), []string{"hello"}); diff != "" || len(events) != 2 {
			t.Errorf("first page: %d events (-got +want):\n%s", len(events), diff)
		}
		q.From = page.End
		if _, events = o.page(bia, q); len(events) != 2 {
			t.Errorf("second page: got %d events, want 2 of the room's beginning", len(events))
		}
	})
}

func TestFilteredPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		o.must(o.join(eva, room))
		for _, body := range numbered(120) {
			o.mustSend(room, body)
		}
		o.mustSet(ana, room, "m.room.topic", `{"topic":"one"}`)
		for name, c := range map[string]struct {
			filter string
			want   int
		}{
			"types":      {`{"types":["m.room.topic"]}`, 1},
			"not types":  {`{"not_types":["m.room.message"],"senders":["@ana:acme.example"]}`, 7},
			"senders":    {`{"senders":["@bia:acme.example"]}`, 1},
			"nobody":     {`{"senders":[]}`, 0},
			"this room":  {`{"not_rooms":["` + string(room) + `"]}`, 0},
			"other room": {`{"rooms":["!x:acme.example"]}`, 0},
		} {
			filter, err := rooms.ParseRoomEventFilter([]byte(c.filter))
			o.must(err)
			q := rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 5, Filter: filter}
			if got := o.all(ana, q); len(got) != c.want {
				t.Errorf("%s: got %d events, want %d", name, len(got), c.want)
			}
			q.Direction = rooms.Forwards
			if got := o.all(ana, q); len(got) != c.want {
				t.Errorf("%s forwards: got %d events, want %d", name, len(got), c.want)
			}
		}
		lazy, err := rooms.ParseRoomEventFilter([]byte(`{"lazy_load_members":true}`))
		o.must(err)
		page, _ := o.page(ana, rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 3, Filter: lazy})
		state := mustRead(t, page.State)
		if len(state) != 1 || state[0].StateKey != string(ana) {
			t.Errorf("lazy members: got %+v, want ana's member event alone", state)
		}
	})
}

// TestUnsigned checks what comes with events: what they replaced, and why they
// are empty.
func TestUnsigned(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{Topic: "one"})
		second := o.mustSet(ana, room, "m.room.topic", `{"topic":"two"}`)
		sent := o.mustSend(room, "secret")
		redaction, err := o.Redact(t.Context(), by(ana), rooms.Message{Room: room, Content: []byte(`{"reason":"no"}`)}, sent)
		o.must(err)

		one, err := o.Event(t.Context(), by(ana), room, second)
		o.must(err)
		topic := mustRead(t, append(append([]byte{'['}, one...), ']'))[0]
		if got := string(topic.Unsigned.PrevContent); got == "" || topic.Unsigned.Membership != "join" {
			t.Errorf("topic: got prev_content %q, membership %q", got, topic.Unsigned.Membership)
		}
		_, events := o.page(ana, rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 2})
		if events[1].ID != sent || events[1].Content.Body != "" {
			t.Errorf("redacted event: got %+v, want it empty", events[1])
		}
		if because := events[1].Unsigned.Because; because == nil || because.ID != redaction {
			t.Errorf("redacted because: got %+v, want %s", because, redaction)
		}
	})
}

func TestContext(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{Topic: "before"})
		var middle id.EventID
		for i, body := range numbered(60) {
			if sent := o.mustSend(room, body); i == 20 {
				middle = sent
			}
		}
		o.must(o.join(bia, room))
		o.mustSet(ana, room, "m.room.topic", `{"topic":"after"}`)
		got, err := o.Context(t.Context(), by(ana), rooms.Surroundings{Room: room, Event: middle, Limit: 5})
		o.must(err)
		if diff := cmp.Diff(bodies(mustRead(t, got.Before)), []string{"m19", "m18"}); diff != "" {
			t.Errorf("before (-got +want):\n%s", diff)
		}
		if diff := cmp.Diff(bodies(mustRead(t, got.After)), []string{"m21", "m22", "m23"}); diff != "" {
			t.Errorf("after (-got +want):\n%s", diff)
		}
		topics, members := 0, 0
		for _, e := range mustRead(t, got.State) {
			if e.Type == "m.room.topic" && e.Content.Topic == "before" {
				topics++
			}
			if e.Type == "m.room.member" {
				members++
			}
		}
		if topics != 1 || members != 1 {
			t.Errorf("state: got %d old topics and %d members, want 1 and 1", topics, members)
		}
		_, back := o.page(ana, rooms.PageRequest{Room: room, Direction: rooms.Backwards, From: got.Start, Limit: 1})
		_, forth := o.page(ana, rooms.PageRequest{Room: room, Direction: rooms.Forwards, From: got.End, Limit: 1})
		if diff := cmp.Diff(bodies(append(back, forth...)), []string{"m17", "m24"}); diff != "" {
			t.Errorf("pages from start and end (-got +want):\n%s", diff)
		}

		lazy, err := rooms.ParseRoomEventFilter([]byte(`{"lazy_load_members":true}`))
		o.must(err)
		got, err = o.Context(t.Context(), by(ana), rooms.Surroundings{Room: room, Event: middle, Limit: 0, Filter: lazy})
		o.must(err)
		if before, after := mustRead(t, got.Before), mustRead(t, got.After); len(before)+len(after) != 0 {
			t.Errorf("limit 0: got %d events, want none", len(before)+len(after))
		}
		other := o.mustCreate(rooms.Creation{})
		_, err = o.Context(t.Context(), by(ana), rooms.Surroundings{Room: other, Event: middle})
		mustBe(t, err, "M_NOT_FOUND")
		_, err = o.Event(t.Context(), by(ana), other, middle)
		mustBe(t, err, "M_NOT_FOUND")
		_, err = o.Event(t.Context(), by(ana), room, "$unknown")
		mustBe(t, err, "M_NOT_FOUND")
	})
}
