package mediatest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

// Run runs the suite on empty stores.
func Run(t *testing.T, open func(t *testing.T) media.Blobs) {
	for name, test := range map[string]func(*testing.T, media.Blobs){
		"WhatIsCommittedIsGivenBack": givenBack,
		"DraftIsNotSeen":             draftIsNotSeen,
		"DraftIsCommittedTwice":      committedTwice,
		"ListAndRemove":              listAndRemove,
		"Clear":                      clearDrafts,
		"StrangeKeys":                strangeKeys,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// key makes a key of the right shape.
func key(digit string) media.Key {
	return media.Key(strings.Repeat(digit, 64) + "-ABCDEFGHIJKLMNOP")
}

func mustDraft(t *testing.T, b media.Blobs, account tenant.ID, content []byte) media.Draft {
	t.Helper()
	d, err := b.Draft(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Discard(); err != nil {
			t.Error(err)
		}
	})
	// In pieces, as it comes from the wire.
	for piece := range bytes.Lines(content) {
		if n, err := d.Write(piece); err != nil || n != len(piece) {
			t.Fatalf("write: got %d, %v", n, err)
		}
	}
	return d
}

func mustCommit(t *testing.T, b media.Blobs, account tenant.ID, k media.Key, content []byte) {
	t.Helper()
	d := mustDraft(t, b, account, content)
	if err := d.Commit(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Discard(); err != nil {
			t.Fatal(err)
		}
	}
}

// mustHave demands what a blob holds from an offset on; nil: that there is none.
func mustHave(t *testing.T, b media.Blobs, account tenant.ID, k media.Key, offset int64, want []byte) {
	t.Helper()
	r, err := b.Open(t.Context(), account, k, offset)
	if want == nil {
		if !errors.Is(err, media.ErrNoBlob) {
			t.Errorf("open: got %v, want ErrNoBlob", err)
		}
		return
	}
	if err != nil {
		t.Errorf("open: %v", err)
		return
	}
	defer func() { _ = r.Close() }()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func givenBack(t *testing.T, b media.Blobs) {
	content := []byte("one\ntwo\nthree\n")
	mustCommit(t, b, "acme", key("a"), content)
	mustCommit(t, b, "other", key("a"), []byte("else")) // of another account
	mustCommit(t, b, "acme", key("b"), []byte{})
	mustHave(t, b, "acme", key("a"), 0, content)
	mustHave(t, b, "acme", key("a"), 4, content[4:])
	mustHave(t, b, "acme", key("a"), int64(len(content)), []byte{})
	mustHave(t, b, "other", key("a"), 0, []byte("else"))
	mustHave(t, b, "acme", key("b"), 0, []byte{})
	mustHave(t, b, "acme", key("c"), 0, nil)
	mustHave(t, b, "third", key("a"), 0, nil)
	large := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	mustCommit(t, b, "acme", key("d"), large)
	mustHave(t, b, "acme", key("d"), 1<<19, large[1<<19:])
}

func draftIsNotSeen(t *testing.T, b media.Blobs) {
	d := mustDraft(t, b, "acme", []byte("one\ntwo\n"))
	read := make([]byte, 4)
	if n, err := d.ReadAt(read, 4); n != 4 || string(read) != "two\n" {
		t.Errorf("got %q, %v", read, err)
	}
	if _, err := d.ReadAt(read, 8); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: got %v, want EOF", err)
	}
	if all := mustList(t, b); len(all) != 0 {
		t.Errorf("got %v, want nothing", all)
	}
}

func committedTwice(t *testing.T, b media.Blobs) {
	d := mustDraft(t, b, "acme", []byte("one\n"))
	for _, k := range []media.Key{key("a"), key("b")} {
		if err := d.Commit(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Remove(t.Context(), "acme", key("a")); err != nil {
		t.Error(err)
	}
	if err := d.Discard(); err != nil {
		t.Error(err)
	}
	mustHave(t, b, "acme", key("a"), 0, nil)
	mustHave(t, b, "acme", key("b"), 0, []byte("one\n"))
}

func mustList(t *testing.T, b media.Blobs) map[tenant.ID][]media.Key {
	t.Helper()
	all := map[tenant.ID][]media.Key{}
	err := b.List(t.Context(), func(s media.Stored) error {
		if s.Written.IsZero() {
			t.Errorf("it is not said when %s was written", s.Key)
		}
		all[s.Account] = append(all[s.Account], s.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func listAndRemove(t *testing.T, b media.Blobs) {
	for _, account := range []tenant.ID{"acme", "other"} {
		for _, k := range []media.Key{key("a"), key("b")} {
			mustCommit(t, b, account, k, []byte("x"))
		}
	}
	if err := b.Remove(t.Context(), "acme", key("a")); err != nil {
		t.Error(err)
	}
	if err := b.Remove(t.Context(), "acme", key("a")); err != nil {
		t.Errorf("what is not there: %v", err)
	}
	all := mustList(t, b)
	if len(all["acme"]) != 1 || all["acme"][0] != key("b") || len(all["other"]) != 2 {
		t.Errorf("got %v", all)
	}
	stop := errors.New("enough")
	if err := b.List(t.Context(), func(media.Stored) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want what visit has said", err)
	}
}

// clearDrafts leaves drafts alone that are being written, and all blobs.
func clearDrafts(t *testing.T, b media.Blobs) {
	mustCommit(t, b, "acme", key("a"), []byte("x"))
	d := mustDraft(t, b, "acme", []byte("one\n"))
	if err := b.Clear(t.Context(), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(t.Context(), key("b")); err != nil {
		t.Error(err)
	}
	if err := b.Clear(context.WithoutCancel(t.Context()), time.Unix(1<<40, 0)); err != nil {
		t.Fatal(err)
	}
	mustHave(t, b, "acme", key("a"), 0, []byte("x"))
	mustHave(t, b, "acme", key("b"), 0, []byte("one\n"))
}

// strangeKeys lead nowhere.
func strangeKeys(t *testing.T, b media.Blobs) {
	for _, k := range []media.Key{"", "..", "../../etc/passwd", "a/b", media.Key(strings.Repeat("a", 64))} {
		mustHave(t, b, "acme", k, 0, nil)
		mustHave(t, b, "../acme", key("a"), 0, nil)
		if err := b.Remove(t.Context(), "acme", k); err != nil {
			t.Errorf("remove %q: %v", k, err)
		}
		if err := mustDraft(t, b, "acme", []byte("x")).Commit(t.Context(), k); err == nil {
			t.Errorf("a draft was committed as %q", k)
		}
	}
}
