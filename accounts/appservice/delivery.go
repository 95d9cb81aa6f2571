package appservice

import (
	"context"
	"fmt"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	// maxEvents is how many events a transaction has at most.
	maxEvents = 100
	// stepPositions is how many entries of the stream are looked at for one.
	stepPositions = 500
	// firstWait and longestWait bound how long a service that has not taken a
	// transaction is left alone: twice as long each time.
	firstWait, longestWait = time.Second, 5 * time.Minute
)

// delivery sends one service what concerns it. It implements follow.Follower for the
// service's account alone.
type delivery struct {
	Target
	stream Stream
	client *Client
	now    func() time.Time

	interest interest
	since    stream.Position
	pending  *pending // made and not yet taken
	failures int      // of the pending one
}

// pending is a transaction that is sent until it is taken.
type pending struct {
	Sent
	body transaction
}

// id is what the service knows the transaction by.
func (p *pending) id() string { return fmt.Sprintf("%d-%d", p.Epoch, p.UpTo) }

func newDelivery(o Options, target Target) *delivery {
	return &delivery{
		Target: target, stream: o.Stream, client: o.Client, now: o.Now,
		interest: interest{Target: target, stream: o.Stream}, since: target.Service.Since,
	}
}

// Name implements follow.Follower. Leases span accounts, so it has the account too.
func (d *delivery) Name() string { return "appservice/" + string(d.Account) + "/" + d.Service.ID }

// Step implements follow.Follower. What is sent stays the same until it is taken, after
// a restart too: a service that has taken it and could not say so knows it by its ID.
func (d *delivery) Step(ctx context.Context, account tenant.ID, after, upTo stream.Position, _ *sqldb.Batch) (stream.Position, error) {
	if after < d.since {
		return min(d.since, upTo), nil
	}
	at, _, err := d.stream.Place(ctx, account)
	if err != nil {
		return 0, err
	}
	if d.pending == nil || d.pending.After != after || d.pending.Epoch != at.Epoch {
		d.pending, d.failures = nil, 0
		next, err := d.make(ctx, at.Epoch, after, upTo)
		if err != nil {
			return 0, err
		}
		if next.body.empty() {
			return next.UpTo, nil
		}
		d.pending = next
	}
	if err := d.client.send(ctx, d.Service, d.pending.id(), d.pending.body); err != nil {
		d.failures++
		return 0, &follow.Later{Wait: min(firstWait<<min(d.failures-1, 16), longestWait), Cause: err}
	}
	taken := d.pending.UpTo
	d.pending, d.failures = nil, 0
	return taken, nil
}

// make makes the next transaction: the one that was sent last, if it begins here, or a
// new one.
func (d *delivery) make(ctx context.Context, epoch int64, after, upTo stream.Position) (*pending, error) {
	last, found, err := d.stream.LastSent(ctx, d.Account, d.Service.ID)
	if err != nil {
		return nil, err
	}
	again := found && last.Epoch == epoch && last.After == after && last.UpTo <= upTo
	if again {
		upTo = last.UpTo
	} else {
		upTo = min(upTo, after+stepPositions)
	}
	d.interest.moveTo(after)
	p := &pending{}
	events, upTo, err := d.choose(ctx, after, upTo, again)
	if err != nil {
		return nil, err
	}
	p.Sent = Sent{Epoch: epoch, After: after, UpTo: upTo}
	if p.body.Events, err = d.write(ctx, events); err != nil {
		return nil, err
	}
	if d.Service.Ephemeral {
		if p.body.Ephemeral, err = d.ephemeral(ctx, after, upTo); err != nil {
			return nil, err
		}
		p.body.UnstableEphemeral = p.body.Ephemeral
	}
	if again || p.body.empty() {
		return p, nil
	}
	return p, d.stream.KeepSent(ctx, d.Account, d.Service.ID, p.Sent)
}

// choose gives the events in (after, upTo] that concern the service, and the position
// up to which that is all, which is lower when there are too many.
func (d *delivery) choose(ctx context.Context, after, upTo stream.Position, all bool) ([]*event.Event, stream.Position, error) {
	events, err := d.stream.Events(ctx, d.Account, after, upTo)
	if err != nil {
		return nil, 0, err
	}
	var chosen []*event.Event
	for _, e := range events {
		concerns, err := d.interest.event(ctx, e)
		if err != nil {
			return nil, 0, err
		}
		if !concerns {
			continue
		}
		chosen = append(chosen, e)
		if !all && len(chosen) == maxEvents {
			return chosen, e.Position, nil
		}
	}
	d.interest.at = upTo
	return chosen, upTo, nil
}

// Reset implements follow.Follower: in another history it goes on where both have come
// to, since nobody wants the past again. A service that is new begins at its
// registration.
func (d *delivery) Reset(ctx context.Context, account tenant.ID, b *sqldb.Batch) (more bool, err error) {
	d.pending, d.failures = nil, 0
	d.interest.moveTo(-1)
	since, err := d.stream.Restart(ctx, account, d.Service.ID, d.Name(), b)
	d.since = max(d.since, since)
	return false, err
}
