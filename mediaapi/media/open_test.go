package media_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

// frail is a store whose connections break after some bytes.
type frail struct {
	media.Blobs
	content []byte
	after   int
	opened  int
}

func (f *frail) Open(_ context.Context, _ tenant.ID, _ media.Key, offset int64) (io.ReadCloser, error) {
	f.opened++
	rest := f.content[offset:]
	return io.NopCloser(io.MultiReader(bytes.NewReader(rest[:min(f.after, len(rest))]), iotest.ErrReader(errors.New("cut")))), nil
}

// TestReaderGoesOn reads over connections that break, as long as each gives something.
func TestReaderGoesOn(t *testing.T) {
	t.Parallel()
	store := &frail{content: []byte("0123456789"), after: 3}
	service := media.New(media.Options{Blobs: store})
	r := service.Open(t.Context(), "acme", media.Blob{Size: 10})
	if got, err := io.ReadAll(r); err != nil || string(got) != "0123456789" || store.opened != 4 {
		t.Errorf("got %q, %v over %d connections, want all over 4", got, err, store.opened)
	}
	store.after = 0
	r = service.Open(t.Context(), "acme", media.Blob{Size: 10})
	if _, err := io.ReadAll(r); err == nil || r.Err == nil {
		t.Errorf("got %v and %v, want the store's error", err, r.Err)
	}
}
