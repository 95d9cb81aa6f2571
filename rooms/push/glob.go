package push

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// glob is a compiled pattern: "*" stands for any text, "?" for one character,
// everything else for itself. It is matched against folded text, in time linear
// in the text for patterns within the limits: each part is looked for from left
// to right, and what was passed is never tried again.
type glob struct {
	words    bool      // match a substring that starts and ends at word edges
	longest  string    // the longest literal, which must occur somewhere
	segments []segment // what stands between the stars; at least one
	weight   int       // how often the text may have to be read, about
}

// segment is a stretch of a pattern without stars: its literals, with one
// character between each two. At least one literal, which may be empty.
type segment []string

func compileGlob(pattern string, words bool) glob {
	g := glob{words: words, weight: 1 + strings.Count(pattern, "?")}
	for part := range strings.SplitSeq(fold(pattern), "*") {
		s := segment(strings.Split(part, "?"))
		for _, literal := range s {
			if len(literal) > len(g.longest) {
				g.longest = literal
			}
		}
		g.segments = append(g.segments, s)
	}
	return g
}

// mayMatch tells, quickly, that most texts do not match.
func (g *glob) mayMatch(text string) bool { return strings.Contains(text, g.longest) }

// match tells whether the folded text matches.
func (g *glob) match(text string) bool {
	if g.words {
		return g.matchWords(text)
	}
	return g.matchWhole(text)
}

func (g *glob) matchWhole(text string) bool {
	last := len(g.segments) - 1
	pos := g.segments[0].at(text, 0)
	if last == 0 || pos < 0 {
		return pos == len(text)
	}
	for _, s := range g.segments[1:last] {
		if pos = s.find(text, pos, false, false); pos < 0 {
			return false
		}
	}
	return g.segments[last].ends(text[pos:])
}

func (g *glob) matchWords(text string) bool {
	last := len(g.segments) - 1
	pos := 0
	for i, s := range g.segments {
		if pos = s.find(text, pos, i == 0, i == last); pos < 0 {
			return false
		}
	}
	return true
}

// at gives where the segment ends when it starts at pos, or -1.
func (s segment) at(text string, pos int) int {
	for i, literal := range s {
		if i > 0 {
			if pos == len(text) {
				return -1
			}
			_, width := utf8.DecodeRuneInString(text[pos:])
			pos += width
		}
		if !strings.HasPrefix(text[pos:], literal) {
			return -1
		}
		pos += len(literal)
	}
	return pos
}

// find gives where the segment ends at its first place from pos on, or -1.
// Where asked, it must start or end at a word edge.
func (s segment) find(text string, pos int, startEdge, endEdge bool) int {
	for {
		next := strings.Index(text[pos:], s[0])
		if next < 0 {
			return -1
		}
		pos += next
		if end := s.at(text, pos); end >= 0 &&
			(!startEdge || isEdge(text, pos)) && (!endEdge || isEdge(text, end)) {
			return end
		}
		if pos == len(text) {
			return -1
		}
		_, width := utf8.DecodeRuneInString(text[pos:])
		pos += width
	}
}

// ends tells whether the text ends with the segment.
func (s segment) ends(text string) bool {
	for i := len(s) - 1; ; i-- {
		var ok bool
		if text, ok = strings.CutSuffix(text, s[i]); !ok || i == 0 {
			return ok
		}
		if text == "" {
			return false
		}
		_, width := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-width]
	}
}

// isEdge tells whether a word may start or end at pos: at both ends of the
// text, and beside every character that is not part of a word.
func isEdge(text string, pos int) bool {
	if pos == 0 || pos == len(text) {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(text[:pos])
	after, _ := utf8.DecodeRuneInString(text[pos:])
	return !isWord(before) || !isWord(after)
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' || 'A' <= r && r <= 'Z'
	}
	return unicode.In(r, unicode.L, unicode.M, unicode.N)
}

// fold gives text in which characters that differ only in case are the same
// (Unicode simple folding: character by character). It is always valid UTF-8.
func fold(text string) string {
	for i := range len(text) {
		if c := text[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, text)
		}
	}
	return text
}

// foldRune gives one character for all that are equal but for case.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	if 'A' <= least && least <= 'Z' { // "K" (kelvin) and "ſ" belong to k and s
		least += 'a' - 'A'
	}
	return least
}
