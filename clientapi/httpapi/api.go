package httpapi

import (
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Authenticator tells who is asking. The errors it returns are refusals
// (M_UNKNOWN_TOKEN, M_USER_LOCKED, …) or faults.
type Authenticator interface {
	// Authenticate finds the caller of an access token. With current set the
	// account is first brought to its head, by a head read begun after this
	// call, so that what a handler then reads is final. Without it a cached
	// session may be used (an act judges the session again); a refusal is
	// confirmed at the head by the implementation itself.
	Authenticate(ctx context.Context, token string, current bool) (tenant.Caller, error)
	// Host gives the account that a Host header (which may carry a port) names,
	// or the default account, and the account's Matrix server name.
	Host(ctx context.Context, host string) (tenant.ID, string, error)
	// Current brings the account to its head, by a head read begun after this
	// call.
	Current(ctx context.Context, account tenant.ID) error
}

// Options are what an [API] needs. Auth, Log, Now and Random are required.
type Options struct {
	Auth Authenticator
	// Machines finds who asks with a machine token: M_UNKNOWN_TOKEN if nobody may.
	// Required where there are [API.Machine] routes.
	Machines func(ctx context.Context, token string) (tenant.Machine, error)
	// Masquerade gives the caller that an application service asks as by user_id and
	// device_id, which may be empty. Required where callers may be services.
	Masquerade func(ctx context.Context, caller tenant.Caller, user id.UserID, device id.DeviceID) (tenant.Caller, error)
	// Seen, if set, is told of every authenticated request: who, from where, by what client.
	Seen func(ctx context.Context, caller tenant.Caller, ip, agent string) error
	// Active, if set, is told of the caller of every admitted request other than a
	// [Poll].
	Active func(caller tenant.Caller)
	Log    *logrus.Logger
	// Now is the clock of the rate limits.
	Now func() time.Time
	// Random seeds the request IDs; it is read once.
	Random io.Reader
	Limits Limits
	// RateLimits switches the rates on.
	RateLimits bool
	// TrustedProxies are the networks whose X-Forwarded-For or Forwarded
	// headers are believed.
	TrustedProxies []netip.Prefix
}

// Limits are the sizes, times and rates that requests are held to. A zero value
// is replaced by the default.
type Limits struct {
	Body     int64         // bytes of a JSON body where the route names no other: 128 KiB
	URL      int           // bytes of a path with its query: 8 KiB
	BodyTime time.Duration // in which a JSON body must have arrived: 15 s
	Rates    Rates         // classes that differ from DefaultRates
}

func (l Limits) withDefaults() Limits {
	if l.Body == 0 {
		l.Body = 128 << 10
	}
	if l.URL == 0 {
		l.URL = 8 << 10
	}
	if l.BodyTime == 0 {
		l.BodyTime = 15 * time.Second
	}
	return l
}

// API is the HTTP handler that all routes are registered with. Registration
// ends before the first request is served.
type API struct {
	auth     Authenticator
	machines func(ctx context.Context, token string) (tenant.Machine, error)
	guise    func(ctx context.Context, caller tenant.Caller, user id.UserID, device id.DeviceID) (tenant.Caller, error)
	seen     func(ctx context.Context, caller tenant.Caller, ip, agent string) error
	active   func(caller tenant.Caller)
	log      *logrus.Logger
	limits   Limits
	rates    *Limiter
	proxies  []netip.Prefix

	tree    node        // plain templates
	router  *mux.Router // templates with regular expressions, and mounts
	private []string    // prefixes under which the token is asked for first

	idPrefix string
	idCount  atomic.Uint64
}

// New makes an API without routes, except those of the federation that this
// server does not speak (they answer M_UNRECOGNIZED).
func New(o Options) *API {
	a := &API{
		auth:     o.Auth,
		machines: o.Machines,
		guise:    o.Masquerade,
		seen:     o.Seen,
		active:   o.Active,
		log:      o.Log,
		limits:   o.Limits.withDefaults(),
		proxies:  o.TrustedProxies,
		router:   mux.NewRouter().SkipClean(true).UseEncodedPath(),
	}
	if o.RateLimits {
		a.rates = NewLimiter(o.Limits.Rates, o.Now)
	}
	var seed [4]byte
	if _, err := io.ReadFull(o.Random, seed[:]); err != nil {
		panic("httpapi: no randomness for request IDs: " + err.Error())
	}
	a.idPrefix = strconv.FormatUint(uint64(binary.BigEndian.Uint32(seed[:])), 36) + "-"
	a.federation()
	return a
}

// Rates is the limiter behind [Limit], for handlers whose key is not the caller
// (logins). It is nil, and then permits everything, while rates are off.
func (a *API) Rates() *Limiter { return a.rates }

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	crossOrigin(w.Header())
	if req.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	r := &Request{Request: req, api: a, w: w}
	defer r.recoverPanic()
	if len(req.RequestURI) > a.limits.URL {
		r.refuse(errURLTooLong)
		return
	}
	found, known := a.match(r)
	switch {
	case found.mount != nil:
		r.started = true
		found.mount.ServeHTTP(w, req)
	case found.route != nil:
		r.run(found.route)
	default:
		r.refuse(a.unrecognized(r, known))
	}
}
