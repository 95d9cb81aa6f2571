package media_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

func mustStore(t testing.TB, b media.Blobs, account tenant.ID, content string) media.Key {
	t.Helper()
	hash := sha256.Sum256([]byte(content))
	key := media.Key(hex.EncodeToString(hash[:]) + "-ABCDEFGHIJKLMNOP")
	d, err := b.Draft(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(d, content); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Commit(t.Context(), key), d.Discard()); err != nil {
		t.Fatal(err)
	}
	return key
}

func mustBe(t testing.TB, b media.Blobs, account tenant.ID, key media.Key, want string) {
	t.Helper()
	r, err := b.Open(t.Context(), account, key, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if got, err := io.ReadAll(r); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestMove(t *testing.T) {
	t.Parallel()
	folder, other := t.TempDir(), t.TempDir()
	from, to := media.NewDisk(folder), media.NewDisk(other)
	keys := map[string]media.Key{}
	for i := range 20 {
		keys[strconv.Itoa(i)] = mustStore(t, from, "acme", strconv.Itoa(i))
	}
	mustStore(t, from, "other", "1")
	// One was copied before the last mover was killed, one badly.
	mustStore(t, to, "acme", "2")
	path := func(dir string, key media.Key) string {
		return filepath.Join(dir, "acme", string(key[:2]), string(key))
	}
	mustStore(t, to, "acme", "3")
	mustWrite(t, path(other, keys["3"]), "half")
	// And one is broken where it is.
	mustWrite(t, path(folder, keys["4"]), "rotten")

	var failed []media.Key
	done, err := media.Move(t.Context(), from, to, func(b media.Stored, _ error) { failed = append(failed, b.Key) })
	if err != nil || done.Blobs != 20 || done.Bytes != 30 || done.Failed != 1 {
		t.Errorf("got %+v, %v, want 20 of 30 bytes and one failure", done, err)
	}
	if len(failed) != 1 || failed[0] != keys["4"] {
		t.Errorf("got %v reported, want the broken one", failed)
	}
	for content, key := range keys {
		if content != "4" {
			mustBe(t, to, "acme", key, content)
		}
	}
	mustBe(t, from, "acme", keys["4"], "rotten")
	left := 0
	if err := from.List(t.Context(), func(media.Stored) error { left++; return nil }); err != nil || left != 1 {
		t.Errorf("got %d blobs left, %v, want the broken one", left, err)
	}
}

func mustWrite(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
