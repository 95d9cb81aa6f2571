package sqldb

import (
	"fmt"
	"strings"
)

// tokenize splits SQL into words, numbers, parameters, quoted strings and names,
// and operators; space and comments are dropped.
func tokenize(sql string) ([]string, error) {
	var tokens []string
	for i := 0; i < len(sql); {
		n, err := tokenLength(sql[i:])
		if err != nil {
			return nil, fmt.Errorf("derive the SQLite text: %w in %q", err, sql)
		}
		token := sql[i : i+n]
		i += n
		if !isSpace(token[0]) && !strings.HasPrefix(token, "--") && !strings.HasPrefix(token, "/*") {
			tokens = append(tokens, token)
		}
	}
	return tokens, nil
}

// operators are those of more than one character, longest first.
var operators = []string{"->>", "::", "<>", "<=", ">=", "!=", "||", "->"}

// tokenLength is the length of the token at the start of a text that is not empty.
func tokenLength(s string) (int, error) {
	switch {
	case strings.HasPrefix(s, "--"):
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return end, nil
		}
		return len(s), nil
	case strings.HasPrefix(s, "/*"):
		end := strings.Index(s, "*/")
		if end < 0 {
			return 0, fmt.Errorf("a comment without end")
		}
		return end + 2, nil
	case s[0] == '\'' || s[0] == '"':
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return 0, fmt.Errorf("a quote without end")
		}
		n := end + 2
		for n < len(s) && s[n] == s[0] { // '' inside
			end := strings.IndexByte(s[n+1:], s[0])
			if end < 0 {
				return 0, fmt.Errorf("a quote without end")
			}
			n += end + 2
		}
		return n, nil
	case isSpace(s[0]):
		return 1, nil
	case isWordByte(s[0]) || s[0] == '$':
		n := 1
		for n < len(s) && (isWordByte(s[n]) || s[n] == '.') {
			n++
		}
		return n, nil
	}
	for _, op := range operators {
		if strings.HasPrefix(s, op) {
			return len(op), nil
		}
	}
	return 1, nil
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

func isWordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

func isWord(token string) bool { return token != "" && isWordByte(token[0]) }
