// Command chatbench loads a Matrix homeserver over HTTP and measures it: sends
// from many clients at once (send), one message on its way to many waiting
// clients (fanout), and the first answer to a client that knows nothing yet
// (initsync). It makes its own users and rooms, prints one line of JSON, and
// ends with status 1 if anything went wrong on the way.
//
// Its one rule: it knows servers from outside only, so that every homeserver
// is measured by the same rod. Because it usually shares its processors with
// the server, its client is a plain one: a connection for every simulated
// client, no pool, no goroutines beside the caller's, and answers are searched
// and not decoded.
package main
