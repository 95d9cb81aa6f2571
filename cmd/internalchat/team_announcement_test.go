package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// mustHire makes agents as ConversaLabs does, with these numbers.
func mustHire(t testing.TB, in installation, address string, first, last int) {
	t.Helper()
	said := in.mustRun(t, "", "token", "create", fmt.Sprintf("conversalabs-%d", first))
	_, token, _ := strings.Cut(strings.TrimSpace(said), ": ")
	var operations []map[string]any
	for i := first; i <= last; i++ {
		operations = append(operations, map[string]any{"method": "PUT", "path": fmt.Sprintf("users/%d", i), "body": map[string]any{
			"display_name": fmt.Sprintf("Agent %d", i), "role": "agent", "internal_chat": true, "active": true, "version": 1,
		}})
	}
	body, err := json.Marshal(map[string]any{"operations": operations})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(within(t), http.MethodPost, address+"/_conversalabs/v1/accounts/default/bulk", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || bytes.Contains(text, []byte("errcode")) {
		t.Fatalf("got %d %s, %v", answer.StatusCode, text, err)
	}
}

// mustAnnounce makes an announcement.
func mustAnnounce(t testing.TB, client *mautrix.Client) id.RoomID {
	t.Helper()
	made, err := client.CreateRoom(within(t), &mautrix.ReqCreateRoom{
		Name: "News", PowerLevelOverride: &event.PowerLevelsEventContent{EventsDefault: 50},
	})
	if err != nil {
		t.Fatalf("create the announcement: %v", err)
	}
	return made.RoomID
}

// mustFill reads until so many people are in a room.
func mustFill(t testing.TB, p *person, room id.RoomID, people int) {
	t.Helper()
	timeout := time.After(4 * patience)
	for {
		members, err := p.JoinedMembers(within(t), room)
		if err != nil {
			t.Fatal(err)
		}
		if len(members.Joined) >= people {
			return
		}
		select {
		case <-p.events:
		case <-p.ended:
			t.Fatalf("%s does not sync any more: %v", p.UserID, p.err)
		case <-timeout:
			t.Fatalf("%d people are in the room, want %d", len(members.Joined), people)
		}
	}
}

// mustHaveJoinedOnce demands that so many people are in a room, and came in once each.
func mustHaveJoinedOnce(t testing.TB, client *mautrix.Client, room id.RoomID, people int) {
	t.Helper()
	joins := map[string]int{}
	for _, e := range mustHistory(t, client, room) {
		if e.Type == event.StateMember {
			joins[e.GetStateKey()]++
		}
	}
	for user, n := range joins {
		if n != 1 {
			t.Errorf("%s came in %d times", user, n)
		}
	}
	if len(joins) != people {
		t.Errorf("got %d people, want %d", len(joins), people)
	}
}

// mustSeeSomebodyJoin reads until somebody else than the reader is in the room.
func mustSeeSomebodyJoin(t testing.TB, p *person, room id.RoomID) {
	t.Helper()
	timeout := time.After(4 * patience)
	for {
		select {
		case e := <-p.events:
			if e.RoomID == room && e.Type == event.StateMember && e.GetStateKey() != string(p.UserID) {
				return
			}
		case <-p.ended:
			t.Fatalf("%s does not sync any more: %v", p.UserID, p.err)
		case <-timeout:
			t.Fatal("nobody is joined to the announcement")
		}
	}
}

// TestKilledWhileEverybodyIsJoined kills the server while it lets a team into a new
// announcement. The next start goes on where it was.
func TestKilledWhileEverybodyIsJoined(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		const hired = 200
		s := in.mustStart(t)
		admin := newPerson(t, mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s)))
		first := mustAnnounce(t, admin.Client)
		mustHire(t, in, s.url, 1, 1)
		mustFill(t, admin, first, 2)
		mustHire(t, in, s.url, 2, hired)
		mustFill(t, admin, first, hired+1) // by those who come later
		mustHaveJoinedOnce(t, admin.Client, first, hired+1)

		second := mustAnnounce(t, admin.Client)
		mustSeeSomebodyJoin(t, admin, second)
		s.kill(t)
		admin.leave()

		s = in.mustStart(t)
		admin = admin.restart(t, s.url)
		members, err := admin.JoinedMembers(within(t), second)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d people were known to be in it soon after the kill", len(members.Joined))
		mustFill(t, admin, second, hired+1)
		mustHaveJoinedOnce(t, admin.Client, second, hired+1)
	})
}

// TestNodeKilledWhileEverybodyIsJoined kills one of two nodes meanwhile: the other one
// goes on, whichever of them it was.
func TestNodeKilledWhileEverybodyIsJoined(t *testing.T) {
	t.Parallel()
	const hired = 200
	in, one, two, password := nodes(t)
	admin := newPerson(t, mustLogIn(t, two.url, "admin", password))
	mustHire(t, in, one.url, 1, hired)
	room := mustAnnounce(t, admin.Client)
	mustSeeSomebodyJoin(t, admin, room)
	one.kill(t)
	mustFill(t, admin, room, hired+1)
	mustHaveJoinedOnce(t, admin.Client, room, hired+1)
}
