package storage

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/stream"
)

// noticeDelay is how long new heads are collected before other nodes are told.
// A notifying statement takes a lock of the whole PostgreSQL server, so there
// are few of them.
const noticeDelay = 3 * time.Millisecond

// noticeTime is how long telling may take, lookEvery how often a node looks at
// the heads without having been told.
const (
	noticeTime = 2 * time.Second
	lookEvery  = 5 * time.Second
)

// notices collects heads that other nodes are to be told of.
type notices struct {
	mu    sync.Mutex // guards heads
	heads map[tenant.ID]stream.Position
}

// announce tells other nodes of a new head, soon.
func (s *Store) announce(account tenant.ID, head stream.Position) {
	if !s.db.Postgres() {
		return
	}
	n := &s.notices
	n.mu.Lock()
	first := len(n.heads) == 0
	if n.heads == nil {
		n.heads = map[tenant.ID]stream.Position{}
	}
	n.heads[account] = head
	n.mu.Unlock()
	if first {
		s.work.Go(s.sendNotices)
	}
}

// sendNotices tells what was collected, after the delay or when the Store closes:
// a process that ends right after its last commit has told of it.
func (s *Store) sendNotices() {
	select {
	case <-time.After(noticeDelay):
	case <-s.life.Done():
	}
	n := &s.notices
	n.mu.Lock()
	heads := n.heads
	n.heads = nil
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.life), noticeTime)
	defer cancel()
	for account, head := range heads {
		payload := string(account) + " " + strconv.FormatInt(int64(head), 10)
		if err := s.db.Notify(ctx, payload); err != nil {
			s.log.WithField("account", account).WithError(err).Warn("other nodes were not told of a new head")
			return
		}
	}
}

// lookAround looks at the heads of accounts with polls every few seconds: a
// notice is a hint, and a node that was killed has not given its last one.
func (s *Store) lookAround() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.life.Done():
			return
		}
		s.catchUpAll("")
	}
}

// catchUpAll brings to their heads those accounts for whom a wake-up may be news.
func (s *Store) catchUpAll(payload string) {
	for _, a := range s.loaded() {
		if !a.isNews(payload) {
			continue
		}
		if err := a.current(s.life); err != nil && s.life.Err() == nil {
			s.log.WithField("account", a.id).WithError(err).Warn("cannot catch up with another process")
		}
	}
}

// isNews tells whether a wake-up may concern an account: it names another, or
// a head that this node already has, otherwise.
func (a *account) isNews(payload string) bool {
	if payload == "" {
		return true
	}
	account, head, _ := strings.Cut(payload, " ")
	if account != string(a.id) {
		return false
	}
	n, err := strconv.ParseInt(head, 10, 64)
	return err != nil || stream.Position(n) > a.place().head
}
