package config

import (
	"fmt"
	"strings"
)

const referenceHead = `# Configuration

<!-- Made from the table of options by "go test ./config -update". Do not edit. -->

The server starts without any option. What can be set is below, once each: as a
flag, as an environment variable, or as a key in the YAML file that --config
names. If an option is given in several places, the flag wins over the variable,
the variable over the file, and the file over the default. An empty variable
counts as not set.

A name that does not exist, a value that does not fit or a file that cannot be
read ends the program with exit code 2 before it has written anything; the
message names the flag, the variable, or the file, line and key.

    # internalchat.yaml
    listen: 127.0.0.1:8008
    server_name: chat.example.com
    public_url: https://chat.example.com
    machine_token_file: /etc/internalchat/machine-token
    trusted_proxies: [10.0.0.0/8]
    limits:
      upload_bytes: 100MiB
    rates:
      search: 5/20

## Options
`

const referenceMedia = `
## Media

In YAML these keys stand in the mapping media. They have no flags.
`

const referenceLimits = `
## Limits

In YAML these keys stand in the mapping limits. They have no flags. Sizes are
bytes, or a number with KiB, MiB or GiB; durations are a number with ms, s, m or h.
`

const referenceRates = `
## Rates

In YAML these keys stand in the mapping rates. They have no flags. The value is
how many requests a second are allowed in the long run, a slash, and how many at
once. What is over is answered with 429 and the time to wait; --rate-limits off
turns all of it off.
`

// Reference gives docs/configuration.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, o := range mainOptions {
		name := o.Key // where it has no flag
		if o.Flag != "" {
			name = "--" + o.Flag
		}
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", name, o.Doc)
		fmt.Fprintf(&b, "- Value: %s\n- Default: %s\n- Variable: `%s`\n", o.Shape(), orNothing(o.Default), o.Env())
		if !o.noYAML {
			fmt.Fprintf(&b, "- YAML key: `%s`\n", o.Key)
		}
	}
	b.WriteString(referenceMedia)
	referenceTable(&b, mediaOptions)
	b.WriteString(referenceLimits)
	referenceTable(&b, limitOptions)
	b.WriteString(referenceRates)
	referenceTable(&b, rateOptions)
	return b.String()
}

func orNothing(value string) string {
	if value == "" {
		return "empty"
	}
	return "`" + value + "`"
}

func referenceTable(b *strings.Builder, options []Option) {
	b.WriteString("\n| Key | Variable | Value | Default | Meaning |\n|---|---|---|---|---|\n")
	for _, o := range options {
		_, key, _ := strings.Cut(o.Key, ".")
		fmt.Fprintf(b, "| `%s` | `%s` | %s | %s | %s |\n", key, o.Env(), strings.ReplaceAll(o.Shape(), "|", " or "), orNothing(o.Default), o.Doc)
	}
}
