package httpapi

import (
	"hash/maphash"
	"maps"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Class names what a rate is kept for.
type Class string

// The classes. A route asks for one by [Limit]; those of logins are taken by
// the login's handler from [API.Rates].
const (
	Messages        Class = "messages"         // by user
	BotMessages     Class = "messages_bot"     // by bot, in place of Messages
	AccountMessages Class = "messages_account" // by account, with either of them
	LoginUser       Class = "login_user"       // logins by user
	LoginFailed     Class = "login_failed"     // failed logins by user
	LoginAddress    Class = "login_address"    // password logins and failed logins by address
	OAuth           Class = "oauth"            // clients' registrations and requests for sign-ins, and codes of devices, by address
	Joins           Class = "joins"
	Creation        Class = "creation" // of rooms
	Search          Class = "search"
	Cards           Class = "cards" // items that are asked for, with and without being shared
	Media           Class = "media"
	Presence        Class = "presence" // changes by user, those by polls with them
)

// Rate is how often something may be done: so many times per second in the long
// run, and so many at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Rates are the rates of classes.
type Rates map[Class]Rate

// DefaultRates gives the rates that hold unless configured otherwise.
func DefaultRates() Rates {
	return Rates{
		Messages:        {10, 50},
		BotMessages:     {50, 200},
		AccountMessages: {500, 2000},
		LoginUser:       {0.02, 10},
		LoginFailed:     {0.17, 3},
		LoginAddress:    {0.1, 30},
		OAuth:           {1, 100},
		Joins:           {1, 50},
		Creation:        {0.1, 20},
		Search:          {2, 10},
		Cards:           {10, 100},
		Media:           {5, 50},
		Presence:        {1, 10},
	}
}

// maxBuckets bounds the memory of a Limiter (about 100 bytes each).
const maxBuckets = 1 << 16

// Limiter keeps the rates. All methods may be called on a nil Limiter, which
// permits everything.
type Limiter struct {
	rates Rates
	now   func() time.Time
	seed  maphash.Seed

	mu sync.Mutex // guards buckets
	// Keyed by a seeded hash, so that what a client sends as a user name is
	// never kept.
	buckets map[uint64]*rate.Limiter
}

// NewLimiter makes a limiter of DefaultRates with some of them replaced.
func NewLimiter(replaced Rates, now func() time.Time) *Limiter {
	rates := DefaultRates()
	maps.Copy(rates, replaced)
	return &Limiter{rates: rates, now: now, seed: maphash.MakeSeed(), buckets: map[uint64]*rate.Limiter{}}
}

// Take uses one of the subject's permits, or returns a 429 M_LIMIT_EXCEEDED
// refusal and uses none. The subject is a user ID, an address or whatever else
// the class counts by; account is empty where the class spans all accounts.
func (l *Limiter) Take(class Class, account tenant.ID, subject string) error {
	return l.ask(class, account, subject, true)
}

// Check tells, as [Limiter.Take] does but without using a permit, whether there
// is one. It is for what counts only when it fails.
func (l *Limiter) Check(class Class, account tenant.ID, subject string) error {
	return l.ask(class, account, subject, false)
}

func (l *Limiter) ask(class Class, account tenant.ID, subject string, use bool) error {
	if l == nil {
		return nil
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(class, account, subject, now)
	if use && b.AllowN(now, 1) {
		return nil
	}
	missing := 1 - b.TokensAt(now)
	if missing <= 0 {
		return nil
	}
	return exceeded(time.Duration(missing / float64(b.Limit()) * float64(time.Second)))
}

func exceeded(wait time.Duration) error {
	ms := max(int64(math.Ceil(float64(wait)/float64(time.Millisecond))), 1)
	return refusal.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "Too many requests. Please try again in %d s.", (ms+999)/1000).
		With("retry_after_ms", ms)
}

// bucket finds or makes a bucket; l.mu is held.
func (l *Limiter) bucket(class Class, account tenant.ID, subject string, now time.Time) *rate.Limiter {
	var h maphash.Hash
	h.SetSeed(l.seed)
	for _, s := range []string{string(class), string(account), subject} {
		_, _ = h.WriteString(s)
		_ = h.WriteByte(0)
	}
	key := h.Sum64()
	if b := l.buckets[key]; b != nil {
		return b
	}
	l.makeRoom(now)
	r := l.rates[class]
	b := rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst)
	l.buckets[key] = b
	return b
}

// makeRoom looks at a few buckets and drops those that are full again, since a
// new one would be the same. Two looks for each new bucket keep the map near
// the number of busy ones; at the bound the fullest one seen goes.
func (l *Limiter) makeRoom(now time.Time) {
	var (
		looks   int
		fullest uint64
		most    = -1.0
	)
	for key, b := range l.buckets { // begins anywhere
		if looks++; looks > 8 {
			break
		}
		share := b.TokensAt(now) / float64(b.Burst())
		if share >= 1 {
			delete(l.buckets, key)
		} else if share > most {
			most, fullest = share, key
		}
	}
	if len(l.buckets) >= maxBuckets {
		delete(l.buckets, fullest)
	}
}

// take uses the permits that a route's class asks of its caller.
func (r *Request) take(class Class) error {
	l := r.api.rates
	if l == nil || r.Caller.Unlimited {
		return nil
	}
	if r.Caller.User == "" {
		return l.Take(class, "", r.addressKey())
	}
	if class != Messages {
		return l.Take(class, r.Account, string(r.Caller.User))
	}
	if r.Caller.Role == tenant.Bot {
		class = BotMessages
	}
	if err := l.Take(class, r.Account, string(r.Caller.User)); err != nil {
		return err
	}
	return l.Take(AccountMessages, r.Account, "")
}
