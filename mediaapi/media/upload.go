package media

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Upload is a file on its way in.
type Upload struct {
	Account  tenant.ID
	Uploader id.UserID
	// Reserved is the record that waits for it, or nil: it gets a new one.
	Reserved *Record
	Type     string // as the uploader calls it (a Content-Type), or empty
	Name     string // of the file, or empty
	Length   int64  // bytes, as announced; -1: not said
	// Unlimited uploads are the server's own, and held to no quota.
	Unlimited bool
}

const (
	maxType = 255
	maxName = 1024
)

var errName = refusal.Invalid("The name of a file can have at most %d bytes.")

// Upload takes a file: when it returns, its bytes and its record are durable. Nothing
// of it is held in memory. Its refusals are M_TOO_LARGE, M_FORBIDDEN (a quota, what the
// scanner says), M_CANNOT_OVERWRITE_MEDIA and M_NOT_FOUND (of what was reserved).
// An error of content is returned, wrapped.
func (s *Service) Upload(ctx context.Context, u Upload, content io.Reader) (*Record, error) {
	rules, err := s.Rules(ctx, u.Account)
	if err != nil {
		return nil, err
	}
	if u.Unlimited {
		rules.UserBytes, rules.AccountBytes = 0, 0
	}
	if len(u.Name) > maxName {
		return nil, with(errName, maxName)
	}
	if err := s.fits(ctx, u, rules, max(u.Length, 0)); err != nil {
		return nil, err
	}
	k := Keeping{Rules: rules, Reserved: u.Reserved != nil}
	if k.Record, err = s.recordOf(u); err != nil {
		return nil, err
	}
	draft, err := s.Blobs.Draft(ctx, u.Account)
	if err != nil {
		return nil, full(err)
	}
	defer func() { _ = draft.Discard() }()
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(hash, draft), most(content, rules.UploadBytes))
	switch {
	case err != nil:
		return nil, full(err)
	case rules.UploadBytes > 0 && size > rules.UploadBytes:
		return nil, tooLarge(rules.UploadBytes)
	}
	c := k.Record.Content
	c.Blob = Blob{SHA256: hex.EncodeToString(hash.Sum(nil)), Size: size}
	if c.Detected, err = detect(draft, size); err != nil {
		return nil, err
	}
	if s.Scanner != nil {
		suspect := Suspect{Record: k.Record, Server: u.Uploader.Homeserver()}
		if err := s.Scanner.Scan(ctx, suspect, io.NewSectionReader(draft, 0, size)); err != nil {
			return nil, err
		}
	}
	// From here on it is finished, whether the client still waits or not.
	if err := s.keep(context.WithoutCancel(ctx), u, &k, draft); err != nil {
		return nil, err
	}
	if k.Reserved {
		s.wake()
	}
	k.Record.Expires = 0
	return &k.Record, nil
}

func tooLarge(limit int64) error {
	return refusal.TooLarge("This file is too large: at most %d bytes are permitted.", limit)
}

// most reads at most one byte more than permitted.
func most(r io.Reader, limit int64) io.Reader {
	if limit == 0 {
		return r
	}
	return io.LimitReader(r, limit+1)
}

// fits tells, before anything is read, whether there is room for so many bytes.
func (s *Service) fits(ctx context.Context, u Upload, rules Rules, size int64) error {
	if rules.UploadBytes > 0 && size > rules.UploadBytes {
		return tooLarge(rules.UploadBytes)
	}
	if rules.UserBytes == 0 && rules.AccountBytes == 0 {
		return nil
	}
	byUser, byAccount, err := s.Store.MediaUsage(ctx, u.Account, u.Uploader)
	switch {
	case err != nil:
		return err
	case rules.UserBytes > 0 && byUser+size > rules.UserBytes:
		return with(errUser, rules.UserBytes)
	case rules.AccountBytes > 0 && byAccount+size > rules.AccountBytes:
		return with(errAccount, rules.AccountBytes)
	}
	return nil
}

