package stream

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Token is what /sync gives as next_batch and the sliding sync as pos, and what every endpoint that takes a
// place in the stream accepts: an epoch, a position, and two parts that only
// /sync looks at.
type Token struct {
	Epoch    int64
	Position Position
	ToDevice Position // the last to-device message given
	Typing   uint64   // digest of who was typing in the reader's rooms
	Sent     int64    // serial of what a sliding sync's connection has sent; 0 elsewhere
}

// String writes the token. It is opaque to clients.
func (t Token) String() string {
	s := fmt.Sprintf("s%d_%d_%d_%x", t.Epoch, t.Position, t.ToDevice, t.Typing)
	if t.Sent != 0 {
		s += "_" + strconv.FormatInt(t.Sent, 10)
	}
	return s
}

// ParseToken reads a token. A malformed one is refused with 400 M_INVALID_PARAM.
func ParseToken(s string) (Token, error) {
	refused := refusal.Invalid("This is not a token that this server gave: %s.", s)
	rest, ok := strings.CutPrefix(s, "s")
	parts := strings.Split(rest, "_")
	var sent int64
	if len(parts) == 5 {
		var err error
		if sent, err = strconv.ParseInt(parts[4], 10, 64); err != nil || sent <= 0 {
			return Token{}, refused
		}
		parts = parts[:4]
	}
	if !ok || len(parts) != 4 {
		return Token{}, refused
	}
	var n [3]int64
	for i := range n {
		v, err := strconv.ParseInt(parts[i], 10, 64)
		if err != nil || v < 0 {
			return Token{}, refused
		}
		n[i] = v
	}
	typing, err := strconv.ParseUint(parts[3], 16, 64)
	if err != nil {
		return Token{}, refused
	}
	return Token{Epoch: n[0], Position: Position(n[1]), ToDevice: Position(n[2]), Typing: typing, Sent: sent}, nil
}
