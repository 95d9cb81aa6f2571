// Package event builds, hashes, authorises and redacts room events. It alone
// imports gomatrixserverlib. Its one rule: an [Event] is never changed once it
// has been shared; whatever differs for a reader (unsigned) is written beside
// its bytes, and a redaction makes a new Event.
package event
