package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// rank orders the sources of a value: the higher wins.
type rank int

const (
	fromDefault rank = iota
	fromFile
	fromEnv
	fromFlag
)

// setting is a value and where it was written.
type setting struct {
	value string
	from  rank
	place string // --listen, INTERNALCHAT_LISTEN, or chat.yaml:3: listen
}

// settings holds, by key, the setting of the highest rank seen so far.
type settings map[string]setting

func (s settings) add(key string, new setting) {
	if old, found := s[key]; !found || old.from < new.from {
		s[key] = new
	}
}

// Default gives the configuration of a start without any option.
func Default() *Config {
	c, err := Load(nil, nil)
	if err != nil {
		panic("config: a default is refused: " + err.Error())
	}
	return c
}

// Load makes the configuration from the flags that were given (name without
// dashes → value), the environment (as os.Environ gives it), the YAML file that
// one of them names, and the defaults; the first that has an option wins. An
// empty variable counts as not set. Load reads files and writes nothing. Its
// error holds one line for each mistake, which names the flag, the variable or
// the file, line and key, and never contains a secret.
func Load(flags map[string]string, environ []string) (*Config, error) {
	found := settings{}
	errs := []error{found.addFlags(flags), found.addEnviron(environ)}
	if file := found["config"].value; file != "" {
		errs = append(errs, found.addFile(file))
	}
	c, err := found.config()
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return c, nil
}

func (s settings) addFlags(flags map[string]string) error {
	known := map[string]string{}
	for _, o := range Options() {
		if o.Flag != "" {
			known[o.Flag] = o.Key
		}
	}
	var errs []error
	for flag, value := range flags {
		if key, found := known[flag]; found {
			s.add(key, setting{value, fromFlag, "--" + flag})
		} else {
			errs = append(errs, fmt.Errorf("--%s: there is no such option", flag))
		}
	}
	return joinSorted(errs)
}

func (s settings) addEnviron(environ []string) error {
	known := map[string]string{}
	for _, o := range Options() {
		known[o.Env()] = o.Key
	}
	var errs []error
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, envPrefix) || forTests(name) {
			continue
		}
		key, found := known[name]
		switch {
		case !found:
			errs = append(errs, fmt.Errorf("%s: there is no such option%s", name, suggest(strings.TrimPrefix(name, envPrefix), Option.Env)))
		case value != "":
			s.add(key, setting{value, fromEnv, name})
		}
	}
	return joinSorted(errs)
}

// forTests tells whether a variable belongs to the project's tests.
func forTests(name string) bool {
	return name == envPrefix+"REQUIRE_POSTGRES" || strings.HasPrefix(name, envPrefix+"TEST_")
}

// suggest names the option that differs from what was written only in case and
// separators.
func suggest(written string, show func(Option) string) string {
	fold := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(s))
	}
	for _, o := range Options() {
		if fold(o.Key) == fold(written) {
			return fmt.Sprintf("; did you mean %s?", show(o))
		}
	}
	return ""
}

// config checks every setting, fills in the defaults and checks what options
// mean together.
func (s settings) config() (*Config, error) {
	c := &Config{}
	var errs []error
	s.chooseToken(&errs)
	for _, o := range Options() {
		set, found := s[o.Key]
		if !found {
			set = setting{o.Default, fromDefault, "default of " + o.Key}
		}
		if err := o.kind.set(c, set.value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s%w", set.place, quoted(o, set.value), err))
		}
	}
	if len(errs) == 0 {
		errs = append(errs, s.readToken(c), s.checkTogether(c))
	}
	return c, errors.Join(errs...)
}

// quoted repeats a refused value, unless it is or may hold a secret.
func quoted(o Option, value string) string {
	if o.Secret || strings.Contains(value, "@") {
		return ""
	}
	if len(value) > 80 {
		value = value[:80] + "…"
	}
	return strconv.Quote(value) + ": "
}

// chooseToken leaves of the token and its file the one of the higher source.
func (s settings) chooseToken(errs *[]error) {
	token, file := s["machine_token"], s["machine_token_file"]
	switch {
	case token.value == "" || file.value == "":
	case token.from > file.from:
		delete(s, "machine_token_file")
	case token.from < file.from:
		delete(s, "machine_token")
	default:
		*errs = append(*errs, fmt.Errorf("%s: set this or %s, not both", file.place, token.place))
	}
}

// readToken reads the machine token from its file.
func (s settings) readToken(c *Config) error {
	if c.MachineTokenFile == "" {
		return nil
	}
	place := s["machine_token_file"].place
	content, err := os.ReadFile(c.MachineTokenFile)
	if err != nil {
		return fmt.Errorf("%s: %w", place, readable(err))
	}
	token, err := checkToken(strings.TrimRight(string(content), "\r\n"))
	if err == nil && token == "" {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", place, c.MachineTokenFile, err)
	}
	c.MachineToken = Secret(token)
	return nil
}

// readable shortens "open x: no such file or directory" to "x: no such …".
func readable(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", pathErr.Path, pathErr.Err)
	}
	return err
}

// checkTogether refuses what each option alone permits.
func (s settings) checkTogether(c *Config) error {
	l, s3 := &c.Limits, &c.Media.S3
	rules := []struct {
		broken   bool
		key, why string
	}{
		{c.DatabaseListen != "" && c.Database == "", "database_listen", "is only for PostgreSQL; set database too"},
		{c.Media.Store == MediaInS3 && s3.Endpoint == "", "media.store", "s3 needs media.s3_endpoint, media.s3_bucket, media.s3_access_key and media.s3_secret"},
		{s3.Endpoint != "" && (s3.Bucket == "" || s3.AccessKey == "" || s3.Secret == ""), "media.s3_endpoint", "needs media.s3_bucket, media.s3_access_key and media.s3_secret"},
		{l.PasswordMin > l.PasswordMax, "limits.password_min", "must not be over limits.password_max"},
		{l.BodyBytes > l.CreateRoomBodyBytes, "limits.create_room_body_bytes", "must not be under limits.body_bytes"},
		{l.AccountDataBytes > l.AccountDataLargeBytes, "limits.account_data_large_bytes", "must not be under limits.account_data_bytes"},
	}
	var errs []error
	for _, r := range rules {
		if r.broken {
			errs = append(errs, fmt.Errorf("%s: %s", cmp.Or(s[r.key].place, r.key), r.why))
		}
	}
	return errors.Join(errs...)
}

// joinSorted makes the order of messages independent of maps.
func joinSorted(errs []error) error {
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}
