package appservice_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/appservice"
)

const registration = `
id: "IRC Bridge"
url: "http://127.0.0.1:1234/"
as_token: "30c05ae90a248a4188e620216fa72e34"
hs_token: "312df522183efd404ec1cd22d2ffa4bb"
sender_localpart: "_irc_bot" # Will result in @_irc_bot:example.org
namespaces:
  users:
    - exclusive: true
      regex: "@_irc_bridge_.*"
  aliases:
    - exclusive: false
      regex: "#_irc_bridge_.*"
  rooms: []
rate_limited: false
protocols: [irc]
de.sorunome.msc2409.push_ephemeral: true
org.matrix.msc3202: true
io.element.msc4190: true
`

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := appservice.Parse([]byte(registration), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	want := accounts.AppService{
		ID: "IRC Bridge", URL: "http://127.0.0.1:1234", Token: accounts.Hash("30c05ae90a248a4188e620216fa72e34"),
		HSToken: "312df522183efd404ec1cd22d2ffa4bb", Sender: "@_irc_bot:example.org", Ephemeral: true, Protocols: []string{"irc"},
		Users:   accounts.Namespaces{{Exclusive: true, Pattern: "@_irc_bridge_.*"}},
		Aliases: accounts.Namespaces{{Pattern: "#_irc_bridge_.*"}},
	}
	if diff := cmp.Diff(got, want, cmpopts.IgnoreUnexported(accounts.Namespace{})); diff != "" {
		t.Error(diff)
	}
	for user, owned := range map[string]bool{
		"@_irc_bridge_x:example.org": true, "@_irc_bot:example.org": true, "@x_irc_bridge_x:example.org": false, "@ana:example.org": false,
	} {
		if got.Owns(accounts.User{}.ID) || got.Users.Match(user) != owned && user != string(got.Sender) {
			t.Errorf("%s: got %v, want %v", user, !owned, owned)
		}
	}
	if got.Aliases.Reserve("#_irc_bridge_x:example.org") || !got.Users.Reserve("@_irc_bridge_x:example.org") {
		t.Error("exclusive is what is not, or the other way round")
	}
}

func TestParseIsStrict(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to, want string }{
		"no ID":            {`"IRC Bridge"`, `""`, "id must be"},
		"slash in ID":      {`IRC Bridge`, `a/b`, "id must be"},
		"no url":           {`url: "http://127.0.0.1:1234/"`, ``, "url is missing"},
		"other scheme":     {`http://`, `ftp://`, "url must"},
		"password in url":  {`127.0.0.1`, `a:b@127.0.0.1`, "url must"},
		"query in url":     {`1234/`, `1234/?x`, "url must"},
		"short token":      {`30c05ae90a248a4188e620216fa72e34`, `x`, "as_token"},
		"token with space": {`30c05ae90a248a4188e620216fa72e34`, `0123456789 0123456789`, "as_token"},
		"our own token":    {`30c05ae90a248a4188e620216fa72e34`, `ic_at_default_xxxxxxxxx`, "as_token"},
		"same tokens":      {`30c05ae90a248a4188e620216fa72e34`, `312df522183efd404ec1cd22d2ffa4bb`, "not be the same"},
		"no sender":        {`"_irc_bot"`, `""`, "sender_localpart"},
		"sender is an ID":  {`"_irc_bot"`, `"@x:example.org"`, "sender_localpart"},
		"no expression":    {`regex: "@_irc_bridge_.*"`, `regex: ""`, "namespaces.users[0]"},
		"no exclusive":     {"exclusive: true\n      ", "", "namespaces.users[0]"},
		"look-around":      {`@_irc_bridge_.*`, `@(?!x).*`, "RE2"},
		"long expression":  {`@_irc_bridge_.*`, strings.Repeat("x", 2000), "1024 bytes"},
		"unknown key":      {`rate_limited`, `rate_limit`, "rate_limit"},
		"key twice":        {`rate_limited: false`, "rate_limited: false\nid: x", "id"},
		"wrong type":       {`rate_limited: false`, `rate_limited: [1]`, "read registration"},
		"no YAML":          {`id:`, `{`, "read registration"},
	} {
		changed := strings.Replace(registration, c.from, c.to, 1)
		if changed == registration {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := appservice.Parse([]byte(changed), "example.org"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
	got, err := appservice.Parse([]byte(strings.Replace(registration, `"http://127.0.0.1:1234/"`, "null", 1)), "example.org")
	if err != nil || got.URL != "" {
		t.Errorf("null: got %q, %v", got.URL, err)
	}
	got, err = appservice.Parse([]byte(strings.Replace(registration, `rate_limited: false`, "", 1)), "example.org")
	if err != nil || !got.RateLimited {
		t.Errorf("rates: got %v, %v, want the rates of all", got.RateLimited, err)
	}
}
