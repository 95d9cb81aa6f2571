package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const (
	expiredMediaSQL = `SELECT account, media_id FROM media WHERE expires > 0 AND expires < $1 ORDER BY expires LIMIT 200`

	// Locks the row, so that what comes after it is judged as it stays.
	lockExpiredSQL = `UPDATE media SET expires = expires WHERE account = $1 AND media_id = $2`

	unlinkExpiredSQL = `
		DELETE FROM media_links WHERE account = $1 AND media_id = $2
		AND EXISTS (SELECT 1 FROM media m WHERE m.account = $1 AND m.media_id = $2 AND m.expires > 0)`

	dropExpiredSQL = `DELETE FROM media WHERE account = $1 AND media_id = $2 AND expires > 0`
)

// DropExpiredMedia implements media.SweepStore.
func (s *Store) DropExpiredMedia(ctx context.Context, now int64) error {
	type expired struct {
		account tenant.ID
		media   media.ID
	}
	for ctx.Err() == nil {
		all, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (expired, error) {
			var e expired
			return e, r.Scan(&e.account, &e.media)
		}, expiredMediaSQL, now)
		if err != nil || len(all) == 0 {
			return wrapped("read expired media", err)
		}
		b := &sqldb.Batch{}
		for _, e := range all {
			b.Add(lockExpiredSQL, e.account, e.media)
			b.Add(unlinkExpiredSQL, e.account, e.media)
			b.Add(dropExpiredSQL, e.account, e.media)
		}
		if err := s.db.Commit(ctx, b); err != nil {
			return fmt.Errorf("drop expired media: %w", err)
		}
	}
	return ctx.Err()
}

// wrapped says what failed, if something did.
func wrapped(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

const looseMediaSQL = `
	SELECT media_id FROM media WHERE account = $1 AND loose > 0 AND loose < $2 AND expires = 0
	ORDER BY loose, media_id LIMIT $3`

// LooseMedia implements media.SweepStore.
func (s *Store) LooseMedia(ctx context.Context, account tenant.ID, before int64, limit int) ([]media.ID, error) {
	all, err := sqldb.All(ctx, s.db, sqldb.Value[media.ID], looseMediaSQL, account, before, limit)
	if err != nil {
		return nil, fmt.Errorf("read loose media: %w", err)
	}
	return all, nil
}

// stillLoose is true of media that has not been linked meanwhile.
const stillLoose = `
	EXISTS (SELECT 1 FROM media m WHERE m.account = $1 AND m.media_id = $2 AND m.loose > 0 AND m.loose < $3)`

const (
	lockMediaSQL = `UPDATE media SET loose = loose WHERE account = $1 AND media_id = $2`

	uncountMediaSQL = `
		UPDATE media_usage SET bytes = bytes - $4 WHERE account = $1 AND user_id = $5 AND ` + stillLoose

	dropContentSQL = `DELETE FROM media_contents WHERE account = $1 AND media_id = $2 AND ` + stillLoose

	dropMediaSQL = `DELETE FROM media WHERE account = $1 AND media_id = $2 AND loose > 0 AND loose < $3`

	// A blob that another record came to refer to in this moment breaks the
	// reference: then all stays as it was.
	dropThumbnailsSQL = `
		DELETE FROM media_thumbnails WHERE account = $1 AND source = $2
		AND NOT EXISTS (SELECT 1 FROM media_contents c WHERE c.account = $1 AND c.blob = $2)`

	dropBlobSQL = `
		DELETE FROM media_blobs WHERE account = $1 AND blob = $2
		AND NOT EXISTS (SELECT 1 FROM media_contents c WHERE c.account = $1 AND c.blob = $2)`

	thumbnailsOfSQL = `SELECT blob FROM media_thumbnails WHERE account = $1 AND source = $2`
)

// DropLooseMedia implements media.SweepStore.
func (s *Store) DropLooseMedia(ctx context.Context, account tenant.ID, mediaID media.ID, before int64) ([]media.Key, error) {
	record, err := s.Media(ctx, account, mediaID)
	if err != nil || record == nil || record.Content == nil {
		return nil, err
	}
	blob := record.Content.Blob
	gone, err := sqldb.All(ctx, s.db, sqldb.Value[media.Key], thumbnailsOfSQL, account, blob.Key)
	if err != nil {
		return nil, fmt.Errorf("read thumbnails: %w", err)
	}
	b := &sqldb.Batch{}
	b.Add(lockMediaSQL, account, mediaID)
	b.Add(uncountMediaSQL, account, mediaID, before, blob.Size, "")
	b.Add(uncountMediaSQL, account, mediaID, before, blob.Size, record.Uploader)
	b.Add(dropContentSQL, account, mediaID, before)
	b.Add(dropMediaSQL, account, mediaID, before)
	b.Add(dropThumbnailsSQL, account, blob.Key)
	b.Add(dropBlobSQL, account, blob.Key)
	err = s.db.Commit(ctx, b)
	if violation := (*sqldb.Violation)(nil); errors.As(err, &violation) && violation.Kind == sqldb.Reference {
		return nil, nil // in use again
	}
	if err != nil {
		return nil, fmt.Errorf("drop media: %w", err)
	}
	if b.Affected(b.Len()-1) == 0 {
		return nil, nil
	}
	return append(gone, blob.Key), nil
}

const knownBlobsSQL = `
	SELECT blob FROM media_blobs WHERE account = $1 AND blob = ANY($2)
	UNION SELECT blob FROM media_thumbnails WHERE account = $1 AND blob = ANY($2)`

// UnknownBlobs implements media.SweepStore.
func (s *Store) UnknownBlobs(ctx context.Context, account tenant.ID, keys []media.Key) ([]media.Key, error) {
	known, err := sqldb.All(ctx, s.db, sqldb.Value[media.Key], knownBlobsSQL, account, texts(keys))
	if err != nil {
		return nil, fmt.Errorf("read which blobs are known: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k media.Key) bool { return slices.Contains(known, k) }), nil
}
