package follow

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/migrations"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// Options are what a Runner is started with. Those without a default are
// required.
type Options struct {
	Source   Source
	Follower Follower
	// DB is where the follower writes: cursors and lease lie there too.
	DB  *sqldb.DB
	Log *logrus.Logger
	// Delay is how long entries are collected before a step: few large transactions
	// cost less than many small ones. Who waits in [Runner.Await] ends it.
	Delay time.Duration
	// Rest is how many times as long as a step took nothing is done after it, so
	// that what is behind is caught up beside the sends and not before them. Who
	// waits in [Runner.Await] ends it. It needs Now.
	Rest float64
	Now  func() time.Time
	// Lease is how long the lease lasts after this node was last heard of: 15 s if 0.
	Lease time.Duration
	// Look is how often all accounts are looked at, whatever was heard: a minute if
	// 0.
	Look time.Duration
}

// Runner runs one follower on one node.
type Runner struct {
	source   Source
	follower Follower
	db       *sqldb.DB
	log      *logrus.Entry
	delay    time.Duration
	rest     float64
	now      func() time.Time
	look     time.Duration

	end   context.CancelFunc
	done  chan struct{}
	lease lease // of the goroutine run

	signal chan struct{} // of one: there is work
	hurry  chan struct{} // of one: somebody waits for it

	mu      sync.Mutex // guards all below
	waiting []tenant.ID
	queued  map[tenant.ID]bool
	held    map[tenant.ID]*time.Timer // accounts whose steps wait, and what ends that
	all     bool                      // all accounts must be looked at
	cursors map[tenant.ID]Place       // nil while this node does not run the follower
	moved   chan struct{}             // closed when cursors change
	asking  int                       // who is in Await
}

// Start makes the tables of cursors and leases if need be, and starts to follow.
// ctx is for the start alone. Close the Runner before the source and the database.
func Start(ctx context.Context, o Options) (*Runner, error) {
	tables, err := migrations.Follow()
	if err != nil {
		return nil, err
	}
	if err := o.DB.ApplyLine(ctx, "follow", tables); err != nil {
		return nil, err
	}
	name := o.Follower.Name()
	r := &Runner{
		source: o.Source, follower: o.Follower, db: o.DB, log: o.Log.WithField("follower", name),
		delay: o.Delay, rest: o.Rest, now: o.Now, look: o.Look, done: make(chan struct{}),
		lease:  lease{db: o.DB, name: name, owner: rand.Text(), life: o.Lease},
		signal: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		queued: map[tenant.ID]bool{}, held: map[tenant.ID]*time.Timer{}, moved: make(chan struct{}),
	}
	if r.lease.life == 0 {
		r.lease.life = 15 * time.Second
	}
	if r.look == 0 {
		r.look = time.Minute
	}
	life, end := context.WithCancel(context.Background())
	r.end = end
	stop := o.Source.Moves(r.hear)
	go func() {
		defer close(r.done)
		defer stop()
		r.run(life)
	}()
	return r, nil
}

// Close stops after the step in progress, and lets another node take over.
func (r *Runner) Close() {
	r.end()
	<-r.done
}

// hear notes that an account's head has moved; "" stands for all.
func (r *Runner) hear(account tenant.ID) {
	r.mu.Lock()
	switch {
	case account == "":
		r.all = true
	case r.held[account] != nil:
	case !r.queued[account]:
		r.queued[account] = true
		r.waiting = append(r.waiting, account)
	}
	r.mu.Unlock()
	nudge(r.signal)
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// next gives the account that has waited longest, "" when none does.
func (r *Runner) next() tenant.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		return ""
	}
	account := r.waiting[0]
	r.waiting = r.waiting[1:]
	delete(r.queued, account)
	return account
}

