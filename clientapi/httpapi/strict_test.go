package httpapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// mustBeStrict walks an object with another decoder and demands what the strict
// one promises.
func mustBeStrict(t testing.TB, object []byte) {
	t.Helper()
	if !utf8.Valid(object) || !json.Valid(object) || object[0] != '{' {
		t.Fatalf("taken, though it is no valid JSON object: %q", object)
	}
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	var (
		keys  []map[string]bool // nil for an array
		isKey bool
	)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("walk %q: %v", object, err)
		}
		switch v := token.(type) {
		case json.Delim:
			switch v {
			case '{':
				keys = append(keys, map[string]bool{})
			case '[':
				keys = append(keys, nil)
			default:
				keys = keys[:len(keys)-1]
			}
			if len(keys) > 100 {
				t.Fatalf("taken with more than 100 levels")
			}
			isKey = len(keys) > 0 && keys[len(keys)-1] != nil
			continue
		case string:
			if strings.Contains(v, "\x00") {
				t.Fatalf("taken with NUL: %q", object)
			}
			if isKey {
				if keys[len(keys)-1][v] {
					t.Fatalf("taken with key %q twice: %q", v, object)
				}
				keys[len(keys)-1][v] = true
				isKey = false
				continue
			}
		}
		isKey = keys[len(keys)-1] != nil
	}
}
