package event

import (
	"bytes"
	"encoding/json"
)

// CardKey is the key of a message's content that holds a share card. What it says is
// the server's word, so that nothing but [Draft.Card] writes it.
const CardKey = "br.com.conversalabs.card"

// cardMember is how the key stands in canonical JSON, whatever the escapes were that
// it came in.
var cardMember = []byte(`"` + CardKey + `":`)

// Content gives the content of an event as [Build] keeps it: as canonical JSON (see
// [Canonical]), and without the key [CardKey], at whatever depth it stands.
func Content(content json.RawMessage) ([]byte, error) {
	canonical, err := Canonical(make([]byte, 0, len(content)), content)
	if err != nil || !bytes.Contains(canonical, cardMember) {
		return canonical, err
	}
	return appendWithoutCards(make([]byte, 0, len(canonical)), canonical), nil
}

// appendWithoutCards appends a value without the cards in it.
func appendWithoutCards(out, value []byte) []byte {
	switch {
	case !bytes.Contains(value, cardMember):
		return append(out, value...)
	case isObject(value):
		out = append(out, '{')
		first := true
		for k, v := range members(value) {
			if string(k) == CardKey {
				continue
			}
			if !first {
				out = append(out, ',')
			}
			first = false
			out = append(out, '"')
			out = append(out, k...)
			out = append(out, '"', ':')
			out = appendWithoutCards(out, v)
		}
		return append(out, '}')
	case isArray(value):
		out = append(out, '[')
		first := true
		for v := range elements(value) {
			if !first {
				out = append(out, ',')
			}
			first = false
			out = appendWithoutCards(out, v)
		}
		return append(out, ']')
	}
	return append(out, value...) // a text that looks like one
}

// withCard gives canonical content with a card.
func withCard(content []byte, card json.RawMessage) ([]byte, error) {
	canonical, err := Canonical(nil, card)
	if err != nil {
		return nil, err
	}
	return put(content, CardKey, canonical), nil
}
