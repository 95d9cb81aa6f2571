package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Thumbnail gives what is kept of a blob for a size, or nil.
func (s *Service) Thumbnail(ctx context.Context, account tenant.ID, source Key, size string) (*Thumbnail, error) {
	return s.Store.Thumbnail(ctx, account, source, size)
}

// KeepThumbnail keeps what was made of a blob, and gives what is kept: of two who made
// it at once the first one's. If the source has gone meanwhile that is ErrNotFound.
func (s *Service) KeepThumbnail(ctx context.Context, account tenant.ID, t Thumbnail, content []byte) (*Thumbnail, error) {
	hash := sha256.Sum256(content)
	t.Blob = Blob{SHA256: hex.EncodeToString(hash[:]), Size: int64(len(content))}
	draft, err := s.Blobs.Draft(ctx, account)
	if err != nil {
		return nil, full(err)
	}
	defer func() { _ = draft.Discard() }()
	if _, err := draft.Write(content); err != nil {
		return nil, full(err)
	}
	if t.Blob.Key, err = s.commit(ctx, draft, t.Blob.SHA256); err != nil {
		return nil, err
	}
	err = s.Store.KeepThumbnail(ctx, account, t)
	known := errors.Is(err, ErrBlobKnown)
	if known || errors.Is(err, ErrBlobGone) {
		_ = s.Blobs.Remove(ctx, account, t.Blob.Key) // best effort: the sweep would find it
	}
	switch {
	case err == nil:
		return &t, nil
	case !known && errors.Is(err, ErrBlobGone):
		return nil, ErrNotFound
	case !known:
		return nil, err
	}
	first, err := s.Store.Thumbnail(ctx, account, t.Source, t.Size)
	if err == nil && first == nil {
		err = fmt.Errorf("keep thumbnail: another came first and has gone")
	}
	return first, err
}
