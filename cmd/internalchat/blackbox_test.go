package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

// mustBeFirstStart gives the administrator's password, from what a server says
// at its first start.
func mustBeFirstStart(t testing.TB, s *server) (password string) {
	t.Helper()
	lines := s.lines()
	const prefix = "Password (shown this once): "
	if len(lines) != 3 || lines[0] != "Administrator: @admin:localhost" || !strings.HasPrefix(lines[1], prefix) {
		t.Fatalf("got %q, want the administrator, the password and that it is ready", lines)
	}
	return strings.TrimPrefix(lines[1], prefix)
}

// TestTwoClientsTalk is the whole server in one conversation: two clients talk by
// long polls, and neither their restart nor the server's loses anything.
func TestTwoClientsTalk(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t)
		admin := newPerson(t, mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s)))
		in.mustHaveUser(t, "bia", "correct horse")
		bia := newPerson(t, mustLogIn(t, s.url, "bia", "correct horse"))

		room := mustCreateRoom(t, admin.Client, "kitchen")
		if joined := mustJoin(t, bia.Client, "#kitchen:localhost"); joined != room {
			t.Fatalf("got room %s by its alias, want %s", joined, room)
		}
		mustTalk(t, admin, bia, room, "before")
		mustRedact(t, admin, bia, room)
		before := mustHistory(t, bia.Client, room)

		// Nobody is in the middle of anything: both wait in their polls.
		s.stop(t)
		admin.leave()
		bia.leave()
		s = in.mustStart(t)
		if lines := s.lines(); len(lines) != 1 {
			t.Errorf("got %q at the second start, want only that it is ready", lines)
		}
		admin = admin.restart(t, s.url)
		missed := mustSend(t, admin.Client, room, "sent while bia was away")
		bia = bia.restart(t, s.url)
		bia.mustSee(t, missed)
		admin.mustSee(t, missed)
		mustTalk(t, admin, bia, room, "after")

		after := mustHistory(t, bia.Client, room)
		if diff := cmp.Diff(idsOf(before), idsOf(after[:len(before)])); diff != "" {
			t.Errorf("the restart changed the history (-before +after):\n%s", diff)
		}
		for _, p := range []*person{admin, bia} {
			if diff := cmp.Diff(idsOf(after), p.seen); diff != "" {
				t.Errorf("%s saw what differs (+) from the history (-):\n%s", p.UserID, diff)
			}
		}
	})
}

// mustTalk lets two persons answer each other, each when it has seen the other's
// message.
func mustTalk(t testing.TB, a, b *person, room id.RoomID, when string) {
	t.Helper()
	for i := range 10 {
		for _, sender := range []*person{a, b} {
			text := fmt.Sprintf("%s %s %d: água, ação & <b>", when, sender.UserID, i)
			sent := mustSend(t, sender.Client, room, text)
			for _, reader := range []*person{a, b} {
				e := reader.mustSee(t, sent)
				if got := e.Content.AsMessage().Body; got != text || e.Sender != sender.UserID || e.RoomID != room {
					t.Errorf("got %q of %s in %s, want %q of %s in %s", got, e.Sender, e.RoomID, text, sender.UserID, room)
				}
				own := e.Unsigned.TransactionID != ""
				if own != (reader == sender) {
					t.Errorf("%s sees the transaction ID %q on an event of %s", reader.UserID, e.Unsigned.TransactionID, sender.UserID)
				}
			}
		}
	}
}

// mustRedact lets a take back a message, and demands that b learns of it and
// that the words are gone.
func mustRedact(t testing.TB, a, b *person, room id.RoomID) {
	t.Helper()
	slip := mustSend(t, a.Client, room, "a slip of the tongue")
	b.mustSee(t, slip)
	redaction, err := a.RedactEvent(within(t), room, slip, mautrix.ReqRedact{Reason: "a slip"})
	if err != nil {
		t.Fatalf("redact: %v", err)
	}
	e := b.mustSee(t, redaction.EventID)
	if redacts, _ := e.Content.Raw["redacts"].(string); e.Redacts != slip && redacts != slip.String() {
		t.Errorf("got a redaction of %q and %q, want of %s", e.Redacts, redacts, slip)
	}
	a.mustSee(t, redaction.EventID)
	gone, err := b.GetEvent(within(t), room, slip)
	if err != nil {
		t.Fatalf("get the redacted event: %v", err)
	}
	if len(gone.Content.Raw) != 0 || gone.Unsigned.RedactedBecause == nil {
		t.Errorf("got content %v and redacted_because %v, want nothing and the redaction", gone.Content.Raw, gone.Unsigned.RedactedBecause)
	}
}
