package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// errDamaged is said of a blob whose bytes are not those that its key names.
var errDamaged = errors.New("its bytes are not what they were: restore it from a backup")

// Moved counts what [Move] has done.
type Moved struct {
	Blobs  int   // that are in the other store now
	Bytes  int64 // that they have
	Failed int   // that are where they were
}

// moveWorkers is how many blobs move at once.
const moveWorkers = 4

// Move moves all blobs from one store to the other. A blob leaves the first when it has
// been read back from the other, and was what its key says. It can be ended at any time
// and begun again, and servers may use [Both] meanwhile. report gets what could not be
// moved, which stays; it is called by one goroutine at a time. An error means that the
// first store could not be listed, or that ctx has ended.
func Move(ctx context.Context, from, to Blobs, report func(Stored, error)) (Moved, error) {
	var mu sync.Mutex // guards done and report
	var done Moved
	var workers errgroup.Group
	workers.SetLimit(moveWorkers)
	err := from.List(ctx, func(b Stored) error {
		workers.Go(func() error {
			size, err := move(ctx, from, to, b)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				done.Blobs++
				done.Bytes += size
			case errors.Is(err, errGone) || ctx.Err() != nil:
			default:
				done.Failed++
				report(b, err)
			}
			return nil
		})
		return ctx.Err()
	})
	_ = workers.Wait()
	return done, errors.Join(err, ctx.Err())
}

// errGone is said of a blob that has been removed since it was listed.
var errGone = errors.New("removed meanwhile")

func move(ctx context.Context, from, to Blobs, b Stored) (size int64, err error) {
	size, err = verified(ctx, to, b, io.Discard)
	if errors.Is(err, errDamaged) {
		// It is none that has been committed whole; the one that is moved replaces it.
		err = errors.Join(to.Remove(ctx, b.Account, b.Key), ErrNoBlob)
	}
	if errors.Is(err, ErrNoBlob) { // else somebody was ended between copying and removing
		if size, err = copyBlob(ctx, from, to, b); err != nil {
			return 0, err
		}
	}
	if err != nil {
		return 0, err
	}
	return size, from.Remove(ctx, b.Account, b.Key)
}

func copyBlob(ctx context.Context, from, to Blobs, b Stored) (int64, error) {
	d, err := to.Draft(ctx, b.Account)
	if err != nil {
		return 0, err
	}
	defer func() { _ = d.Discard() }()
	if _, err := verified(ctx, from, b, d); errors.Is(err, ErrNoBlob) {
		return 0, errGone
	} else if err != nil {
		return 0, err
	}
	if err := d.Commit(ctx, b.Key); err != nil {
		return 0, err
	}
	return verified(ctx, to, b, io.Discard)
}

// verified copies a blob and gives its size, or errDamaged if it is not what its key
// says.
func verified(ctx context.Context, store Blobs, b Stored, to io.Writer) (int64, error) {
	r, err := store.Open(ctx, b.Account, b.Key, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(hash, to), r)
	if err != nil {
		return 0, fmt.Errorf("copy blob: %w", err)
	}
	if !strings.HasPrefix(string(b.Key), hex.EncodeToString(hash.Sum(nil))+"-") {
		return 0, errDamaged
	}
	return size, nil
}
