package config

import (
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// kind is how an option's value is written and put into a Config. The errors
// of set say what is wanted and never contain the value.
type kind struct {
	shape string
	set   func(c *Config, value string) error
}

// text is a kind for strings; check gives the value to store.
func text[T ~string](shape string, field func(*Config) *T, check func(string) (string, error)) kind {
	return kind{shape, func(c *Config, value string) error {
		checked, err := check(value)
		if err != nil {
			return err
		}
		*field(c) = T(checked)
		return nil
	}}
}

func choice[T ~string](field func(*Config) *T, values ...T) kind {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return kind{strings.Join(words, "|"), func(c *Config, value string) error {
		for _, v := range values {
			if string(v) == value {
				*field(c) = v
				return nil
			}
		}
		return errors.New("want " + strings.Join(words, " or "))
	}}
}

func onOff(field func(*Config) *bool) kind {
	return kind{"on|off", func(c *Config, value string) error {
		switch value {
		case "on", "true":
			*field(c) = true
		case "off", "false":
			*field(c) = false
		default:
			return errors.New("want on or off")
		}
		return nil
	}}
}

// scale is how a quantity is written.
type scale[T int64 | time.Duration] struct {
	shape string
	parse func(string) (T, error)
	show  func(T) string
}

var (
	numbers   = scale[int64]{"number", parseCount, func(v int64) string { return strconv.FormatInt(v, 10) }}
	sizes     = scale[int64]{"size", parseSize, showSize}
	durations = scale[time.Duration]{"duration", parseDuration, showDuration}
)

// between is a kind for what lies between two bounds.
func between[T int64 | time.Duration](s scale[T], least, most T, store func(*Config, T)) kind {
	bounds := s.show(least) + " to " + s.show(most)
	return kind{s.shape + ", " + bounds, func(c *Config, value string) error {
		v, err := s.parse(value)
		if err != nil {
			return err
		}
		if v < least || v > most {
			return errors.New("must be " + bounds)
		}
		store(c, v)
		return nil
	}}
}

func showSize(v int64) string {
	switch {
	case v%gib == 0:
		return strconv.FormatInt(v/gib, 10) + "GiB"
	case v%mib == 0:
		return strconv.FormatInt(v/mib, 10) + "MiB"
	case v%kib == 0:
		return strconv.FormatInt(v/kib, 10) + "KiB"
	}
	return strconv.FormatInt(v, 10)
}

// showDuration leaves out the zero minutes and seconds of Duration.String.
func showDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func parseCount(value string) (int64, error) {
	v, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return 0, errors.New("want a whole number, such as 100")
	}
	return int64(v), nil
}

func parseSize(value string) (int64, error) {
	digits, factor := value, int64(1)
	for unit, f := range map[string]int64{"KiB": kib, "MiB": mib, "GiB": gib} {
		if rest, found := strings.CutSuffix(value, unit); found {
			digits, factor = strings.TrimSuffix(rest, " "), f
		}
	}
	v, err := parseCount(digits)
	if err != nil || v > math.MaxInt64/factor {
		return 0, errors.New("want bytes, such as 65536, 64KiB or 50MiB")
	}
	return v * factor, nil
}

func parseDuration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil {
		return 0, errors.New("want a duration with its unit, such as 500ms, 30s or 5m")
	}
	return d, nil
}

func parseRate(value string) (Rate, error) {
	perSecond, burst, found := strings.Cut(value, "/")
	f, err := strconv.ParseFloat(perSecond, 64)
	n, err2 := strconv.ParseUint(burst, 10, 31)
	if !found || err != nil || err2 != nil || !(f > 0 && f <= 1e6) || n == 0 || n > 1e6 {
		return Rate{}, errors.New("want how many a second, a slash and how many at once, both over 0, such as 0.5/20")
	}
	return Rate{PerSecond: f, Burst: int(n)}, nil
}

// networks is a list of networks and addresses.
func networks(field func(*Config) *[]netip.Prefix) kind {
	return kind{"networks", func(c *Config, value string) (err error) {
		*field(c), err = parseNetworks(value)
		return err
	}}
}

func parseNetworks(value string) (all []netip.Prefix, err error) {
	if value == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			addr, err := netip.ParseAddr(part)
			if err != nil || addr.Zone() != "" {
				return nil, errors.New("want networks or addresses separated by commas, such as 10.0.0.0/8,192.168.1.5,fd00::/8")
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if prefix.Addr().Is4In6() {
			return nil, errors.New("write IPv4 networks as IPv4, such as 10.0.0.0/8")
		}
		all = append(all, prefix.Masked())
	}
	return all, nil
}
