package search_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/rooms/search"
)

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"água":                          "agua",
		"A ÁGUA, a´gua":                 "a agua a gua",
		"Ação não é reação":             "acao nao e reacao",
		"MÜLLER Straße":                 "muller strasse",
		"mu\u0308ller":                  "muller",
		"ﬁm de ﬁla ½ x²":                "fim de fila 1 2 x2",
		"ΣΊΣΥΦΟΣ σίσυφος":               "σισυφοσ σισυφοσ",
		"Привет, Ёж":                    "привет еж",
		"don't e-mail ana@acme.example": "don t e mail ana acme example",
		"R$ 1.234,56 #42":               "r 1 234 56 42",
		"snake_case":                    "snake case",
		"日本語":                           "日本語",
		"":                              "",
		"🎉 !!! ---":                     "",
		"\"quoted\" AND NOT * OR (":     "quoted and not or",
	} {
		if got := strings.Join(search.Words(text), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// A word that is too long for an index is found all the same.
func TestLongWord(t *testing.T) {
	long := strings.Repeat("ж", search.MaxWord)
	got := search.Words(long + "a")
	if len(got) != 1 || len(got[0]) > search.MaxWord || !utf8.ValidString(got[0]) {
		t.Fatalf("got %q, want one valid word of at most %d bytes", got, search.MaxWord)
	}
	if diff := cmp.Diff(got, search.Words(long+"b")); diff != "" {
		t.Error(diff)
	}
}

// Folding is done once: what is folded stays as it is.
func FuzzWords(f *testing.F) {
	f.Add("Ação MÜLLER ½ İstanbul")
	f.Fuzz(func(t *testing.T, text string) {
		words := search.Words(text)
		for _, word := range words {
			if word == "" || len(word) > search.MaxWord || strings.ContainsAny(word, " \"@\x00") {
				t.Fatalf("%q has the word %q", text, word)
			}
		}
		if again := search.Words(strings.Join(words, " ")); !cmp.Equal(again, words) && utf8.ValidString(text) {
			t.Errorf("%q: got %q, and folded once more %q", text, words, again)
		}
	})
}
