package search_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/search"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// behind is an index that does not catch up.
func behind(context.Context, tenant.ID, follow.Place) error { return context.DeadlineExceeded }

// documents tells how many texts the index has.
func (o *office) documents() int {
	o.t.Helper()
	n, _, err := sqldb.One(o.t.Context(), o.db, sqldb.Value[int], "SELECT COUNT(*) FROM search_documents")
	o.must(err)
	return n
}

// count gives how many results a search claims there to be.
func (o *office) count(user id.UserID, term string) int {
	o.t.Helper()
	return o.mustSearch(user, search.Request{Term: term}).Count
}

// One finds what one may read: history visibility decides from which message on,
// a leave up to which. The count tells no more than the results.
func TestVisibility(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		for visibility, want := range map[string][]string{
			"world_readable": {"word after leave", "word while in", "word while invited", "word before"},
			"shared":         {"word while in", "word while invited", "word before"},
			"invited":        {"word while in", "word while invited"},
			"joined":         {"word while in"},
		} {
			room := o.mustCreateWith(visibility)
			o.mustSend(ana, room, "word before")
			o.must(o.rooms.Invite(t.Context(), by(ana), rooms.Move{Room: room, User: bia}))
			o.mustSend(ana, room, "word while invited")
			if got := o.find(bia, "word"); len(got) > 0 {
				t.Errorf("%s: got %q before having been in the room", visibility, got)
			}
			o.mustJoin(bia, room)
			o.mustSend(ana, room, "word while in")
			o.mustLeave(bia, room)
			o.mustSend(ana, room, "word after leave")
			o.mustFind(bia, "word", want...)
			if got := o.count(bia, "word"); got != len(want) {
				t.Errorf("%s: got count %d, want %d", visibility, got, len(want))
			}
			o.must(o.rooms.Forget(t.Context(), by(bia), room))
			o.mustFind(bia, "word")
		}
		if got := o.count(bia, "word"); got != 0 {
			t.Errorf("got count %d of forgotten rooms, want 0", got)
		}
	})
}

// Who has left finds a message by what it said then, not by what it says now.
func TestEditAfterLeave(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		o.mustJoin(bia, room)
		message := o.mustSend(ana, room, "alpha")
		o.mustEdit(ana, room, message, "beta")
		o.mustLeave(bia, room)
		o.mustEdit(ana, room, message, "gamma")
		o.mustFind(ana, "gamma", "alpha")
		o.mustFind(ana, "beta")
		o.mustFind(bia, "gamma")
		o.mustFind(bia, "beta", "alpha")
		o.mustFind(bia, "alpha")
		if got := o.count(bia, "gamma"); got != 0 {
			t.Errorf("got count %d, want 0", got)
		}
	})
}

func TestAccountsDoNotMeet(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room, others := o.mustCreate(ana), o.mustCreate(eve)
		o.mustSend(ana, room, "ours")
		o.mustSend(eve, others, "theirs")
		o.mustFind(ana, "theirs")
		o.mustFind(eve, "ours")
		o.mustFind(eve, "theirs", "theirs")
		found := o.mustSearch(eve, search.Request{Term: "ours", Filter: mustFilter(t, `{"rooms":["`+string(room)+`"]}`)})
		if found.Count != 0 || len(found.Results) != 0 {
			t.Errorf("got %d, %v of another account's room", found.Count, o.texts(found))
		}
	})
}

// A room and the one that it was upgraded to are searched together.
func TestUpgradedRoom(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		old := o.mustCreate(ana)
		o.mustSend(ana, old, "word in the old room")
		room, err := o.rooms.Upgrade(t.Context(), by(ana), rooms.Upgrade{Room: old, Version: "9"})
		o.must(err)
		o.mustSend(ana, room, "word in the new room")
		filter := mustFilter(t, fmt.Sprintf(`{"rooms":[%q,%q]}`, old, room))
		got := o.texts(o.mustSearch(ana, search.Request{Term: "word", Recent: true, Filter: filter}))
		if fmt.Sprint(got) != "[word in the new room word in the old room]" {
			t.Errorf("got %q, want both", got)
		}
	})
}

// Whom one ignores is not found.
func TestIgnored(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		o.mustJoin(bia, room)
		o.mustSend(ana, room, "word of ana")
		o.mustSend(bia, room, "word of bia")
		ignored := stream.Item{Kind: stream.AccountData, User: ana, Key: rooms.IgnoredUsersType, Content: []byte(`{"ignored_users":{"@bia:acme.example":{}}}`)}
		o.must(o.store.PutData(t.Context(), by(ana), ignored))
		o.mustFind(ana, "word", "word of ana")
		o.mustFind(bia, "word", "word of bia", "word of ana")
		if got := o.count(ana, "word"); got != 1 {
			t.Errorf("got count %d, want 1", got)
		}
	})
}

// The index is made of what was there before it, and made again in another history.
func TestRebuild(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(ana)
		for i := range 700 {
			o.mustSend(ana, room, fmt.Sprintf("early word%d", i))
		}
		o.mustFollow()
		o.mustFind(ana, "word0", "early word0")
		o.mustFind(ana, "word699", "early word699")
		o.follower.Close()

		var b sqldb.Batch
		b.Add("UPDATE search_documents SET message_id = '$gone', source_id = '$gone'")
		o.must(o.db.Commit(t.Context(), &b))
		b = sqldb.Batch{}
		b.Add("UPDATE accounts SET epoch = epoch + 1")
		o.must(db.Commit(t.Context(), &b))
		o.store.Close()
		o.store = storage.Open(storage.Options{DB: db, Log: quiet(t), Now: time.Now})
		t.Cleanup(o.store.Close)
		o.open()
		o.mustFollow()
		o.mustFind(ana, "word699", "early word699")
		if got := o.count(ana, "early"); got != 700 {
			t.Errorf("got %d messages in the new index, want 700", got)
		}
	})
}

// A crash in the middle leaves nothing out and nothing twice.
func TestRestart(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		room := o.mustCreate(ana)
		for i := range 60 {
			o.mustSend(ana, room, fmt.Sprintf("word %d", i))
			if i%9 == 0 {
				o.follower.Close()
				o.mustFollow()
			}
		}
		if got := o.count(ana, "word"); got != 60 {
			t.Errorf("got %d, want 60", got)
		}
		if got := o.documents(); got != 60 {
			t.Errorf("the index has %d texts, want 60", got)
		}
	})
}
