package event_test

import (
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// server is the user in whose name the server acts: in no room, without power.
const server id.UserID = "@conversalabs:example.org"

// What the server says itself needs no membership and no power, but must mean
// something.
func TestAuthoriseServer(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		for _, a := range []act{
			{"a topic", server, "m.room.topic", "", `{"topic":"x"}`, ""},
			{"a message", server, "m.room.message", "-", `{"body":"x"}`, ""},
			{"power for a member", server, "m.room.power_levels", "", `{"users":{"@bea:example.org":100},"users_default":10}`, ""},
			{"remove a member", server, "m.room.member", string(bea), `{"membership":"leave"}`, ""},
			{"remove the creator", server, "m.room.member", string(ana), `{"membership":"leave"}`, ""},
			{"invite", server, "m.room.member", string(caio), `{"membership":"invite"}`, ""},
			{"ban", server, "m.room.member", string(bea), `{"membership":"ban"}`, ""},
			{"unban", server, "m.room.member", string(davi), `{"membership":"leave"}`, ""},

			{"remove a stranger", server, "m.room.member", string(caio), `{"membership":"leave"}`, "403 M_FORBIDDEN"},
			{"invite a member", server, "m.room.member", string(bea), `{"membership":"invite"}`, "403 M_FORBIDDEN"},
			{"invite the banned", server, "m.room.member", string(davi), `{"membership":"invite"}`, "403 M_FORBIDDEN"},
			{"join for another", server, "m.room.member", string(caio), `{"membership":"join"}`, "403 M_FORBIDDEN"},
			{"knock for another", server, "m.room.member", string(caio), `{"membership":"knock"}`, "403 M_FORBIDDEN"},
			{"its own invitation", server, "m.room.member", string(server), `{"membership":"invite"}`, "403 M_FORBIDDEN"},
			{"its own join", server, "m.room.member", string(server), `{"membership":"join"}`, "403 M_FORBIDDEN"},
			{"no membership", server, "m.room.member", string(bea), `{}`, "400 M_BAD_JSON"},
			{"MEMBERSHIP", server, "m.room.member", string(bea), `{"membership":"leave","Membership":"ban"}`, "400 M_BAD_JSON"},
			{"levels that are none", server, "m.room.power_levels", "", `{"users":[]}`, "400 M_BAD_JSON"},
			{"a join rule that is a number", server, "m.room.join_rules", "", `{"join_rule":1}`, "400 M_BAD_JSON"},
			{"aliases", server, "m.room.aliases", "example.org", `{"aliases":[]}`, "403 M_FORBIDDEN"},
		} {
			r := mustRoom(t, v)
			e, err := event.Build(v, r.draft(a.sender, a.kind, a.key, a.content), r)
			if err == nil {
				err = event.AuthoriseServer(v, e, nil, r)
			}
			if got := code(err); got != a.want {
				t.Errorf("%s: got %q (%v), want %q", a.name, got, err, a.want)
			}
		}
	})
}

func TestAuthoriseServerRedactions(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		for eventType, want := range map[string]string{"m.room.power_levels": "", "m.room.create": "403 M_FORBIDDEN"} {
			target := r.Event(eventType, "")
			d := r.draft(server, "m.room.redaction", "-", `{}`)
			d.Redacts = target.ID
			e, err := event.Build(v, d, r)
			if err != nil {
				t.Fatal(err)
			}
			if got := code(event.AuthoriseServer(v, e, target, r)); got != want {
				t.Errorf("redact %s: got %q, want %q", eventType, got, want)
			}
		}
		foreign := *r
		foreign.id = "!other:example.org"
		if v != "12" {
			e, err := event.Build(v, foreign.draft(server, "m.room.topic", "", `{}`), &foreign)
			if err != nil {
				t.Fatal(err)
			}
			if got := code(event.AuthoriseServer(v, e, nil, r)); got != "403 M_FORBIDDEN" {
				t.Errorf("an event of another room: got %q", got)
			}
		}
	})
}
