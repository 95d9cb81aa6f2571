package httpapi

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Request is one HTTP request on its way through a [Handler].
type Request struct {
	*http.Request
	// Caller is who asks; it is zero on Open and Public routes.
	Caller tenant.Caller
	// Machine is who asks on Machine routes.
	Machine tenant.Machine
	// Account is the caller's account or, without one, the account that the
	// Host header names.
	Account tenant.ID
	// Server is the account's Matrix server name.
	Server string

	api      *API
	w        http.ResponseWriter
	template string // of the route, for the log
	names    []string
	values   [maxVariables]string // decoded once the caller is known
	query    url.Values           // nil until it is asked for
	body     []byte
	bodyRead bool
	started  bool // whether an answer has been begun
	id       string
}

var (
	errURLTooLong = refusal.New(http.StatusRequestURITooLong, "M_TOO_LARGE", "The address of this request is too long.")
	errNoToken    = refusal.New(http.StatusUnauthorized, "M_MISSING_TOKEN", "Please sign in first: this request has no access token.")
	errNotAdmin   = refusal.Forbidden("Only an administrator of the account may do this.").Because("requires_administrator")
	errRooms      = refusal.Forbidden("This token is good for some rooms only, and not for this request.")
	errTimestamp  = refusal.Invalid("The time of an event is given in milliseconds, below 2^53.")
	errBadPath    = refusal.Invalid("The address of this request has characters that are not valid UTF-8 text.")
	errBadQuery   = refusal.Invalid("The parameters of this request are not valid UTF-8 text in URL encoding.")
)

// run takes a request through the checks of its route to its handler and writes
// the answer.
func (r *Request) run(route *Route) {
	if err := r.admit(route); err != nil {
		r.refuse(err)
		return
	}
	answer, err := route.handler(r)
	if err != nil {
		r.refuse(err)
		return
	}
	r.answer(answer)
}

// admit makes the checks in the order in which their refusals may be told: who
// asks, how often, then what.
func (r *Request) admit(route *Route) error {
	access, err := r.accessTo(route)
	if err != nil {
		return err
	}
	if err := r.identify(access); err != nil {
		return err
	}
	if access == machine {
		return r.admitMachine(route)
	}
	if r.Caller.Lock != "" && !route.locked {
		return refusal.UserLocked(string(r.Caller.Lock))
	}
	if access == administrator && !r.Caller.Administrator() {
		return errNotAdmin
	}
	if r.api.active != nil && r.Caller.User != "" && !route.poll {
		r.api.active(r.Caller)
	}
	for _, class := range route.classes {
		if err := r.take(class); err != nil {
			return err
		}
	}
	return r.admitContent(route)
}

// admitContent reads what a request of somebody who may ask has to say.
func (r *Request) admitContent(route *Route) error {
	if err := r.decodeVariables(); err != nil {
		return err
	}
	if err := r.checkRooms(route); err != nil {
		return err
	}
	if err := r.checkQuery(); err != nil {
		return err
	}
	if route.streaming {
		return nil
	}
	return r.readBody(route.body)
}

// checkRooms keeps a token that is good for some rooms to them.
func (r *Request) checkRooms(route *Route) error {
	if r.Caller.Rooms == "" {
		return nil
	}
	named := false
	for i, name := range r.names {
		if strings.HasPrefix(name, "room") {
			named = true
			if !r.Caller.Rooms.Allow(id.RoomID(r.values[i])) {
				return errRooms
			}
		}
	}
	if route.account || !named && !route.anyRoom {
		return errRooms
	}
	return nil
}

// accessTo gives what a route asks of this request.
func (r *Request) accessTo(route *Route) (access, error) {
	if route.access != userUnless {
		return route.access, nil
	}
	if r.Token() != "" {
		return user, nil
	}
	account, _, err := r.api.auth.Host(r.Context(), r.Host)
	if err != nil {
		return user, err
	}
	opened, err := route.unless(r.Context(), account)
	if opened {
		return public, err
	}
	return user, err
}

