package config_test

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/config"
	"github.com/google/go-cmp/cmp"
)

// source is one way to give options to Load.
type source struct {
	flags map[string]string
	env   []string
	yaml  string // written to chat.yaml, and named by --config, unless empty
}

func load(t testing.TB, s source) (*config.Config, error) {
	t.Helper()
	flags := map[string]string{}
	if s.yaml != "" {
		flags["config"] = mustWrite(t, "chat.yaml", s.yaml)
	}
	maps.Copy(flags, s.flags)
	return config.Load(flags, s.env)
}

func mustLoad(t testing.TB, s source) *config.Config {
	t.Helper()
	c, err := load(t, s)
	if err != nil {
		t.Fatalf("Load: got %v, want no error", err)
	}
	return c
}

func mustWrite(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	c := config.Default()
	got := fmt.Sprint(c.Data, c.Listen, c.ServerName, c.Registration, c.RoomPolicy, c.RateLimits, c.LogFormat, c.Database == "", c.MachineToken == "")
	want := fmt.Sprint("./data", "127.0.0.1:8008", "", "closed", "team", true, "text", true, true)
	if got != want {
		t.Errorf("defaults: got %s, want %s", got, want)
	}
	if got, want := c.Limits.UploadBytes, int64(50<<20); got != want {
		t.Errorf("upload: got %d, want %d", got, want)
	}
	if got, want := c.Limits.SyncTimeout, 60*time.Second; got != want {
		t.Errorf("sync timeout: got %v, want %v", got, want)
	}
	if got, want := c.Rates.UserMessages, (config.Rate{PerSecond: 10, Burst: 50}); got != want {
		t.Errorf("messages: got %v, want %v", got, want)
	}
}

