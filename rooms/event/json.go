package event

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// This file reads and writes canonical JSON that is known to be well formed: it
// came out of [Canonical], or out of the store.

// appendText appends s as a canonical JSON string.
func appendText(out []byte, s string) []byte {
	out = append(out, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		if b := s[i]; b < ' ' || b == '"' || b == '\\' {
			out = append(out, s[start:i]...)
			out = appendRune(out, rune(b))
			start = i + 1
		}
	}
	out = append(out, s[start:]...)
	return append(out, '"')
}

// appendRune appends one character of a JSON string, escaped where it must be.
func appendRune(out []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	switch r {
	case '"', '\\':
		return append(out, '\\', byte(r))
	case '\b':
		return append(out, '\\', 'b')
	case '\f':
		return append(out, '\\', 'f')
	case '\n':
		return append(out, '\\', 'n')
	case '\r':
		return append(out, '\\', 'r')
	case '\t':
		return append(out, '\\', 't')
	}
	if r < ' ' {
		return append(out, '\\', 'u', '0', '0', hex[r>>4], hex[r&0xF])
	}
	return utf8.AppendRune(out, r)
}

// unquote gives the text of a JSON string.
func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return ""
	}
	return s
}

// unquoteKey gives the text of a key as [members] yields it.
func unquoteKey(key []byte) string {
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key)
	}
	return unquote(append(append([]byte{'"'}, key...), '"'))
}

// text gives the text of value, if value is a JSON string.
func text(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	return unquote(value), true
}

// isObject tells whether value is a JSON object.
func isObject(value []byte) bool { return len(value) > 0 && value[0] == '{' }

// isArray tells whether value is a JSON array.
func isArray(value []byte) bool { return len(value) > 0 && value[0] == '[' }

// members walks over an object: its keys, as they are written between their
// quotes, and its values. What is not an object has none.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if !isObject(object) {
			return
		}
		for i := 1; i < len(object) && object[i] == '"'; i++ {
			end := skip(object, i)
			if end >= len(object) {
				return
			}
			key := object[i+1 : end-1]
			start := end + 1 // past the colon
			i = skip(object, start)
			if !yield(key, object[start:i]) {
				return
			}
		}
	}
}

// elements walks over an array. What is not an array has none.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !isArray(array) {
			return
		}
		for i := 1; i < len(array) && array[i] != ']'; i++ {
			start := i
			i = skip(array, start)
			if !yield(array[start:i]) {
				return
			}
		}
	}
}

// lookup gives the value of a key that is written without escapes, or nil.
func lookup(object []byte, key string) []byte {
	for k, value := range members(object) {
		if string(k) == key {
			return value
		}
	}
	return nil
}

// skip gives the end of the value that begins at i.
func skip(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipText(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', ':':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// skipText gives the end of the string that begins at i.
func skipText(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return i
}

// put gives object with key, which needs no escapes, set to value; or without
// that key, if value is nil.
func put(object []byte, key string, value []byte) []byte {
	out := make([]byte, 1, len(object)+len(key)+len(value)+4)
	out[0] = '{'
	add := func(key string, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, key...)
		out = append(out, '"', ':')
		out = append(out, value...)
	}
	placed := value == nil
	for k, v := range members(object) {
		switch order := strings.Compare(string(k), key); {
		case order == 0:
			continue
		case order > 0 && !placed:
			add(key, value)
			placed = true
		}
		add(string(k), v)
	}
	if !placed {
		add(key, value)
	}
	return append(out, '}')
}

// only appends object with none but the given keys.
func only(out, object []byte, keys []string) []byte {
	out = append(out, '{')
	first := true
	for k, v := range members(object) {
		if !slices.Contains(keys, string(k)) {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(out, '"')
		out = append(out, k...)
		out = append(out, '"', ':')
		out = append(out, v...)
	}
	return append(out, '}')
}
