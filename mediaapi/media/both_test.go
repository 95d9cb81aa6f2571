package media_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

func TestBothAreRead(t *testing.T) {
	t.Parallel()
	b := media.Both{First: media.NewDisk(t.TempDir()), Second: media.NewDisk(t.TempDir())}
	old, young := mustStore(t, b.Second, "acme", "old"), mustStore(t, b, "acme", "young")
	mustBe(t, b, "acme", old, "old")
	mustBe(t, b.First, "acme", young, "young") // new ones go to the first
	seen := 0
	if err := b.List(t.Context(), func(media.Stored) error { seen++; return nil }); err != nil || seen != 2 {
		t.Errorf("got %d blobs, %v, want 2", seen, err)
	}
	for _, key := range []media.Key{old, young} {
		if err := b.Remove(t.Context(), "acme", key); err != nil {
			t.Error(err)
		}
		if _, err := b.Open(t.Context(), "acme", key, 0); !errors.Is(err, media.ErrNoBlob) {
			t.Errorf("got %v of what was removed", err)
		}
	}
}

// leaving is a store from which a blob moves at the moment in which it is asked for it.
type leaving struct {
	media.Blobs
	leave func()
}

func (l leaving) Open(ctx context.Context, account tenant.ID, key media.Key, offset int64) (io.ReadCloser, error) {
	l.leave()
	return l.Blobs.Open(ctx, account, key, offset)
}

func TestBothFindWhatMoves(t *testing.T) {
	t.Parallel()
	from, to := media.NewDisk(t.TempDir()), media.NewDisk(t.TempDir())
	key := mustStore(t, from, "acme", "x")
	b := media.Both{First: to, Second: leaving{from, func() {
		if _, err := media.Move(t.Context(), from, to, func(_ media.Stored, err error) { t.Error(err) }); err != nil {
			t.Error(err)
		}
	}}}
	mustBe(t, b, "acme", key, "x")
}

// addressed is a store that has an address for everything.
type addressed struct{ media.Blobs }

func (addressed) Locate(context.Context, tenant.ID, media.Key, http.Header) (string, error) {
	return "https://files.test/x", nil
}

func TestBothSendElsewhereOnlyForWhatIsThere(t *testing.T) {
	t.Parallel()
	disk, bucket := media.NewDisk(t.TempDir()), addressed{media.NewDisk(t.TempDir())}
	here, there := mustStore(t, disk, "acme", "here"), mustStore(t, bucket, "acme", "there")
	for _, b := range []media.Both{{disk, bucket}, {bucket, disk}} {
		for key, want := range map[media.Key]string{here: "", there: "https://files.test/x"} {
			if got, err := b.Locate(t.Context(), "acme", key, nil); got != want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		}
	}
}
