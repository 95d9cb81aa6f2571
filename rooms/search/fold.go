package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// maxWord is the longest word in bytes: a longer one is cut, in texts as in
// searches. PostgreSQL's index takes no more than about 2,700.
const maxWord = 100

// word is a run of letters, numbers and marks, as it stands in a text and folded.
type word struct{ written, folded string }

// Words gives the folded words of a text, in order: letters and numbers alone,
// without case and accents, so that "AÇÃO" and "acao" are one.
func Words(text string) []string {
	all := split(text)
	words := make([]string, len(all))
	for i, w := range all {
		words[i] = w.folded
	}
	return words
}

// split gives the words of a text. What one written word folds into may be
// several ("½").
func split(text string) []word {
	var words []word
	var fold transform.Transformer // costs much to make, and most words need none
	for _, written := range strings.FieldsFunc(text, between) {
		if ascii(written) {
			words = append(words, word{written, cut(strings.ToLower(written))})
			continue
		}
		if fold == nil {
			fold = folder()
		}
		folded, _, err := transform.String(fold, written)
		if err != nil {
			folded = strings.ToLower(written) // no transformer of the chain fails
		}
		for _, part := range strings.FieldsFunc(folded, between) {
			words = append(words, word{written, cut(part)})
		}
	}
	return words
}

// folder takes case and accents off. Twice, because a folded letter may have an
// accent again.
func folder() transform.Transformer {
	unaccented := runes.Remove(runes.In(unicode.Mn))
	return transform.Chain(norm.NFKD, unaccented, cases.Fold(), norm.NFKD, unaccented)
}

// between tells what stands between words.
func between(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) }

// ascii tells whether a word has no letters but those of English.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cut shortens a word to maxWord bytes, at a character's end.
func cut(s string) string {
	if len(s) <= maxWord {
		return s
	}
	end := maxWord
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
