package storage_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/search"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// benchOffice is an account with a room.
type benchOffice struct {
	store  *storage.Store
	index  *storage.SearchIndex
	db     *sqldb.DB // of the index
	rooms  *rooms.Service
	caller tenant.Caller
	room   id.RoomID
}

func mustOffice(b *testing.B, db *sqldb.DB) *benchOffice {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	o := &benchOffice{db: db, caller: tenant.Caller{Account: "acme", Server: "acme.example", User: "@ana:acme.example", Device: "PHONE"}}
	log := logrus.New()
	log.SetOutput(b.Output())
	o.store = storage.Open(storage.Options{DB: db, Log: log, Now: time.Now})
	b.Cleanup(o.store.Close)
	must(o.store.CreateAccount(b.Context(), accounts.Account{ID: "acme", ServerName: "acme.example"}))
	must(o.store.CreateUser(b.Context(), tenant.Caller{Account: "acme"}, accounts.User{ID: o.caller.User, Role: tenant.Agent}, "", nil))
	o.rooms = rooms.New(rooms.Options{Store: o.store, Policies: benchPolicy{}, Now: time.Now, Random: rand.Reader})
	var err error
	o.room, _, err = o.rooms.Create(b.Context(), o.caller, rooms.Creation{Preset: "public_chat"})
	must(err)
	if !db.Postgres() {
		o.db, err = sqldb.Open(b.Context(), sqldb.Options{Path: filepath.Join(b.TempDir(), "search.db"), Rebuildable: true})
		must(err)
		b.Cleanup(o.db.Close)
	}
	o.index, err = storage.OpenSearchIndex(b.Context(), o.store, o.db)
	must(err)
	return o
}

type benchPolicy struct{}

func (benchPolicy) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) {
	return rooms.MatrixPolicy, nil
}

// send sends so many messages from 64 senders.
func (o *benchOffice) send(b *testing.B, count int) {
	var senders sync.WaitGroup
	for s := range 64 {
		senders.Go(func() {
			for i := s; i < count; i += 64 {
				body := fmt.Sprintf(`{"body":"Message %d of a working day, not much longer than most are","msgtype":"m.text"}`, i)
				_, err := o.rooms.Send(context.Background(), o.caller, rooms.Message{Room: o.room, Type: "m.room.message", Content: []byte(body)})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	senders.Wait()
}

func benchEach(b *testing.B, f func(b *testing.B, o *benchOffice)) {
	b.Run("sqlite", func(b *testing.B) { f(b, mustOffice(b, sqltest.SQLite(b))) })
	b.Run("postgres", func(b *testing.B) { f(b, mustOffice(b, sqltest.Postgres(b))) })
}

// BenchmarkIndexStep indexes 500 messages.
func BenchmarkIndexStep(b *testing.B) {
	benchEach(b, func(b *testing.B, o *benchOffice) {
		o.send(b, 2000)
		for b.Loop() {
			batch := &sqldb.Batch{}
			if _, err := o.index.Step(b.Context(), "acme", 1000, 1500, batch); err != nil {
				b.Fatal(err)
			}
			if err := o.db.Commit(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			undo := &sqldb.Batch{}
			undo.Add("DELETE FROM search_documents")
			if err := o.db.Commit(b.Context(), undo); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}

// BenchmarkFind looks for a rare word, and for one that is in all of 20,000
// messages.
func BenchmarkFind(b *testing.B) {
	benchEach(b, func(b *testing.B, o *benchOffice) {
		o.send(b, 20_000)
		for at := stream.Position(0); at < 20_000; {
			batch := &sqldb.Batch{}
			reached, err := o.index.Step(b.Context(), "acme", at, 20_000, batch)
			if err != nil {
				b.Fatal(err)
			}
			if err := o.db.Commit(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			at = reached
		}
		for name, words := range map[string][]string{"rare": {"message", "12345"}, "frequent": {"message", "day"}} {
			b.Run(name, func(b *testing.B) {
				q := search.Query{Words: words, Types: []string{"m.room.message"}, Rooms: []id.RoomID{o.room}, Limit: 10_000}
				for b.Loop() {
					if hits, err := o.index.Find(b.Context(), "acme", q); err != nil || len(hits) == 0 {
						b.Fatal(len(hits), err)
					}
				}
			})
		}
	})
}

// BenchmarkSend sends 20,000 messages from 64 senders, with and without a follower
// that indexes them meanwhile.
func BenchmarkSend(b *testing.B) {
	for _, followed := range []bool{false, true} {
		b.Run(fmt.Sprintf("followed=%t", followed), func(b *testing.B) {
			benchEach(b, func(b *testing.B, o *benchOffice) {
				if followed {
					log := logrus.New()
					log.SetOutput(b.Output())
					r, err := follow.Start(b.Context(), follow.Options{
						Source: o.store, Follower: o.index, DB: o.db, Log: log, Delay: 100 * time.Millisecond, Rest: 9, Now: time.Now,
					})
					if err != nil {
						b.Fatal(err)
					}
					b.Cleanup(r.Close)
				}
				sent := 0
				for b.Loop() {
					o.send(b, 20_000)
					sent += 20_000
				}
				b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "messages/s")
			})
		})
	}
}
