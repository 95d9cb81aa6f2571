package search

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// cursor is where an answer goes on: behind a document, among those of the head
// that the first answer was given at, and perhaps within groups.
type cursor struct {
	head    stream.Position
	length  int
	message stream.Position // 0: at the beginning
	room    string          // "": any
	sender  string          // "": any
}

// begun tells whether there was an answer before.
func (c cursor) begun() bool { return c.message > 0 }

// to gives the cursor behind a document.
func (c cursor) to(h Hit) cursor {
	c.length, c.message = h.Length, h.Message
	return c
}

// within gives the cursor for one group.
func (c cursor) within(key, value string) cursor {
	if key == "sender" {
		c.sender = value
	} else {
		c.room = value
	}
	return c
}

// holds tells whether a document is in the cursor's groups.
func (c cursor) holds(h Hit) bool {
	return (c.room == "" || c.room == string(h.Room)) && (c.sender == "" || c.sender == string(h.Sender))
}

// String writes the cursor. It is opaque to clients.
func (c cursor) String() string {
	return fmt.Sprintf("f%d.%d.%d.%s.%s", c.head, c.length, c.message,
		base64.RawURLEncoding.EncodeToString([]byte(c.room)), base64.RawURLEncoding.EncodeToString([]byte(c.sender)))
}

// parseCursor reads a cursor, "" as the beginning. A malformed one is refused with
// 400 M_INVALID_PARAM.
func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	refused := refusal.Invalid("This is not a token that this server gave: %s.", s)
	parts := strings.Split(strings.TrimPrefix(s, "f"), ".")
	if len(parts) != 5 {
		return cursor{}, refused
	}
	var numbers [3]int64
	for i := range numbers {
		if numbers[i], err = strconv.ParseInt(parts[i], 10, 64); err != nil {
			return cursor{}, refused
		}
	}
	var texts [2]string
	for i := range texts {
		text, err := base64.RawURLEncoding.DecodeString(parts[3+i])
		if err != nil {
			return cursor{}, refused
		}
		texts[i] = string(text)
	}
	c = cursor{
		head: stream.Position(numbers[0]), length: int(numbers[1]), message: stream.Position(numbers[2]),
		room: texts[0], sender: texts[1],
	}
	if c.String() != s || !c.begun() {
		return cursor{}, refused
	}
	return c, nil
}
