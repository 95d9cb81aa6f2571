package main_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// hasty starts a server on which people are offline after a second or two.
func (in installation) hasty(t testing.TB, args ...string) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hasty.yaml")
	if err := os.WriteFile(file, []byte("limits:\n  presence_timeout: 1s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return in.launch(t, append([]string{"--config", file}, args...)...)
}

// watcher polls and remembers what it was told of people's presence.
type watcher struct {
	client *mautrix.Client
	since  string
	told   map[id.UserID]event.Presence
}

// mustStep makes one poll as offline, which waits for at most this long.
func (w *watcher) mustStep(t testing.TB, timeout time.Duration) {
	t.Helper()
	answer, err := w.client.FullSyncRequest(within(t), mautrix.ReqSync{
		Since: w.since, Timeout: int(timeout.Milliseconds()), SetPresence: event.PresenceOffline,
	})
	if err != nil {
		t.Fatalf("%s syncs: %v", w.client.UserID, err)
	}
	if w.told == nil {
		w.told = map[id.UserID]event.Presence{}
	}
	w.since = answer.NextBatch
	for _, e := range answer.Presence.Events {
		_ = e.Content.ParseRaw(event.EphemeralEventPresence) // fails when it was parsed already
		w.told[e.Sender] = e.Content.AsPresence().Presence
	}
}

// mustBeTold waits until a user is shown so.
func (w *watcher) mustBeTold(t testing.TB, user id.UserID, want event.Presence) {
	t.Helper()
	for end := time.Now().Add(patience); w.told[user] != want; {
		if time.Now().After(end) {
			t.Fatalf("%s is told that %s is %q, want %q", w.client.UserID, user, w.told[user], want)
		}
		w.mustStep(t, patience/4)
	}
}

// shownPresence is what GET tells of a user.
type shownPresence struct {
	Presence event.Presence `json:"presence"`
	Ago      *int64         `json:"last_active_ago"`
}

func presenceOf(t testing.TB, client *mautrix.Client, user id.UserID) (got shownPresence) {
	t.Helper()
	url := client.BuildClientURL("v3", "presence", user, "status")
	if _, err := client.MakeRequest(within(t), http.MethodGet, url, nil, &got); err != nil {
		t.Fatalf("presence of %s: %v", user, err)
	}
	return got
}

func setPresence(t testing.TB, client *mautrix.Client, presence event.Presence) error {
	t.Helper()
	url := client.BuildClientURL("v3", "presence", client.UserID, "status")
	_, err := client.MakeRequest(within(t), http.MethodPut, url, map[string]any{"presence": presence}, nil)
	return err
}

// TestPresenceEnds lets Bia go, and the server crash while she is there: in the
// end she is offline both times, and others are told.
func TestPresenceEnds(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.hasty(t)
		s.mustBeReady(t)
		admin := &watcher{client: mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s))}
		in.mustHaveUser(t, "bia", "correct horse")
		bia := &chain{client: mustLogIn(t, s.url, "bia", "correct horse")}
		for range 2 {
			bia.mustStep(t)
			admin.mustBeTold(t, bia.client.UserID, event.PresenceOnline)
			admin.mustBeTold(t, bia.client.UserID, event.PresenceOffline)
			if got := presenceOf(t, admin.client, bia.client.UserID); got.Presence != event.PresenceOffline || got.Ago == nil {
				t.Errorf("got %+v, want that she is offline, and since when", got)
			}
		}
		bia.mustStep(t)
		admin.mustBeTold(t, bia.client.UserID, event.PresenceOnline)
		s.kill(t)

		s = in.hasty(t)
		s.mustBeReady(t)
		admin.client = moved(t, admin.client, s.url)
		admin.mustBeTold(t, bia.client.UserID, event.PresenceOffline)
	})
}

