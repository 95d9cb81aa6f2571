package storage

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
)

// Act implements rooms.Store.
func (s *Store) Act(ctx context.Context, todo rooms.Act) (id.EventID, error) {
	a, err := s.account(ctx, todo.Caller.Account)
	if err != nil {
		return "", refuseUnknownAccount(err)
	}
	one := &act{
		caller: todo.Caller, path: todo.Path, transaction: todo.Transaction, lone: todo.Lone,
		do: func(t *tx) (id.EventID, error) { return todo.Do(t) },
	}
	if todo.Suspended {
		one.asks = evenSuspended
	}
	err = a.submit(one)
	return one.eventID, err
}

// lone runs one act of accounts, alone in its group, so that what it reads by
// tx.querier is the state at the head it writes on. A zero session in caller is
// the server itself. Nobody else learns of these acts what a suspended user may
// not tell, so they may do them.
func (s *Store) lone(ctx context.Context, caller tenant.Caller, do func(*tx) error) error {
	return s.loneBy(ctx, caller, evenSuspended, do)
}

// loneBy is lone for acts that ask something else of their caller.
func (s *Store) loneBy(ctx context.Context, caller tenant.Caller, asks standing, do func(*tx) error) error {
	a, err := s.account(ctx, caller.Account)
	if err != nil {
		return refuseUnknownAccount(err)
	}
	return a.submit(&act{caller: caller, lone: true, asks: asks, do: func(t *tx) (id.EventID, error) { return "", do(t) }})
}

// server is the caller of acts that the server does by itself.
func server(account tenant.ID) tenant.Caller { return tenant.Caller{Account: account} }