// identify finds the account and, where the access asks for one, the caller.
func (r *Request) identify(a access) (err error) {
	if a == open || a == public {
		r.Account, r.Server, err = r.api.auth.Host(r.Context(), r.Host)
		if err == nil && a == public {
			err = r.api.auth.Current(r.Context(), r.Account)
		}
		return err
	}
	token := r.Token()
	if token == "" {
		return errNoToken
	}
	if a == machine {
		return r.identifyMachine(token)
	}
	r.Caller, err = r.api.auth.Authenticate(r.Context(), token, a != act)
	if err != nil {
		return err
	}
	if r.Caller.Service != "" {
		if err := r.masquerade(); err != nil {
			return err
		}
	}
	r.Caller.Address = r.ClientIP()
	r.Account, r.Server = r.Caller.Account, r.Caller.Server
	if r.api.seen != nil {
		// The request does not fail when that cannot be written.
		if err := r.api.seen(r.Context(), r.Caller, r.ClientIP(), r.UserAgent()); err != nil {
			r.Log().WithError(err).Warn("cannot note when devices were seen")
		}
	}
	return nil
}

// masquerade makes the caller who the application service says it is (Application
// Service API, "Identity assertion").
func (r *Request) masquerade() (err error) {
	if err := r.checkQuery(); err != nil {
		return err
	}
	device := cmp.Or(r.Query("device_id"), r.Query("org.matrix.msc3202.device_id"))
	r.Caller, err = r.api.guise(r.Context(), r.Caller, id.UserID(r.Query("user_id")), id.DeviceID(device))
	return err
}

// Token is the access token that came with the request, or empty. It must never
// be logged.
func (r *Request) Token() string {
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token)
		}
	}
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.Query("access_token")
}

func (r *Request) decodeVariables() error {
	for i := range r.names {
		v := r.values[i]
		if strings.IndexByte(v, '%') >= 0 {
			var err error
			if v, err = url.PathUnescape(v); err != nil {
				return errBadPath
			}
		}
		if !clean(v) {
			return errBadPath
		}
		r.values[i] = v
	}
	return nil
}

// clean tells whether a text can be stored by every database: UTF-8, no NUL.
func clean(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// Var gives a path variable, percent-decoded: UTF-8 without NUL, not empty. It
// panics when the route has no such variable.
func (r *Request) Var(name string) string {
	for i, n := range r.names {
		if n == name {
			return r.values[i]
		}
	}
	panic("httpapi: " + r.template + " has no variable " + name)
}

// ID names the request in the log and in the X-Request-Id header of 5xx answers.
func (r *Request) ID() string {
	if r.id == "" {
		r.id = r.api.idPrefix + strconv.FormatUint(r.api.idCount.Add(1), 36)
	}
	return r.id
}

// Log gives a log entry that carries the account, the user, the route and the
// request's ID.
func (r *Request) Log() *logrus.Entry {
	fields := logrus.Fields{"request": r.ID(), "route": r.Method + " " + r.template}
	if r.Account != "" {
		fields["account"] = string(r.Account)
	}
	if r.Caller.User != "" {
		fields["user"] = string(r.Caller.User)
	}
	return r.api.log.WithContext(r.Context()).WithFields(fields)
}

// Timestamp gives the time (ms) that an application service gives an event by ts
// (section "Timestamp massaging"), 0 when it is to be now. Others cannot say.
func (r *Request) Timestamp() (int64, error) {
	if r.Caller.Service == "" {
		return 0, nil
	}
	const most = 1<<53 - 1
	ms, err := r.number("ts", 0, most+1)
	if err == nil && ms > most {
		err = errTimestamp
	}
	return ms, err
}

// Controller gives the deadlines of the connection, for Streaming routes.
func (r *Request) Controller() *http.ResponseController {
	return http.NewResponseController(r.w)
}
