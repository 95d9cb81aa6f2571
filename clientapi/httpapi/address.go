package httpapi

import (
	"net/netip"
	"slices"
	"strings"
)

// ClientIP is the address the request came from. Behind trusted proxies it is
// the last address in X-Forwarded-For (or, where that is absent, Forwarded)
// that is not itself a trusted proxy: all to the left of it may be invented. It
// is empty on a connection without an address (a Unix socket).
func (r *Request) ClientIP() string {
	if a := r.address(); a.IsValid() {
		return a.String()
	}
	return ""
}

// addressKey is what rates by address count by: an IPv6 client owns the /64.
func (r *Request) addressKey() string { return AddressKey(r.ClientIP()) }

// AddressKey gives what rates by address count by: the address itself, or the
// /64 network of an IPv6 address.
func AddressKey(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil || a.Is4() {
		return ip
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

func (r *Request) address() netip.Addr {
	at := parseAddress(r.RemoteAddr)
	if !r.trusted(at) {
		return at
	}
	for _, hop := range slices.Backward(r.hops()) {
		a := parseAddress(hop)
		if !a.IsValid() {
			return at // obfuscated or invented: the proxy before it is all we know
		}
		at = a
		if !r.trusted(at) {
			break
		}
	}
	return at
}

func (r *Request) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(r.api.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// hops lists the forwarded addresses, the nearest last. X-Forwarded-For comes
// first because nearly every proxy sets it, and passes a Forwarded header of
// the client's own through.
func (r *Request) hops() []string {
	if list := r.Header.Values("X-Forwarded-For"); len(list) > 0 {
		return strings.Split(strings.Join(list, ","), ",")
	}
	var hops []string
	for element := range strings.SplitSeq(strings.Join(r.Header.Values("Forwarded"), ","), ",") {
		for pair := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(name, "for") {
				hops = append(hops, strings.Trim(value, `"`))
			}
		}
	}
	return hops
}

// parseAddress reads an address with or without a port and brackets.
func parseAddress(s string) netip.Addr {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
