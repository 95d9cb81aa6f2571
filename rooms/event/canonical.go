package event

import (
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Limits of what an event may hold.
const (
	MaxBytes     = 65536     // of a whole event, as canonical JSON
	MaxIDBytes   = 255       // of a type, a state key or an ID
	maxDepth     = 100       // of nested objects and arrays
	maxInteger   = 1<<53 - 1 // the largest whole number every JSON reader keeps exact
	maxIntDigits = 16        // of maxInteger
)

// Canonical appends in, a JSON value, to out as canonical JSON: no white space,
// keys sorted by code point, the shortest escapes. It refuses with 400
// M_BAD_JSON what an event cannot hold: floats, integers beyond ±(2^53−1), a
// key twice, NUL, half surrogate pairs, nesting deeper than 100.
func Canonical(out, in []byte) ([]byte, error) {
	if !utf8.Valid(in) {
		return nil, errSyntax()
	}
	c := canonicaliser{in: in, out: out}
	if err := c.value(0); err != nil {
		return nil, err
	}
	if c.space(); c.at != len(in) {
		return nil, errSyntax()
	}
	return c.out, nil
}

// canonicaliser copies one JSON value from in to out. An object whose keys come
// in order is copied as it stands; any other is put in order once it is complete.
type canonicaliser struct {
	in      []byte
	at      int // the next byte of in
	out     []byte
	members []member // of the objects that are open, innermost last
	scratch []byte
}

// member is a key and its value, as a range of out.
type member struct {
	key        string // decoded; set only where sorting needs it
	start, end int
	keyEnd     int
	escaped    bool
}

func errSyntax() error {
	return refusal.BadJSON("The content of this event is not valid JSON.")
}

func errNumber() error {
	return refusal.BadJSON("Numbers in an event must be whole and between -9007199254740991 and 9007199254740991.")
}

func (c *canonicaliser) space() {
	for c.at < len(c.in) {
		switch c.in[c.at] {
		case ' ', '\t', '\n', '\r':
			c.at++
		default:
			return
		}
	}
}

// peek skips white space and gives the next byte, or 0 at the end.
func (c *canonicaliser) peek() byte {
	c.space()
	if c.at >= len(c.in) {
		return 0
	}
	return c.in[c.at]
}

func (c *canonicaliser) value(depth int) error {
	if depth > maxDepth {
		return refusal.BadJSON("The content of this event is nested too deeply.")
	}
	switch b := c.peek(); b {
	case '{':
		return c.object(depth)
	case '[':
		return c.array(depth)
	case '"':
		_, err := c.text()
		return err
	case 't':
		return c.literal("true")
	case 'f':
		return c.literal("false")
	case 'n':
		return c.literal("null")
	default:
		return c.number()
	}
}

func (c *canonicaliser) literal(word string) error {
	if !strings.HasPrefix(string(c.in[c.at:min(len(c.in), c.at+len(word))]), word) {
		return errSyntax()
	}
	c.at += len(word)
	c.out = append(c.out, word...)
	return nil
}

func (c *canonicaliser) number() error {
	start := c.at
	negative := c.at < len(c.in) && c.in[c.at] == '-'
	if negative {
		c.at++
	}
	first := c.at
	var n int64
	for c.at < len(c.in) && c.in[c.at] >= '0' && c.in[c.at] <= '9' {
		if c.at-first >= maxIntDigits {
			return errNumber()
		}
		n = n*10 + int64(c.in[c.at]-'0')
		c.at++
	}
	digits := c.at - first
	if digits == 0 || (digits > 1 && c.in[first] == '0') {
		return errSyntax()
	}
	if c.at < len(c.in) && (c.in[c.at] == '.' || c.in[c.at] == 'e' || c.in[c.at] == 'E') || n > maxInteger {
		return errNumber()
	}
	if n == 0 {
		start = first // there is no negative zero
	}
	c.out = append(c.out, c.in[start:c.at]...)
	return nil
}

func (c *canonicaliser) array(depth int) error {
	c.at++
	c.out = append(c.out, '[')
	if c.peek() == ']' {
		c.at++
		c.out = append(c.out, ']')
		return nil
	}
	for {
		if err := c.value(depth + 1); err != nil {
			return err
		}
		switch c.peek() {
		case ',', ']':
			b := c.in[c.at]
			c.at++
			c.out = append(c.out, b)
			if b == ']' {
				return nil
			}
		default:
			return errSyntax()
		}
	}
}

func (c *canonicaliser) object(depth int) error {
	c.at++
	c.out = append(c.out, '{')
	if c.peek() == '}' {
		c.at++
		c.out = append(c.out, '}')
		return nil
	}
	base, body, sorted := len(c.members), len(c.out), true
	for {
		m, err := c.member(depth)
		if err != nil {
			return err
		}
		if len(c.members) > base {
			sorted = sorted && c.ascending(c.members[len(c.members)-1], m)
		}
		c.members = append(c.members, m)
		b := c.peek()
		if b != ',' && b != '}' {
			return errSyntax()
		}
		c.at++
		c.out = append(c.out, b)
		if b == '}' {
			break
		}
	}
	if !sorted {
		if err := c.sort(c.members[base:], body); err != nil {
			return err
		}
	}
	c.members = c.members[:base]
	return nil
}

func (c *canonicaliser) member(depth int) (member, error) {
	m := member{start: len(c.out)}
	if c.peek() != '"' {
		return m, errSyntax()
	}
	var err error
	if m.escaped, err = c.text(); err != nil {
		return m, err
	}
	m.keyEnd = len(c.out)
	if c.peek() != ':' {
		return m, errSyntax()
	}
	c.at++
	c.out = append(c.out, ':')
	err = c.value(depth + 1)
	m.end = len(c.out)
	return m, err
}

// ascending tells whether b may stand after a without sorting. It says no to
// keys with escapes, whose written form does not sort like their meaning.
func (c *canonicaliser) ascending(a, b member) bool {
	return !a.escaped && !b.escaped &&
		string(c.out[a.start+1:a.keyEnd-1]) < string(c.out[b.start+1:b.keyEnd-1])
}

// sort puts the members of an object, which are out[body:] up to the closing
// brace, in order.
func (c *canonicaliser) sort(members []member, body int) error {
	c.scratch = append(c.scratch[:0], c.out[body:]...)
	for i := range members {
		members[i].key = unquote(c.scratch[members[i].start-body : members[i].keyEnd-body])
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	c.out = c.out[:body]
	for i, m := range members {
		if i > 0 {
			if m.key == members[i-1].key {
				return refusal.BadJSON("The key %s stands twice in one object.", m.key)
			}
			c.out = append(c.out, ',')
		}
		c.out = append(c.out, c.scratch[m.start-body:m.end-body]...)
	}
	c.out = append(c.out, '}')
	return nil
}

// text copies a string and tells whether it still has escapes.
func (c *canonicaliser) text() (escaped bool, err error) {
	c.at++
	c.out = append(c.out, '"')
	for {
		start := c.at
		for c.at < len(c.in) && c.in[c.at] >= ' ' && c.in[c.at] != '"' && c.in[c.at] != '\\' {
			c.at++
		}
		c.out = append(c.out, c.in[start:c.at]...)
		switch {
		case c.at >= len(c.in) || c.in[c.at] < ' ':
			return escaped, errSyntax()
		case c.in[c.at] == '"':
			c.at++
			c.out = append(c.out, '"')
			return escaped, nil
		}
		before := len(c.out)
		if err := c.escape(); err != nil {
			return escaped, err
		}
		escaped = escaped || c.out[before] == '\\'
	}
}

// escape copies one escape sequence in its shortest form.
func (c *canonicaliser) escape() error {
	if c.at+1 >= len(c.in) {
		return errSyntax()
	}
	b := c.in[c.at+1]
	c.at += 2
	switch b {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		c.out = append(c.out, '\\', b)
		return nil
	case '/':
		c.out = append(c.out, '/')
		return nil
	case 'u':
		r, err := c.codeUnit()
		if err != nil {
			return err
		}
		if utf16.IsSurrogate(r) {
			if c.at+1 >= len(c.in) || c.in[c.at] != '\\' || c.in[c.at+1] != 'u' {
				return errSyntax()
			}
			c.at += 2
			low, err := c.codeUnit()
			if err != nil {
				return err
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return errSyntax()
			}
		}
		if r == 0 {
			return refusal.BadJSON("Text in an event cannot hold the character NUL.")
		}
		c.out = appendRune(c.out, r)
		return nil
	}
	return errSyntax()
}

// codeUnit reads the four digits of a \u escape.
func (c *canonicaliser) codeUnit() (rune, error) {
	if c.at+4 > len(c.in) {
		return 0, errSyntax()
	}
	var r rune
	for _, b := range c.in[c.at : c.at+4] {
		switch {
		case b >= '0' && b <= '9':
			b -= '0'
		case b >= 'a' && b <= 'f':
			b -= 'a' - 10
		case b >= 'A' && b <= 'F':
			b -= 'A' - 10
		default:
			return 0, errSyntax()
		}
		r = r<<4 | rune(b)
	}
	c.at += 4
	return r, nil
}
