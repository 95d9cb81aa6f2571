package mediaapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

var (
	errSlow = refusal.New(http.StatusRequestTimeout, "M_UNKNOWN", "This upload is too slow: it was given up. Please try again with a better connection.")
	errCut  = refusal.New(http.StatusBadRequest, "M_UNKNOWN", "The upload ended before all of it had arrived. Please try again.")
)

// upload handles POST /_matrix/media/v3/upload: any bytes, with Content-Type and the
// parameter filename, become {"content_uri": "mxc://…"}.
func (s *Server) upload(r *httpapi.Request) (any, error) {
	record, err := s.take(r, nil)
	if err != nil {
		return nil, err
	}
	return map[string]string{"content_uri": record.URI().String()}, nil
}

// create handles POST /_matrix/media/v1/create: {"content_uri": "mxc://…",
// "unused_expires_at": ms}.
func (s *Server) create(r *httpapi.Request) (any, error) {
	if r.Caller.Suspended {
		return nil, accounts.ErrSuspended
	}
	record, err := s.media.Reserve(r.Context(), r.Account, r.Caller.User)
	if err != nil {
		return nil, err
	}
	return map[string]any{"content_uri": record.URI().String(), "unused_expires_at": record.Expires}, nil
}

// fill handles PUT /_matrix/media/v3/upload/{serverName}/{mediaId}: {}.
func (s *Server) fill(r *httpapi.Request) (any, error) {
	if r.Var("serverName") != r.Server {
		return nil, media.ErrNotFound
	}
	reserved, err := s.media.Reserved(r.Context(), r.Caller, media.ID(r.Var("mediaId")))
	if err != nil {
		return nil, err
	}
	_, err = s.take(r, reserved)
	return nil, err
}

// take takes the body of a request.
func (s *Server) take(r *httpapi.Request, reserved *media.Record) (*media.Record, error) {
	if r.Caller.Suspended {
		return nil, accounts.ErrSuspended
	}
	body := &paced{from: r.Body, control: r.Controller(), now: s.now, patience: s.patience}
	body.begun = s.now()
	defer body.done()
	record, err := s.media.Upload(r.Context(), media.Upload{
		Account: r.Account, Uploader: r.Caller.User, Reserved: reserved,
		Type: r.Header.Get("Content-Type"), Name: r.Query("filename"), Length: r.ContentLength,
	}, body)
	switch {
	case err == nil:
		return record, nil
	case errors.Is(body.failed, os.ErrDeadlineExceeded):
		return nil, errSlow
	case body.failed != nil:
		return nil, errCut
	case errors.Is(err, media.ErrFull):
		r.Log().WithError(err).Error("the store of media is full")
	}
	return nil, err
}

// leastSpeed is how many bytes a second an upload has to have once its patience is used up.
const leastSpeed = 8 << 10

// paced reads a body that must not be slower than [leastSpeed]: a client that sends
// nearly nothing would else hold its connection and its file for ever.
type paced struct {
	from     io.Reader
	control  *http.ResponseController
	now      func() time.Time
	patience time.Duration
	begun    time.Time
	read     int64
	failed   error // of the client; io.EOF is none
}

func (p *paced) Read(b []byte) (int, error) {
	due := p.begun.Add(p.patience + time.Duration(p.read)*time.Second/leastSpeed)
	_ = p.control.SetReadDeadline(due) // not supported: a test's recorder
	n, err := p.from.Read(b)
	p.read += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		p.done() // what is done with it now may take its time
	case err != nil:
		p.failed = err
	}
	return n, err
}

// done lifts the deadline: past it, the server would take the client for gone. Who has
// failed is not read from again.
func (p *paced) done() {
	if p.failed == nil {
		_ = p.control.SetReadDeadline(time.Time{})
	}
}
