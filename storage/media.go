package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const mediaSQL = `
	SELECT m.media_id, m.uploader, m.created, m.expires, c.type, c.detected, c.name, b.blob, b.sha256, b.size
	FROM media m
	LEFT JOIN media_contents c ON c.account = m.account AND c.media_id = m.media_id
	LEFT JOIN media_blobs b ON b.account = c.account AND b.blob = c.blob
	WHERE m.account = $1 AND m.media_id = $2`

// Media implements media.Store.
func (s *Store) Media(ctx context.Context, account tenant.ID, mediaID media.ID) (*media.Record, error) {
	record, found, err := sqldb.One(ctx, s.db, func(r sqldb.Row) (media.Record, error) {
		m := media.Record{Account: account}
		var kind, detected, name, key, hash *string
		var size *int64
		err := r.Scan(&m.ID, &m.Uploader, &m.Created, &m.Expires, &kind, &detected, &name, &key, &hash, &size)
		if err == nil && key != nil {
			m.Content = &media.Content{
				Type: *kind, Detected: *detected, Name: *name,
				Blob: media.Blob{Key: media.Key(*key), SHA256: *hash, Size: *size},
			}
		}
		return m, err
	}, mediaSQL, account, mediaID)
	if err != nil {
		return nil, fmt.Errorf("read media: %w", err)
	}
	if !found {
		return nil, nil
	}
	return &record, nil
}

const blobOfSQL = `SELECT blob, sha256, size FROM media_blobs WHERE account = $1 AND sha256 = $2`

// BlobOf implements media.Store.
func (s *Store) BlobOf(ctx context.Context, account tenant.ID, sha256 string) (*media.Blob, error) {
	blob, found, err := sqldb.One(ctx, s.db, func(r sqldb.Row) (media.Blob, error) {
		var b media.Blob
		return b, r.Scan(&b.Key, &b.SHA256, &b.Size)
	}, blobOfSQL, account, sha256)
	if err != nil {
		return nil, fmt.Errorf("read blob: %w", err)
	}
	if !found {
		return nil, nil
	}
	return &blob, nil
}

// Nothing refers to media when they are made, so they are loose since then.
const (
	reserveMediaSQL = `
		INSERT INTO media (account, media_id, uploader, created, expires, loose)
		SELECT $1, $2, $3, $4::bigint, $5::bigint, $4::bigint WHERE (
			SELECT COUNT(*) FROM media WHERE account = $1 AND uploader = $3 AND expires > $4::bigint) < $6::bigint`

	insertMediaSQL = `
		INSERT INTO media (account, media_id, uploader, created, expires, loose) VALUES ($1, $2, $3, $4, 0, $4)`
)

// ReserveMedia implements media.Store.
func (s *Store) ReserveMedia(ctx context.Context, r media.Record, most int) error {
	b := &sqldb.Batch{}
	b.Add(reserveMediaSQL, r.Account, r.ID, r.Uploader, r.Created, r.Expires, most)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("reserve media: %w", err)
	}
	if b.Affected(0) == 0 {
		return media.ErrWaiting
	}
	return nil
}

const (
	insertBlobSQL = `INSERT INTO media_blobs (account, blob, sha256, size) VALUES ($1, $2, $3, $4)`

	insertContentSQL = `
		INSERT INTO media_contents (account, media_id, type, detected, name, blob) VALUES ($1, $2, $3, $4, $5, $6)`

	filledSQL = `UPDATE media SET expires = 0 WHERE account = $1 AND media_id = $2`

	// The table's condition refuses what would be too much, and with it the batch.
	countMediaSQL = `
		INSERT INTO media_usage (account, user_id, bytes, most) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, user_id) DO UPDATE
		SET bytes = media_usage.bytes + excluded.bytes, most = excluded.most`
)

