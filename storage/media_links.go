package storage

import (
	"context"
	"fmt"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// The row of the media is written before the link, and before a link is looked for:
// so a link and the removal of the media wait for each other, and a link to media
// that has gone breaks nothing.
const (
	holdMediaSQL = `UPDATE media SET loose = 0 WHERE account = $1 AND media_id = $2`

	linkMediaSQL = `
		INSERT INTO media_links (account, media_id, kind, room, reference)
		SELECT m.account, m.media_id, $3, $4, $5 FROM media m WHERE m.account = $1 AND m.media_id = $2
		ON CONFLICT (account, media_id, kind, room, reference) DO NOTHING`

	unlinkMediaSQL = `
		DELETE FROM media_links
		WHERE account = $1 AND media_id = $2 AND kind = $3 AND room = $4 AND reference = $5`

	loosenMediaSQL = `
		UPDATE media SET loose = $3 WHERE account = $1 AND media_id = $2 AND loose = 0
		AND NOT EXISTS (SELECT 1 FROM media_links l WHERE l.account = $1 AND l.media_id = $2)`
)

// addLink writes a link as statements of a batch or an act.
func addLink(add func(sql string, args ...any), account tenant.ID, l media.Link) {
	add(holdMediaSQL, account, l.Media)
	add(linkMediaSQL, account, l.Media, l.Kind, l.Room, l.Reference)
}

// addUnlink drops a link likewise.
func addUnlink(add func(sql string, args ...any), account tenant.ID, now int64, l media.Link) {
	add(holdMediaSQL, account, l.Media)
	add(unlinkMediaSQL, account, l.Media, l.Kind, l.Room, l.Reference)
	add(loosenMediaSQL, account, l.Media, now)
}

// LinkMedia implements media.Store.
func (s *Store) LinkMedia(ctx context.Context, account tenant.ID, links ...media.Link) error {
	b := &sqldb.Batch{}
	for _, l := range links {
		addLink(b.Add, account, l)
	}
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("link media: %w", err)
	}
	return nil
}

// UnlinkMedia implements media.Store.
func (s *Store) UnlinkMedia(ctx context.Context, account tenant.ID, now int64, links ...media.Link) error {
	b := &sqldb.Batch{}
	for _, l := range links {
		addUnlink(b.Add, account, now, l)
	}
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("unlink media: %w", err)
	}
	return nil
}

const mediaLinksSQL = `
	SELECT media_id, kind, room, reference FROM media_links
	WHERE account = $1 AND media_id = $2
	AND (kind > $3 OR (kind = $3 AND (room > $4 OR (room = $4 AND reference > $5))))
	ORDER BY kind, room, reference LIMIT $6`

// MediaLinks implements media.Store.
func (s *Store) MediaLinks(ctx context.Context, account tenant.ID, mediaID media.ID, after *media.Link, limit int) ([]media.Link, error) {
	if after == nil {
		after = &media.Link{}
	}
	links, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (media.Link, error) {
		var l media.Link
		return l, r.Scan(&l.Media, &l.Kind, &l.Room, &l.Reference)
	}, mediaLinksSQL, account, mediaID, after.Kind, after.Room, after.Reference, limit)
	if err != nil {
		return nil, fmt.Errorf("read links to media: %w", err)
	}
	return links, nil
}

const (
	previewSQL = `SELECT url, fetched, media, answer FROM url_previews WHERE account = $1 AND url = $2`

	keepPreviewSQL = `
		INSERT INTO url_previews (account, url, fetched, media, answer) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account, url) DO UPDATE
		SET fetched = excluded.fetched, media = excluded.media, answer = excluded.answer`

	oldPreviewsSQL = `SELECT account, url, media FROM url_previews WHERE fetched < $1 ORDER BY fetched LIMIT 200`

	dropPreviewSQL = `DELETE FROM url_previews WHERE account = $1 AND url = $2 AND fetched < $3`
)

// Preview implements media.PreviewStore.
func (s *Store) Preview(ctx context.Context, account tenant.ID, url string) (*media.Preview, error) {
	preview, found, err := sqldb.One(ctx, s.db, func(r sqldb.Row) (media.Preview, error) {
		var p media.Preview
		return p, r.Scan(&p.URL, &p.Fetched, &p.Picture, &p.Answer)
	}, previewSQL, account, url)
	if err != nil {
		return nil, fmt.Errorf("read preview: %w", err)
	}
	if !found {
		return nil, nil
	}
	return &preview, nil
}

// KeepPreview implements media.PreviewStore. The picture of an earlier one stays
// linked until it is dropped: clients may show it yet.
func (s *Store) KeepPreview(ctx context.Context, account tenant.ID, p media.Preview) error {
	b := &sqldb.Batch{}
	b.Add(keepPreviewSQL, account, p.URL, p.Fetched, p.Picture, p.Answer)
	if p.Picture != "" {
		addLink(b.Add, account, media.Link{Media: p.Picture, Kind: media.PreviewLink, Reference: p.URL})
	}
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("keep preview: %w", err)
	}
	return nil
}

const previewPicturesSQL = `
	SELECT media_id FROM media_links WHERE account = $1 AND kind = 'preview' AND room = '' AND reference = $2`

// DropPreviews implements media.PreviewStore.
func (s *Store) DropPreviews(ctx context.Context, before, now int64) error {
	type old struct {
		account tenant.ID
		url     string
		picture media.ID
	}
	for ctx.Err() == nil {
		olds, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (old, error) {
			var o old
			return o, r.Scan(&o.account, &o.url, &o.picture)
		}, oldPreviewsSQL, before)
		if err != nil || len(olds) == 0 {
			return wrapped("read old previews", err)
		}
		b := &sqldb.Batch{}
		for _, o := range olds {
			b.Add(dropPreviewSQL, o.account, o.url, before)
			pictures, err := sqldb.All(ctx, s.db, sqldb.Value[media.ID], previewPicturesSQL, o.account, o.url)
			if err != nil {
				return fmt.Errorf("read pictures of old previews: %w", err)
			}
			for _, picture := range pictures {
				addUnlink(b.Add, o.account, now, media.Link{Media: picture, Kind: media.PreviewLink, Reference: o.url})
			}
		}
		if err := s.db.Commit(ctx, b); err != nil {
			return fmt.Errorf("drop previews: %w", err)
		}
	}
	return ctx.Err()
}
