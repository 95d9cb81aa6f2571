// Package provisioning lets another system (ConversaLabs) say which accounts, users
// and teams there are: /_conversalabs/v1. Its one rule: what is said is whole and
// has a version, so that whatever comes twice or late changes nothing, and what is
// refused leaves nothing behind. openapi.json is the contract, docs/integration.md
// its introduction.
package provisioning