// TestPresenceOnTwoNodes lets Bia poll one node: the other, which never hears of
// her, shows her online for as long as that node is up, and then offline.
func TestPresenceOnTwoNodes(t *testing.T) {
	t.Parallel()
	in, first, second, password := nodes(t)
	first.stop(t)
	second.stop(t)
	other := installation{folder: filepath.Join(t.TempDir(), "three"), database: in.database}
	one, two := in.hasty(t), other.hasty(t)
	one.mustBeReady(t)
	two.mustBeReady(t)
	in.mustHaveUser(t, "bia", "correct horse")
	admin := &watcher{client: mustLogIn(t, one.url, "admin", password)}
	bia := newPerson(t, mustLogIn(t, two.url, "bia", "correct horse"))
	admin.mustBeTold(t, bia.UserID, event.PresenceOnline)
	for range 8 { // of the timeouts, in which she waits in one poll
		admin.mustStep(t, time.Second)
		if got := admin.told[bia.UserID]; got != event.PresenceOnline {
			t.Fatalf("she is %s here while she polls there", got)
		}
	}
	two.kill(t)
	admin.mustBeTold(t, bia.UserID, event.PresenceOffline)
}

// TestPresenceSwitch turns presence off and on beside a running server.
func TestPresenceSwitch(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t)
		admin := &watcher{client: mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s))}
		in.mustHaveUser(t, "bia", "correct horse")
		bia := mustLogIn(t, s.url, "bia", "correct horse")
		if err := setPresence(t, bia, event.PresenceUnavailable); err != nil {
			t.Fatal(err)
		}
		admin.mustBeTold(t, bia.UserID, event.PresenceUnavailable)
		mustHaveRow(t, in.mustRun(t, "", "account", "show", "default"), "Presence", "on")

		in.mustRun(t, "", "account", "set", "default", "--presence", "off")
		mustHaveRow(t, in.mustRun(t, "", "account", "show", "default"), "Presence", "off")
		if err := setPresence(t, bia, event.PresenceOnline); err != nil {
			t.Fatal(err)
		}
		if got := presenceOf(t, admin.client, bia.UserID); got.Presence != event.PresenceOffline || got.Ago != nil {
			t.Errorf("switched off: got %+v, want offline and no more", got)
		}
		fresh := &watcher{client: admin.client}
		fresh.mustStep(t, 0)
		if len(fresh.told) > 0 {
			t.Errorf("switched off: told %v, want nothing", fresh.told)
		}

		in.mustRun(t, "", "account", "set", "default", "--presence", "on")
		admin.mustBeTold(t, bia.UserID, event.PresenceOffline)
		if err := setPresence(t, bia, event.PresenceOnline); err != nil {
			t.Fatal(err)
		}
		fresh.mustBeTold(t, bia.UserID, event.PresenceOnline)
	})
}

// TestPresenceRate uses up the rate: requests are refused, and polls go on without
// the change.
func TestPresenceRate(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		file := filepath.Join(t.TempDir(), "slow.yaml")
		if err := os.WriteFile(file, []byte("rates:\n  presence: 0.001/3\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s := in.mustStart(t, "--rate-limits", "on", "--config", file)
		client := mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s))
		poll := &chain{client: client}
		poll.mustStep(t) // online: the first change
		for range 2 {
			if err := setPresence(t, client, event.PresenceUnavailable); err != nil {
				t.Fatal(err)
			}
		}
		var refused mautrix.HTTPError
		err := setPresence(t, client, event.PresenceOffline)
		if !errors.As(err, &refused) || !refused.IsStatus(http.StatusTooManyRequests) || !errors.Is(err, mautrix.MLimitExceeded) {
			t.Fatalf("got %v, want 429 M_LIMIT_EXCEEDED", err)
		}
		if wait, _ := refused.RespError.ExtraData["retry_after_ms"].(float64); wait <= 0 {
			t.Errorf("got %v, want retry_after_ms", refused.RespError.ExtraData)
		}
		poll.mustStep(t)
		if got := presenceOf(t, client, client.UserID); got.Presence != event.PresenceUnavailable {
			t.Errorf("got %s after a poll beyond the rate, want unavailable as before", got.Presence)
		}
	})
}
