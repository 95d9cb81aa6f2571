// Package config owns every option of internalchat: its name, default, check
// and documentation, and how flags, environment, YAML file and defaults come
// together in one [Config]. Its one rule: an option exists once, as a row of
// the table in options.go or limits.go; flags, variables, keys, help and
// docs/configuration.md are made from that row.
package config
