package appservice

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// Options are what deliveries are started with. All are required.
type Options struct {
	Stream Stream
	Typing Typing
	Client *Client
	DB     *sqldb.DB
	Log    *logrus.Logger
	Now    func() time.Time
}

const (
	// deliveryDelay is how long events are collected before they are sent.
	deliveryDelay = 20 * time.Millisecond
	// lookAgain is how often it is looked at most which services there are, when
	// anything has happened.
	lookAgain = time.Second
)

// Deliveries send every application service what concerns it, each on its own: one
// that is down holds up no other. Of several nodes one sends to a service.
type Deliveries struct {
	options Options
	end     context.CancelFunc
	done    chan struct{}
	moved   chan struct{} // of one

	running map[service]running // of the goroutine run
}

// running is what is done for one service.
type running struct {
	runner *follow.Runner
	typist *typist // nil: it does not want to know
}

func (r running) close() {
	if r.typist != nil {
		r.typist.close()
	}
	r.runner.Close()
}

// service names a registration: who is added anew is another one.
type service struct {
	account tenant.ID
	id      string
	token   string
	created int64
}

// Start begins to send. Close the Deliveries before the stream and the database.
func Start(o Options) *Deliveries {
	life, end := context.WithCancel(context.Background())
	d := &Deliveries{
		options: o, end: end, done: make(chan struct{}), moved: make(chan struct{}, 1),
		running: map[service]running{},
	}
	stop := o.Stream.Moves(func(tenant.ID) { d.nudge() })
	go func() {
		defer close(d.done)
		defer stop()
		d.run(life)
	}()
	return d
}

// Close stops what is being sent, which is sent again at the next start.
func (d *Deliveries) Close() {
	d.end()
	<-d.done
}

func (d *Deliveries) nudge() {
	select {
	case d.moved <- struct{}{}:
	default:
	}
}

func (d *Deliveries) run(ctx context.Context) {
	defer func() { d.stop(maps.Clone(d.running)) }()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		if err := d.look(ctx); err != nil && ctx.Err() == nil {
			d.options.Log.WithError(err).Warn("it cannot be found out which application services there are; that will be tried again")
			d.nudge()
		}
		select {
		case <-ctx.Done():
			return
		case <-d.moved:
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// look starts and stops what has been added and removed.
func (d *Deliveries) look(ctx context.Context) error {
	targets, err := d.options.Stream.Targets(ctx)
	if err != nil {
		return err
	}
	gone := maps.Clone(d.running)
	for _, target := range targets {
		name := service{target.Account, target.Service.ID, target.Service.Token, target.Service.Created}
		delete(gone, name)
		if d.running[name].runner != nil {
			continue
		}
		runner, err := follow.Start(ctx, follow.Options{
			Source: only{d.options.Stream, target.Account}, Follower: newDelivery(d.options, target), DB: d.options.DB,
			Log: d.options.Log, Delay: deliveryDelay, Now: d.options.Now,
		})
		if err != nil {
			return err
		}
		begun := running{runner: runner}
		if target.Service.Ephemeral {
			begun.typist = startTypist(ctx, d.options, target)
		}
		d.running[name] = begun
	}
	d.stop(gone)
	return nil
}

func (d *Deliveries) stop(gone map[service]running) {
	var all sync.WaitGroup
	for name, what := range gone {
		all.Go(what.close)
		delete(d.running, name)
	}
	all.Wait()
}

// only is the stream of one account.
type only struct {
	Stream
	account tenant.ID
}

// Places implements follow.Source.
func (o only) Places(ctx context.Context) (map[tenant.ID]follow.Place, error) {
	at, found, err := o.Place(ctx, o.account)
	if err != nil || !found {
		return nil, err
	}
	return map[tenant.ID]follow.Place{o.account: at}, nil
}

// Moves implements follow.Source.
func (o only) Moves(f func(tenant.ID)) (stop func()) {
	return o.Stream.Moves(func(account tenant.ID) {
		if account == o.account || account == "" {
			f(account)
		}
	})
}
