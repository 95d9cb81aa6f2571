package refusal

import (
	"maps"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// languages are what answers are written in; the first is for everybody whose
// language is not among them.
var languages = []language.Tag{language.English, language.BrazilianPortuguese, language.Spanish}

// translations are the catalogue; English stands for itself.
var translations = map[string]map[string]string{"pt-BR": portuguese, "es": spanish}

// Translations gives the sentences of a language by their English originals:
// "pt-BR" or "es".
func Translations(tag string) map[string]string { return maps.Clone(translations[tag]) }

// speaker is what is needed to write sentences.
type speaker struct {
	matcher language.Matcher
	catalog catalog.Catalog
}

// speech gives the one speaker, made when the first sentence is written.
var speech = sync.OnceValue(func() speaker {
	b := catalog.NewBuilder(catalog.Fallback(language.English))
	for _, tag := range languages {
		for english, sentence := range translations[tag.String()] {
			if err := b.SetString(tag, english, sentence); err != nil {
				panic("refusal: " + err.Error()) // a broken sentence: the tests read all
			}
		}
	}
	return speaker{matcher: language.NewMatcher(languages), catalog: b}
})

// choose gives the place in languages of the one that an Accept-Language header
// prefers.
func (s speaker) choose(accept string) int {
	var wanted []language.Tag
	if len(accept) <= 200 { // a longer one is no browser's
		wanted, _, _ = language.ParseAcceptLanguage(accept)
	}
	_, i, _ := s.matcher.Match(wanted...)
	return i
}

// Language gives the tag of the language that an Accept-Language header prefers, out
// of those that refusals are written in.
func Language(accept string) string { return languages[speech().choose(accept)].String() }

// In gives the sentence in the language that an Accept-Language header prefers,
// and the tag of that language. A sentence without translation is in English.
func (r *Refusal) In(accept string) (sentence, tag string) {
	s := speech()
	i := s.choose(accept)
	chosen := languages[i]
	if i > 0 && translations[chosen.String()][r.Message] == "" {
		chosen = languages[0]
	}
	p := message.NewPrinter(chosen, message.Catalog(s.catalog))
	return p.Sprintf(r.Message, r.Args...), chosen.String()
}
