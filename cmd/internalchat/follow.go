package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/conversalabs/internalchat/rooms/bell"
	"github.com/conversalabs/internalchat/rooms/search"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// searchFile is the search index beside the embedded database. It may be deleted
// while no server runs: it is made again.
const searchFile = "search.db"

const (
	// indexDelay is how long messages are collected before they are indexed.
	indexDelay = 100 * time.Millisecond
	// indexRest is how many times as long as indexing takes the index rests: it may
	// have a tenth of one core.
	indexRest = 9
	// membershipDelay is how long changes are collected before it is looked whose
	// memberships they touch: each look moves the cursor, which costs SQLite a write.
	membershipDelay = 250 * time.Millisecond
	// bellDelay is how long messages are collected before it is judged whose bell
	// rings, for the same reason.
	bellDelay = 250 * time.Millisecond
)

// follow starts what follows the stream. Only the server does this: what a
// subcommand writes, the server follows. Call stop before the house closes.
func (h *house) follow(ctx context.Context) (stop func(), err error) {
	stopMembership, err := h.followMembership(ctx)
	if err != nil {
		return nil, err
	}
	stopIndex, err := h.followIndex(ctx)
	if err != nil {
		stopMembership()
		return nil, err
	}
	stopBell, err := h.followBell(ctx)
	if err != nil {
		stopIndex()
		stopMembership()
		return nil, err
	}
	return func() {
		stopBell()
		stopIndex()
		stopMembership()
	}, nil
}

// followBell has bells ring for what is said.
func (h *house) followBell(ctx context.Context) (stop func(), err error) {
	runner, err := follow.Start(ctx, follow.Options{
		Source: h.store, Follower: bell.Follow(h.store, time.Now), DB: h.db, Log: h.log, Delay: bellDelay, Now: time.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("follow what is said: %w", err)
	}
	h.bell = bell.New(bell.Options{Store: h.store, Await: runner.Await})
	return runner.Close, nil
}

// followMembership has changes of users carried out in their rooms.
func (h *house) followMembership(ctx context.Context) (stop func(), err error) {
	runner, err := follow.Start(ctx, follow.Options{
		Source: h.store, Follower: storage.FollowMembership(h.store, h.rooms.Entail), DB: h.db, Log: h.log,
		Delay: membershipDelay, Now: time.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("follow the users: %w", err)
	}
	return runner.Close, nil
}

// followIndex keeps the search index.
func (h *house) followIndex(ctx context.Context) (stop func(), err error) {
	db, closeIndex, err := h.indexDatabase(ctx)
	if err != nil {
		return nil, err
	}
	index, err := storage.OpenSearchIndex(ctx, h.store, db)
	if err != nil {
		closeIndex()
		return nil, err
	}
	runner, err := follow.Start(ctx, follow.Options{
		Source: h.store, Follower: index, DB: db, Log: h.log, Delay: indexDelay, Rest: indexRest, Now: time.Now,
	})
	if err != nil {
		closeIndex()
		return nil, fmt.Errorf("follow the stream: %w", err)
	}
	h.search = search.New(search.Options{Rooms: h.rooms, Index: index, Await: runner.Await})
	return func() {
		runner.Close()
		closeIndex()
	}, nil
}

// indexDatabase gives the database of the search index: PostgreSQL itself, or a
// file beside the SQLite one. A file that cannot be used is made anew.
func (h *house) indexDatabase(ctx context.Context) (db *sqldb.DB, closeIndex func(), err error) {
	if h.db.Postgres() {
		return h.db, func() {}, nil
	}
	options := databaseOptions(h.cfg)
	options.Path, options.Rebuildable = filepath.Join(h.cfg.Data, searchFile), true
	db, err = openIndex(ctx, options)
	if err != nil && ctx.Err() == nil {
		h.log.WithError(err).Warn("the search index cannot be used and is made anew")
		for _, part := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(options.Path + part); err != nil && !os.IsNotExist(err) {
				return nil, nil, fmt.Errorf("remove the search index: %w", err)
			}
		}
		db, err = openIndex(ctx, options)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the search index: %w", err)
	}
	return db, db.Close, nil
}

// openIndex opens the file and looks whether it is whole as far as its tables.
func openIndex(ctx context.Context, options sqldb.Options) (*sqldb.DB, error) {
	db, err := sqldb.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	if _, err := storage.OpenSearchIndex(ctx, nil, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}
