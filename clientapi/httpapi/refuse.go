package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/sirupsen/logrus"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

var (
	errFault = refusal.New(http.StatusInternalServerError, "M_UNKNOWN", "Something went wrong on the server. Please try again later.")
	errEnded = refusal.New(http.StatusServiceUnavailable, "M_UNKNOWN", "The request was ended before it could be answered. Please try again.")
)

// refuse writes an error: a refusal as it is, anything else as 500 with its
// cause in the log alone.
func (r *Request) refuse(err error) {
	r.discard()
	f := refusal.As(err)
	switch {
	case f != nil:
	case r.Context().Err() != nil:
		// The client has gone, or the server stops: an answer of 200 with
		// nothing in it must not leave in its place.
		f = errEnded
	default:
		r.Log().WithError(err).Error("request failed")
		f = r.fault()
	}
	r.writeRefusal(f)
}

func (r *Request) fault() *refusal.Refusal {
	r.w.Header().Set("X-Request-Id", r.ID())
	return errFault
}

// Languages are what the caller is to be spoken to in, as an Accept-Language header
// has them: the one that is known of them, and then what their client asks for.
func (r *Request) Languages() string {
	accept := r.Header.Get("Accept-Language")
	switch {
	case r.Caller.Locale == "":
		return accept
	case accept == "":
		return r.Caller.Locale
	}
	return r.Caller.Locale + "," + accept
}

func (r *Request) writeRefusal(f *refusal.Refusal) {
	h := r.w.Header()
	defaults(h)
	body, language := r.bodyOf(f)
	if language != "" {
		h.Set("Content-Language", language)
	}
	if ms, ok := f.Extra["retry_after_ms"].(int64); ok {
		h.Set("Retry-After", strconv.FormatInt((ms+999)/1000, 10))
	}
	text, err := encode(body)
	if err != nil {
		r.Log().WithError(err).Error("refusal cannot be encoded")
		text = json.RawMessage(`{"errcode":"M_UNKNOWN","error":"Something went wrong on the server. Please try again later."}`)
	}
	r.write(f.Status, text)
	r.report(f.Status, f.Code)
}

// Refused gives the body that a refusal is answered with, for answers that have
// those of several requests in them.
func (r *Request) Refused(f *refusal.Refusal) map[string]any {
	body, _ := r.bodyOf(f)
	return body
}

// bodyOf gives the body of a refusal, and its language.
func (r *Request) bodyOf(f *refusal.Refusal) (body map[string]any, language string) {
	body = map[string]any{}
	maps.Copy(body, f.Extra)
	if f.Code != "" { // user-interactive auth begins without one
		body["errcode"] = f.Code
		body["error"], language = f.In(r.Languages())
	}
	if f.Reason != "" {
		body["br.com.conversalabs.reason"] = f.Reason
	}
	return body, language
}

// report is the request log. It has the route's template and not the path, in
// which people's names may stand, and never the query.
func (r *Request) report(status int, code string) {
	if !r.api.log.IsLevelEnabled(logrus.DebugLevel) {
		return
	}
	entry := r.Log().WithField("status", status)
	if code != "" {
		entry = entry.WithField("errcode", code)
	}
	entry.Debug("request answered")
}

// recoverPanic turns a panic into a logged 500, so that one request's bug is
// one request's.
func (r *Request) recoverPanic() {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	r.Log().WithFields(logrus.Fields{"panic": p, "stack": string(debug.Stack())}).Error("request panicked")
	if r.started {
		panic(http.ErrAbortHandler)
	}
	r.writeRefusal(r.fault())
}
