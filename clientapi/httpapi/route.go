package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Handler answers one request: a value is the answer (see [Reply] for the kinds
// of values), an error that is a refusal says why not, any other error is a bug
// and becomes 500 M_UNKNOWN.
type Handler func(*Request) (any, error)

// Route is a handler with its access rule and limits. It is made by
// [API.Public], [API.Open], [API.User], [API.UserUnless], [API.Act],
// [API.Administrator] or [API.Machine] and may be registered under several paths.
type Route struct {
	handler   Handler
	access    access
	unless    Opened // of userUnless
	body      int64  // bytes
	streaming bool
	locked    bool // locked callers too
	poll      bool
	anyRoom   bool // tokens of some rooms too, though no room is named
	account   bool // no tokens of some rooms, though a room is named
	classes   []Class
}

type access int

const (
	open access = iota
	public
	user
	userUnless
	act
	administrator
	machine
)

// An Option changes one property of a [Route].
type Option func(*Route)

// Body sets the largest JSON body in bytes.
func Body(bytes int64) Option { return func(r *Route) { r.body = bytes } }

// Streaming leaves the body unread and unlimited for the handler, which then
// limits its size and time itself (uploads).
func Streaming() Option { return func(r *Route) { r.streaming = true } }

// Locked lets callers in who are locked out of everything else (logout).
func Locked() Option { return func(r *Route) { r.locked = true } }

// Poll is for routes that clients ask by themselves, all the time: they are no sign
// that somebody does something.
func Poll() Option { return func(r *Route) { r.poll = true } }

// AnyRoom lets tokens in that are good for some rooms only, on a route that names no
// room: the handler keeps to [tenant.Caller.Rooms].
func AnyRoom() Option { return func(r *Route) { r.anyRoom = true } }

// WholeAccount keeps those tokens out of a route that names a room and tells of
// others.
func WholeAccount() Option { return func(r *Route) { r.account = true } }

// Limit holds the route's callers to the rate of a class.
func Limit(class Class) Option {
	return func(r *Route) { r.classes = append(r.classes, class) }
}

// Open is for routes that need no token and nothing of the account's state
// (versions): the account is only named, not brought to its head.
func (a *API) Open(h Handler, o ...Option) *Route { return a.route(h, open, o) }

// Public is for routes that need no token. The account is the one that Host
// names, and is brought to its head before the handler runs.
func (a *API) Public(h Handler, o ...Option) *Route { return a.route(h, public, o) }

// User is for routes that read on behalf of a user: the account is brought to
// its head before the token is looked up.
func (a *API) User(h Handler, o ...Option) *Route { return a.route(h, user, o) }

// Opened tells whether an account lets people read something without a token.
type Opened func(ctx context.Context, account tenant.ID) (bool, error)

// UserUnless is [API.User], but a request without a token passes, as on
// [API.Public], in an account that has opened this. A token is checked anyway.
func (a *API) UserUnless(opened Opened, h Handler, o ...Option) *Route {
	r := a.route(h, userUnless, o)
	r.unless = opened
	return r
}

// Act is for routes that write through an act, which judges the session again:
// the session may come from the cache.
func (a *API) Act(h Handler, o ...Option) *Route { return a.route(h, act, o) }

// Administrator is [API.User] for administrators of the account only.
func (a *API) Administrator(h Handler, o ...Option) *Route { return a.route(h, administrator, o) }

// Machine is for routes of other systems, which come with a machine token. A route
// with the path variable "account" is about that account, which the token must be
// good for: one that it is not is answered like one that does not exist. The
// account need not exist; a token of one account cannot ask a route without it.
func (a *API) Machine(h Handler, o ...Option) *Route { return a.route(h, machine, o) }

func (a *API) route(h Handler, access access, options []Option) *Route {
	r := &Route{handler: h, access: access, body: a.limits.Body}
	for _, o := range options {
		o(r)
	}
	return r
}

// Handle registers a route. Segments of the template are literal or {name},
// which takes one non-empty percent-encoded segment; the template "/a/" differs
// from "/a". Where both fit a path, the literal wins. A template with {name:regexp}
// goes through gorilla/mux and is tried after all plain ones. Registering a
// method and template twice panics.
func (a *API) Handle(method, template string, r *Route) {
	if strings.Contains(template, ":") {
		a.router.NewRoute().Path(template).Methods(method).Handler(&patterned{r})
		return
	}
	a.tree.add(method, template, r)
}

// Client registers a path of the client-server API under v3 and r0: the path
// "/sync" becomes /_matrix/client/v3/sync and /_matrix/client/r0/sync.
func (a *API) Client(method, path string, r *Route) {
	a.Versions(method, path, r, "v3", "r0")
}

// Versions registers a path of the client-server API under the named versions
// only ("v1", "unstable/org.matrix.msc3030").
func (a *API) Versions(method, path string, r *Route, versions ...string) {
	for _, v := range versions {
		a.Handle(method, "/_matrix/client/"+v+path, r)
	}
}

// Routes visits every route that [API.Handle] has registered by a plain template,
// in no order.
func (a *API) Routes(visit func(method, template string)) { a.tree.walk(visit) }

// Mount gives a whole prefix to a plain handler, which gets no check but CORS.
func (a *API) Mount(prefix string, h http.Handler) {
	a.router.PathPrefix(prefix).Handler(h)
}

// Private makes the paths under a prefix ask for a token before they say
// whether they exist.
func (a *API) Private(prefix string) { a.private = append(a.private, prefix) }

// patterned lets a Route stand in the mux; it is never served by it.
type patterned struct{ *Route }

func (*patterned) ServeHTTP(http.ResponseWriter, *http.Request) {}

type found struct {
	route *Route
	mount http.Handler
}

// match finds the route and leaves the path variables in r. known is set where
// the path exists with another method.
func (a *API) match(r *Request) (f found, known bool) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	leaf, known := a.tree.find(method, r.URL.EscapedPath(), &r.values, 0)
	if leaf != nil {
		r.names, r.template = leaf.names, leaf.template
		return found{route: leaf.route}, true
	}
	var m mux.RouteMatch
	req := r.Request
	if method != req.Method {
		req = req.Clone(req.Context())
		req.Method = method
	}
	if !a.router.Match(req, &m) || m.MatchErr != nil {
		return found{}, known || errors.Is(m.MatchErr, mux.ErrMethodMismatch)
	}
	p, ok := m.Handler.(*patterned)
	if !ok {
		return found{mount: m.Handler}, true
	}
	r.template, _ = m.Route.GetPathTemplate()
	for name, value := range m.Vars {
		r.names = append(r.names, name)
		r.values[len(r.names)-1] = value
	}
	return found{route: p.Route}, true
}

// unrecognized says that a path or method does not exist.
func (a *API) unrecognized(r *Request, known bool) error {
	for _, prefix := range a.private {
		if strings.HasPrefix(r.URL.Path, prefix) {
			if err := r.identify(user); err != nil {
				return err
			}
			break
		}
	}
	if known {
		return refusal.New(http.StatusMethodNotAllowed, "M_UNRECOGNIZED", "This address does not take %s requests.", r.Method)
	}
	return refusal.New(http.StatusNotFound, "M_UNRECOGNIZED", "This server does not know the requested address.")
}

// federation registers the paths that other servers ask everywhere, so that
// they hear that there is no federation and not that a path is wrong.
func (a *API) federation() {
	none := a.Open(func(*Request) (any, error) {
		return nil, refusal.New(http.StatusNotFound, "M_UNRECOGNIZED", "This server does not federate.")
	})
	a.Handle(http.MethodGet, "/_matrix/federation/v1/version", none)
	a.Handle(http.MethodGet, "/_matrix/key/v2/server", none)
	a.Handle(http.MethodPost, "/_matrix/key/v2/query", none)
}
