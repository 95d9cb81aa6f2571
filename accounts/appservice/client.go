package appservice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/config/outbound"
)

// ClientOptions are what a Client is made with. Services and Now are required.
type ClientOptions struct {
	// Services lists the services of an account.
	Services func(ctx context.Context, account tenant.ID) ([]*accounts.AppService, error)
	Now      func() time.Time
	// Networks are those of [outbound.Options]. What a service's own URL names may be
	// reached in any case.
	Networks  []netip.Prefix
	UserAgent string
	// Transaction bounds the sending of one transaction (10 s if 0, which is less than
	// what a lease lasts), Query a question that a user waits for (5 s if 0).
	Transaction, Query time.Duration
}

// Client calls application services.
type Client struct {
	services           func(ctx context.Context, account tenant.ID) ([]*accounts.AppService, error)
	now                func() time.Time
	networks           []netip.Prefix
	agent              string
	transaction, query time.Duration

	mu    sync.Mutex                  // guards hosts
	hosts map[string]*outbound.Client // by host and port
}

// NewClient makes a Client. Close it.
func NewClient(o ClientOptions) *Client {
	c := &Client{
		services: o.Services, now: o.Now, networks: o.Networks, agent: o.UserAgent,
		transaction: o.Transaction, query: o.Query, hosts: map[string]*outbound.Client{},
	}
	if c.transaction == 0 {
		c.transaction = 10 * time.Second
	}
	if c.query == 0 {
		c.query = 5 * time.Second
	}
	return c
}

// Close ends the connections that are kept.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, host := range c.hosts {
		host.Close()
	}
}

// host gives the client that may reach what a service's URL names, and no other
// service's.
func (c *Client) host(u *url.URL) *outbound.Client {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	name := net.JoinHostPort(u.Hostname(), port)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts[name] == nil {
		c.hosts[name] = outbound.New(outbound.Options{
			Networks: c.networks, Hosts: []string{name}, Total: max(c.transaction, c.query), UserAgent: c.agent,
		})
	}
	return c.hosts[name]
}

const maxAnswer = 64 << 10 // bytes

// call sends a request to a path, of which each part is escaped, below the service's
// URL.
func (c *Client) call(ctx context.Context, a *accounts.AppService, method string, path []string, body any) (*outbound.Answer, error) {
	escaped := make([]string, len(path))
	for i, part := range path {
		escaped[i] = url.PathEscape(part)
	}
	address := a.URL + "/_matrix/app/v1/" + strings.Join(escaped, "/")
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(encoded))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+a.HSToken)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.host(r.URL).Do(ctx, r, maxAnswer)
}

// errStatus says that a service has not taken a transaction.
var errStatus = errors.New("the application service has not taken a transaction")

// send sends a transaction. It is taken when there is no error.
func (c *Client) send(ctx context.Context, a *accounts.AppService, id string, body transaction) error {
	ctx, cancel := context.WithTimeout(ctx, c.transaction)
	defer cancel()
	answer, err := c.call(ctx, a, http.MethodPut, []string{"transactions", id}, body)
	if err != nil {
		return err
	}
	if answer.Status/100 != 2 {
		return fmt.Errorf("%w: status %d", errStatus, answer.Status)
	}
	return nil
}

var (
	errNoURL   = refusal.New(http.StatusBadRequest, "M_URL_NOT_SET", "The registration of this application service has no url.")
	errPing    = refusal.New(http.StatusBadGateway, "M_CONNECTION_FAILED", "The application service cannot be reached.")
	errTimeout = refusal.New(http.StatusGatewayTimeout, "M_CONNECTION_TIMEOUT", "The application service has not answered in time.")
)

// Ping asks a service whether it is there and tells how long that took. What goes
// wrong is a refusal (section "Pinging").
func (c *Client) Ping(ctx context.Context, a *accounts.AppService, transaction string) (time.Duration, error) {
	if a.URL == "" {
		return 0, errNoURL
	}
	body := map[string]string{}
	if transaction != "" {
		body["transaction_id"] = transaction
	}
	ctx, cancel := context.WithTimeout(ctx, c.query)
	defer cancel()
	began := c.now()
	answer, err := c.call(ctx, a, http.MethodPost, []string{"ping"}, body)
	took := c.now().Sub(began)
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		return 0, errTimeout
	case err != nil:
		return 0, errPing
	case answer.Status/100 != 2:
		return 0, refusal.New(http.StatusBadGateway, "M_BAD_STATUS", "The application service has answered with the status %d.", answer.Status).
			With("status", answer.Status).With("body", string(bytes.ToValidUTF8(answer.Body, []byte("�"))))
	}
	return took, nil
}

// MakeUser implements rooms.Makers: it asks the services in whose namespaces the user
// is (section "Querying").
func (c *Client) MakeUser(ctx context.Context, account tenant.ID, user id.UserID) bool {
	return c.ask(ctx, account, "users", string(user), func(a *accounts.AppService) bool { return a.Users.Match(string(user)) })
}

// MakeAlias implements rooms.Makers for the address of a room.
func (c *Client) MakeAlias(ctx context.Context, account tenant.ID, alias id.RoomAlias) bool {
	return c.ask(ctx, account, "rooms", string(alias), func(a *accounts.AppService) bool { return a.Aliases.Match(string(alias)) })
}

// ask asks one service after the other, until one says that it has made what was
// missing. All of them have one time together.
func (c *Client) ask(ctx context.Context, account tenant.ID, kind, name string, concerns func(*accounts.AppService) bool) bool {
	all, err := c.services(ctx, account)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, c.query)
	defer cancel()
	for _, a := range all {
		if a.URL == "" || !concerns(a) {
			continue
		}
		if answer, err := c.call(ctx, a, http.MethodGet, []string{kind, name}, nil); err == nil && answer.Status == http.StatusOK {
			return true
		}
	}
	return false
}
