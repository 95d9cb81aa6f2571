package httpapi

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Raw is an answer that is JSON already and is sent as it stands. A
// json.RawMessage is treated alike.
type Raw []byte

// Reply is an answer that needs more than a JSON body: another status, headers,
// a redirect, a page. Body is nil (nothing), Raw, json.RawMessage or []byte
// (sent as they stand; Header should have a Content-Type), or a value that is
// encoded as JSON. Header replaces what the edge would set.
type Reply struct {
	Status int // 0 is 200
	Header http.Header
	Body   any
}

// Stream is an answer that writes itself (media). CORS and nosniff are set; all
// other headers are its own. An error it returns is logged, and the connection
// is cut so that nobody takes the part for the whole.
type Stream func(w http.ResponseWriter, r *http.Request) error

// Shared by all answers: header values are replaced, never appended to.
var (
	typeJSON    = []string{"application/json"}
	noSniff     = []string{"nosniff"}
	noStore     = []string{"no-store"}
	noReferrer  = []string{"no-referrer"}
	corsOrigin  = []string{"*"}
	corsMethods = []string{"GET, POST, PUT, DELETE, OPTIONS"}
	corsHeaders = []string{"X-Requested-With, Content-Type, Authorization, Date"}
	corsExpose  = []string{"Retry-After, Content-Disposition"}
	corsAge     = []string{"86400"}
	emptyObject = []byte("{}")
)

func crossOrigin(h http.Header) {
	h["Access-Control-Allow-Origin"] = corsOrigin
	h["Access-Control-Allow-Methods"] = corsMethods
	h["Access-Control-Allow-Headers"] = corsHeaders
	h["Access-Control-Expose-Headers"] = corsExpose
	h["Access-Control-Max-Age"] = corsAge
}

func defaults(h http.Header) {
	h["Content-Type"] = typeJSON
	h["X-Content-Type-Options"] = noSniff
	h["Cache-Control"] = noStore
	h["Referrer-Policy"] = noReferrer
}

// answer writes what a handler returned.
func (r *Request) answer(v any) {
	r.discard()
	if s, ok := v.(Stream); ok {
		r.stream(s)
		return
	}
	reply, ok := v.(Reply)
	if p, isPointer := v.(*Reply); isPointer {
		reply, ok = *p, true
	}
	if !ok {
		reply = Reply{Body: v}
		if v == nil {
			reply.Body = Raw(emptyObject)
		}
	}
	body, err := encode(reply.Body)
	if err != nil {
		r.refuse(fmt.Errorf("encode answer: %w", err))
		return
	}
	defaults(r.w.Header())
	for name, values := range reply.Header {
		r.w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	r.write(max(reply.Status, 200), body)
	r.report(max(reply.Status, 200), "")
}

func (r *Request) stream(s Stream) {
	r.w.Header()["X-Content-Type-Options"] = noSniff
	r.started = true
	err := s(r.w, r.Request)
	if err == nil {
		return
	}
	if r.Context().Err() == nil {
		r.Log().WithError(err).Error("answer was cut off")
	}
	panic(http.ErrAbortHandler)
}

func encode(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case Raw:
		return v, nil
	case json.RawMessage:
		return v, nil
	case []byte:
		return v, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// compressFrom is the size in bytes from which a JSON answer is worth the time
// of compressing it.
const compressFrom = 16 << 10

var compressors = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// write sends a status and a body, whose headers are set, and compresses large
// JSON for those who take it.
func (r *Request) write(status int, body []byte) {
	h := r.w.Header()
	r.started = true
	if len(body) >= compressFrom && strings.HasPrefix(h.Get("Content-Type"), "application/json") {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Get("Accept-Encoding")) {
			r.compress(status, body)
			return
		}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	r.w.WriteHeader(status)
	_, _ = r.w.Write(body) // the client has gone: nobody to tell
}

func (r *Request) compress(status int, body []byte) {
	r.w.Header().Set("Content-Encoding", "gzip")
	r.w.WriteHeader(status)
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(r.w)
	_, _ = z.Write(body)
	_ = z.Close()
}

// takesGzip reads an Accept-Encoding header.
func takesGzip(accept string) bool {
	for item := range strings.SplitSeq(accept, ",") {
		name, quality, _ := strings.Cut(item, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q, found := strings.CutPrefix(strings.TrimSpace(quality), "q=")
			f, err := strconv.ParseFloat(q, 64)
			return !found || err == nil && f > 0
		}
	}
	return false
}
