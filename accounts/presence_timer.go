package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// How it is found out that somebody is gone.
//
// Every node notes in memory whom it has seen: by a request, or waiting in a poll.
// What it has noted it writes down beside all requests, half a life apart at the
// least for each user. Those times are in the database, and any node judges by
// them alone: who was not seen for a life and the half that may still be in a
// node's memory is put offline. So nobody who polls another node is taken for
// gone, and who polled a node that died is put offline by the others, or by
// itself when it is up again. Servers whose people are all away write nothing.
//
// A node that could not write for that long (or whose clock is half a life behind)
// loses people who are there. That heals itself: their own polls are woken by it,
// and the next ones tell that they are there.

// person is a user as memory knows them.
type person struct {
	account tenant.ID
	user    id.UserID
}

// sight is what this node knows of a person. All times are ms.
type sight struct {
	polls        int // under way
	seen, active int64
	written      int64 // seen, as it was last written
}

// overduePage is how many overdue people are judged at once.
const overduePage = 200

// Active notes that a caller has made a request other than a poll.
func (p *Presences) Active(caller tenant.Caller) {
	now := p.now().UnixMilli()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sight(caller)
	s.seen, s.active = now, now
}

// enter notes that a caller polls, until leave is called.
func (p *Presences) enter(caller tenant.Caller) (leave func()) {
	p.poll(caller, 1)
	return func() { p.poll(caller, -1) }
}

func (p *Presences) poll(caller tenant.Caller, more int) {
	now := p.now().UnixMilli()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sight(caller)
	s.polls += more
	s.seen = now
}

// sight finds or makes what is known of a caller; p.mu is held.
func (p *Presences) sight(caller tenant.Caller) *sight {
	key := person{caller.Account, caller.User}
	s := p.people[key]
	if s == nil {
		s = &sight{}
		p.people[key] = s
	}
	return s
}

// lastActive gives when this node last saw a user do something, in ms, or 0.
func (p *Presences) lastActive(account tenant.ID, user id.UserID) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.people[person{account, user}]; s != nil {
		return s.active
	}
	return 0
}

// Run writes down who is there and puts offline who is gone, until ctx ends. At
// the start everybody has time to come back. alarm is time.After; report gets what
// failed, which is tried again.
func (p *Presences) Run(ctx context.Context, alarm func(time.Duration) <-chan time.Time, report func(error)) {
	begun := p.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-alarm(p.life / 6):
		}
		err := p.Renew(ctx)
		if err == nil && p.now().Sub(begun) >= p.overdue() {
			err = p.Expire(ctx)
		}
		if err != nil && ctx.Err() == nil {
			report(err)
		}
	}
}

// overdue is after which time people are taken for gone.
func (p *Presences) overdue() time.Duration { return p.life + p.life/2 }

// Renew writes down who has been there since they were last written down, and
// nothing of accounts whose presence is off. What fails of one account is tried
// again the next time, and keeps no other from being written down.
func (p *Presences) Renew(ctx context.Context) error {
	seen, there, failed := p.worthWriting(ctx)
	if len(there) > 0 {
		if err := p.store.SeePresent(ctx, there); err != nil {
			return errors.Join(failed, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range seen {
		if s := p.people[person{one.Account, one.User}]; s != nil {
			s.written = one.Seen
		}
	}
	return failed
}

// worthWriting gives whom this node has seen, and who of them is there to be written
// down; both without the accounts that failed.
func (p *Presences) worthWriting(ctx context.Context) (seen, there []Attendance, failed error) {
	all := p.unwritten()
	for len(all) > 0 {
		account := all[0].Account
		n := slices.IndexFunc(all, func(one Attendance) bool { return one.Account != account })
		if n < 0 {
			n = len(all)
		}
		shown, err := p.Shown(ctx, account)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("note who is there in account %s: %w", account, err))
		} else {
			seen = append(seen, all[:n]...)
		}
		if shown && err == nil {
			there = append(there, all[:n]...)
		}
		all = all[n:]
	}
	return seen, there, failed
}

// unwritten gives who is to be written down, in one order on all nodes. Who has
// not been seen for a life is forgotten.
func (p *Presences) unwritten() []Attendance {
	now := p.now().UnixMilli()
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Attendance
	for key, s := range p.people {
		if s.polls > 0 {
			s.seen = now
		}
		switch {
		case s.seen-s.written >= (p.life / 2).Milliseconds():
			all = append(all, Attendance{Account: key.account, User: key.user, Seen: s.seen, Active: s.active})
		case now-s.seen > p.life.Milliseconds():
			delete(p.people, key)
		}
	}
	slices.SortFunc(all, func(x, y Attendance) int {
		return cmp.Or(cmp.Compare(x.Account, y.Account), cmp.Compare(x.User, y.User))
	})
	return all
}

// Expire puts offline who is gone, as few acts as there are accounts. Any number
// of nodes may do so at once. What fails of one account is tried again the next
// time, and keeps no other from its turn while a page has anybody else.
func (p *Presences) Expire(ctx context.Context) error {
	before := p.now().Add(-p.overdue()).UnixMilli()
	failed := map[tenant.ID]error{}
	for {
		overdue, err := p.store.Overdue(ctx, before, overduePage)
		if err != nil {
			return errors.Join(append(slices.Collect(maps.Values(failed)), err)...)
		}
		users := map[tenant.ID][]id.UserID{}
		for _, one := range overdue {
			if failed[one.Account] == nil {
				users[one.Account] = append(users[one.Account], one.User)
			}
		}
		progress := false
		for account, gone := range users {
			if err := p.store.Depart(ctx, account, gone, before, depart); err != nil {
				failed[account] = fmt.Errorf("put people of account %s offline: %w", account, err)
				continue
			}
			progress = true
		}
		if len(overdue) < overduePage || !progress {
			return errors.Join(slices.Collect(maps.Values(failed))...)
		}
	}
}

// depart gives the presence of somebody who is gone, nil when it is that already.
func depart(content []byte, active int64) ([]byte, error) {
	kept, err := readPresence(content)
	if err != nil || kept.Presence == offline || kept.Presence == "" {
		return nil, err
	}
	return Offline(content, active)
}
