package oauth

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

// How long things are good for.
const (
	// AskedLife is how long people have to sign in and decide.
	AskedLife = 30 * time.Minute
	// CodeLife is how long a client has to come with the code of a grant.
	CodeLife = time.Minute
	// UsedKept is how long a used code is known as such.
	UsedKept = 10 * time.Minute
	// Pace is how often a device may ask whether it is let in.
	Pace = 5 * time.Second

	goneKept   = time.Hour           // of what has expired, so that it can be told from what never was
	clientKept = 90 * 24 * time.Hour // without a device signed in
)

// Stage is how far a grant has come.
type Stage string

// The stages.
const (
	Asked   Stage = "asked"
	Granted Stage = "granted"
	Denied  Stage = "denied"
	Used    Stage = "used"
)

// Grant is what a client asks a user for, or has got. It begins with a request for
// authorisation, which has a name in addresses, or with that of a device, whose name is
// what people type.
type Grant struct {
	ID       string // SHA-256 of the name, hex
	Client   string
	Code     string // SHA-256, hex; "" until it is given; a device has it from the start
	Stage    Stage
	Browser  string // SHA-256 of the browser's secret, hex; "" until there is one
	User     id.UserID
	Password string // the hash that the user's password was checked against, or ""
	Asked    Request
	Polled   int64 // ms when the device last asked
	Pace     int64 // ms between its questions
	Expires  int64 // ms
}

// Request is what a client asks for. It is kept as JSON.
type Request struct {
	Device    id.DeviceID `json:"device"`
	Scopes    []string    `json:"scopes"`
	Redirect  string      `json:"redirect,omitempty"` // "": it is a device
	State     string      `json:"state,omitempty"`
	Mode      string      `json:"mode,omitempty"` // query, fragment or ""
	Challenge string      `json:"challenge,omitempty"`
}

// Proves tells whether who gets the answer must be whose the client says it is: the
// answer goes to its host, or to the app whose scheme is made of it. A device gets it
// whoever made it, and so does whatever program listens on the user's own machine.
func (r *Request) Proves() bool {
	u, err := url.Parse(r.Redirect)
	return err == nil && u.Scheme != "" && u.Scheme != "http"
}

// Store keeps clients and grants. It is the same for all nodes.
type Store interface {
	// KeepClient stores a client, or notes that it is used at now (ms). Clients that
	// were not used since old (ms), and that no device is signed in with, go.
	KeepClient(ctx context.Context, account tenant.ID, client Client, now, old int64) error
	// Client gives a client, or nil.
	Client(ctx context.Context, account tenant.ID, client string) (*Client, error)
	// KeepGrant stores a new grant. Those that have expired before old (ms) go.
	KeepGrant(ctx context.Context, account tenant.ID, grant Grant, old int64) error
	// Grant gives a grant by its ID, or nil. It may have expired.
	Grant(ctx context.Context, account tenant.ID, id string) (*Grant, error)
	// GrantByCode gives a grant by its code (SHA-256, hex), or nil.
	GrantByCode(ctx context.Context, account tenant.ID, code string) (*Grant, error)
	// ChangeGrant changes a grant whose stage, browser and user are still those of was,
	// and tells whether they were. What a client asks for does not change.
	ChangeGrant(ctx context.Context, account tenant.ID, was, is Grant) (bool, error)
	// PaceGrant notes when a device asked (ms), and how often it may (ms).
	PaceGrant(ctx context.Context, account tenant.ID, id string, polled, pace int64) error
}

// Options are what a Service is made with. All are required.
type Options struct {
	Accounts *accounts.Service
	Store    Store
	Now      func() time.Time
	Random   io.Reader // crypto/rand
}

// Service is the authorisation server of all accounts.
type Service struct {
	accounts *accounts.Service
	store    Store
	now      func() time.Time
	random   io.Reader
	handler  http.Handler
}

// New makes a Service.
func New(o Options) *Service {
	s := &Service{accounts: o.Accounts, store: o.Store, now: o.Now, random: o.Random}
	s.handler = s.routes()
	return s
}

// Register keeps a client and gives it with its ID, or a [MetadataError].
func (s *Service) Register(ctx context.Context, account tenant.ID, said Metadata) (*Client, error) {
	metadata, err := said.settle()
	if err != nil {
		return nil, err
	}
	client := &Client{Metadata: metadata}
	if client.ID, err = metadata.idFor(account); err != nil {
		return nil, err
	}
	return client, s.keepClient(ctx, account, *client)
}

func (s *Service) keepClient(ctx context.Context, account tenant.ID, client Client) error {
	now := s.now()
	return s.store.KeepClient(ctx, account, client, now.UnixMilli(), now.Add(-clientKept).UnixMilli())
}

// keepGrant stores a grant that has just been asked for.
func (s *Service) keepGrant(ctx context.Context, account tenant.ID, grant Grant) error {
	now := s.now()
	grant.Stage, grant.Pace = Asked, Pace.Milliseconds()
	grant.Expires = now.Add(AskedLife).UnixMilli()
	return s.store.KeepGrant(ctx, account, grant, now.Add(-goneKept).UnixMilli())
}

func (s *Service) over(grant *Grant) bool { return s.now().UnixMilli() >= grant.Expires }

func (s *Service) secret() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// Revoke ends the device that a token belongs to (RFC 7009).
func (s *Service) Revoke(ctx context.Context, asking Asking, token string) error {
	return s.accounts.Revoke(ctx, asking.Account, token, asking.IP)
}