// recordOf gives the record that the upload is to have.
func (s *Service) recordOf(u Upload) (r Record, err error) {
	if u.Reserved != nil {
		r = *u.Reserved
	} else {
		r = Record{Account: u.Account, Uploader: u.Uploader, Created: s.timestamp()}
		if r.ID, err = s.newID(); err != nil {
			return r, err
		}
	}
	r.Content = &Content{}
	// What is no media type is as good as none, and what is no text no name.
	if isText(u.Name) {
		r.Content.Name = u.Name
	}
	if kind, _, err := mime.ParseMediaType(u.Type); err == nil && strings.Contains(kind, "/") && len(u.Type) <= maxType && isText(u.Type) {
		r.Content.Type = u.Type
	}
	return r, nil
}

// isText tells whether every database keeps it as a text.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// detect gives what content looks like, without parameters.
func detect(content io.ReaderAt, size int64) (string, error) {
	kind, err := mimetype.DetectReader(io.NewSectionReader(content, 0, size))
	if err != nil {
		return "", fmt.Errorf("detect the type of an upload: %w", err)
	}
	bare, _, _ := strings.Cut(kind.String(), ";")
	return bare, nil
}

// keepTries bounds how often what others do to the same content may come between.
const keepTries = 5

// keep makes the draft a blob, or finds the one that the account has of this content,
// and writes the record.
func (s *Service) keep(ctx context.Context, u Upload, k *Keeping, draft Draft) (err error) {
	blob := &k.Record.Content.Blob
	for range keepTries {
		known, err := s.Store.BlobOf(ctx, u.Account, blob.SHA256)
		if err != nil {
			return err
		}
		if k.Known = known != nil; k.Known {
			*blob = *known
		} else if blob.Key, err = s.commit(ctx, draft, blob.SHA256); err != nil {
			return err
		}
		err = s.Store.KeepMedia(ctx, *k)
		if err == nil {
			return nil
		}
		refused, certain := s.refused(err, k.Rules)
		if !k.Known && certain {
			// Best effort: the sweep would find it.
			_ = s.Blobs.Remove(ctx, u.Account, blob.Key)
		}
		if refused != nil {
			return refused
		}
		// Not only the blob may have gone, but what was reserved as well: it had its time.
		if k.Reserved {
			if r, err := s.Store.Media(ctx, u.Account, k.Record.ID); err != nil || r == nil {
				return cmp.Or[error](err, ErrNotFound)
			}
		}
	}
	return errors.New("keep media: others come and go with the same content all the time")
}

// commit makes a draft a blob under a key that was never used.
func (s *Service) commit(ctx context.Context, draft Draft, hash string) (Key, error) {
	suffix, err := s.letters(10)
	if err != nil {
		return "", err
	}
	key := Key(hash + "-" + suffix)
	return key, full(draft.Commit(ctx, key))
}

// refused gives what the uploader is told of an error of KeepMedia, nil when it is to be
// tried again; and whether it is certain that the record was not kept.
func (s *Service) refused(err error, rules Rules) (refused error, certain bool) {
	switch {
	case errors.Is(err, ErrBlobGone), errors.Is(err, ErrBlobKnown):
		return nil, true
	case errors.Is(err, ErrUserFull):
		return with(errUser, rules.UserBytes), true
	case errors.Is(err, ErrAccountFull):
		return with(errAccount, rules.AccountBytes), true
	case errors.Is(err, ErrFilled):
		return errFilled, true
	case errors.Is(err, ErrGone):
		return ErrNotFound, true
	}
	return err, false
}

// full makes a refusal of a store that has no room.
func full(err error) error {
	if errors.Is(err, ErrFull) {
		return errors.Join(errFull, err)
	}
	return err
}

// Keep keeps a file that the server itself has made (a picture of a room), in the name
// of a user of the account, who may be the service user. It is held to no quota; on
// [Rules.Linked] it goes as others do when nothing links to it.
func (s *Service) Keep(ctx context.Context, account tenant.ID, uploader id.UserID, name, contentType string, content io.Reader) (id.ContentURI, error) {
	r, err := s.Upload(ctx, Upload{
		Account: account, Uploader: uploader, Type: contentType, Name: name, Length: -1, Unlimited: true,
	}, content)
	if err != nil {
		return id.ContentURI{}, err
	}
	return r.URI(), nil
}
