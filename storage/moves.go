package storage

import (
	"context"
	"fmt"
	"sync"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// moves tells followers which accounts' heads have moved. It is never told by a
// writer, but beside it: see [account.wakeLoop].
type moves struct {
	mu        sync.Mutex // guards both
	last      int
	listeners map[int]func(tenant.ID)
}

// tell names an account, or "" for any.
func (m *moves) tell(account tenant.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.listeners {
		f(account)
	}
}

// Moves implements follow.Source.
func (s *Store) Moves(f func(tenant.ID)) (stop func()) {
	m := &s.moves
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listeners == nil {
		m.listeners = map[int]func(tenant.ID){}
	}
	m.last++
	n := m.last
	m.listeners[n] = f
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.listeners, n)
	}
}

const placesSQL = `
	SELECT a.account, a.epoch,
		(SELECT g.head FROM groups g WHERE g.account = a.account ORDER BY g.prev_head DESC LIMIT 1)
	FROM accounts a`

func scanPlace(r sqldb.Row, account *tenant.ID) (at follow.Place, err error) {
	err = r.Scan(account, &at.Epoch, &at.Position)
	return at, err
}

// Places implements follow.Source. It reads the database, so that no account need
// be in memory for being followed.
func (s *Store) Places(ctx context.Context) (map[tenant.ID]follow.Place, error) {
	all := map[tenant.ID]follow.Place{}
	err := s.db.Query(ctx, placesSQL, nil, func(r sqldb.Row) error {
		var account tenant.ID
		at, err := scanPlace(r, &account)
		all[account] = at
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	return all, nil
}

// Place implements follow.Source. An account in memory is at its head, or is about
// to say that it has moved.
func (s *Store) Place(ctx context.Context, account tenant.ID) (follow.Place, bool, error) {
	s.mu.Lock()
	a := s.accounts[account]
	s.mu.Unlock()
	if a != nil {
		a.mu.RLock()
		defer a.mu.RUnlock()
		return follow.Place{Epoch: a.state.epoch, Position: a.state.head}, true, nil
	}
	at, found, err := sqldb.One(ctx, s.db, func(r sqldb.Row) (follow.Place, error) {
		var account tenant.ID
		return scanPlace(r, &account)
	}, placesSQL+` WHERE a.account = $1`, account)
	if err != nil {
		return follow.Place{}, false, fmt.Errorf("read place: %w", err)
	}
	return at, found, nil
}
