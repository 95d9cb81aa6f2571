package mediaapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/config/outbound"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/mediaapi/thumbnail"
)

const (
	maxFetches  = 8         // at once
	maxPage     = 1 << 20   // bytes of a page
	maxAnswer   = 10 << 20  // bytes of what is sent for it
	maxPicture  = 1 << 20   // bytes of its picture
	maxAddress  = 2 << 10   // bytes of its address
	previewLife = time.Hour // for which a page is not asked again
)

var (
	errAddress  = refusal.Invalid("Please give the address of a page that begins with https:// or http://.")
	errUnread   = refusal.New(http.StatusBadGateway, "M_UNKNOWN", "The page could not be read.")
	errFetching = refusal.New(http.StatusServiceUnavailable, "M_UNKNOWN", "The server is reading too many pages at the moment. Please try again later.")
)

// preview handles GET /_matrix/client/v1/media/preview_url, also as
// /_matrix/media/v3/preview_url: what the page at the parameter url says of itself by
// OpenGraph, {} where the account has no previews or the page says nothing.
func (s *Server) preview(r *httpapi.Request) (any, error) {
	address, err := url.Parse(r.Query("url"))
	if err != nil || address.Scheme != "https" && address.Scheme != "http" || address.Host == "" || len(r.Query("url")) > maxAddress {
		return nil, errAddress
	}
	if s.previews == nil || s.outside == nil {
		return nil, nil
	}
	on, err := s.previews(r.Context(), r.Account)
	if err != nil || !on {
		return nil, err
	}
	if s.own != nil {
		if own, err := s.own(r.Context(), r.Account, address.Hostname()); err != nil || own {
			return nil, err
		}
	}
	address.Fragment = ""
	hash := sha256.Sum256([]byte(address.String()))
	key := hex.EncodeToString(hash[:])
	asked := s.asking.DoChan(string(r.Account)+" "+key, func() (any, error) {
		return s.previewOf(context.WithoutCancel(r.Context()), r.Account, r.Server, address, key)
	})
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case result := <-asked:
		return result.Val, result.Err
	}
}

// previewOf gives the preview that is kept, or fetches one.
func (s *Server) previewOf(ctx context.Context, account tenant.ID, server string, address *url.URL, key string) (json.RawMessage, error) {
	kept, err := s.media.Store.Preview(ctx, account, key)
	if err != nil {
		return nil, err
	}
	now := s.now()
	if kept != nil && now.Sub(time.UnixMilli(kept.Fetched)) < previewLife {
		return kept.Answer, nil
	}
	if !s.fetches.TryAcquire(1) {
		return nil, errFetching
	}
	defer s.fetches.Release(1)
	p := media.Preview{URL: key, Fetched: now.UnixMilli()}
	said, err := s.ask(ctx, account, server, address, &p)
	if err != nil {
		return nil, err
	}
	if p.Answer, err = json.Marshal(said); err != nil {
		return nil, fmt.Errorf("encode preview: %w", err)
	}
	return p.Answer, s.media.Store.KeepPreview(ctx, account, p)
}

// ask reads a page and its picture, of which p gets the ID.
func (s *Server) ask(ctx context.Context, account tenant.ID, server string, address *url.URL, p *media.Preview) (map[string]any, error) {
	answer, err := s.fetch(ctx, address, maxAnswer)
	if err != nil {
		return nil, err
	}
	said, kind := map[string]any{}, answer.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(kind, "image/"):
		return said, s.keepPicture(ctx, account, server, answer.Body, said, p)
	case !strings.HasPrefix(kind, "text/html") && !strings.HasPrefix(kind, "application/xhtml+xml"):
		return said, nil
	}
	page := answer.Body[:min(len(answer.Body), maxPage)]
	for name, value := range openGraph(page, kind) {
		said[name] = value
	}
	picture, _ := said["og:image"].(string)
	delete(said, "og:image")
	at, err := address.Parse(picture)
	if picture == "" || err != nil {
		return said, nil //nolint:nilerr // a page with a bad address of a picture has none
	}
	shown, err := s.fetch(ctx, at, maxPicture)
	if err != nil {
		return said, nil //nolint:nilerr // nor one whose picture cannot be had
	}
	return said, s.keepPicture(ctx, account, server, shown.Body, said, p)
}

// fetch reads what is at an address.
func (s *Server) fetch(ctx context.Context, address *url.URL, most int64) (*outbound.Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, errAddress
	}
	request.Header.Set("Accept", "text/html, application/xhtml+xml, image/*;q=0.9, */*;q=0.1")
	answer, err := s.outside.Do(ctx, request, most)
	// Why is not said: who asks could find out what there is in the server's networks.
	if err != nil || answer.Status != http.StatusOK {
		return nil, errors.Join(errUnread, err)
	}
	return answer, nil
}

// keepPicture makes a picture of a page media, if it is one and small. All of an
// account's are held to what one user may keep.
func (s *Server) keepPicture(ctx context.Context, account tenant.ID, server string, content []byte, said map[string]any, p *media.Preview) error {
	if len(content) > maxPicture {
		return nil
	}
	picture, err := thumbnail.Open(bytes.NewReader(content))
	if err != nil {
		return nil //nolint:nilerr // what is no picture is not shown
	}
	kept, err := s.media.Upload(ctx, media.Upload{
		Account: account, Uploader: tenant.ServiceUser(server), Type: picture.Type(), Length: int64(len(content)),
	}, bytes.NewReader(content))
	if err != nil {
		if refusal.As(err) != nil {
			return nil // there is no room for it, or it is refused by the scanner
		}
		return err
	}
	p.Picture = kept.ID
	said["og:image"], said["og:image:type"] = kept.URI().String(), picture.Type()
	said["og:image:width"], said["og:image:height"] = picture.Width, picture.Height
	said["matrix:image:size"] = len(content)
	return nil
}