// run takes the lease again and again, until ctx ends.
func (r *Runner) run(ctx context.Context) {
	again := time.NewTicker(r.lease.life / 3)
	defer again.Stop()
	for {
		held, err := r.lease.take(ctx)
		if held && err == nil {
			err = r.lead(ctx)
			r.release()
			r.stepDown(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.log.WithError(err).Warn("the follower has stopped on this node, and will try again")
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// stepDown forgets what only the holder of the lease knows, and drops it.
func (r *Runner) stepDown(ctx context.Context) {
	r.mu.Lock()
	r.cursors = nil
	r.tell()
	r.mu.Unlock()
	if err := r.lease.drop(context.WithoutCancel(ctx)); err != nil && !errors.Is(err, sqldb.ErrClosed) {
		r.log.WithError(err).Warn("other nodes must wait until the lease has run out")
	}
}

// tell wakes who waits for cursors. The caller holds mu.
func (r *Runner) tell() {
	close(r.moved)
	r.moved = make(chan struct{})
}

// lead follows all accounts until ctx ends, the lease is lost, or the database
// fails.
func (r *Runner) lead(ctx context.Context) error {
	cursors, err := r.readCursors(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.cursors, r.all = cursors, true
	r.tell()
	r.mu.Unlock()
	renew := time.NewTicker(r.lease.life / 3)
	defer renew.Stop()
	look := time.NewTicker(r.look)
	defer look.Stop()
	for ctx.Err() == nil {
		if err := r.work(ctx, renew.C); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-renew.C:
			if err := r.lease.renew(ctx); err != nil {
				return err
			}
		case <-look.C:
			r.hear("")
		case <-r.signal:
			r.idle(ctx, r.delay)
		}
	}
	return nil
}

// idle does nothing for a while, unless somebody waits.
func (r *Runner) idle(ctx context.Context, d time.Duration) {
	r.mu.Lock()
	asked := r.asking > 0
	r.mu.Unlock()
	if d <= 0 || asked {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-r.hurry:
	case <-timer.C:
	}
}

// longestRest bounds what one slow step can cost.
const longestRest = time.Second

// step advances an account and rests.
func (r *Runner) step(ctx context.Context, account tenant.ID) error {
	if r.rest == 0 {
		return r.advance(ctx, account)
	}
	begun := r.now()
	err := r.advance(ctx, account)
	r.idle(ctx, min(longestRest, time.Duration(r.rest*float64(r.now().Sub(begun)))))
	return err
}

// work follows until no account waits, one step of each in turn, so that none
// keeps the others waiting.
func (r *Runner) work(ctx context.Context, renew <-chan time.Time) error {
	if err := r.queueBehind(ctx); err != nil {
		return err
	}
	for account := r.next(); account != "" && ctx.Err() == nil; account = r.next() {
		select {
		case <-renew:
			if err := r.lease.renew(ctx); err != nil {
				return err
			}
		default:
		}
		err := r.step(ctx, account)
		if errors.Is(err, errLost) {
			return err
		}
		if later, ok := errors.AsType[*Later](err); ok && ctx.Err() == nil {
			r.hold(account, later)
			continue
		}
		if err != nil && ctx.Err() == nil {
			// It is tried again when the account moves, and when all are looked at:
			// the others need not wait for that.
			r.log.WithField("account", account).WithError(err).Error("an account cannot be followed")
		}
	}
	return nil
}

// hold keeps an account from being followed for a while.
func (r *Runner) hold(account tenant.ID, later *Later) {
	r.log.WithField("account", account).WithError(later.Cause).Warnf("an account cannot be followed; it will be tried again in %s", later.Wait)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.queued, account)
	r.waiting = slices.DeleteFunc(r.waiting, func(other tenant.ID) bool { return other == account })
	r.held[account] = time.AfterFunc(later.Wait, func() {
		r.mu.Lock()
		delete(r.held, account)
		r.mu.Unlock()
		r.hear(account)
	})
}

// release forgets what waits, when this node no longer follows.
func (r *Runner) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, timer := range r.held {
		timer.Stop()
	}
	clear(r.held)
}

// queueBehind finds the accounts that are not at their heads, when that was asked
// for.
func (r *Runner) queueBehind(ctx context.Context) error {
	r.mu.Lock()
	wanted := r.all
	r.all = false
	r.mu.Unlock()
	if !wanted {
		return nil
	}
	heads, err := r.source.Places(ctx)
	if err != nil {
		return fmt.Errorf("read heads: %w", err)
	}
	for account, head := range heads {
		r.mu.Lock()
		there := r.cursors[account] == head
		r.mu.Unlock()
		if !there {
			r.hear(account)
		}
	}
	return nil
}
