package accounts

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// DirectoryUser is a user with their public profile.
type DirectoryUser struct {
	ID          id.UserID
	DisplayName string
	AvatarURL   string
	Email       string // to be found by, and not told
}

// SearchUsers finds users of the account by their public display name, their ID or
// their e-mail address, without regard to case and accents, best first, and tells
// whether there are more than limit. An empty term finds everybody.
func (d *Data) SearchUsers(ctx context.Context, account tenant.ID, term string, limit int) (found []DirectoryUser, limited bool, err error) {
	users, err := d.store.DirectoryUsers(ctx, account)
	if err != nil {
		return nil, false, err
	}
	type ranked struct {
		DirectoryUser
		rank int
		name string
	}
	fold := folder()
	wanted := strings.TrimSpace(fold(term))
	var all []ranked
	for _, user := range users {
		name := fold(user.DisplayName)
		if rank := rankOf(wanted, name, fold(string(user.ID)), fold(user.Email)); rank > 0 {
			all = append(all, ranked{user, rank, name})
		}
	}
	slices.SortStableFunc(all, func(x, y ranked) int {
		return cmp.Or(cmp.Compare(y.rank, x.rank), cmp.Compare(x.name, y.name))
	})
	if limited = len(all) > limit; limited {
		all = all[:limit]
	}
	for _, user := range all {
		found = append(found, user.DirectoryUser)
	}
	return found, limited, nil
}

// How well a user fits a term; 0 is not at all.
const (
	somewhere = iota + 1
	beginsWords
	begins
	exact
)

// rankOf compares folded texts.
func rankOf(term, name, user, email string) int {
	localpart, _, _ := strings.Cut(strings.TrimPrefix(user, "@"), ":")
	switch bare := strings.TrimPrefix(term, "@"); {
	case term == "":
		return begins
	case term == name, bare == localpart, term == user, term == email:
		return exact
	case strings.HasPrefix(name, term), strings.HasPrefix(localpart, bare), strings.HasPrefix(user, term), strings.HasPrefix(email, term):
		return begins
	case beginWords(strings.Fields(term), name):
		return beginsWords
	case strings.Contains(name, term), strings.Contains(user, term):
		return somewhere
	}
	return 0
}

// beginWords tells whether each part begins some word of the name.
func beginWords(parts []string, name string) bool {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	for _, part := range parts {
		if !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, part) }) {
			return false
		}
	}
	return true
}

// folder makes a function that takes case and accents off a text. It is not safe
// for concurrent use.
func folder() func(string) string {
	t := transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold(), norm.NFC)
	return func(s string) string {
		folded, _, err := transform.String(t, s)
		if err != nil {
			return strings.ToLower(s) // no transformer of the chain fails
		}
		return folded
	}
}
