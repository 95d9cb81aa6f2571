package storagetest

import (
	"context"
	"crypto/rand"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// Open makes one empty database and gives where it is; every use of the options
// opens the same database once more.
type Open func(t *testing.T) sqldb.Options

// Run runs the suite on a kind of database.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *fixture){
		"retry gives the first answer":            testRetry,
		"concurrent retries are one":              testConcurrentRetries,
		"a panic stops nobody else":               testPanic,
		"a refused act leaves nothing":            testRefused,
		"an act sees the acts before it":          testGroup,
		"readers never skip":                      testReaders,
		"two nodes are one":                       testTwoNodes,
		"a node reads what another wrote":         testOtherNode,
		"a redaction reaches every node":          testRedaction,
		"a restart loses nothing":                 testRestart,
		"another history is noticed":              testHistory,
		"a poll is woken":                         testWake,
		"accounts do not meet":                    testAccounts,
		"state at a position":                     testStateAt,
		"an alias is unique":                      testAlias,
		"a reaction is given once":                testAnnotation,
		"a process of its own may write":          testProcess,
		"media are linked while they are shown":   testLinks,
		"an act may turn out to be a lone one":    testTurnsLone,
		"a session that has ended writes nothing": testSession,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &fixture{t: t, options: open(t)})
		})
	}
}

// fixture is one database and the nodes on it.
type fixture struct {
	t       *testing.T
	options sqldb.Options
	made    bool
}

const (
	account = tenant.ID("acme")
	other   = tenant.ID("other")
	ana     = id.UserID("@ana:acme.example")
	bia     = id.UserID("@bia:acme.example")
)

// node is one server's view of the database.
type node struct {
	*storage.Store
	rooms *rooms.Service
	db    *sqldb.DB
	t     testing.TB
}

type matrixPolicy struct{}

func (matrixPolicy) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) {
	return rooms.MatrixPolicy, nil
}

// node opens the database once more.
func (f *fixture) node() *node {
	f.t.Helper()
	n := openNode(f.t, f.options)
	if !f.made {
		f.made = true
		n.mustAccount(account, "acme.example", ana, bia)
		n.mustAccount(other, "other.example", "@ana:other.example")
	}
	return n
}

func openNode(t testing.TB, options sqldb.Options) *node {
	t.Helper()
	n, closeNode, err := newNode(t.Context(), options)
	if err != nil {
		t.Fatalf("open node: %v", err)
	}
	t.Cleanup(closeNode)
	n.t = t
	return n
}

func newNode(ctx context.Context, options sqldb.Options) (n *node, closeNode func(), err error) {
	db, err := sqldb.Open(ctx, options)
	if err != nil {
		return nil, nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		db.Close()
		return nil, nil, err
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	store := storage.Open(storage.Options{DB: db, Log: log, Now: time.Now})
	service := rooms.New(rooms.Options{Store: store, Policies: matrixPolicy{}, Now: time.Now, Random: rand.Reader})
	return &node{Store: store, rooms: service, db: db}, func() { store.Close(); db.Close() }, nil
}

func (n *node) mustAccount(account tenant.ID, server string, users ...id.UserID) {
	n.t.Helper()
	if err := n.CreateAccount(n.t.Context(), accounts.Account{ID: account, ServerName: server}); err != nil {
		n.t.Fatalf("create account: %v", err)
	}
	for _, user := range users {
		if err := n.CreateUser(n.t.Context(), tenant.Caller{Account: account}, accounts.User{ID: user, Role: tenant.Agent}, "", nil); err != nil {
			n.t.Fatalf("create user: %v", err)
		}
	}
}

// caller is a user whom no session binds.
func caller(user id.UserID) tenant.Caller {
	return tenant.Caller{Account: account, Server: "acme.example", User: user, Device: "PHONE"}
}

func (n *node) mustRoom(creator id.UserID) id.RoomID {
	n.t.Helper()
	room, _, err := n.rooms.Create(n.t.Context(), caller(creator), rooms.Creation{Preset: "public_chat"})
	if err != nil {
		n.t.Fatalf("create room: %v", err)
	}
	return room
}

func (n *node) mustJoin(user id.UserID, room id.RoomID) {
	n.t.Helper()
	if err := n.rooms.Join(n.t.Context(), caller(user), rooms.Move{Room: room}); err != nil {
		n.t.Fatalf("%s joins: %v", user, err)
	}
}

func (n *node) send(user id.UserID, room id.RoomID, transaction string) (id.EventID, error) {
	return n.rooms.Send(n.t.Context(), caller(user), rooms.Message{
		Room: room, Type: "m.room.message", Content: []byte(`{"body":"` + transaction + `","msgtype":"m.text"}`),
		Path: "/send", Transaction: transaction,
	})
}

func (n *node) mustSend(user id.UserID, room id.RoomID, transaction string) id.EventID {
	n.t.Helper()
	eventID, err := n.send(user, room, transaction)
	if err != nil {
		n.t.Fatalf("%s sends: %v", user, err)
	}
	return eventID
}

// timeline gives the IDs of a room's messages, oldest first, from the database.
func (n *node) timeline(room id.RoomID) []id.EventID {
	n.t.Helper()
	parts, err := n.Timelines(n.t.Context(), account, []rooms.Slice{
		{Room: room, UpTo: 1 << 62, Limit: 1 << 30, Direction: rooms.Forwards},
	})
	if err != nil {
		n.t.Fatalf("read timeline: %v", err)
	}
	var ids []id.EventID
	for _, e := range parts[0] {
		if e.Type == "m.room.message" {
			ids = append(ids, e.ID)
		}
	}
	return ids
}
