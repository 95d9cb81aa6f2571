// Package bell owns what the bell rings for by itself: mentions, direct messages and
// announcements. It follows the stream, so that a message costs its sender the same in
// a room of ten and of ten thousand: who is to be told is judged behind it, by each
// reader's push rules, levels and preferences of then, and written by acts of a few
// members each. Its one rule: of an event one user is told at most once, as the first
// that it is of a mention, a direct message and an announcement.
//
// Entries are read by receipts and by one's own messages, and go when their event is
// redacted or their user has left the room. What an entry shows is judged again at
// each reading. Reminders and whatever else rings do so in acts of their own
// ([rooms.BellTx]).
package bell