// KeepMedia implements media.Store. Which statement was refused says why.
func (s *Store) KeepMedia(ctx context.Context, k media.Keeping) error {
	r, c := &k.Record, k.Record.Content
	b, why := &sqldb.Batch{}, map[int]map[sqldb.ViolationKind]error{}
	add := func(refused map[sqldb.ViolationKind]error, sql string, args ...any) {
		why[b.Len()] = refused
		b.Add(sql, args...)
	}
	// The account's row comes first everywhere: who holds it waits for nobody.
	add(map[sqldb.ViolationKind]error{sqldb.Check: media.ErrAccountFull},
		countMediaSQL, r.Account, "", c.Blob.Size, quota(k.Rules.AccountBytes))
	add(map[sqldb.ViolationKind]error{sqldb.Check: media.ErrUserFull},
		countMediaSQL, r.Account, r.Uploader, c.Blob.Size, quota(k.Rules.UserBytes))
	if !k.Known {
		add(map[sqldb.ViolationKind]error{sqldb.Unique: media.ErrBlobKnown},
			insertBlobSQL, r.Account, c.Blob.Key, c.Blob.SHA256, c.Blob.Size)
	}
	gone := media.ErrBlobGone
	if k.Reserved {
		add(nil, filledSQL, r.Account, r.ID)
		if !k.Known {
			gone = media.ErrGone
		}
	} else {
		add(nil, insertMediaSQL, r.Account, r.ID, r.Uploader, r.Created)
	}
	add(map[sqldb.ViolationKind]error{sqldb.Unique: media.ErrFilled, sqldb.Reference: gone},
		insertContentSQL, r.Account, r.ID, c.Type, c.Detected, c.Name, c.Blob.Key)
	err := s.db.Commit(ctx, b)
	if violation := (*sqldb.Violation)(nil); errors.As(err, &violation) {
		if refused := why[violation.Statement][violation.Kind]; refused != nil {
			return refused
		}
	}
	if err != nil {
		return fmt.Errorf("keep media: %w", err)
	}
	return nil
}

// quota gives a limit of which 0 is none.
func quota(bytes int64) int64 { return cmp.Or(bytes, math.MaxInt64) }

const usageSQL = `SELECT user_id, bytes FROM media_usage WHERE account = $1 AND user_id = ANY($2)`

// MediaUsage implements media.Store.
func (s *Store) MediaUsage(ctx context.Context, account tenant.ID, user id.UserID) (byUser, byAccount int64, err error) {
	err = s.db.Query(ctx, usageSQL, []any{account, []string{"", string(user)}}, func(r sqldb.Row) error {
		var who string
		var bytes int64
		if err := r.Scan(&who, &bytes); err != nil {
			return err
		}
		if who == "" {
			byAccount = bytes
		} else {
			byUser = bytes
		}
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("read usage of media: %w", err)
	}
	return byUser, byAccount, nil
}

const (
	thumbnailSQL = `
		SELECT source, size, type, blob, sha256, bytes FROM media_thumbnails
		WHERE account = $1 AND source = $2 AND size = $3`

	insertThumbnailSQL = `
		INSERT INTO media_thumbnails (account, source, size, type, blob, sha256, bytes)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
)

// Thumbnail implements media.Store.
func (s *Store) Thumbnail(ctx context.Context, account tenant.ID, source media.Key, size string) (*media.Thumbnail, error) {
	thumbnail, found, err := sqldb.One(ctx, s.db, func(r sqldb.Row) (media.Thumbnail, error) {
		var t media.Thumbnail
		return t, r.Scan(&t.Source, &t.Size, &t.Type, &t.Blob.Key, &t.Blob.SHA256, &t.Blob.Size)
	}, thumbnailSQL, account, source, size)
	if err != nil {
		return nil, fmt.Errorf("read thumbnail: %w", err)
	}
	if !found {
		return nil, nil
	}
	return &thumbnail, nil
}

// KeepThumbnail implements media.Store.
func (s *Store) KeepThumbnail(ctx context.Context, account tenant.ID, t media.Thumbnail) error {
	b := &sqldb.Batch{}
	b.Add(insertThumbnailSQL, account, t.Source, t.Size, t.Type, t.Blob.Key, t.Blob.SHA256, t.Blob.Size)
	err := s.db.Commit(ctx, b)
	if violation := (*sqldb.Violation)(nil); errors.As(err, &violation) {
		if violation.Kind == sqldb.Reference {
			return media.ErrBlobGone
		}
		return media.ErrBlobKnown
	}
	if err != nil {
		return fmt.Errorf("keep thumbnail: %w", err)
	}
	return nil
}
