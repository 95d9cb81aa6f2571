package cards

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// chatwoot is one question to an installation. Nobody's own access token is known
// here, so it is asked as an administrator, and what the user may see is worked out
// from its lists as Chatwoot itself does: an administrator everything, an agent all
// contacts and the conversations of the inboxes that they are a member of. What hangs
// on more than that (a custom role) is refused, since it cannot be known.
type chatwoot struct {
	*Resolver
	base  string // without a slash at the end
	token string
	q     Question
	user  int64
}

// numberPattern is what Chatwoot's IDs are.
var numberPattern = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

func (r *Resolver) askChatwoot(ctx context.Context, from *accounts.Endpoint, q Question) (*Item, error) {
	for _, number := range []string{string(q.Account), q.ID} {
		if !numberPattern.MatchString(number) {
			return nil, errNoItem
		}
	}
	if !numberPattern.MatchString(q.User) {
		return nil, errStranger
	}
	base, err := url.Parse(from.URL)
	if err != nil {
		return nil, because(errUnreachable, err)
	}
	base.RawQuery, base.Fragment = "", ""
	c := &chatwoot{Resolver: r, base: strings.TrimRight(base.String(), "/"), token: from.Secret, q: q}
	c.user, _ = strconv.ParseInt(q.User, 10, 64) // of at most 18 digits
	var item *Item
	switch q.Type {
	case "conversation":
		item, err = c.conversation(ctx)
	case "contact":
		item, err = c.contact(ctx)
	default:
		err = errNoItem
	}
	if err != nil {
		return nil, err
	}
	item.Type, item.ID, item.Icon = q.Type, q.ID, q.Type
	if err := item.check(q, base.Scheme); err != nil {
		return nil, because(errAnswer, err)
	}
	return item, nil
}

// read reads what stands below the account. That the token is not good for it is the
// installation's mistake, and nothing about the item.
func (c *chatwoot) read(ctx context.Context, path string, answer any) error {
	address := c.base + "/api/v1/accounts/" + string(c.q.Account) + path
	text, err := c.get(ctx, address, func(r *http.Request) { r.Header.Set("api_access_token", c.token) })
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return because(errAnswer, err)
	}
	return nil
}

// administers tells whether the user is an administrator there. Who is no agent, or
// one of a custom role, is refused.
func (c *chatwoot) administers(ctx context.Context) (bool, error) {
	var agents []struct {
		ID         int64  `json:"id"`
		Role       string `json:"role"`
		CustomRole *int64 `json:"custom_role_id"`
	}
	if err := c.read(ctx, "/agents", &agents); err != nil {
		// Without the list nobody's rights are known, whatever the item.
		if errors.Is(err, errNoItem) {
			err = because(errStatus, errors.New("the list of agents may not be read"))
		}
		return false, err
	}
	for _, agent := range agents {
		switch {
		case agent.ID != c.user:
		case agent.CustomRole != nil:
			return false, errCustomRole
		case agent.Role == "administrator":
			return true, nil
		case agent.Role == "agent":
			return false, nil
		}
	}
	return false, errNoItem
}

var errCustomRole = refusal.Forbidden("Your role in the system that knows this item is a custom one, so it cannot be told from here what you may see.").Because("card_rights_unknown")

// chatwootName is all that is read of a contact or an agent.
type chatwootName struct {
	Name string `json:"name"`
}

func (c *chatwoot) conversation(ctx context.Context) (*Item, error) {
	administrator, err := c.administers(ctx)
	if err != nil {
		return nil, err
	}
	var answer struct {
		ID      int64  `json:"id"`
		Account int64  `json:"account_id"`
		Inbox   int64  `json:"inbox_id"`
		Status  string `json:"status"`
		Meta    struct {
			Sender   chatwootName `json:"sender"`
			Assignee chatwootName `json:"assignee"`
			Channel  string       `json:"channel"`
		} `json:"meta"`
	}
	if err := c.read(ctx, "/conversations/"+c.q.ID, &answer); err != nil {
		return nil, err
	}
	if strconv.FormatInt(answer.ID, 10) != c.q.ID || strconv.FormatInt(answer.Account, 10) != string(c.q.Account) {
		return nil, because(errAnswer, errors.New("the answer is about another conversation"))
	}
	if !administrator {
		if member, err := c.inInbox(ctx, answer.Inbox); err != nil {
			return nil, err
		} else if !member {
			return nil, errNoItem
		}
	}
	say := speak(c.q.Locale)
	item := &Item{
		Title: say("conversation") + " #" + c.q.ID, State: answer.Status,
		URL: c.base + "/app/accounts/" + string(c.q.Account) + "/conversations/" + c.q.ID,
	}
	if name := shownName(answer.Meta.Sender.Name); name != "" {
		item.Title += " — " + name
	}
	assignee := shownName(answer.Meta.Assignee.Name)
	if assignee == "" {
		assignee = say("unassigned")
	}
	facts := []string{channelName(answer.Meta.Channel), say(answer.Status), assignee}
	item.Summary = strings.Join(slices.DeleteFunc(facts, func(fact string) bool { return fact == "" }), " · ")
	return item, nil
}

