// Package cards asks the system that knows an account's items (conversations, deals)
// what somebody may see of one. It owns what that system is told, what of its answers
// is believed, and Chatwoot's interface beside the product's own (docs/cards.md). Its
// one rule: it reads. Every call is a GET that carries who asks and for what, and
// nothing of what is said in rooms.
package cards
