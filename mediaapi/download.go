package mediaapi

import (
	"context"
	"maps"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/gabriel-vasile/mimetype"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

const (
	waitUsual = 20 * time.Second // for content that is not there yet
	waitMost  = time.Minute
)

// find gives the record that a request names.
func (s *Server) find(r *httpapi.Request) (*media.Record, error) {
	wait, err := r.Milliseconds("timeout_ms", waitUsual, waitMost)
	if err != nil {
		return nil, err
	}
	if r.Var("serverName") != r.Server {
		return nil, media.ErrNotFound
	}
	return s.media.Find(r.Context(), r.Caller, media.ID(r.Var("mediaId")), wait)
}

// download handles GET /_matrix/client/v1/media/download/{serverName}/{mediaId}, also
// as /_matrix/media/v3/download/….
func (s *Server) download(r *httpapi.Request) (any, error) {
	record, err := s.find(r)
	if err != nil {
		return nil, err
	}
	return s.file(record, record.Content.Name), nil
}

// downloadAs handles GET
// /_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}, also as
// /_matrix/media/v3/download/….
func (s *Server) downloadAs(r *httpapi.Request) (any, error) {
	record, err := s.find(r)
	if err != nil {
		return nil, err
	}
	return s.file(record, r.Var("fileName")), nil
}

// file answers with what was uploaded, under a name or none, or with an address where
// the store has one: clients of the newer API follow it, those of the older one if they
// say so (allow_redirect).
func (s *Server) file(record *media.Record, name string) httpapi.Stream {
	c := record.Content
	kind, disposition := presented(c.Type, c.Detected)
	header := http.Header{
		"Content-Type":        {kind},
		"Content-Disposition": {dispositionOf(disposition, name)},
	}
	serve := s.serve(record.Account, c.Blob, header, time.UnixMilli(record.Created))
	locator, can := s.media.Blobs.(media.Locator)
	if !can {
		return serve
	}
	return func(w http.ResponseWriter, req *http.Request) error {
		if strings.HasPrefix(req.URL.Path, "/_matrix/media/") && req.URL.Query().Get("allow_redirect") != "true" {
			return serve(w, req)
		}
		header.Set("Cache-Control", caching)
		address, err := locator.Locate(req.Context(), record.Account, c.Blob.Key, header)
		if err != nil {
			return err
		}
		if address == "" {
			return serve(w, req)
		}
		w.Header().Set("Location", address)
		w.Header().Set("Cache-Control", "no-store") // the address is good for a moment, and for whoever has it
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return nil
	}
}

// dispositionOf names a file in any script (RFC 6266, RFC 8187).
func dispositionOf(disposition, name string) string {
	if name == "" {
		return disposition
	}
	if header := mime.FormatMediaType(disposition, map[string]string{"filename": name}); header != "" {
		return header
	}
	return disposition
}

// inline are the types that are shown in place (section "Serving inline content").
var inline = map[string]bool{
	"text/css": true, "text/plain": true, "text/csv": true, "application/json": true, "application/ld+json": true,
	"image/jpeg": true, "image/gif": true, "image/png": true, "image/apng": true, "image/webp": true, "image/avif": true,
	"video/mp4": true, "video/webm": true, "video/ogg": true, "video/quicktime": true,
	"audio/mp4": true, "audio/webm": true, "audio/aac": true, "audio/mpeg": true, "audio/ogg": true,
	"audio/wave": true, "audio/wav": true, "audio/x-wav": true, "audio/x-pn-wav": true,
	"audio/flac": true, "audio/x-flac": true,
}

// unknownType is what is served of which nothing better can be said.
const unknownType = "application/octet-stream"

// presented gives the Content-Type and the disposition of a file by what its uploader
// has called it and by what it looks like. One that is called what it is not, and would
// be shown in place, is served as bytes of no type.
func presented(claimed, detected string) (kind, disposition string) {
	bare, _, err := mime.ParseMediaType(claimed)
	switch {
	case err != nil:
		return unknownType, "attachment"
	case !inline[bare]:
		return claimed, "attachment"
	case !believable(bare, detected):
		return unknownType, "attachment"
	}
	return claimed, "inline"
}

// believable tells whether content that looks like detected may be what it is called.
func believable(claimed, detected string) bool {
	family, _, _ := strings.Cut(claimed, "/")
	seen, _, _ := strings.Cut(detected, "/")
	switch family {
	case "audio", "video":
		// Containers tell little of what is in them, and not all are known.
		return seen == "audio" || seen == "video" || detected == "application/ogg" || detected == unknownType
	case "image":
		return descends(detected, claimed) || claimed == "image/apng" && detected == "image/png"
	default: // texts
		return descends(detected, "text/plain")
	}
}

// descends tells whether a type is another, or a special kind of it (APNG of PNG).
func descends(kind, of string) bool {
	for m := mimetype.Lookup(kind); m != nil; m = m.Parent() {
		if m.Is(of) {
			return true
		}
	}
	return kind == of
}

// policy is what a browser may do with media (section "Content repository").
const policy = "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';"

// caching: media never change, so a browser need not ask twice; no cache between may
// keep them.
const caching = "private, max-age=86400, immutable"

// serve answers with a blob, or the parts of it that are asked for.
func (s *Server) serve(account tenant.ID, blob media.Blob, header http.Header, made time.Time) httpapi.Stream {
	return func(w http.ResponseWriter, req *http.Request) error {
		h := w.Header()
		maps.Copy(h, header)
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", caching)
		h.Set("Etag", `"`+blob.SHA256+`"`)
		content := s.media.Open(context.WithoutCancel(req.Context()), account, blob)
		defer func() { _ = content.Close() }()
		http.ServeContent(w, req, "", made, content)
		return content.Err
	}
}
