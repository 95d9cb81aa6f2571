package media

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Both are two stores that are used as one while blobs move between them, or after
// some have stayed behind. New blobs go to the first. A blob that moves is in both for a
// moment, and never in neither.
type Both struct{ First, Second Blobs }

// Draft implements Blobs.
func (b Both) Draft(ctx context.Context, account tenant.ID) (Draft, error) {
	return b.First.Draft(ctx, account)
}

// Open implements Blobs. The first store is asked again in the end: between the
// questions the blob may have moved there.
func (b Both) Open(ctx context.Context, account tenant.ID, key Key, offset int64) (r io.ReadCloser, err error) {
	for _, store := range []Blobs{b.First, b.Second, b.First} {
		r, err = store.Open(ctx, account, key, offset)
		if !errors.Is(err, ErrNoBlob) {
			break
		}
	}
	return r, err
}

// Remove implements Blobs.
func (b Both) Remove(ctx context.Context, account tenant.ID, key Key) error {
	return errors.Join(b.First.Remove(ctx, account, key), b.Second.Remove(ctx, account, key))
}

// List implements Blobs. What is in both stores is visited twice.
func (b Both) List(ctx context.Context, visit func(Stored) error) error {
	if err := b.First.List(ctx, visit); err != nil {
		return err
	}
	return b.Second.List(ctx, visit)
}

// Clear implements Blobs.
func (b Both) Clear(ctx context.Context, before time.Time) error {
	return errors.Join(b.First.Clear(ctx, before), b.Second.Clear(ctx, before))
}

// Locate implements Locator: what a store without addresses has is not sent elsewhere.
func (b Both) Locate(ctx context.Context, account tenant.ID, key Key, header http.Header) (address string, err error) {
	for _, store := range []Blobs{b.First, b.Second} {
		if l, can := store.(Locator); can {
			if address, err = l.Locate(ctx, account, key, header); err != nil || address == "" {
				return "", err
			}
			continue
		}
		r, err := store.Open(ctx, account, key, 0)
		if err == nil {
			return "", r.Close()
		}
		if !errors.Is(err, ErrNoBlob) {
			return "", err
		}
	}
	return address, nil
}
