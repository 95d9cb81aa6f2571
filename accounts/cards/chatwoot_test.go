package cards_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/cards"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// installation is a Chatwoot of account 7: what is answered under its paths.
var installation = map[string]string{
	"/agents": `[{"id":40,"role":"administrator"},{"id":42,"role":"agent","custom_role_id":null},{"id":43,"role":"agent"},` +
		`{"id":44,"role":"agent","custom_role_id":3},{"id":45,"role":"something"}]`,
	"/conversations/12": `{"id":12,"account_id":7,"inbox_id":3,"status":"open","messages":[{"content":"my card number"}],` +
		`"meta":{"sender":{"name":"Maria Souza","phone_number":"+5511999998888","email":"m@example.com"},"channel":"Channel::Whatsapp"}}`,
	"/conversations/13": `{"id":13,"account_id":7,"inbox_id":3,"status":"resolved","meta":{"sender":{"name":"+55 11 99999-8888"},` +
		`"assignee":{"name":"Ana"},"channel":"Channel::WebWidget"}}`,
	"/conversations/14": `{"id":15,"account_id":7,"inbox_id":3,"status":"open","meta":{}}`,
	"/conversations/16": `{"id":16,"account_id":8,"inbox_id":3,"status":"open","meta":{}}`,
	"/inbox_members/3":  `{"payload":[{"id":42,"name":"Ana"}]}`,
	"/contacts/5":       `{"payload":{"id":5,"name":"Maria <b>","phone_number":"+5511999998888"}}`,
	"/contacts/6":       `{"payload":{"id":6,"name":"maria@example.com"}}`,
}

func mustServeChatwoot(t *testing.T, installed map[string]string) (*other, *accounts.CardResolver) {
	t.Helper()
	o := mustServe(t, func(w http.ResponseWriter, r *http.Request) {
		answer, there := installed[strings.TrimPrefix(r.URL.Path, "/chat/api/v1/accounts/7")]
		switch {
		case r.Header.Get("api_access_token") != "the secret" || r.URL.RawQuery != "":
			w.WriteHeader(http.StatusUnauthorized)
		case !there:
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = w.Write([]byte(answer))
		}
	})
	from := o.at("/chat/")
	from.Kind = accounts.ChatwootResolver
	return o, from
}

// A user sees what Chatwoot lets them see, and of it no number and no address.
func TestChatwoot(t *testing.T) {
	t.Parallel()
	o, from := mustServeChatwoot(t, installation)
	r := o.resolver(t, loopback)
	for _, c := range []struct {
		user, kind, id, locale string
		title, summary, code   string
	}{
		{"40", "conversation", "12", "", "Conversation #12 — Maria Souza", "WhatsApp · open · unassigned", ""},
		{"42", "conversation", "12", "pt-BR", "Conversa #12 — Maria Souza", "WhatsApp · aberta · sem responsável", ""},
		{"42", "conversation", "13", "es", "Conversación #13", "Site · resuelta · Ana", ""},
		{"43", "conversation", "12", "", "", "", "M_NOT_FOUND"}, // not in the inbox
		{"44", "conversation", "12", "", "", "", "M_FORBIDDEN"}, // of a custom role
		{"45", "conversation", "12", "", "", "", "M_NOT_FOUND"},
		{"46", "conversation", "12", "", "", "", "M_NOT_FOUND"}, // no agent
		{"bia", "conversation", "12", "", "", "", "M_FORBIDDEN"},
		{"42", "conversation", "99", "", "", "", "M_NOT_FOUND"},
		{"40", "conversation", "14", "", "", "", "M_UNKNOWN"},
		{"40", "conversation", "16", "", "", "", "M_UNKNOWN"},
		{"40", "conversation", "x", "", "", "", "M_NOT_FOUND"},
		{"43", "contact", "5", "", "Maria <b>", "", ""},
		{"43", "contact", "6", "pt-BR", "Contato #6", "", ""},
		{"44", "contact", "5", "", "", "", "M_FORBIDDEN"},
		{"46", "contact", "5", "", "", "", "M_NOT_FOUND"},
		{"40", "deal", "5", "", "", "", "M_NOT_FOUND"},
	} {
		q := cards.Question{Account: "7", User: c.user, Type: c.kind, ID: c.id, Locale: c.locale}
		got, err := r.Resolve(t.Context(), from, q)
		if c.code != "" {
			if !refusal.Is(err, c.code) {
				t.Errorf("%+v: got %+v, %v, want %s", q, got, err, c.code)
			}
			continue
		}
		want := from.URL + "app/accounts/7/" + c.kind + "s/" + c.id
		if err != nil || got.Title != c.title || got.Summary != c.summary || got.URL != want || got.Icon != c.kind {
			t.Errorf("%+v: got %+v, %v, want %q, %q, %s", q, got, err, c.title, c.summary, want)
		}
	}
	if q := (cards.Question{Account: "acme", User: "40", Type: "contact", ID: "5"}); true {
		if _, err := r.Resolve(t.Context(), from, q); !refusal.Is(err, "M_NOT_FOUND") {
			t.Errorf("of an account that Chatwoot does not know: got %v", err)
		}
	}
}

// A token that may not read who sees what opens nothing.
func TestChatwootWithoutItsLists(t *testing.T) {
	t.Parallel()
	for missing, want := range map[string]string{"/agents": "M_BAD_STATUS", "/inbox_members/3": "M_NOT_FOUND"} {
		installed := map[string]string{}
		for path, answer := range installation {
			if path != missing {
				installed[path] = answer
			}
		}
		o, from := mustServeChatwoot(t, installed)
		q := cards.Question{Account: "7", User: "42", Type: "conversation", ID: "12"}
		if got, err := o.resolver(t, loopback).Resolve(t.Context(), from, q); !refusal.Is(err, want) {
			t.Errorf("without %s: got %+v, %v, want %s", missing, got, err, want)
		}
		from.Secret = "another"
		if got, err := o.resolver(t, loopback).Resolve(t.Context(), from, q); !refusal.Is(err, "M_BAD_STATUS") {
			t.Errorf("with another token: got %+v, %v, want M_BAD_STATUS", got, err)
		}
	}
}