func TestFirstSourceWins(t *testing.T) {
	flag := map[string]string{"listen": ":1"}
	env := []string{"INTERNALCHAT_LISTEN=:2", "HOME=/root"}
	yaml := "listen: :3\n"
	for _, test := range []struct {
		name string
		source
		want string
	}{
		{"flag", source{flag, env, yaml}, ":1"},
		{"environment", source{nil, env, yaml}, ":2"},
		{"file", source{nil, nil, yaml}, ":3"},
		{"empty variable", source{nil, []string{"INTERNALCHAT_LISTEN="}, yaml}, ":3"},
		{"default", source{}, "127.0.0.1:8008"},
	} {
		if got := mustLoad(t, test.source).Listen; got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestConfigFileNamedByVariable(t *testing.T) {
	file := mustWrite(t, "x.yaml", "server_name: hs1\n")
	c := mustLoad(t, source{env: []string{"INTERNALCHAT_CONFIG=" + file}})
	if c.ServerName != "hs1" || c.File != file {
		t.Errorf("got %q from %q, want hs1 from %q", c.ServerName, c.File, file)
	}
}

func TestValuesFromFile(t *testing.T) {
	c := mustLoad(t, source{yaml: `
# a comment
server_name: "[2001:db8::1]:8448"
public_url: https://chat.example.com/
rate_limits: off
machine_token: 00123456789012345678
trusted_proxies:
  - 10.1.2.3/8
  - 192.168.0.1
limits:
  room_members: 20000
  upload_bytes: 2GiB
  shutdown_grace: 1m30s
rates: {search: 0.5/7}
`})
	if got, want := c.ServerName, "[2001:db8::1]:8448"; got != want {
		t.Errorf("server name: got %q, want %q", got, want)
	}
	if got, want := c.PublicURL, "https://chat.example.com"; got != want {
		t.Errorf("public URL: got %q, want %q", got, want)
	}
	if c.RateLimits {
		t.Error("rate limits: got on, want off")
	}
	if got, want := c.MachineToken.Reveal(), "00123456789012345678"; got != want {
		t.Errorf("machine token: got %q, want %q", got, want)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.1/32")}
	if diff := cmp.Diff(fmt.Sprint(c.TrustedProxies), fmt.Sprint(want)); diff != "" {
		t.Errorf("trusted proxies (got -, want +):\n%s", diff)
	}
	l := c.Limits
	if l.RoomMembers != 20000 || l.UploadBytes != 2<<30 || l.ShutdownGrace != 90*time.Second {
		t.Errorf("limits: got %d, %d, %v, want 20000, 2 GiB, 90 s", l.RoomMembers, l.UploadBytes, l.ShutdownGrace)
	}
	if got, want := c.Rates.Search, (config.Rate{PerSecond: 0.5, Burst: 7}); got != want {
		t.Errorf("search: got %v, want %v", got, want)
	}
}

// Every option can be given as a variable, and every one but config in the file.
func TestEveryOptionFromEverySource(t *testing.T) {
	samples := map[string]string{
		"database": "postgres://h/d", "database_listen": "postgres://h/d", "public_url": "http://h", "base_domain": "h",
		"machine_token": "0123456789abcdef", "trusted_proxies": "10.0.0.0/8", "outbound_networks": "127.0.0.0/8",
		"preview_networks": "127.0.0.0/8",
	}
	for _, o := range config.Options() {
		value := samples[o.Key]
		switch {
		case value != "":
		case o.Default != "":
			value = o.Default
		case o.Key == "machine_token_file":
			value = mustWrite(t, "token", "0123456789abcdef\n")
		case o.Key == "config":
			value = mustWrite(t, "empty.yaml", "# nothing\n")
		}
		database := map[string]string{}
		if o.Key == "database_listen" {
			database["database"] = "postgres://h/d"
		}
		mustLoad(t, source{flags: database, env: []string{o.Env() + "=" + value}})
		if o.Key == "config" {
			continue
		}
		yaml := fmt.Sprintf("%s: %q\n", o.Key, value)
		if section, key, nested := strings.Cut(o.Key, "."); nested {
			yaml = fmt.Sprintf("%s:\n  %s: %q\n", section, key, value)
		}
		mustLoad(t, source{flags: database, yaml: yaml})
	}
}

func TestVariablesOfTestsAreLeftAlone(t *testing.T) {
	mustLoad(t, source{env: []string{"INTERNALCHAT_REQUIRE_POSTGRES=1", "INTERNALCHAT_TEST_X=1", "internalchat_x=1"}})
}

func TestMachineTokenFile(t *testing.T) {
	file := mustWrite(t, "token", "0123456789abcdef\r\n")
	c := mustLoad(t, source{flags: map[string]string{"machine-token-file": file}, yaml: "machine_token: aaaaaaaaaaaaaaaaaaaa\n"})
	if got, want := c.MachineToken.Reveal(), "0123456789abcdef"; got != want {
		t.Errorf("flag over file: got %q, want %q", got, want)
	}
	c = mustLoad(t, source{env: []string{"INTERNALCHAT_MACHINE_TOKEN=bbbbbbbbbbbbbbbb"}, yaml: "machine_token_file: " + file})
	if got, want := c.MachineToken.Reveal(), "bbbbbbbbbbbbbbbb"; got != want {
		t.Errorf("variable over file: got %q, want %q", got, want)
	}
}

func TestReferenceExampleLoads(t *testing.T) {
	_, example, _ := strings.Cut(config.Reference(), "    # internalchat.yaml\n")
	example, _, _ = strings.Cut(example, "\n## ")
	example = strings.ReplaceAll("\n"+example, "\n    ", "\n")
	example = strings.ReplaceAll(example, "/etc/internalchat/machine-token", mustWrite(t, "token", "0123456789abcdef"))
	c := mustLoad(t, source{yaml: example})
	if c.ServerName != "chat.example.com" || c.Limits.UploadBytes != 100<<20 {
		t.Errorf("got %q and %d, want the example's values", c.ServerName, c.Limits.UploadBytes)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	c := mustLoad(t, source{flags: map[string]string{
		"machine-token": "tellnobodytellnobody", "database": "postgres://u:tellnobody@db.example.com:5433/chat?password=tellnobody",
	}})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if got := fmt.Sprintf(verb, c); strings.Contains(got, "tellnobody") || strings.Contains(got, "74656c6c6e6f") {
			t.Errorf("%s: got %s, want no secret", verb, got)
		}
		if got := fmt.Sprintf(verb, c.MachineToken); got != "[hidden]" {
			t.Errorf("%s: got %s, want [hidden]", verb, got)
		}
	}
	if got, _ := c.MachineToken.MarshalText(); string(got) != "[hidden]" {
		t.Errorf("text: got %s, want [hidden]", got)
	}
	if got, want := c.Database.Location(), "postgres://db.example.com:5433/chat"; got != want {
		t.Errorf("location: got %q, want %q", got, want)
	}
}
