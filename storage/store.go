package storage

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// Options are what a Store is opened with.
type Options struct {
	DB  *sqldb.DB
	Log *logrus.Logger
	Now func() time.Time
}

// Store implements the Stores of rooms and accounts.
type Store struct {
	db   *sqldb.DB
	log  *logrus.Logger
	now  func() time.Time
	life context.Context // ends when the Store closes
	end  context.CancelFunc
	work sync.WaitGroup // every goroutine of the Store

	notices notices
	moves   moves

	mu       sync.Mutex // guards accounts and closed
	accounts map[tenant.ID]*account
	closed   bool
}

// errClosed answers who comes while the server stops.
var errClosed = errors.New("the store is closed")

// Open starts a Store on a migrated database. Close it before the database.
func Open(o Options) *Store {
	life, end := context.WithCancel(context.Background())
	s := &Store{db: o.DB, log: o.Log, now: o.Now, life: life, end: end, accounts: map[tenant.ID]*account{}}
	s.work.Go(s.watch)
	if o.DB.Postgres() {
		s.work.Go(s.lookAround)
	}
	return s
}

// Close ends all polls, lets the writers finish what waits, and stops.
func (s *Store) Close() {
	s.mu.Lock()
	s.closed = true
	accounts := s.accounts
	s.mu.Unlock()
	for _, a := range accounts {
		a.close()
	}
	s.end()
	s.work.Wait()
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// watch brings accounts to their heads when another process has written.
func (s *Store) watch() {
	err := s.db.Watch(s.life, func(payload string) {
		s.catchUpAll(payload)
		// Followers care for accounts that are not in memory, too.
		account, _, _ := strings.Cut(payload, " ")
		s.moves.tell(tenant.ID(account))
	})
	if err != nil && s.life.Err() == nil {
		s.log.WithError(err).Error("no longer watching for other processes' writes")
	}
}

func (s *Store) loaded() []*account {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*account, 0, len(s.accounts))
	for _, a := range s.accounts {
		all = append(all, a)
	}
	return all
}

// account gives the account in memory, loading it at its first use. An unknown
// one is errNoAccount.
func (s *Store) account(ctx context.Context, id tenant.ID) (*account, error) {
	s.mu.Lock()
	a, closed := s.accounts[id], s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case a != nil:
		return a, nil
	}
	// Loaded without the lock, so that an account that does not exist keeps nobody
	// waiting. Of two who load it at once the second is dropped.
	a = newAccount(s, id)
	if err := a.reload(ctx); err != nil {
		return nil, fmt.Errorf("load account %s: %w", id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if first := s.accounts[id]; first != nil {
		return first, nil
	}
	s.accounts[id] = a
	s.work.Go(a.wakeLoop)
	return a, nil
}

// mark makes the random number that tells one history from another.
func mark() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return int64(binary.BigEndian.Uint64(b[:]) >> 1)
}

// EndPolls wakes all long polls for good, so that a server that stops need not
// wait for them.
func (s *Store) EndPolls() {
	for _, a := range s.loaded() {
		a.mu.RLock()
		a.state.hub.End()
		a.mu.RUnlock()
	}
}
