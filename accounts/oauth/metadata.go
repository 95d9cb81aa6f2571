package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Metadata is what a client says of itself (client-server API, "Client metadata";
// RFC 7591). What is not here is not kept.
type Metadata struct {
	Name            string   `json:"client_name,omitempty"`
	URI             string   `json:"client_uri"`
	RedirectURIs    []string `json:"redirect_uris,omitempty"`
	GrantTypes      []string `json:"grant_types"`
	ResponseTypes   []string `json:"response_types"`
	AuthMethod      string   `json:"token_endpoint_auth_method"`
	ApplicationType string   `json:"application_type"`
}

// Client is a client that has registered.
type Client struct {
	ID string `json:"client_id"`
	Metadata
}

// Host is what tells people whose client it is: the host of its page, which its
// addresses are bound to.
func (c *Client) Host() string { return hostOf(c.URI) }

// MetadataError says why a client cannot be registered (RFC 7591, section 3.2.2). It
// speaks to the client's makers, in ASCII.
type MetadataError struct {
	Code        string `json:"error"` // invalid_client_metadata or invalid_redirect_uri
	Description string `json:"error_description"`
}

// Error gives code and description.
func (e *MetadataError) Error() string { return e.Code + ": " + e.Description }

func badMetadata(format string, args ...any) error {
	return &MetadataError{"invalid_client_metadata", fmt.Sprintf(format, args...)}
}

func badRedirect(format string, args ...any) error {
	return &MetadataError{"invalid_redirect_uri", fmt.Sprintf(format, args...)}
}

const (
	maxRedirects = 20
	maxURI       = 2048 // bytes
	maxName      = 256  // bytes, as of a device's name

	web    = "web"
	native = "native"
)

var (
	grantTypes = []string{string(oidc.GrantTypeCode), string(oidc.GrantTypeRefreshToken), string(oidc.GrantTypeDeviceCode)}
	code       = string(oidc.ResponseTypeCode)
	none       = string(oidc.AuthMethodNone)
)

// settle gives the metadata as it is registered, or a [MetadataError]. What the server
// does not know is left out (RFC 7591, section 2).
func (m Metadata) settle() (Metadata, error) {
	m.Name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) { // also what would turn the direction of a page's text
			return -1
		}
		return r
	}, m.Name)
	if len(m.Name) > maxName {
		return m, badMetadata("client_name may have at most %d bytes", maxName)
	}
	if !isPage(m.URI) {
		return m, badMetadata("client_uri must be an https address of at most %d bytes", maxURI)
	}
	if m.AuthMethod == "" {
		m.AuthMethod = none
	}
	if m.AuthMethod != none {
		return m, badMetadata("token_endpoint_auth_method must be none: all clients are public")
	}
	if m.ApplicationType == "" {
		m.ApplicationType = web
	}
	if m.ApplicationType != web && m.ApplicationType != native {
		return m, badMetadata("application_type must be web or native")
	}
	return m, m.settleGrants()
}

func (m *Metadata) settleGrants() error {
	if m.GrantTypes == nil {
		m.GrantTypes = grantTypes[:1]
	}
	if m.ResponseTypes == nil {
		m.ResponseTypes = []string{code}
	}
	wanted, answers := m.GrantTypes, m.ResponseTypes
	m.GrantTypes, m.ResponseTypes = nil, []string{}
	for _, grant := range grantTypes {
		// Access tokens always end, so all clients have to refresh them.
		if slices.Contains(wanted, grant) || grant == string(oidc.GrantTypeRefreshToken) {
			m.GrantTypes = append(m.GrantTypes, grant)
		}
	}
	if len(m.GrantTypes) == 1 {
		return badMetadata("grant_types must have authorization_code or %s", oidc.GrantTypeDeviceCode)
	}
	if m.GrantTypes[0] == string(oidc.GrantTypeCode) {
		if !slices.Contains(answers, code) {
			return badMetadata("response_types must have code, for the grant type authorization_code")
		}
		m.ResponseTypes = []string{code}
		if len(m.RedirectURIs) == 0 {
			return badRedirect("redirect_uris must have an address, for the grant type authorization_code")
		}
	}
	return m.checkRedirects()
}

func (m *Metadata) checkRedirects() error {
	if len(m.RedirectURIs) > maxRedirects {
		return badRedirect("redirect_uris may have at most %d addresses", maxRedirects)
	}
	for i, address := range m.RedirectURIs {
		u, err := url.Parse(address)
		switch {
		case err != nil || len(address) > maxURI || strings.ContainsAny(address, "#\\") || u.User != nil:
			return badRedirect("redirect_uris[%d] is not an address of at most %d bytes without user and fragment", i, maxURI)
		case u.Scheme == "https" && !m.owns(u.Hostname()):
			return badRedirect("redirect_uris[%d] must be on the host of client_uri or below it", i)
		case u.Scheme == "https":
		case m.ApplicationType == web:
			return badRedirect("redirect_uris[%d] must begin with https://, for the application type web", i)
		case u.Scheme == "http" && !isLoopback(u.Hostname()):
			return badRedirect("redirect_uris[%d] must begin with https://, or be on localhost, 127.0.0.1 or [::1]", i)
		case u.Scheme == "http":
		case !m.ownsScheme(u.Scheme):
			return badRedirect("redirect_uris[%d] must have a scheme that begins with the host of client_uri, its parts in reverse", i)
		case u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//"):
			return badRedirect("redirect_uris[%d] must have one slash after its scheme", i)
		}
	}
	return nil
}

// owns tells whether a host is that of the client's page, or below it.
func (m *Metadata) owns(host string) bool {
	host, own := strings.ToLower(host), hostOf(m.URI)
	return hostPattern.MatchString(host) && (host == own || strings.HasSuffix(host, "."+own))
}

// ownsScheme tells whether an app's scheme is the host of the client's page in
// reverse, or below it (RFC 8252, section 7.1).
func (m *Metadata) ownsScheme(scheme string) bool {
	parts := strings.Split(hostOf(m.URI), ".")
	slices.Reverse(parts)
	own := strings.Join(parts, ".")
	return len(parts) > 1 && (scheme == own || strings.HasPrefix(scheme, own+"."))
}

// hostPattern keeps out what Go takes for a host and pages could take for more.
var hostPattern = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)

func isPage(address string) bool {
	u, err := url.Parse(address)
	return err == nil && len(address) <= maxURI && u.Scheme == "https" && hostPattern.MatchString(u.Hostname()) && u.User == nil
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// idFor makes a client's ID from what it said: who registers again with the same is
// the same client, and nobody is by saying something else.
func (m *Metadata) idFor(account tenant.ID) (string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode metadata: %w", err)
	}
	sum := sha256.Sum256(append([]byte(account+"\n"), text...))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}
