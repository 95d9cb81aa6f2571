// Package oauth lets clients sign people in by OAuth 2.0 (client-server API, "OAuth
// 2.0 API"): it registers clients, keeps what they ask for until somebody has decided,
// and gives them ordinary sessions for it. Requests are read, and refused, by
// github.com/zitadel/oidc. Its one rule: nothing is given to a client but what a user
// has just granted it in a browser of their own, and only once.
package oauth
