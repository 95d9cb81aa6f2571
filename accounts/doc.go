// Package accounts owns accounts (tenants), their users, devices and sessions,
// account data and keys. Its one rule: a secret is kept only as its hash, and
// shown only once.
package accounts
