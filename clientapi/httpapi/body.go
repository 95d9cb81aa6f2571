package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

var (
	errBodyLate = refusal.New(http.StatusRequestTimeout, "M_UNKNOWN", "The request took too long to arrive. Please try again.")
	errNotForm  = refusal.Invalid("The request is not a form in URL encoding whose fields are UTF-8 text and come once.")
	errBodyCut  = refusal.NotJSON("The request ended before all of it had arrived. Please try again.")
)

// readBody reads a body of at most limit bytes within the time for bodies.
func (r *Request) readBody(limit int64) error {
	if r.Body == nil || r.Body == http.NoBody {
		r.bodyRead = true
		return nil
	}
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	defer r.hurry()()
	var err error
	if r.ContentLength > 0 {
		r.body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, r.body)
	} else {
		r.body, err = io.ReadAll(http.MaxBytesReader(r.w, r.Body, limit))
	}
	r.bodyRead = true
	var over *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &over):
		return tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errBodyLate
	}
	return errBodyCut
}

func tooLarge(limit int64) error {
	return refusal.TooLarge("This request is too large: at most %d bytes are permitted.", limit)
}

// hurry ends reads from the client after the time for bodies, until the
// returned function is called.
func (r *Request) hurry() (done func()) {
	c := http.NewResponseController(r.w)
	t := time.AfterFunc(r.api.limits.BodyTime, func() {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // not supported: a test's recorder
	})
	return func() { t.Stop() }
}

// discard takes a body that nobody has read off the connection: net/http would
// do it before it sends the answer, but without a deadline.
func (r *Request) discard() {
	if r.bodyRead || r.Body == nil || r.Body == http.NoBody {
		return
	}
	r.bodyRead = true
	defer r.hurry()()
	_, _ = io.CopyN(io.Discard, r.Body, 256<<10)
}

// Decode reads the body, which must be a JSON object, into dst (a pointer). It
// is strict: invalid UTF-8 or JSON, duplicate keys, trailing data and an absent
// body are M_NOT_JSON; more than 100 levels, NUL in strings and wrong types are
// M_BAD_JSON. Keys are matched by exact case; unknown ones are ignored.
func (r *Request) Decode(dst any) error {
	object, err := r.Object()
	if err != nil {
		return err
	}
	return unmarshal(object, dst)
}

// DecodeKnown is [Request.Decode] where a key that dst has no field for is
// M_BAD_JSON, by its name: for the bodies of other systems, whose mistakes would
// go unseen otherwise.
func (r *Request) DecodeKnown(dst any) error { return UnmarshalKnown(r.body, dst) }

// DecodeKnownOptional is [Request.DecodeKnown] where an absent body counts as {}.
func (r *Request) DecodeKnownOptional(dst any) error {
	if len(r.body) == 0 {
		return nil
	}
	return r.DecodeKnown(dst)
}

// Bytes gives the body as it came, for routes that take more than JSON.
func (r *Request) Bytes() []byte { return r.body }

// DecodeOptional is [Request.Decode] where an absent body counts as {}.
func (r *Request) DecodeOptional(dst any) error {
	if len(r.body) == 0 {
		return nil
	}
	return r.Decode(dst)
}

// Form gives the fields of a body that is a form, as pages and OAuth clients send it
// (application/x-www-form-urlencoded): UTF-8 without NUL, every field once, or else
// M_INVALID_PARAM.
func (r *Request) Form() (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errNotForm
	}
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		return nil, errNotForm
	}
	for name, values := range form {
		if len(values) != 1 || !clean(name) || !clean(values[0]) {
			return nil, errNotForm
		}
	}
	return form, nil
}

// Object gives the body as it stands, without surrounding space, after the
// checks of [Request.Decode]: it is one JSON object.
func (r *Request) Object() (json.RawMessage, error) {
	return Object(r.body)
}
