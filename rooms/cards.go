package rooms

import (
	"context"
	"encoding/json"
	"html"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Card is an item of another system (a conversation, a deal) as that system shows it
// to who may see it. All members of the room are shown it.
type Card struct {
	Type, ID       string
	Title, Summary string // one line each; the summary may be empty
	Icon           string // a name that clients may know
	URL            string // where the item is opened
	Resolved       int64  // ms: when it was so
}

// Share is an item to be shown in a room.
type Share struct {
	Room id.RoomID
	Card Card
	// Comment is what its sender says of it, as plain text, or empty.
	Comment string
	// Locale is the language (BCP 47) that the item's type is named in.
	Locale string
	// To and Transaction make a retry give the first message, unless the transaction is
	// empty. To is what the sender has named: the room, or the person.
	To, Transaction string
}

// cardPath is the path of the transactions of cards that go to a room or a person.
func cardPath(to string) string { return "cards/" + to }

// Shared gives the message that a caller has sent with a transaction by [Service.Share],
// or "". So a retry is answered whatever has become of the item meanwhile.
func (s *Service) Shared(ctx context.Context, caller tenant.Caller, to, transaction string) (id.EventID, error) {
	if transaction == "" {
		return "", nil
	}
	return s.store.Done(ctx, caller, cardPath(to), transaction)
}

// MaxComment is how long a comment may be, in bytes.
const MaxComment = 4096

// ErrComment is said of a comment that is too long.
var ErrComment = refusal.TooLarge("A comment can have %d bytes at most.", MaxComment)

// Share sends a message that shows an item: the one way to a card, which is cut out of
// everything that clients send. A card of a type that is not one of the nine becomes a
// message with its link alone. A retry gives the first event ID. Nothing is sent into
// a room that is archived or was replaced, nor where the caller may not post.
func (s *Service) Share(ctx context.Context, caller tenant.Caller, share Share) (id.EventID, error) {
	if len(share.Comment) > MaxComment {
		return "", ErrComment
	}
	message := part{
		sender: caller.User, kind: "m.room.message", content: share.message(), card: share.card(caller.Account, s.timestamp()),
	}
	return s.store.Act(ctx, Act{
		Caller: caller, Path: cardPath(share.To), Transaction: share.Transaction,
		Do: func(tx Tx) (id.EventID, error) {
			w, err := s.open(tx, share.Room)
			if err != nil {
				return "", err
			}
			switch {
			case !w.room.Joined(caller.User):
				return "", errNotHere()
			case w.room.retired():
				return "", errRetired
			}
			if err := s.reach(w, caller.User); err != nil {
				return "", err
			}
			e, err := w.append(message)
			if err != nil {
				return "", err
			}
			return e.ID, nil
		},
	})
}

// card is what clients that know cards read, nil for a type that they need not know.
func (s *Share) card(account tenant.ID, now int64) json.RawMessage {
	if _, known := cardTypes[s.Card.Type]; !known {
		return nil
	}
	c := s.Card
	content := object{}.with("version", 1).with("type", c.Type).with("id", c.ID).with("account_id", account).
		with("title", c.Title).with("summary", c.Summary).with("icon", c.Icon).with("url", c.URL).with("resolved_ts", now)
	if comment := s.comment(); comment != "" {
		content.with("comment", comment)
	}
	return content.bytes()
}

// message is what all other clients read. It mentions nobody, whatever the comment says.
func (s *Share) message() json.RawMessage {
	kind, title := cardTypes[s.Card.Type], s.title()
	if kind.emoji == "" {
		kind.emoji = linkEmoji
	}
	body := kind.emoji + " " + title + ": " + s.Card.URL
	formatted := `<p>` + kind.emoji + ` <a href="` + html.EscapeString(s.Card.URL) + `">` + html.EscapeString(title) + `</a></p>`
	if comment := s.comment(); comment != "" {
		body = comment + "\n" + body
		formatted = "<p>" + strings.ReplaceAll(html.EscapeString(comment), "\n", "<br>") + "</p>" + formatted
	}
	return object{}.with("msgtype", "m.text").with("body", body).with("format", "org.matrix.custom.html").
		with("formatted_body", formatted).with("m.mentions", object{}).bytes()
}

func (s *Share) comment() string {
	return strings.TrimSpace(strings.ReplaceAll(s.Comment, "\r\n", "\n"))
}

// title is the card's, with the word for its type in front unless it has it already.
func (s *Share) title() string {
	kind, title := cardTypes[s.Card.Type], s.Card.Title
	for _, word := range kind.words {
		if strings.Contains(strings.ToLower(title), strings.ToLower(word)) {
			return title
		}
	}
	switch word := kind.words[refusal.Language(s.Locale)]; {
	case word == "":
		return title
	case strings.HasPrefix(title, "#"):
		return word + " " + title
	default:
		return word + ": " + title
	}
}

// linkEmoji stands before an item of an unknown type.
const linkEmoji = "🔗"

// cardTypes are the items that clients know, and how a plain client is shown them.
var cardTypes = map[string]struct {
	emoji string
	words map[string]string // by language
}{
	"conversation":   {"🗨", map[string]string{"en": "Conversation", "pt-BR": "Conversa", "es": "Conversación"}},
	"contact":        {"👤", map[string]string{"en": "Contact", "pt-BR": "Contato", "es": "Contacto"}},
	"deal":           {"🤝", map[string]string{"en": "Deal", "pt-BR": "Negócio", "es": "Negocio"}},
	"task":           {"✅", map[string]string{"en": "Task", "pt-BR": "Tarefa", "es": "Tarea"}},
	"product":        {"📦", map[string]string{"en": "Product", "pt-BR": "Produto", "es": "Producto"}},
	"charge":         {"💳", map[string]string{"en": "Charge", "pt-BR": "Cobrança", "es": "Cobro"}},
	"calendar_event": {"📅", map[string]string{"en": "Event", "pt-BR": "Evento", "es": "Evento"}},
	"broadcast":      {"📣", map[string]string{"en": "Broadcast", "pt-BR": "Transmissão", "es": "Difusión"}},
	"campaign":       {"🎯", map[string]string{"en": "Campaign", "pt-BR": "Campanha", "es": "Campaña"}},
}
