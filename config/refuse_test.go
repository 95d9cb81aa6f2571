package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/config"
)

func flags(pairs ...string) source {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return source{flags: m}
}

func env(lines ...string) source { return source{env: lines} }

func yaml(content string) source { return source{yaml: content} }

// Each case holds "tellnobody" where a secret stands; no message may repeat it.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("a", 231)
	for name, test := range map[string]struct {
		source
		want string // part of the message
	}{
		"unknown flag":            {flags("lisen", ":1"), "--lisen: there is no such option"},
		"unknown variable":        {env("INTERNALCHAT_LISEN=:1"), "INTERNALCHAT_LISEN: there is no such option"},
		"misspelt variable":       {env("INTERNALCHAT_SERVERNAME=x"), "did you mean INTERNALCHAT_SERVER_NAME?"},
		"lower-case variable":     {env("INTERNALCHAT_listen=:1"), "INTERNALCHAT_listen: there is no such option"},
		"empty unknown variable":  {env("INTERNALCHAT_X="), "INTERNALCHAT_X: there"},
		"missing file":            {flags("config", "/nowhere/chat.yaml"), "/nowhere/chat.yaml: no such file"},
		"folder for a file":       {flags("config", os.TempDir()), os.TempDir() + ": is a directory"},
		"missing token file":      {flags("machine-token-file", "/nowhere/t"), "--machine-token-file: /nowhere/t: no such file"},
		"token twice":             {flags("machine-token-file", "/t", "machine-token", "tellnobodytellnobody"), "--machine-token-file: set this or --machine-token, not both"},
		"short token":             {flags("machine-token", "tellnobody"), "--machine-token: want a secret of 16"},
		"token with space":        {env("INTERNALCHAT_MACHINE_TOKEN=tellnobody tellnobody"), "INTERNALCHAT_MACHINE_TOKEN: want a secret of printable"},
		"unknown key":             {yaml("listen: :1\nlisen: tellnobody\n"), "chat.yaml:2: lisen: there is no such option"},
		"dashed key":              {yaml("server-name: x\n"), "did you mean server_name?"},
		"unknown nested key":      {yaml("limits:\n  page: 50\n  pages: 50\n"), "chat.yaml:3: limits.pages: there is no such option"},
		"dotted key":              {yaml("limits.page: 50\n"), "chat.yaml:1: limits.page: there is no such option"},
		"file in a file":          {yaml("config: x\n"), "chat.yaml:1: config: a file cannot name another"},
		"key twice":               {yaml("listen: :1\nlisten: :2\n"), "chat.yaml:2: listen: stands in line 1 already"},
		"nested key twice":        {yaml("limits:\n  page: 50\n  \"page\": 60\n"), "chat.yaml:3: limits.page: stands in line 2 already"},
		"not YAML":                {yaml("listen: :1\nmachine_token: \"tellnobody\n"), "chat.yaml:2: this is not YAML"},
		"open list":               {yaml("machine_token: [tellnobody\n"), "chat.yaml:1: this is not YAML"},
		"bare word":               {yaml("tellnobody\n"), "chat.yaml:1: want lines of the form key: value"},
		"list at the top":         {yaml("- tellnobody\n"), "chat.yaml:1: want lines"},
		"limits as a word":        {yaml("limits: tellnobody\n"), "chat.yaml:1: limits: want lines"},
		"two documents":           {yaml("listen: ':1'\n---\nlisten: ':2'\n"), "chat.yaml:3: only one YAML document"},
		"not UTF-8":               {yaml("listen: \xff\n"), "chat.yaml: the file is not UTF-8"},
		"no value":                {yaml("data:\n"), "chat.yaml:1: data: has no value"},
		"alias":                   {yaml("data: *tellnobody\n"), "chat.yaml:1: data: want a plain value"},
		"merge":                   {yaml("<<: {listen: ':1'}\n"), "chat.yaml:1: keys are plain words"},
		"number as key":           {yaml("1: 2\n"), "chat.yaml:1: keys are plain words"},
		"mapping as value":        {yaml("data: {a: b}\n"), "chat.yaml:1: data: want a plain value"},
		"list as value":           {yaml("data: [a, b]\n"), "chat.yaml:1: data: want one value, not a list"},
		"list of mappings":        {yaml("trusted_proxies: [{a: b}]\n"), "chat.yaml:1: trusted_proxies: want a list of networks"},
		"bad value in file":       {yaml("\n\nlisten: nowhere\n"), `chat.yaml:3: listen: "nowhere": want host:port`},
		"bad value in variable":   {env("INTERNALCHAT_LISTEN=nowhere"), `INTERNALCHAT_LISTEN: "nowhere": want host:port`},
		"bad value in flag":       {flags("listen", "nowhere"), `--listen: "nowhere": want host:port`},
		"port too high":           {flags("listen", ":65536"), "--listen: "},
		"port by name":            {flags("listen", "localhost:http"), "--listen: "},
		"listen on a bad host":    {flags("listen", "a b:80"), "--listen: "},
		"listen on bare IPv6":     {flags("listen", "::1:80"), "--listen: "},
		"empty listen":            {flags("listen", ""), "--listen: "},
		"empty data":              {flags("data", ""), "--data: "},
		"NUL in data":             {flags("data", "a\x00b"), "--data: "},
		"bad registration":        {flags("registration", "maybe"), `--registration: "maybe": want closed or open`},
		"bad rate limits":         {yaml("rate_limits: yes\n"), `chat.yaml:1: rate_limits: "yes": want on or off`},
		"bad room policy":         {flags("room-policy", "Team"), "--room-policy: "},
		"bad log format":          {flags("log-format", "xml"), "--log-format: "},
		"database of another":     {flags("database", "mysql://u:tellnobody@h/d"), "--database: want a PostgreSQL URL"},
		"broken database URL":     {flags("database", "postgres://u:tellnobody%@h/d"), "--database: want a PostgreSQL URL"},
		"database by keywords":    {flags("database", "host=h password=tellnobody"), "--database: want a PostgreSQL URL"},
		"database without host":   {flags("database", "postgres:///d"), "--database: the PostgreSQL URL names no host"},
		"listen without database": {flags("database-listen", "postgres://h/d"), "--database-listen: is only for PostgreSQL"},
		"public URL without http": {flags("public-url", "chat.example.com"), "--public-url: "},
		"public URL by ftp":       {flags("public-url", "ftp://chat.example.com"), "--public-url: "},
		"public URL with user":    {flags("public-url", "https://u:tellnobody@h"), "--public-url: "},
		"public URL with query":   {flags("public-url", "https://h/?a=b"), "--public-url: "},
		"public URL, bad port":    {flags("public-url", "https://h:0"), "--public-url: "},
		"long server name":        {flags("server-name", long), "--server-name: "},
		"server name as URL":      {flags("server-name", "https://h"), "--server-name: "},
		"server name, underscore": {flags("server-name", "a_b"), "--server-name: "},
		"server name, high port":  {flags("server-name", "h:70000"), "--server-name: "},
		"server name, bare IPv6":  {flags("server-name", "2001:db8::1"), "--server-name: "},
		"server name, bad IPv6":   {flags("server-name", "[2001]"), "--server-name: "},
		"server name, two dots":   {flags("server-name", "a..b"), "--server-name: "},
		"base domain with port":   {flags("base-domain", "h:1"), "--base-domain: "},
		"base domain, address":    {flags("base-domain", "10.0.0.1"), "--base-domain: "},
		"bad proxies":             {flags("trusted-proxies", "10.0.0.0/8,x"), "--trusted-proxies: "},
		"proxies, mapped":         {flags("trusted-proxies", "::ffff:10.0.0.1"), "--trusted-proxies: "},
		"proxies, zone":           {flags("trusted-proxies", "fe80::1%eth0"), "--trusted-proxies: "},
		"limit too low":           {yaml("limits:\n  page: 9\n"), `chat.yaml:2: limits.page: "9": must be 10 to 10000`},
		"limit too high":          {yaml("limits:\n  url_bytes: 1048577\n"), `"1048577": must be 1KiB to 1MiB`},
		"negative limit":          {env("INTERNALCHAT_LIMITS_PAGE=-50"), "INTERNALCHAT_LIMITS_PAGE: "},
		"hexadecimal limit":       {yaml("limits: {page: 0x50}\n"), `chat.yaml:1: limits.page: "0x50": want a whole number`},
		"size in megabytes":       {yaml("limits: {upload_bytes: 50MB}\n"), `limits.upload_bytes: "50MB": want bytes`},
		"size beyond 63 bits":     {yaml("limits: {upload_bytes: 9999999999GiB}\n"), "limits.upload_bytes: "},
		"duration without unit":   {yaml("limits: {sync_timeout: 30}\n"), `limits.sync_timeout: "30": want a duration`},
		"duration too long":       {yaml("limits: {sync_timeout: 1h}\n"), `"1h": must be 1s to 5m`},
		"rate without burst":      {yaml("rates: {search: 5}\n"), `rates.search: "5": want how many`},
		"rate of nothing":         {yaml("rates: {search: 0/5}\n"), "rates.search: "},
		"rate, not a number":      {yaml("rates: {search: NaN/5}\n"), "rates.search: "},
		"passwords upside down":   {yaml("limits: {password_min: 128, password_max: 64}\n"), "chat.yaml:1: limits.password_min: must not be over"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, test.source)
			if err == nil {
				t.Fatalf("got no error, want one with %q", test.want)
			}
			if got := err.Error(); !strings.Contains(got, test.want) || strings.Contains(got, "tellnobody") {
				t.Errorf("got %q, want %q in it and no secret", got, test.want)
			}
		})
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	_, err := load(t, source{flags: map[string]string{"listen": "x"}, env: []string{"INTERNALCHAT_X=1"}, yaml: "a: 1\nb: 2\n"})
	if err == nil {
		t.Fatal("got no error, want four")
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 4 {
		t.Errorf("got %d lines, want 4:\n%v", got, err)
	}
}

