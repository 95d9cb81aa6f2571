package config

import (
	"net/netip"
	"slices"
	"strings"
)

const envPrefix = "INTERNALCHAT_"

// Option is one row of the table that flags, variables, YAML keys, help and
// reference are made from.
type Option struct {
	// Key is the YAML key; a dot leads into a nested mapping (limits.page).
	Key string
	// Flag is the name without dashes, or empty if the option has no flag.
	Flag string
	// Default is the default as an operator would write it.
	Default string
	// Doc is one or more sentences; the first one is the help of the flag.
	Doc string
	// Secret options are never shown.
	Secret bool

	noYAML bool
	kind   kind
}

// Env is the name of the option's environment variable.
func (o Option) Env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(o.Key, ".", "_"))
}

// Shape says in a word or two what a value looks like.
func (o Option) Shape() string { return o.kind.shape }

// Summary is the first sentence of Doc, without its full stop.
func (o Option) Summary() string {
	first, _, _ := strings.Cut(o.Doc, ". ")
	return strings.TrimSuffix(first, ".")
}

// Options gives all options in the order of the reference.
func Options() []Option {
	return slices.Concat(mainOptions, mediaOptions, limitOptions, rateOptions)
}

var mainOptions = []Option{
	{
		Key: "config", Flag: "config", noYAML: true,
		Doc:  "YAML file with further options. Without it no file is read.",
		kind: text("file", func(c *Config) *string { return &c.File }, checkPath),
	},
	{
		Key: "data", Flag: "data", Default: "./data",
		Doc:  "Folder of the embedded database and the media. It is created at the first start; one server at a time can use it.",
		kind: text("folder", func(c *Config) *string { return &c.Data }, required(checkPath)),
	},
	{
		Key: "listen", Flag: "listen", Default: "127.0.0.1:8008",
		Doc: "Address to listen on for HTTP. An empty host means all interfaces, port 0 any free port; the server prints the address it got. " +
			"TLS is the business of the proxy in front of it.",
		kind: text("host:port", func(c *Config) *string { return &c.Listen }, checkListen),
	},
	{
		Key: "database", Flag: "database", Secret: true,
		Doc:  "PostgreSQL URL; empty is SQLite in the data folder. It looks like postgres://user:password@host/name. Files that people share stay where media.store says.",
		kind: text("URL", func(c *Config) *Secret { return &c.Database }, checkDatabase),
	},
	{
		Key: "database_listen", Flag: "database-listen", Secret: true,
		Doc: "PostgreSQL URL for LISTEN, if not --database. " +
			"Needed when the database is reached through PgBouncer, where LISTEN does not work: give the direct address here.",
		kind: text("URL", func(c *Config) *Secret { return &c.DatabaseListen }, checkDatabase),
	},
	{
		Key: "public_url", Flag: "public-url",
		Doc:  "Where clients reach the server, as https://chat.example.com. Empty is the address it listens on, which is enough on one machine only.",
		kind: text("URL", func(c *Config) *string { return &c.PublicURL }, checkPublicURL),
	},
	{
		Key: "server_name", Flag: "server-name",
		Doc: "Server name of the default account, as in @ana:NAME. " +
			"It is fixed by the first start, which takes localhost while this is empty; a later change is refused.",
		kind: text("name", func(c *Config) *string { return &c.ServerName }, checkServerName),
	},
	{
		Key: "base_domain", Flag: "base-domain",
		Doc: "Domain for the server names of further accounts. An account acme that is created without a server name gets acme.BASE_DOMAIN; " +
			"while this is empty, every account must be created with a server name.",
		kind: text("domain", func(c *Config) *string { return &c.BaseDomain }, checkBaseDomain),
	},
	{
		Key: "registration", Flag: "registration", Default: "closed",
		Doc: "Whether strangers may create users. " +
			"Open lets anybody who reaches the server register with m.login.dummy; that is for conformance suites, not for use.",
		kind: choice(func(c *Config) *Registration { return &c.Registration }, RegistrationClosed, RegistrationOpen),
	},
	{
		Key: "room_policy", Flag: "room-policy", Default: "team",
		Doc: "Rules for rooms in new accounts. " +
			"The value team means the product's kinds of room, matrix means exactly the Matrix specification.",
		kind: choice(func(c *Config) *RoomPolicy { return &c.RoomPolicy }, RoomPolicyTeam, RoomPolicyMatrix),
	},
	{
		Key: "oauth", Flag: "oauth", Default: "on",
		Doc: "Whether clients may sign people in by OAuth 2.0, as Element X does, on pages of this server. " +
			"It needs an address with https, or one on the same machine: elsewhere, and where an account has neither passwords nor a sign-in page, " +
			"clients are told that there is none. The older ways to sign in stay.",
		kind: onOff(func(c *Config) *bool { return &c.OAuth }),
	},
	{
		Key: "rate_limits", Flag: "rate-limits", Default: "on",
		Doc:  "Whether requests are limited in rate. Off is for benchmarks and conformance suites, and warned about in the log.",
		kind: onOff(func(c *Config) *bool { return &c.RateLimits }),
	},
	{
		Key: "machine_token", Flag: "machine-token", Secret: true,
		Doc: "Secret of the provisioning API; empty turns it off. At least 16 characters, no spaces. " +
			"Other users of the machine can see command lines: prefer the file.",
		kind: text("secret", func(c *Config) *Secret { return &c.MachineToken }, checkToken),
	},
	{
		Key: "machine_token_file", Flag: "machine-token-file",
		Doc:  "File that holds the secret of the provisioning API. One line; not together with the secret itself.",
		kind: text("file", func(c *Config) *string { return &c.MachineTokenFile }, checkPath),
	},
	{
		Key: "trusted_proxies", Flag: "trusted-proxies",
		Doc: "Networks of the proxies in front of the server. " +
			"Only from them Forwarded and X-Forwarded-For are believed. Separated by commas, in YAML also a list.",
		kind: networks(func(c *Config) *[]netip.Prefix { return &c.TrustedProxies }),
	},
	{
		Key: "outbound_networks", Flag: "outbound-networks",
		Doc: "Networks the server may call though they are not public. " +
			"It is for sign-in providers, resolvers and webhooks that stand there: 127.0.0.0/8 is this machine. Separated by commas, in YAML also a list.",
		kind: networks(func(c *Config) *[]netip.Prefix { return &c.OutboundNetworks }),
	},
	{
		Key: "preview_networks",
		Doc: "Networks from which the server may read pages for previews though they are not public. " +
			"Everybody who may write a link can look at what stands there, so outbound_networks are not among them. Separated by commas, in YAML also a list.",
		kind: networks(func(c *Config) *[]netip.Prefix { return &c.PreviewNetworks }),
	},
	{
		Key: "log_format", Flag: "log-format", Default: "text",
		Doc:  "How the log is written.",
		kind: choice(func(c *Config) *LogFormat { return &c.LogFormat }, LogText, LogJSON),
	},
}
