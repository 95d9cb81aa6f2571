package provisioning

import (
	"cmp"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// account is the representation of an account. What is a pointer and not an object
// must be given. Of secrets it answers only that they are set.
type account struct {
	ID            string                `json:"account_id"` // of answers
	Name          *string               `json:"name"`
	ServerName    string                `json:"server_name"`
	Enabled       *bool                 `json:"enabled"`
	DisabledRoles []tenant.Role         `json:"disabled_roles"`
	Locale        string                `json:"locale"`
	Timezone      string                `json:"timezone"`
	RoomPolicy    accounts.RoomPolicy   `json:"room_policy"`
	Presence      *bool                 `json:"presence"` // true unless given
	Space         *bool                 `json:"space"`    // true unless given
	WhoCanCreate  whoCanCreate          `json:"who_can_create"`
	DefaultLevel  accounts.DefaultLevel `json:"notification_level"`
	Login         ways                  `json:"login"`
	Cards         *cards                `json:"cards"`
	Notifications *notifications        `json:"notifications"`
	Limits        limits                `json:"limits,omitzero"`
	URLPreviews   bool                  `json:"url_previews,omitempty"`
	Version       *int64                `json:"version"`
}

// limits are an account's own, in bytes; 0 is the server's.
type limits struct {
	UploadBytes    int64 `json:"upload_bytes,omitempty"`
	UserMediaBytes int64 `json:"user_media_bytes,omitempty"`
	MediaBytes     int64 `json:"media_bytes,omitempty"`
}

func (l limits) check(c *checks) {
	c.amount("limits.upload_bytes", l.UploadBytes)
	c.amount("limits.user_media_bytes", l.UserMediaBytes)
	c.amount("limits.media_bytes", l.MediaBytes)
}

type whoCanCreate struct {
	Public       accounts.Creators `json:"public"`
	Private      accounts.Creators `json:"private"`
	Announcement accounts.Creators `json:"announcement"`
}

// secret is written, and answered as set or not.
type secret struct {
	Secret string `json:"secret,omitempty"`
	Set    bool   `json:"secret_set"` // of answers
}

// kept is the secret that there is from now on: what is not said again stays.
func (s secret) kept(before string) string { return cmp.Or(s.Secret, before) }

type cards struct {
	ResolverURL string                `json:"resolver_url"`
	Kind        accounts.ResolverKind `json:"kind"`
	secret
}

type notifications struct {
	WebhookURL string `json:"webhook_url"`
	secret
}

// representAccount gives an account as it is.
func representAccount(a *accounts.Account) account {
	s, enabled, presence, space := &a.Settings, !a.Settings.Disabled, !a.Settings.PresenceOff, a.Settings.Space
	shown := account{
		ID: string(a.ID), Name: &s.Name, ServerName: a.ServerName, Enabled: &enabled, DisabledRoles: s.DisabledRoles,
		Locale: s.Locale, Timezone: s.Timezone, RoomPolicy: s.RoomPolicy, Presence: &presence, Space: &space,
		WhoCanCreate: whoCanCreate{
			Public:       cmp.Or(s.WhoCanCreate.Public, accounts.AgentsCreate),
			Private:      cmp.Or(s.WhoCanCreate.Private, accounts.AgentsCreate),
			Announcement: cmp.Or(s.WhoCanCreate.Announcement, accounts.AdministratorsCreate),
		},
		DefaultLevel: cmp.Or(s.DefaultLevel, accounts.EverythingByDefault),
		Login:        representLogin(&s.Login), Version: &s.Version,
		Limits: limits(s.Limits), URLPreviews: s.URLPreviews,
	}
	if shown.DisabledRoles == nil {
		shown.DisabledRoles = []tenant.Role{}
	}
	if s.Cards != nil {
		shown.Cards = &cards{s.Cards.URL, cmp.Or(s.Cards.Kind, accounts.ConversaLabsResolver), secret{Set: s.Cards.Secret != ""}}
	}
	if s.Notifications != nil {
		shown.Notifications = &notifications{s.Notifications.URL, secret{Set: s.Notifications.Secret != ""}}
	}
	return shown
}

// check finds what is wrong with a representation by itself, and gives its version.
func (a *account) check(id string) (version int64, err error) {
	c := &checks{}
	c.name("name", given(c, "name", a.Name))
	given(c, "enabled", a.Enabled)
	version = c.version(a.Version)
	c.fixed("account_id", a.ID, id)
	c.entries("disabled_roles", len(a.DisabledRoles), maxEntries)
	for _, role := range a.DisabledRoles {
		c.that(role != "", refusal.Invalid("The field %s must not be empty.", "disabled_roles"))
		choice(c, "disabled_roles", role, tenant.Administrator, tenant.Agent, tenant.Custom, tenant.Bot)
	}
	c.locale("locale", a.Locale)
	c.timezone("timezone", a.Timezone)
	choice(c, "room_policy", a.RoomPolicy, accounts.TeamPolicy, accounts.MatrixPolicy)
	for _, who := range []accounts.Creators{a.WhoCanCreate.Public, a.WhoCanCreate.Private, a.WhoCanCreate.Announcement} {
		choice(c, "who_can_create", who, accounts.AgentsCreate, accounts.AdministratorsCreate)
	}
	choice(c, "notification_level", a.DefaultLevel, accounts.EverythingByDefault, accounts.MentionsByDefault)
	a.Login.check(c)
	a.Limits.check(c)
	if a.Cards != nil {
		c.endpoint("cards.resolver_url", a.Cards.ResolverURL, a.Cards.secret)
		choice(c, "cards.kind", a.Cards.Kind, accounts.ConversaLabsResolver, accounts.ChatwootResolver)
	}
	if a.Notifications != nil {
		c.endpoint("notifications.webhook_url", a.Notifications.WebhookURL, a.Notifications.secret)
	}
	return version, c.err
}

// endpoint checks where the server is to call.
func (c *checks) endpoint(field, address string, s secret) {
	c.that(address != "", refusal.Missing("The field %s is missing.", field))
	c.address(field, address, "https", "http")
	c.length("secret", s.Secret, maxSecret)
}

// say writes the representation into the settings. What it does not name stays.
func (a *account) say(s *accounts.Settings) error {
	s.Name, s.Disabled, s.DisabledRoles = *a.Name, !*a.Enabled, a.DisabledRoles
	s.Locale, s.Timezone, s.RoomPolicy = a.Locale, a.Timezone, a.RoomPolicy
	s.DefaultLevel = a.DefaultLevel
	s.WhoCanCreate = accounts.WhoCanCreate(a.WhoCanCreate)
	s.PresenceOff = a.Presence != nil && !*a.Presence
	s.Limits, s.URLPreviews = accounts.Limits(a.Limits), a.URLPreviews
	s.Space = a.Space == nil || *a.Space
	before := *s
	s.Cards, s.Notifications = nil, nil
	if a.Cards != nil {
		s.Cards = a.Cards.resolver(before.Cards)
	}
	if a.Notifications != nil {
		s.Notifications = endpoint(a.Notifications.WebhookURL, a.Notifications.secret, before.Notifications)
	}
	login, err := a.Login.settings(&before.Login)
	s.Login = login
	return err
}

// endpoint gives an endpoint with the secret that it has from now on: an earlier one
// is not handed to another address.
func endpoint(url string, s secret, before *accounts.Endpoint) *accounts.Endpoint {
	if before == nil || before.URL != url {
		before = &accounts.Endpoint{}
	}
	return &accounts.Endpoint{URL: url, Secret: s.kept(before.Secret)}
}

// resolver gives a resolver with its secret. Nor is an earlier one handed on when the
// kind changes: it would be shown to who is called.
func (c *cards) resolver(before *accounts.CardResolver) *accounts.CardResolver {
	resolver := &accounts.CardResolver{Kind: cmp.Or(c.Kind, accounts.ConversaLabsResolver)}
	var earlier *accounts.Endpoint
	if before != nil && cmp.Or(before.Kind, accounts.ConversaLabsResolver) == resolver.Kind {
		earlier = &before.Endpoint
	}
	resolver.Endpoint = *endpoint(c.ResolverURL, c.secret, earlier)
	return resolver
}

// putAccount handles PUT /_conversalabs/v1/accounts/{account}.
func (s *Server) putAccount(r *httpapi.Request) (any, error) {
	var body account
	if err := r.DecodeKnown(&body); err != nil {
		return nil, err
	}
	version, err := body.check(string(r.Account))
	if err != nil {
		return nil, err
	}
	body.RoomPolicy = cmp.Or(body.RoomPolicy, s.roomPolicy)
	change := accounts.AccountChange{Version: version, ServerName: body.ServerName, Say: body.say}
	if s.baseDomain != "" {
		change.Default = string(r.Account) + "." + s.baseDomain
	}
	a, err := s.accounts.ProvisionAccount(r.Context(), r.Caller, change)
	if err != nil {
		if a == nil {
			return nil, err
		}
		return nil, outdated(err, representAccount(a), a.Settings.Version)
	}
	return representAccount(a), nil
}

// getAccount handles GET /_conversalabs/v1/accounts/{account}.
func (s *Server) getAccount(r *httpapi.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	return representAccount(a), nil
}

// account gives the account that a request is about.
func (s *Server) account(r *httpapi.Request) (*accounts.Account, error) {
	a, err := s.accounts.Account(r.Context(), r.Account)
	if err == nil && a == nil {
		err = httpapi.ErrNoAccount
	}
	return a, err
}
