package cards

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"time"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/config/outbound"
)

// maxAnswer is how large an answer may be, in bytes: Chatwoot's have a message in
// them, and lists of agents.
const maxAnswer = 1 << 20

// What is refused.
var (
	errNotSetUp = refusal.NotFound("This account has no system that knows items to be shared.").Because("cards_not_configured")
	errNoItem   = refusal.NotFound("This item does not exist, or you may not see it.").Because("card_not_visible")
	errStranger = refusal.Forbidden("You cannot share items: the system that knows them does not know you.").Because("card_user_unknown")
	errItem     = refusal.Invalid("An item has a type of a-z, 0-9 and _ with 64 characters at most, and an ID of a-z, A-Z, 0-9, ., _, ~, : and - with 128.")

	errUnreachable = refusal.New(http.StatusBadGateway, "M_CONNECTION_FAILED", "The system that knows this item cannot be reached.").Because("card_resolver_failed")
	errSlow        = refusal.New(http.StatusGatewayTimeout, "M_CONNECTION_TIMEOUT", "The system that knows this item has not answered in time.").Because("card_resolver_failed")
	errStatus      = refusal.New(http.StatusBadGateway, "M_BAD_STATUS", "The system that knows this item has refused to answer.").Because("card_resolver_failed")
	errAnswer      = refusal.New(http.StatusBadGateway, "M_UNKNOWN", "The system that knows this item has answered with something that cannot be shown.").Because("card_resolver_failed")
)

// Question asks for an item on behalf of a user.
type Question struct {
	Account tenant.ID
	// User is who asks, as the other system calls them; whom it does not know, "",
	// learns nothing.
	User     string
	Type, ID string
	// Locale is the language (BCP 47) to answer in, or empty.
	Locale string
}

// Item is an item as a user may see it. Its texts are one line each.
type Item struct {
	Type, ID       string
	Title, Summary string // the summary may be empty
	Icon           string // a name
	URL            string // where it is opened: https, or http where the resolver is
	State          string // a word of the other system (open, paid), or empty
}

// Options are what a Resolver is made with.
type Options struct {
	// Networks may be called although they are private, and by http.
	Networks  []netip.Prefix
	UserAgent string
	Now       func() time.Time
	// Wait is how long a question may take, whatever it asks of the other system: 5 s
	// if 0.
	Wait time.Duration
	// Report gets why a system that should know has not said, if set. What people may
	// not see is no such reason.
	Report func(account tenant.ID, err error)
}

// Resolver asks.
type Resolver struct {
	client *outbound.Client
	now    func() time.Time
	wait   time.Duration
	report func(tenant.ID, error)
}

// New makes a Resolver. Close it.
func New(o Options) *Resolver {
	if o.Report == nil {
		o.Report = func(tenant.ID, error) {}
	}
	return &Resolver{
		client: outbound.New(outbound.Options{Networks: o.Networks, UserAgent: o.UserAgent, Strict: true}),
		now:    o.Now, wait: cmp.Or(o.Wait, 5*time.Second), report: o.Report,
	}
}

// Close ends the connections that are kept.
func (r *Resolver) Close() { r.client.Close() }

var (
	typePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	idPattern   = regexp.MustCompile(`^[A-Za-z0-9._~:-]{1,128}$`)
)

// Resolve gives what the user who asks may see of an item, as the account's resolver
// (nil: there is none) says. It is asked anew each time, so that a right that was
// taken away is gone. What does not exist and what the user may not see is 404
// M_NOT_FOUND; a system that does not answer, or not as it should, 502 or 504.
func (r *Resolver) Resolve(ctx context.Context, from *accounts.CardResolver, q Question) (*Item, error) {
	switch {
	case from == nil || from.Secret == "":
		return nil, errNotSetUp
	case !typePattern.MatchString(q.Type) || !idPattern.MatchString(q.ID):
		return nil, errItem
	case q.User == "":
		return nil, errStranger
	}
	ask := r.askConversaLabs
	if from.Kind == accounts.ChatwootResolver {
		ask = r.askChatwoot
	}
	waiting, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	item, err := ask(waiting, &from.Endpoint, q)
	if refused := refusal.As(err); refused != nil && refused.Status >= http.StatusInternalServerError && ctx.Err() == nil {
		r.report(q.Account, err)
	}
	return item, err
}

// get asks for a URL: the one way in which this package talks to anybody. What does
// not exist or is forbidden is errNoItem.
func (r *Resolver) get(ctx context.Context, address string, prepare func(*http.Request)) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, because(errUnreachable, err)
	}
	request.Header.Set("Accept", "application/json")
	prepare(request)
	answer, err := r.client.Do(ctx, request, maxAnswer)
	if whole, is := errors.AsType[*url.Error](err); is {
		err = whole.Err // without the address, which may have a secret in it
	}
	switch {
	case errors.Is(err, outbound.ErrTooLarge):
		return nil, because(errAnswer, err)
	case isTimeout(err):
		return nil, because(errSlow, err)
	case err != nil:
		return nil, because(errUnreachable, err)
	}
	switch answer.Status {
	case http.StatusOK:
		return answer.Body, nil
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return nil, errNoItem
	}
	return nil, because(errStatus, fmt.Errorf("the answer's status is %d", answer.Status))
}

func isTimeout(err error) bool {
	timeout, is := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return is && timeout.Timeout()
}

// because gives a refusal with its cause, which is for the log.
func because(refused *refusal.Refusal, cause error) error {
	return fmt.Errorf("%w: %w", refused, cause)
}
