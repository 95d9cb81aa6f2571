// Package tenant names who is asking: the account (a tenant) and the caller
// inside it. It is a leaf that every other package may use. Its one rule: no
// value here is ever trusted because a client sent it; a [Caller] is made by
// whoever checked the access token, and by nobody else.
package tenant
