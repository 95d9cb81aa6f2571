package accounts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	dataAna = id.UserID("@ana:acme.test")
	dataBia = id.UserID("@bia:acme.test")
)

// dataNode is one of several servers on a database that has Ana and Bia.
type dataNode struct {
	*accounts.Data
	store *storage.Store
	t     *testing.T
}

func newDataNodes(t *testing.T, db *sqldb.DB, count int) []*dataNode {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	nodes := make([]*dataNode, count)
	for i := range nodes {
		store := storage.Open(storage.Options{DB: db, Log: log, Now: time.Now})
		t.Cleanup(store.Close)
		nodes[i] = &dataNode{accounts.NewData(store, time.Now, accounts.DataLimits{Types: 2}), store, t}
	}
	store := nodes[0].store
	if err := store.CreateAccount(t.Context(), accounts.Account{ID: "acme", ServerName: "acme.test"}); err != nil {
		t.Fatal(err)
	}
	for _, user := range []id.UserID{dataAna, dataBia} {
		user := accounts.User{ID: user, Role: tenant.Agent}
		if err := store.CreateUser(t.Context(), tenant.Caller{Account: "acme"}, user, user.ID.Localpart(), nil); err != nil {
			t.Fatal(err)
		}
	}
	return nodes
}

func dataCaller(user id.UserID) tenant.Caller {
	return tenant.Caller{Account: "acme", Server: "acme.test", User: user, Device: "PHONE"}
}

// head gives the position that the account is at.
func (n *dataNode) head() (head stream.Position) {
	n.t.Helper()
	if err := n.store.View(n.t.Context(), "acme", func(v rooms.View) error {
		head = v.Head()
		return nil
	}); err != nil {
		n.t.Fatal(err)
	}
	return head
}

func TestDataChangesAtOnceAreAllKept(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes := newDataNodes(t, db, 2)
		const changes = 30
		at := stream.Item{Kind: stream.AccountData, User: dataAna, Key: "m.push_rules"}
		done := make(chan error)
		for i := range changes {
			go func() {
				done <- nodes[i%2].store.ChangeData(context.Background(), dataCaller(dataAna), at, func(before []byte) ([]byte, error) {
					var all []int
					if before != nil {
						if err := json.Unmarshal(before, &all); err != nil {
							return nil, err
						}
					}
					return json.Marshal(append(all, i))
				})
			}()
		}
		for range changes {
			must(t, <-done)
		}
		stored, err := nodes[0].AccountData(t.Context(), "acme", dataAna, "", at.Key)
		must(t, err)
		var all []int
		must(t, json.Unmarshal(stored, &all))
		if len(all) != changes {
			t.Errorf("got %d changes, want %d: %s", len(all), changes, stored)
		}
	})
}

func TestDataThatDoesNotChangeIsNotWritten(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newDataNodes(t, db, 1)[0]
		ana := dataCaller(dataAna)
		head := n.head()
		must(t, n.DeletePusher(t.Context(), ana, "app", "none"))
		must(t, n.DeleteAccountData(t.Context(), ana, "", "none"))
		if got := n.head(); got != head {
			t.Errorf("the head moved from %d to %d", head, got)
		}
	})
}

// Types that were removed make room for others.
func TestDataTypesAreCounted(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newDataNodes(t, db, 1)[0]
		ana := dataCaller(dataAna)
		put := func(kind string) error {
			return n.SetAccountData(t.Context(), ana, "", kind, json.RawMessage(`{}`))
		}
		must(t, put("a"))
		must(t, put("b"))
		if err := put("c"); !refusal.Is(err, "M_FORBIDDEN") {
			t.Errorf("one too many: got %v, want M_FORBIDDEN", err)
		}
		must(t, put("a"))
		must(t, n.DeleteAccountData(t.Context(), ana, "", "a"))
		must(t, put("c"))
		if _, err := n.AccountData(t.Context(), "acme", dataAna, "", "a"); !refusal.Is(err, "M_NOT_FOUND") {
			t.Errorf("what was removed: got %v, want M_NOT_FOUND", err)
		}
	})
}

func TestDataOfAnEndedSessionIsRefused(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newDataNodes(t, db, 1)[0]
		ended := dataCaller(dataAna)
		ended.Session = "ended"
		head := n.head()
		for name, err := range map[string]error{
			"account data": n.SetAccountData(t.Context(), ended, "", "a", json.RawMessage(`{}`)),
			"presence":     accounts.NewPresences(n.store, time.Now, 0).SetPresence(t.Context(), ended, "online", nil),
			"pusher":       n.DeletePusher(t.Context(), ended, "app", "key"),
		} {
			if !refusal.Is(err, "M_UNKNOWN_TOKEN") {
				t.Errorf("%s: got %v, want M_UNKNOWN_TOKEN", name, err)
			}
		}
		if got := n.head(); got != head {
			t.Errorf("the head moved from %d to %d", head, got)
		}
	})
}

func TestPusherChangesHands(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newDataNodes(t, db, 1)[0]
		pusher := accounts.Pusher{
			Pushkey: "key", Kind: "http", AppID: "app", AppDisplayName: "App", DeviceDisplayName: "Phone", Lang: "en",
			Data: json.RawMessage(`{"url":"https://push.example/_matrix/push/v1/notify"}`),
		}
		count := func(user id.UserID) int {
			t.Helper()
			pushers, err := n.Pushers(t.Context(), "acme", user)
			must(t, err)
			return len(pushers)
		}
		must(t, n.SetPusher(t.Context(), dataCaller(dataAna), pusher, false))
		must(t, n.SetPusher(t.Context(), dataCaller(dataBia), pusher, true))
		if got := [2]int{count(dataAna), count(dataBia)}; got != [2]int{1, 1} {
			t.Errorf("appended: got %v pushers, want one each", got)
		}
		must(t, n.SetPusher(t.Context(), dataCaller(dataBia), pusher, false))
		if got := [2]int{count(dataAna), count(dataBia)}; got != [2]int{0, 1} {
			t.Errorf("not appended: got %v pushers, want Bia's alone", got)
		}
		session := accounts.NewSession{User: dataBia, Device: "PHONE", Token: "token", MaxDevices: 9}
		must(t, n.store.StartSession(t.Context(), "acme", session))
		must(t, n.store.EndDevices(t.Context(), dataCaller(dataBia), dataBia, func(id.DeviceID) bool { return true }))
		if got := count(dataBia); got != 0 {
			t.Errorf("after the device ended: got %d pushers, want none", got)
		}
	})
}

func TestDirectoryUsers(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newDataNodes(t, db, 1)[0]
		all := func() string {
			t.Helper()
			found, limited, err := n.SearchUsers(t.Context(), "acme", "A", 10)
			must(t, err)
			var names []string
			for _, user := range found {
				names = append(names, string(user.ID)+" "+user.DisplayName)
			}
			return fmt.Sprint(names, limited)
		}
		if got, want := all(), "[@ana:acme.test ana @bia:acme.test bia] false"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		must(t, n.store.Deactivate(t.Context(), tenant.Caller{Account: "acme"}, dataBia))
		if got, want := all(), "[@ana:acme.test ana] false"; got != want {
			t.Errorf("after a deactivation: got %s, want %s", got, want)
		}
	})
}
