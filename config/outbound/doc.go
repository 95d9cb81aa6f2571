// Package outbound is the one way by which the server calls others: sign-in
// providers, resolvers, webhooks, application services. Its one rule: an address
// is judged after its name has been resolved, at the moment of connecting, so that
// nobody makes the server talk to the network it stands in unless the operator has
// allowed that network.
package outbound
