package media

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Reader reads a blob from wherever one seeks to. It opens the store when it is first
// read, and again after a seek. It is for one goroutine; Close it.
type Reader struct {
	ctx     context.Context
	blobs   Blobs
	account tenant.ID
	blob    Blob
	at      int64
	open    io.ReadCloser // at at; nil: not open
	moved   bool          // open has given something
	// Err is the first error of the store: a blob that is missing or too short is one.
	Err error
}

// Open gives a reader of a blob of an account.
func (s *Service) Open(ctx context.Context, account tenant.ID, blob Blob) *Reader {
	return &Reader{ctx: ctx, blobs: s.Blobs, account: account, blob: blob}
}

// Read implements io.Reader. An end before the blob's size is io.ErrUnexpectedEOF.
func (r *Reader) Read(p []byte) (int, error) {
	if r.Err != nil {
		return 0, r.Err
	}
	left := r.blob.Size - r.at
	if left <= 0 {
		return 0, io.EOF
	}
	if r.open == nil {
		open, err := r.blobs.Open(r.ctx, r.account, r.blob.Key, r.at)
		if err != nil {
			return 0, r.failed(err)
		}
		r.open, r.moved = open, false
	}
	n, err := r.open.Read(p[:min(int64(len(p)), left)])
	r.at += int64(n)
	if err != nil && r.at < r.blob.Size && (r.moved || n > 0) {
		// The connection to the store was lost, or the blob has moved: from here on again.
		_ = r.Close()
		return n, nil
	}
	r.moved = true
	switch {
	case errors.Is(err, io.EOF) && r.at < r.blob.Size:
		return n, r.failed(io.ErrUnexpectedEOF)
	case err != nil && !errors.Is(err, io.EOF):
		return n, r.failed(err)
	}
	return n, nil
}

func (r *Reader) failed(err error) error {
	r.Err = fmt.Errorf("read blob %s: %w", r.blob.Key, err)
	return r.Err
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	to := offset
	switch whence {
	case io.SeekCurrent:
		to += r.at
	case io.SeekEnd:
		to += r.blob.Size
	}
	if to < 0 {
		return 0, errors.New("seek before the beginning")
	}
	if to != r.at {
		_ = r.Close()
		r.at = to
	}
	return to, nil
}

// Close lets go of the store.
func (r *Reader) Close() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}
