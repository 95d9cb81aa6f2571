// Command internalchat is the chat server and the tools on its data. This
// package owns the command line, the wiring of the other packages, listening
// and stopping. Its one rule: it decides nothing about chat; it reads
// arguments, builds services and hands over.
package main
