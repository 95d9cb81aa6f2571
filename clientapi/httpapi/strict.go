package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// maxDepth is how many levels of arrays and objects a body may have.
const maxDepth = 100

var (
	errNotJSON      = refusal.NotJSON("The request is not valid JSON: it must be UTF-8, without duplicate keys and without anything after its end.")
	errTooDeep      = refusal.BadJSON("The request has too many levels of JSON in each other: at most 100 are permitted.")
	errNUL          = refusal.BadJSON("The request contains the NUL character (\\u0000), which is not permitted in texts.")
	errNotObject    = refusal.BadJSON("The request must be a JSON object.")
	errUnknownField = refusal.BadJSON("The request has a field that is not known here.")
	errWrongType    = refusal.BadJSON("The request has a value of the wrong type.")
)

// Object checks a JSON text as strictly as a body (see [Request.Decode]) and
// gives it without surrounding space. It is for JSON that comes by another way:
// a filter in the query, a file.
func Object(text []byte) (json.RawMessage, error) {
	text = bytes.Trim(text, " \t\r\n")
	if err := scan(text); err != nil {
		return nil, err
	}
	if !jsontext.Value(text).IsValid() {
		return nil, errNotJSON
	}
	if text[0] != '{' {
		return nil, errNotObject
	}
	return text, nil
}

// Unmarshal reads a JSON object into dst (a pointer) as [Request.Decode] does.
func Unmarshal(text []byte, dst any) error {
	object, err := Object(text)
	if err != nil {
		return err
	}
	return unmarshal(object, dst)
}

// UnmarshalKnown reads a JSON object into dst (a pointer) as [Request.DecodeKnown]
// does.
func UnmarshalKnown(text []byte, dst any) error {
	object, err := Object(text)
	if err != nil {
		return err
	}
	return unmarshal(object, dst, jsonv2.RejectUnknownMembers(true))
}

// scan looks for what is valid JSON and yet refused. On invalid JSON its
// verdict means nothing more than that it found one of them.
func scan(text []byte) error {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth > maxDepth {
				return errTooDeep
			}
		case '}', ']':
			depth--
		case '"':
			end, nul := skipString(text, i+1)
			if nul {
				return errNUL
			}
			i = end
		}
	}
	return nil
}

// skipString gives the place of the quote that ends the string whose inside
// begins at i (or the end of text), and whether an escaped NUL stands in it. A
// bare one is invalid JSON anyway.
func skipString(text []byte, i int) (end int, nul bool) {
	for ; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i, false
		case '\\':
			i++
			if bytes.HasPrefix(text[min(i, len(text)):], []byte("u0000")) {
				return i, true
			}
		}
	}
	return i, false
}

// checked are the options for a text that Object has found good.
var checked = jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func unmarshal(object []byte, dst any, more ...jsonv2.Options) error {
	err := jsonv2.Unmarshal(object, dst, checked, jsonv2.JoinOptions(more...))
	if err == nil {
		return nil
	}
	if r := refusal.As(err); r != nil { // from a type that decodes itself
		return r
	}
	var wrong *jsonv2.SemanticError
	if errors.As(err, &wrong) && wrong.JSONPointer != "" && len(wrong.JSONPointer) <= 100 {
		if errors.Is(err, jsonv2.ErrUnknownName) {
			return refusal.BadJSON("The request has a field that is not known here: %s.", string(wrong.JSONPointer))
		}
		return refusal.BadJSON("The request has a value of the wrong type at %s.", string(wrong.JSONPointer))
	}
	if errors.Is(err, jsonv2.ErrUnknownName) {
		return errUnknownField
	}
	return errWrongType
}
