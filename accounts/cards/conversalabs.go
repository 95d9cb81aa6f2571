package cards

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/config/outbound"
)

// Bounds of an answer, in bytes.
const (
	maxTitle   = 256
	maxSummary = 512
	maxURL     = 2048
)

var wordPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// askConversaLabs asks a resolver as docs/cards.md describes it.
func (r *Resolver) askConversaLabs(ctx context.Context, from *accounts.Endpoint, q Question) (*Item, error) {
	address, err := url.Parse(from.URL)
	if err != nil {
		return nil, because(errUnreachable, err)
	}
	query := address.Query()
	query.Set("type", q.Type)
	query.Set("id", q.ID)
	query.Set("account_id", string(q.Account))
	query.Set("user_id", q.User)
	query.Del("locale")
	if q.Locale != "" {
		query.Set("locale", q.Locale)
	}
	address.RawQuery = query.Encode()
	text, err := r.get(ctx, address.String(), func(request *http.Request) {
		outbound.Sign(request.Header, from.Secret, r.now(), address.RawQuery)
	})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Type    string `json:"type"`
		ID      string `json:"id"`
		Title   string `json:"title"`
		Summary string `json:"summary"`
		Icon    string `json:"icon"`
		URL     string `json:"url"`
		State   string `json:"state"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, because(errAnswer, err)
	}
	item := &Item{
		Type: answer.Type, ID: answer.ID, Title: strings.TrimSpace(answer.Title), Summary: strings.TrimSpace(answer.Summary),
		Icon: cmp.Or(answer.Icon, q.Type), URL: answer.URL, State: answer.State,
	}
	if err := item.check(q, address.Scheme); err != nil {
		return nil, because(errAnswer, err)
	}
	return item, nil
}

// check finds what is wrong with an item that was asked for over a scheme.
func (i *Item) check(q Question, scheme string) error {
	switch {
	case i.Type != q.Type || i.ID != q.ID:
		return errors.New("the answer is about another item")
	case i.Title == "":
		return errors.New("the title is missing")
	case !isLine(i.Title, maxTitle):
		return fmt.Errorf("the title is not one line of at most %d bytes", maxTitle)
	case !isLine(i.Summary, maxSummary):
		return fmt.Errorf("the summary is not one line of at most %d bytes", maxSummary)
	case !wordPattern.MatchString(i.Icon):
		return errors.New("the icon is no name")
	case i.State != "" && !wordPattern.MatchString(i.State):
		return errors.New("the state is no word")
	}
	return checkLink(i.URL, scheme)
}

// isLine tells whether a text is one line and shows nothing else than it says: no
// control characters, and none that turn the order of others around.
func isLine(text string, most int) bool {
	return len(text) <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
	})
}

// checkLink refuses what is no address of a page. By http leads only what was asked
// for so.
func checkLink(link, scheme string) error {
	if len(link) > maxURL {
		return fmt.Errorf("the URL has more than %d bytes", maxURL)
	}
	for _, r := range link {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r) {
			return errors.New("the URL has characters that must be escaped")
		}
	}
	u, err := url.Parse(link)
	switch {
	case err != nil:
		return errors.New("the URL is not valid")
	case u.Scheme != "https" && (u.Scheme != "http" || scheme != "http"):
		return errors.New("the URL has a scheme that is not allowed")
	case u.Host == "" || u.User != nil || u.Opaque != "":
		return errors.New("the URL has no host, or a user")
	}
	return nil
}
