package config

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// maxServerName leaves room for a localpart in the 255 bytes of a user ID.
const maxServerName = 230

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// CheckServerName tells whether a name follows the grammar of Matrix server
// names: a DNS name, an IPv4 address or an IPv6 address in brackets, with a
// port or without, at most 230 bytes. The error says what is wanted; it does
// not repeat the name.
func CheckServerName(name string) error {
	if name == "" || len(name) > maxServerName {
		return errors.New("want a server name of 1 to 230 bytes, such as chat.example.com")
	}
	host, port := name, ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, ']') {
		host, port = name[:i], name[i+1:]
		if !validPort(port) || port == "0" {
			return errors.New("the port of a server name is a number between 1 and 65535")
		}
	}
	if inner, found := strings.CutPrefix(host, "["); found {
		inner, closed := strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
			return errors.New("want an IPv6 address between the brackets, such as [2001:db8::1]")
		}
		return nil
	}
	if !hostPattern.MatchString(host) || strings.Contains(host, "..") {
		return errors.New("want a host name without scheme and path, such as chat.example.com")
	}
	return nil
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == port
}

func checkServerName(v string) (string, error) {
	if v == "" {
		return v, nil // the name that the account has
	}
	return v, CheckServerName(v)
}

func checkBaseDomain(v string) (string, error) {
	if v == "" {
		return "", nil
	}
	if _, err := netip.ParseAddr(v); err == nil || strings.ContainsRune(v, ':') || len(v) > maxServerName-65 {
		return "", errors.New("want a domain without port, such as chat.example.com")
	}
	if CheckServerName(v) != nil {
		return "", errors.New("want a domain, such as chat.example.com")
	}
	return v, nil
}

func checkListen(v string) (string, error) {
	host, port, found := cutPort(v)
	if !found || !validPort(port) {
		return "", errors.New("want host:port with a port between 0 and 65535, such as 127.0.0.1:8008 or :8008")
	}
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		if addr, err := netip.ParseAddr(inner); !closed || err != nil || !addr.Is6() {
			return "", errors.New("want an IPv6 address between the brackets, such as [::1]:8008")
		}
		return v, nil
	}
	if host != "" && !hostPattern.MatchString(host) {
		return "", errors.New("want an address or a host name before the port, such as 127.0.0.1:8008")
	}
	return v, nil
}

func cutPort(v string) (host, port string, found bool) {
	i := strings.LastIndexByte(v, ':')
	if i < 0 {
		return v, "", false
	}
	return v[:i], v[i+1:], true
}

// checkDatabase drops url.Parse's error: it repeats the URL with its password.
func checkDatabase(v string) (string, error) {
	if v == "" {
		return "", nil
	}
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Opaque != "" {
		return "", errors.New("want a PostgreSQL URL, such as postgres://user:password@host:5432/name " +
			"(special characters of a password are written as %XX)")
	}
	if u.Host == "" && u.Query().Get("host") == "" {
		return "", errors.New("the PostgreSQL URL names no host")
	}
	return v, nil
}

func checkPublicURL(v string) (string, error) {
	if v == "" {
		return "", nil
	}
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", errors.New("want a URL that begins with https:// or http://, such as https://chat.example.com")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", errors.New("want a URL without user, query and fragment, such as https://chat.example.com")
	}
	if CheckServerName(u.Host) != nil {
		return "", errors.New("the URL's host is neither a host name nor an address")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func checkToken(v string) (string, error) {
	if v == "" {
		return "", nil
	}
	if len(v) < 16 || len(v) > 512 {
		return "", errors.New("want a secret of 16 to 512 characters")
	}
	for _, b := range []byte(v) {
		if b <= ' ' || b > '~' {
			return "", errors.New("want a secret of printable ASCII characters without spaces")
		}
	}
	return v, nil
}

func checkPath(v string) (string, error) {
	if strings.ContainsRune(v, 0) {
		return "", errors.New("a path contains no NUL")
	}
	return v, nil
}

// required refuses an empty value where there is no meaning for one.
func required(check func(string) (string, error)) func(string) (string, error) {
	return func(v string) (string, error) {
		if v == "" {
			return "", errors.New("must not be empty")
		}
		return check(v)
	}
}
