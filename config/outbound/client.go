package outbound

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Options are what a Client is made with.
type Options struct {
	// Networks may be reached although they are private, on this machine or special
	// in another way.
	Networks []netip.Prefix
	// Hosts may be reached whatever their addresses are: each a host with a port, as
	// the operator has named it. Where they redirect to is judged as ever.
	Hosts []string
	// Connect bounds the making of a connection (3 s if 0), and Total a whole call
	// with its answer (10 s if 0).
	Connect, Total time.Duration
	// UserAgent is how the server calls itself.
	UserAgent string
	// Strict clients follow no redirect, and reach by http, which anybody on the way
	// can read, the Networks alone.
	Strict bool
}

// Client calls other systems. It follows at most three redirects, each of which is
// judged like the first address, and never from https to http.
type Client struct {
	http  *http.Client
	plain *http.Client // for http
	agent string
}

// New makes a Client.
func New(o Options) *Client {
	allowed := []ssrf.Option{ssrf.WithAnyPort()}
	for _, network := range o.Networks {
		if network.Addr().Is4() {
			allowed = append(allowed, ssrf.WithAllowedV4Prefixes(network))
		} else {
			allowed = append(allowed, ssrf.WithAllowedV6Prefixes(network))
		}
	}
	c := &Client{agent: o.UserAgent, http: o.client(ssrf.New(allowed...).Safe)}
	c.plain = c.http
	if o.Strict {
		c.plain = o.client(within(o.Networks))
	}
	return c
}

// judge is asked of every address before it is connected to.
type judge func(network, address string, _ syscall.RawConn) error

func (o *Options) client(judge judge) *http.Client {
	dialer := &net.Dialer{Timeout: cmp.Or(o.Connect, 3*time.Second), Control: judge}
	trusting := &net.Dialer{Timeout: dialer.Timeout}
	client := &http.Client{
		Timeout: cmp.Or(o.Total, 10*time.Second),
		Transport: &http.Transport{
			// No proxy from the environment: it would be judged in the address's place.
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if slices.Contains(o.Hosts, address) {
					return trusting.DialContext(ctx, network, address)
				}
				return dialer.DialContext(ctx, network, address)
			},
			TLSHandshakeTimeout:    cmp.Or(o.Connect, 3*time.Second),
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: checkRedirect,
	}
	if o.Strict {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return client
}

// within judges by the networks alone.
func within(networks []netip.Prefix) judge {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		for _, network := range networks {
			if network.Contains(to.Addr().Unmap()) {
				return nil
			}
		}
		return ErrPlain
	}
}

const maxRedirects = 3

var (
	errRedirects = errors.New("too many redirects")
	errDowngrade = errors.New("a redirect from https to another scheme")
	// ErrScheme is said of an address that is neither http nor https.
	ErrScheme = errors.New("the address is neither http nor https")
	// ErrPlain is said of an address that a strict client reaches by https alone.
	ErrPlain = errors.New("the address is reached by https alone")
	// ErrTooLarge is said of an answer above its bound.
	ErrTooLarge = errors.New("the answer is too large")
)

func checkRedirect(r *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return errRedirects
	case via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https":
		return errDowngrade
	}
	return nil
}

// Refused tells whether an error says that an address may not be reached, as
// against one that cannot.
func Refused(err error) bool {
	return errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedNetwork)
}

// HTTP is the client for libraries that want one. They bound what they read.
func (c *Client) HTTP() *http.Client { return c.http }

// Close ends the connections that are kept.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	c.plain.CloseIdleConnections()
}

// Answer is what another system has answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request and reads the whole answer, whatever its status, of at most
// so many bytes: more is ErrTooLarge.
func (c *Client) Do(ctx context.Context, r *http.Request, most int64) (*Answer, error) {
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return nil, ErrScheme
	}
	r = r.WithContext(ctx)
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", c.agent)
	}
	client := c.http
	if r.URL.Scheme == "http" {
		client = c.plain
	}
	answer, err := client.Do(r) //nolint:gosec // G704: the dialer judges every address that is connected to
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", r.URL.Host, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", r.URL.Host, err)
	}
	if int64(len(body)) > most {
		return nil, fmt.Errorf("read the answer of %s: %w", r.URL.Host, ErrTooLarge)
	}
	return &Answer{Status: answer.StatusCode, Header: answer.Header, Body: body}, nil
}
