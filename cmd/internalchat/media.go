package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"net/url"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

// mediaFolder is where files lie in the data folder.
const mediaFolder = "media"

func (h *house) openMedia() error {
	stores, err := openStores(h.cfg)
	if err != nil {
		return err
	}
	h.media = media.New(media.Options{
		Store: h.store, Blobs: stores.blobs(h.cfg.Media.Store), Rules: h.mediaRules, Sight: h.rooms, Scanner: h.scanner(),
		Now: time.Now, Random: rand.Reader,
		PendingMax: h.cfg.Limits.PendingUploads, PendingTime: h.cfg.Limits.PendingUploadTime,
		LooseTime: h.cfg.Limits.LooseMediaTime,
	})
	return nil
}

// pictures keep the icons of channels as files.
type pictures struct{ *house }

// Keep implements rooms.Pictures.
func (p pictures) Keep(ctx context.Context, account tenant.ID, owner id.UserID, name, contentType string, r io.Reader) (id.ContentURIString, error) {
	kept, err := p.media.Keep(ctx, account, owner, name, contentType, r)
	return kept.CUString(), err
}

// settings gives the settings of an account, empty ones where there is none.
func (h *house) settings(ctx context.Context, account tenant.ID) (accounts.Settings, error) {
	a, err := h.accounts.Account(ctx, account)
	if err != nil || a == nil {
		return accounts.Settings{}, err
	}
	return a.Settings, nil
}

// mediaRules gives what an account's files are held to: its own limits, or the server's.
func (h *house) mediaRules(ctx context.Context, account tenant.ID) (media.Rules, error) {
	s, err := h.settings(ctx, account)
	limits := h.cfg.Limits
	return media.Rules{
		Linked:       s.RoomPolicy != accounts.MatrixPolicy,
		UploadBytes:  cmp.Or(s.Limits.UploadBytes, limits.UploadBytes),
		UserBytes:    cmp.Or(s.Limits.UserMediaBytes, limits.UserMediaBytes),
		AccountBytes: cmp.Or(s.Limits.MediaBytes, limits.AccountMediaBytes),
	}, err
}

// previews tells whether the server reads pages that people of an account link to.
func (h *house) previews(ctx context.Context, account tenant.ID) (bool, error) {
	s, err := h.settings(ctx, account)
	return s.URLPreviews, err
}

// ownHost tells whether a host is the server's own, or the one that knows the
// account's cards: links there are shown as cards, and never fetched. The host is one
// without a port.
func (h *house) ownHost(ctx context.Context, account tenant.ID, host string) (bool, error) {
	s, err := h.settings(ctx, account)
	own := []string{h.cfg.PublicURL}
	if s.Cards != nil {
		own = append(own, s.Cards.URL)
	}
	for _, address := range own {
		if u, err := url.Parse(address); err == nil && u.Host != "" && bareHost(u.Hostname()) == bareHost(host) {
			return true, nil
		}
	}
	return false, err
}

// bareHost gives one spelling of a host without a port.
func bareHost(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

func (h *house) accountIDs(ctx context.Context) (ids []tenant.ID, err error) {
	all, err := h.accounts.Accounts(ctx)
	for _, a := range all {
		ids = append(ids, a.ID)
	}
	return ids, err
}
