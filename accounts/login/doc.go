// Package login checks who people are: passwords, login tokens, and the
// confirmation that a client asks of its user before something grave
// (user-interactive authentication). Its one rule: whoever does not prove who
// they are learns nothing, not even whether the user exists.
package login
