package accounts

import (
	"encoding/json"
	"slices"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Settings are what of an account may change. They are kept as JSON.
type Settings struct {
	Name             string     `json:"name,omitempty"`
	RoomPolicy       RoomPolicy `json:"room_policy"`
	OpenRegistration bool       `json:"open_registration,omitempty"`
	// PresenceOff hides whether people are there, and keeps nothing of it.
	PresenceOff bool `json:"presence_off,omitempty"`
	// Space gives the account a space with its name, in which everybody finds its
	// channels.
	Space bool `json:"space,omitempty"`
	// Disabled switches the module off for everybody, and DisabledRoles for some.
	Disabled      bool          `json:"disabled,omitempty"`
	DisabledRoles []tenant.Role `json:"disabled_roles,omitempty"`
	// Version is that of what ConversaLabs said last of the account; 0: nothing yet.
	Version  int64         `json:"version,omitempty"`
	Locale   string        `json:"locale,omitempty"`   // BCP 47, of who has none
	Timezone string        `json:"timezone,omitempty"` // IANA
	Login    LoginSettings `json:"login,omitzero"`
	// WhoCanCreate says who may make rooms of a kind.
	WhoCanCreate WhoCanCreate `json:"who_can_create,omitzero"`
	// DefaultLevel is what people are told of rooms for which they have chosen nothing:
	// everything if empty.
	DefaultLevel DefaultLevel `json:"default_level,omitempty"`
	// Cards is where the items that people share are looked up.
	Cards *CardResolver `json:"cards,omitempty"`
	// Notifications is where notifications are delivered.
	Notifications *Endpoint `json:"notifications,omitempty"`
	// Limits are the account's own.
	Limits Limits `json:"limits,omitzero"`
	// URLPreviews lets the server read pages that people link to.
	URLPreviews bool `json:"url_previews,omitempty"`
}

// Limits of an account, in bytes. Where one is 0 the server's holds.
type Limits struct {
	UploadBytes    int64 `json:"upload_bytes,omitempty"`     // one file
	UserMediaBytes int64 `json:"user_media_bytes,omitempty"` // all files of a user
	MediaBytes     int64 `json:"media_bytes,omitempty"`      // all files
}

// Endpoint is an address of another system that the account's server calls, and
// the secret by which calls are signed.
type Endpoint struct {
	URL    string `json:"url"`
	Secret string `json:"secret,omitempty"`
}

// CardResolver is the system that knows the items which people of the account share.
type CardResolver struct {
	Endpoint
	Kind ResolverKind `json:"kind,omitempty"`
}

// ResolverKind is the interface that a [CardResolver] has.
type ResolverKind string

// The kinds of resolvers.
const (
	// ConversaLabsResolver is what docs/cards.md describes, and is meant where no kind
	// is named. The secret signs what it is asked.
	ConversaLabsResolver ResolverKind = "conversalabs"
	// ChatwootResolver is Chatwoot's own API, or one of its shape. The address is the
	// installation's and the secret the access token of one of its administrators.
	ChatwootResolver ResolverKind = "chatwoot"
)

// Creators are who may make rooms of a kind: agents (all users) or administrators.
type Creators string

// The creators.
const (
	AgentsCreate         Creators = "agents"
	AdministratorsCreate Creators = "administrators"
)

// WhoCanCreate says who may make rooms of each kind. Empty is the default: agents
// make public and private rooms, administrators announcements.
type WhoCanCreate struct {
	Public       Creators `json:"public,omitempty"`
	Private      Creators `json:"private,omitempty"`
	Announcement Creators `json:"announcement,omitempty"`
}

// DefaultLevel is what people are told of rooms for which they have chosen nothing.
type DefaultLevel string

// The default levels.
const (
	EverythingByDefault DefaultLevel = "everything"
	MentionsByDefault   DefaultLevel = "mentions"
)

// LoginSettings say how users of the account sign in.
type LoginSettings struct {
	// NoPassword refuses passwords.
	NoPassword bool       `json:"no_password,omitempty"`
	JWT        *JWTLogin  `json:"jwt,omitempty"`
	SSO        *SSOLogin  `json:"sso,omitempty"`
	OIDC       *OIDCLogin `json:"oidc,omitempty"`
	// Clients are the origins ("https://chat.example.com", "io.element.desktop:") to
	// which people who have signed in by a browser go back without being asked.
	Clients []string `json:"clients,omitempty"`
}

// JWTLogin says which JSON Web Tokens (RFC 7519) let users in. A token is good if
// one of the keys has signed it.
type JWTLogin struct {
	Issuer  string   `json:"issuer,omitempty"` // demanded as "iss" unless empty
	Keys    []JWTKey `json:"keys,omitempty"`
	JWKSURL string   `json:"jwks_url,omitempty"` // of more keys (RFC 7517), which may change
}

// JWTKey is a key that tokens are checked with: a secret for HS256, or a public
// JWK for RS256, ES256 and EdDSA.
type JWTKey struct {
	ID        string          `json:"kid,omitempty"`
	Algorithm string          `json:"alg"`
	Secret    string          `json:"secret,omitempty"`
	JWK       json.RawMessage `json:"jwk,omitempty"`
}

// SSOLogin is a sign-in page of the account, which sends people back with a token
// that [LoginSettings.JWT] accepts.
type SSOLogin struct {
	Name string `json:"name,omitempty"` // what the button says
	URL  string `json:"url"`
}

// OIDCLogin is a provider of OpenID Connect.
type OIDCLogin struct {
	Name         string   `json:"name,omitempty"` // what the button says
	Issuer       string   `json:"issuer"`
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret,omitempty"`
	Scopes       []string `json:"scopes,omitempty"` // besides openid
	// UserClaim is the claim that has ConversaLabs' ID of the user: sub if empty.
	UserClaim string `json:"user_claim,omitempty"`
}

// LockOf tells why a user of the account is locked out, or gives the empty lock.
func (s *Settings) LockOf(u *User) tenant.Lock {
	switch {
	case s.Disabled:
		return tenant.LockedAccount
	case slices.Contains(s.DisabledRoles, u.Role),
		u.Record != nil && !u.Record.InternalChat,
		u.Role == tenant.Custom && !u.Permissions().Has(tenant.UsePermission):
		return tenant.LockedRole
	case u.Locked:
		return tenant.LockedUser
	}
	return ""
}
