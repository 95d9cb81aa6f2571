package outbound

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"
)

// Headers of a signed call.
const (
	TimestampHeader = "X-ConversaLabs-Timestamp" // seconds since 1970
	SignatureHeader = "X-ConversaLabs-Signature"
)

// Sign signs a call at a time with a secret: "sha256=" and, in hexadecimal, the
// HMAC-SHA-256 of the seconds since 1970, a dot and what is said: the body or, where
// there is none, the query as it is sent.
func Sign(header http.Header, secret string, now time.Time, said string) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(timestamp + "." + said))
	header.Set(TimestampHeader, timestamp)
	header.Set(SignatureHeader, "sha256="+hex.EncodeToString(mac.Sum(nil)))
}