func TestBadTokenFiles(t *testing.T) {
	for name, content := range map[string]string{"empty": "\n", "short": "tellnobody", "two lines": "tellnobodytellnobody\ntellnobody\n"} {
		file := mustWrite(t, "token", content)
		_, err := load(t, flags("machine-token-file", file))
		if err == nil || !strings.Contains(err.Error(), "--machine-token-file: "+file+": ") || strings.Contains(err.Error(), "tellnobody") {
			t.Errorf("%s: got %v, want an error that names option and file and no content", name, err)
		}
	}
}

func TestServerNames(t *testing.T) {
	for _, name := range []string{
		"localhost", "hs1", "chat.example.com", "Chat.Example.COM:8448", "1.2.3.4", "1.2.3.4:65535", "[::1]", "[2001:db8::1]:1", strings.Repeat("a", 230),
	} {
		if err := config.CheckServerName(name); err != nil {
			t.Errorf("%q: got %v, want no error", name, err)
		}
	}
	for _, name := range []string{"", ":1", "a:", "a:01", "-a", "a-", ".a", "[::1", "::1]", "[::1]a", "[1.2.3.4]", "[fe80::1%25a]", "a/b", "a b", "é", "a\n", "a:1:2"} {
		if err := config.CheckServerName(name); err == nil {
			t.Errorf("%q: got no error, want one", name)
		}
	}
}

// FuzzFile looks for panics, and for secrets in messages.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"", "listen: :1", "limits: {page: 50}\nrates:\n  search: 1/2\n", "trusted_proxies: [10.0.0.0/8]", "a: &b c\nd: *b\n<<: {e: f}\n",
		"? a\n: b\n", "--- !!map\nx: |\n  y\n...\n", "{", "[", "\"", "%YAML 1.2\n---\na: b", "- - -", "a:\n\t- b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		c, err := load(t, source{yaml: "machine_token: tellnobodytellnobody\n" + content})
		if err != nil && strings.Contains(err.Error(), "tellnobody") && !strings.Contains(content, "tell") {
			t.Errorf("the message repeats a secret: %v", err)
		}
		if (c == nil) == (err == nil) {
			t.Errorf("got %v and %v, want one of them", c, err)
		}
	})
}
