// Package extension serves what the product has beside the Matrix API, to agents
// and their clients: /_matrix/client/unstable/br.com.conversalabs/v1, one file per
// subject. Its one rule: it decides nothing that a stock client could not ask for
// by the Matrix API or an administrator may not know; all rules are below it.
package extension
