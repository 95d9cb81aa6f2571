package media

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Options are what a Service is made with. Store, Blobs, Rules, Sight, Now and Random
// are required.
type Options struct {
	Store Store
	Blobs Blobs
	// Rules gives what an account's media are held to.
	Rules func(ctx context.Context, account tenant.ID) (Rules, error)
	Sight Sight
	// Scanner judges what is uploaded; nil: nobody does.
	Scanner Scanner
	Now     func() time.Time
	Random  io.Reader // crypto/rand
	// PendingMax is how many records of a user may wait for their content (20 if 0),
	// PendingTime how long each does (24 h if 0).
	PendingMax  int
	PendingTime time.Duration
	// LooseTime is how long media of accounts with [Rules.Linked] stay when nothing
	// refers to them any more: 7 days if 0.
	LooseTime time.Duration
}

// Service is what may be done with media.
type Service struct {
	Options

	mu     sync.Mutex    // guards filled
	filled chan struct{} // closed when a record that waited has got its content
}

// New makes a Service.
func New(o Options) *Service {
	if o.PendingMax == 0 {
		o.PendingMax = 20
	}
	if o.PendingTime == 0 {
		o.PendingTime = 24 * time.Hour
	}
	if o.LooseTime == 0 {
		o.LooseTime = 7 * 24 * time.Hour
	}
	return &Service{Options: o, filled: make(chan struct{})}
}

// What is refused of media. ErrNotFound is one value, so that what belongs to another
// account, or is not to be seen, is answered like what does not exist.
var (
	ErrNotFound = refusal.NotFound("This file does not exist, or you may not see it.")

	errNotYet  = refusal.New(http.StatusGatewayTimeout, "M_NOT_YET_UPLOADED", "This file has not been uploaded yet. Please try again later.")
	errFilled  = refusal.New(http.StatusConflict, "M_CANNOT_OVERWRITE_MEDIA", "This file has been uploaded already, and files do not change.")
	errOthers  = refusal.Forbidden("This upload was begun by somebody else.")
	errUser    = refusal.Forbidden("There is no room for this file: all your files together may take %d bytes at most.").Because("media_quota_user")
	errAccount = refusal.Forbidden("There is no room for this file: all files of your account together may take %d bytes at most.").Because("media_quota_account")
	errFull    = refusal.New(http.StatusInsufficientStorage, "M_UNKNOWN", "The server has no room for this file at the moment. Please tell its administrator.")
	errWaiting = refusal.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "%d of your uploads have begun and are not finished. Finish one of them first.")
)

// with gives a refusal with its number.
func with(r *refusal.Refusal, n any) *refusal.Refusal {
	c := *r
	c.Args = []any{n}
	return &c
}

func (s *Service) timestamp() int64 { return s.Now().UnixMilli() }

// letters gives so many random bytes in capitals and digits.
func (s *Service) letters(bytes int) (string, error) {
	b := make([]byte, bytes)
	if _, err := io.ReadFull(s.Random, b); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b), nil
}

func (s *Service) newID() (ID, error) {
	name, err := s.letters(20)
	return ID(name), err
}

// Reserve makes a record that waits for its content (POST /media/v1/create), or
// refuses with M_LIMIT_EXCEEDED.
func (s *Service) Reserve(ctx context.Context, account tenant.ID, user id.UserID) (*Record, error) {
	name, err := s.newID()
	if err != nil {
		return nil, err
	}
	now := s.Now()
	r := Record{Account: account, ID: name, Uploader: user, Created: now.UnixMilli(), Expires: now.Add(s.PendingTime).UnixMilli()}
	err = s.Store.ReserveMedia(ctx, r, s.PendingMax)
	if errors.Is(err, ErrWaiting) {
		// One may be finished at any moment, if the client goes on.
		return nil, with(errWaiting, s.PendingMax).With("retry_after_ms", time.Minute.Milliseconds())
	}
	return &r, err
}

// Reserved gives a record of the user that waits for its content, or why there is
// none: M_NOT_FOUND, M_FORBIDDEN, M_CANNOT_OVERWRITE_MEDIA.
func (s *Service) Reserved(ctx context.Context, caller tenant.Caller, media ID) (*Record, error) {
	r, err := s.Store.Media(ctx, caller.Account, media)
	switch {
	case err != nil:
		return nil, err
	case r == nil, r.Content == nil && r.Expires <= s.timestamp():
		return nil, ErrNotFound
	case r.Uploader != caller.User:
		readable, err := s.mayRead(ctx, caller, r)
		if err == nil && !readable {
			return nil, ErrNotFound
		}
		return nil, errors.Join(err, errOthers)
	case r.Content != nil:
		return nil, errFilled
	}
	return r, nil
}

// MayRead tells whether the caller may read media: with [Rules.Linked] who has
// uploaded it or sees something that refers to it, else everybody in the account. A
// token of some rooms is good for what one of those refers to, and its user's own.
// Nobody may read what does not exist.
func (s *Service) MayRead(ctx context.Context, caller tenant.Caller, media ID) (bool, error) {
	r, err := s.Store.Media(ctx, caller.Account, media)
	if err != nil || r == nil {
		return false, err
	}
	return s.mayRead(ctx, caller, r)
}

// linksPage is how many links are looked at in one go.
const linksPage = 100

func (s *Service) mayRead(ctx context.Context, caller tenant.Caller, r *Record) (bool, error) {
	rules, err := s.Rules(ctx, caller.Account)
	if err != nil {
		return false, err
	}
	if r.Uploader == caller.User || !rules.Linked && caller.Rooms == "" {
		return true, nil
	}
	for after := (*Link)(nil); ; {
		links, err := s.Store.MediaLinks(ctx, caller.Account, r.ID, after, linksPage)
		if err != nil {
			return false, err
		}
		for _, l := range links {
			if !caller.Rooms.Allow(l.Room) {
				continue
			}
			if l.Kind == PreviewLink {
				return true, nil
			}
			sees, err := s.Sight.Sees(ctx, caller, l)
			if err != nil || sees {
				return sees, err
			}
		}
		if len(links) < linksPage {
			return false, nil
		}
		after = &links[len(links)-1]
	}
}

// lookAgain is how often it is looked whether another node has taken an upload.
const lookAgain = time.Second

// Find gives a record that the caller may read, with its content, for which it waits
// for so long: M_NOT_YET_UPLOADED if it has not come then. Whatever else there is not
// is ErrNotFound.
func (s *Service) Find(ctx context.Context, caller tenant.Caller, media ID, wait time.Duration) (*Record, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		s.mu.Lock()
		filled := s.filled
		s.mu.Unlock()
		r, err := s.find(context.WithoutCancel(ctx), caller, media)
		if err != nil || r.Content != nil {
			return r, err
		}
		again := time.NewTimer(lookAgain)
		select {
		case <-ctx.Done():
			again.Stop()
			return nil, errNotYet
		case <-filled:
		case <-again.C:
		}
		again.Stop()
	}
}

func (s *Service) find(ctx context.Context, caller tenant.Caller, media ID) (*Record, error) {
	if !media.Valid() {
		return nil, ErrNotFound
	}
	r, err := s.Store.Media(ctx, caller.Account, media)
	if err != nil {
		return nil, err
	}
	if r == nil || r.Content == nil && r.Expires <= s.timestamp() {
		return nil, ErrNotFound
	}
	readable, err := s.mayRead(ctx, caller, r)
	if err != nil {
		return nil, err
	}
	if !readable {
		return nil, ErrNotFound
	}
	return r, nil
}

// wake lets those look again who wait for content.
func (s *Service) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.filled)
	s.filled = make(chan struct{})
}
