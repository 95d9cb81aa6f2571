package mediaapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/mediaapi/thumbnail"
)

const (
	// thumbnailMemory is how many bytes pictures may take at once that thumbnails are
	// made of; no more than thumbnailWorkers are.
	thumbnailMemory  = 512 << 20
	thumbnailWorkers = 4
	// thumbnailTurn is how long one may wait for its turn.
	thumbnailTurn = 20 * time.Second
)

var (
	errNoPicture = refusal.New(http.StatusBadRequest, "M_UNKNOWN", "There is no thumbnail of this file: it is no picture that the server can read.")
	errPixels    = refusal.New(http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "There is no thumbnail of this picture: it has more than %d pixels.", int64(thumbnail.MaxPixels))
	errLate      = refusal.New(http.StatusServiceUnavailable, "M_UNKNOWN", "The server is busy and could not make this thumbnail in time. Please try again later.")
	errZero      = refusal.Invalid("The width and the height of a thumbnail are at least 1.")
	errMissing   = refusal.Missing("Please say which width and height the thumbnail should have.")
)

// maxSide is the largest side that can be asked for; what is more is taken as that.
const maxSide = 1 << 16

// sizeOf gives the size that a request asks for.
func sizeOf(r *httpapi.Request) (size thumbnail.Size, err error) {
	if r.Query("width") == "" || r.Query("height") == "" {
		return size, errMissing
	}
	width, err := r.Int("width", 0, maxSide)
	if err != nil {
		return size, err
	}
	height, err := r.Int("height", 0, maxSide)
	if err != nil {
		return size, err
	}
	if width == 0 || height == 0 {
		return size, errZero
	}
	method, err := r.Choice("method", "scale", "crop")
	if err != nil {
		return size, err
	}
	// No thumbnail is animated, so it does not matter what is preferred.
	_, err = r.Bool("animated")
	return thumbnail.For(width, height, method == "crop"), err
}

// thumbnail handles GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}, also
// as /_matrix/media/v3/thumbnail.
func (s *Server) thumbnail(r *httpapi.Request) (any, error) {
	size, err := sizeOf(r)
	if err != nil {
		return nil, err
	}
	record, err := s.find(r)
	if err != nil {
		return nil, err
	}
	t, err := s.thumbnailOf(r.Context(), record.Account, record.Content.Blob, size)
	if err != nil {
		return nil, err
	}
	name := "thumbnail.jpg"
	if t.Type == "image/png" {
		name = "thumbnail.png"
	}
	return s.serve(record.Account, t.Blob, http.Header{
		"Content-Type":        {t.Type},
		"Content-Disposition": {dispositionOf("inline", name)},
	}, time.UnixMilli(record.Created)), nil
}

// thumbnailOf gives the thumbnail of a blob, made now if it is the first time. However
// many ask for one at once, it is made once.
func (s *Server) thumbnailOf(ctx context.Context, account tenant.ID, blob media.Blob, size thumbnail.Size) (*media.Thumbnail, error) {
	t, err := s.media.Thumbnail(ctx, account, blob.Key, size.Name())
	if err != nil || t != nil {
		return t, err
	}
	made := s.making.DoChan(string(account)+" "+string(blob.Key)+" "+size.Name(), func() (any, error) {
		// It is kept for who asks next, though the first may have gone.
		return s.make(context.WithoutCancel(ctx), account, blob, size)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-made:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*media.Thumbnail), nil
	}
}

func (s *Server) make(ctx context.Context, account tenant.ID, blob media.Blob, size thumbnail.Size) (*media.Thumbnail, error) {
	if t, err := s.media.Thumbnail(ctx, account, blob.Key, size.Name()); err != nil || t != nil {
		return t, err // it was made since the question
	}
	content := s.media.Open(ctx, account, blob)
	defer func() { _ = content.Close() }()
	picture, err := thumbnail.Open(content)
	if err != nil {
		return nil, refused(err, content)
	}
	turn, cancel := context.WithTimeout(ctx, thumbnailTurn)
	defer cancel()
	memory := min(max(picture.Bytes(), thumbnailMemory/thumbnailWorkers), thumbnailMemory)
	if err := s.memory.Acquire(turn, memory); err != nil {
		return nil, errLate
	}
	defer s.memory.Release(memory)
	working, cancel := context.WithTimeout(ctx, s.takes)
	defer cancel()
	small, kind, err := picture.Make(working, size)
	if err != nil {
		return nil, refused(err, content)
	}
	return s.media.KeepThumbnail(ctx, account, media.Thumbnail{Source: blob.Key, Size: size.Name(), Type: kind}, small)
}

// refused says why there is no thumbnail. What the store did wrong is no fault of the
// picture.
func refused(err error, content *media.Reader) error {
	switch {
	case content.Err != nil:
		return content.Err
	case errors.Is(err, thumbnail.ErrTooLarge):
		return errPixels
	case errors.Is(err, thumbnail.ErrNoPicture):
		return errNoPicture
	case errors.Is(err, context.DeadlineExceeded):
		return errLate
	}
	return err
}
