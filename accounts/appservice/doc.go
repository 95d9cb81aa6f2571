// Package appservice is what the server does for application services: it reads their
// registrations, sends them what happens in their account, and asks them for users and
// rooms that they may make. Its one rule: what a service is sent comes in the order of
// the account's stream, and goes on only when the service has taken what was before.
package appservice