// inInbox tells whether the user is a member of an inbox.
func (c *chatwoot) inInbox(ctx context.Context, inbox int64) (bool, error) {
	var answer struct {
		Members []struct {
			User int64 `json:"user_id"` // of older versions
			ID   int64 `json:"id"`
		} `json:"payload"`
	}
	if err := c.read(ctx, "/inbox_members/"+strconv.FormatInt(inbox, 10), &answer); err != nil {
		return false, err
	}
	for _, member := range answer.Members {
		if member.User == c.user || member.User == 0 && member.ID == c.user {
			return true, nil
		}
	}
	return false, nil
}

func (c *chatwoot) contact(ctx context.Context) (*Item, error) {
	if _, err := c.administers(ctx); err != nil {
		return nil, err
	}
	var answer struct {
		Contact struct {
			ID   int64  `json:"id"`
			Name string `json:"name"`
		} `json:"payload"`
	}
	if err := c.read(ctx, "/contacts/"+c.q.ID, &answer); err != nil {
		return nil, err
	}
	if strconv.FormatInt(answer.Contact.ID, 10) != c.q.ID {
		return nil, because(errAnswer, errors.New("the answer is about another contact"))
	}
	title := shownName(answer.Contact.Name)
	if title == "" {
		title = speak(c.q.Locale)("contact") + " #" + c.q.ID
	}
	return &Item{Title: title, URL: c.base + "/app/accounts/" + string(c.q.Account) + "/contacts/" + c.q.ID}, nil
}

// maxShownName is how much of a name is shown, in bytes.
const maxShownName = 128

// shownName gives a name to be shown to a whole room, or "" where the name is a
// telephone number or an e-mail address, as it is of who has not said theirs.
func shownName(name string) string {
	name = strings.Join(strings.Fields(name), " ")
	digits := 0
	for _, r := range name {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits >= 7 || strings.Contains(name, "@") || !isLine(name, maxShownName) {
		return ""
	}
	return name
}

// channelName names a channel ("Channel::Whatsapp") as people do.
func channelName(channel string) string {
	kind, is := strings.CutPrefix(channel, "Channel::")
	if !is || !isLine(kind, 32) {
		return ""
	}
	if name := channelNames[kind]; name != "" {
		return name
	}
	return kind
}

var channelNames = map[string]string{
	"Whatsapp": "WhatsApp", "WebWidget": "Site", "Api": "API", "Email": "E-mail", "FacebookPage": "Facebook",
	"Sms": "SMS", "TwilioSms": "Twilio", "TwitterProfile": "Twitter", "Line": "LINE", "Tiktok": "TikTok",
}

// speak gives the words of a language, and what has none as it is.
func speak(locale string) func(word string) string {
	words := chatwootWords[refusal.Language(locale)]
	return func(word string) string {
		if translated := words[word]; translated != "" {
			return translated
		}
		return word
	}
}

var chatwootWords = map[string]map[string]string{
	"en": {"conversation": "Conversation", "contact": "Contact"},
	"pt-BR": {
		"conversation": "Conversa", "contact": "Contato", "unassigned": "sem responsável",
		"open": "aberta", "pending": "pendente", "resolved": "resolvida", "snoozed": "adiada",
	},
	"es": {
		"conversation": "Conversación", "contact": "Contacto", "unassigned": "sin asignar",
		"open": "abierta", "pending": "pendiente", "resolved": "resuelta", "snoozed": "pospuesta",
	},
}
