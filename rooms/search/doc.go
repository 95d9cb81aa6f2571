// Package search finds messages, room names and topics by their words. It owns
// what a word is (folded the same for every database), what of the stream goes
// into the index, and how an answer is put together; the index itself is the
// storage's, and follows the stream a moment behind. Its one rule: the index only
// proposes. What a reader gets is read from the room and asked of
// rooms.Visibility, the texts that led to it included, so that nobody learns from
// what was found that somebody said what they may not read.
package search
