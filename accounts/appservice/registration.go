package appservice

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
)

// file is a registration as its writer gives it (Application Service API,
// "Registration").
type file struct {
	ID         string    `yaml:"id"`
	URL        *string   `yaml:"url"` // null: it is told nothing
	ASToken    string    `yaml:"as_token"`
	HSToken    string    `yaml:"hs_token"`
	Sender     string    `yaml:"sender_localpart"`
	Namespaces namespace `yaml:"namespaces"`
	// RateLimited is true where nothing is said.
	RateLimited *bool    `yaml:"rate_limited"`
	Protocols   []string `yaml:"protocols"`
	Ephemeral   bool     `yaml:"receive_ephemeral"`
	// OldEphemeral is what Ephemeral was called before it was specified.
	OldEphemeral bool `yaml:"de.sorunome.msc2409.push_ephemeral"`
	// The server does what these ask for (the devices of MSC4190 and MSC4326, for
	// every service), or may leave it out (what else MSC3202 sends).
	Encryption bool `yaml:"org.matrix.msc3202"`
	Devices    bool `yaml:"io.element.msc4190"`
}

type namespace struct {
	Users   []entry `yaml:"users"`
	Rooms   []entry `yaml:"rooms"`
	Aliases []entry `yaml:"aliases"`
}

type entry struct {
	Exclusive *bool  `yaml:"exclusive"`
	Regex     string `yaml:"regex"`
	GroupID   string `yaml:"group_id"` // of communities, which there are no longer
}

const (
	maxFile       = 1 << 20 // bytes
	maxID         = 128     // bytes
	maxToken      = 512     // bytes
	minToken      = 16      // bytes
	maxURL        = 1024    // bytes
	maxNamespaces = 100     // of one kind
	maxProtocols  = 100
)

var (
	errTooLarge  = errors.New("the registration is larger than 1 MiB")
	errNoAddress = errors.New("url is missing; it may be null for a service that is told nothing")
	idPattern    = regexp.MustCompile(`^[^\x00-\x1f\x7f/]+$`)
	tokenShape   = regexp.MustCompile(`^[!-~]+$`) // as in a header
)

// Parse reads a registration in YAML and judges it strictly. What is wrong with it is
// told in English, for the operator who has written it. The service's sender is of the
// given Matrix server name.
func Parse(registration []byte, server string) (accounts.AppService, error) {
	if len(registration) > maxFile {
		return accounts.AppService{}, errTooLarge
	}
	var f file
	if err := yaml.UnmarshalWithOptions(registration, &f, yaml.Strict()); err != nil {
		return accounts.AppService{}, fmt.Errorf("read registration: %s", yaml.FormatError(err, false, false))
	}
	if err := f.check(); err != nil {
		return accounts.AppService{}, err
	}
	a := accounts.AppService{
		ID: f.ID, Token: accounts.Hash(f.ASToken), HSToken: f.HSToken, Sender: id.NewUserID(strings.ToLower(f.Sender), server),
		RateLimited: f.RateLimited == nil || *f.RateLimited, Ephemeral: f.Ephemeral || f.OldEphemeral, Protocols: f.Protocols,
	}
	var given map[string]any // null and missing are not the same
	err := yaml.Unmarshal(registration, &given)
	if err != nil {
		return a, fmt.Errorf("read registration: %w", err)
	}
	if _, named := given["url"]; !named {
		return a, errNoAddress
	}
	if a.URL, err = address(f.URL); err != nil {
		return a, err
	}
	for _, kind := range []struct {
		name  string
		given []entry
		into  *accounts.Namespaces
	}{{"users", f.Namespaces.Users, &a.Users}, {"rooms", f.Namespaces.Rooms, &a.Rooms}, {"aliases", f.Namespaces.Aliases, &a.Aliases}} {
		if *kind.into, err = namespaces(kind.name, kind.given); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (f *file) check() error {
	switch {
	case f.ID == "" || len(f.ID) > maxID || !idPattern.MatchString(f.ID):
		return errors.New("id must be a text of at most 128 bytes, without slashes and control characters")
	case !goodToken(f.ASToken):
		return errors.New("as_token must have 16 to 512 visible ASCII characters")
	case strings.HasPrefix(f.ASToken, "ic_"):
		return errors.New("as_token must not begin with ic_, as this server's own tokens do")
	case !goodToken(f.HSToken):
		return errors.New("hs_token must have 16 to 512 visible ASCII characters")
	case f.ASToken == f.HSToken:
		return errors.New("as_token and hs_token must not be the same")
	case f.Sender == "" || strings.ContainsAny(f.Sender, "@:"):
		return errors.New("sender_localpart must be what a user ID has between @ and the colon")
	case len(f.Protocols) > maxProtocols || slices.Contains(f.Protocols, ""):
		return errors.New("protocols must be at most 100 names")
	}
	return nil
}

func goodToken(token string) bool {
	return len(token) >= minToken && len(token) <= maxToken && tokenShape.MatchString(token)
}

// address judges where a service is: null is nowhere.
func address(given *string) (string, error) {
	if given == nil || *given == "" {
		return "", nil
	}
	u, err := url.Parse(*given)
	if err != nil || len(*given) > maxURL || u.Scheme != "http" && u.Scheme != "https" ||
		u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("url must begin with http:// or https:// and a host, and may have a port and a path alone")
	}
	return strings.TrimRight(*given, "/"), nil
}

func namespaces(kind string, given []entry) (accounts.Namespaces, error) {
	if len(given) > maxNamespaces {
		return nil, fmt.Errorf("namespaces.%s has more than 100 entries", kind)
	}
	var all accounts.Namespaces
	for i, e := range given {
		if e.Regex == "" || e.Exclusive == nil {
			return nil, fmt.Errorf("namespaces.%s[%d] must have regex and exclusive", kind, i)
		}
		n, err := accounts.NewNamespace(e.Regex, *e.Exclusive)
		if err != nil {
			return nil, fmt.Errorf("namespaces.%s[%d].regex: %w (expressions are RE2: no look-around, no back references)", kind, i, err)
		}
		all = append(all, n)
	}
	return all, nil
}
