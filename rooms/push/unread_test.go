package push_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	toReader = `"m.mentions":{"user_ids":["@ana:hs"]}`
	inA      = `"m.relates_to":{"rel_type":"m.thread","event_id":"$A"}`
	inB      = `"m.relates_to":{"rel_type":"m.thread","event_id":"$B"}`
)

// put is a rule of Ana's own.
func putRule(kind push.Kind, ruleID, body string) step {
	return rules(func(r push.Ruleset) (push.Ruleset, error) { return r.Put(kind, ruleID, json.RawMessage(body), "", "") })
}

func actions(kind push.Kind, ruleID, body string) step {
	return rules(func(r push.Ruleset) (push.Ruleset, error) { return r.SetActions(kind, ruleID, json.RawMessage(body)) })
}

// muted is what clients write for "off", mentions for "mentions only".
func muted(h *house) {
	putRule(push.Override, string(h.room), `{"actions":[],"conditions":[{"kind":"event_match","key":"room_id","pattern":"`+string(h.room)+`"}]}`)(h)
}

func mentionsOnly(h *house) { putRule(push.Room, string(h.room), `{"actions":[]}`)(h) }

func ignores(user id.UserID) step {
	return func(h *house) {
		h.put(stream.Item{Kind: stream.AccountData, User: reader, Key: "m.ignored_user_list", Content: fmt.Appendf(nil, `{"ignored_users":{"%s":{}}}`, user)})
	}
}

// calls is a new display name of Ana's in the room.
func calls(name string) step {
	return sets(reader, "m.room.member", string(reader), `{"membership":"join","displayname":"`+name+`"}`)
}

// Rules × receipts × events.
var countings = []struct {
	name  string
	steps []step
	want  string
}{
	{"nothing", nil, "0/0"},
	{"messages", []step{says(bia, "$A", ""), says(caio, "$B", "")}, "2/0"},
	{"one's own", []step{says(reader, "$A", "")}, "0/0"},
	{"mention", []step{says(bia, "$A", toReader), says(bia, "$B", `"m.mentions":{"user_ids":["@caio:hs"]}`)}, "2/1"},
	{"mention by oneself", []step{says(reader, "$A", toReader)}, "0/0"},
	{"room mention", []step{says(boss, "$A", `"m.mentions":{"room":true}`)}, "1/1"},
	{"room mention without the power", []step{says(bia, "$A", `"m.mentions":{"room":true}`)}, "1/0"},
	{"older room mention", []step{says(boss, "$A", `"body":"@room!"`)}, "1/1"},
	{"older mention by localpart", []step{says(bia, "$A", `"body":"oi, ana!"`)}, "1/1"},
	{"older mention by name", []step{calls("Dona Flor"), says(bia, "$A", `"body":"cadê dona flor?"`)}, "1/1"},
	{"a former name", []step{calls("Dona Flor"), says(bia, "$A", `"body":"cadê dona flor?"`), calls("Gabriela")}, "1/0"},
	{"notice", []step{sends(bia, "$A", "m.room.message", `{"msgtype":"m.notice","body":"x"}`)}, "0/0"},
	{"encrypted", []step{sends(bia, "$A", "m.room.encrypted", `{}`)}, "1/0"},
	{"reaction", []step{says(bia, "$A", ""), sends(caio, "$B", "m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":"$A","key":"x"}}`)}, "1/0"},
	{"edit", []step{says(bia, "$A", ""), says(bia, "$B", `"m.relates_to":{"rel_type":"m.replace","event_id":"$A"}`)}, "1/0"},
	{"edit that mentions", []step{says(bia, "$A", ""), says(bia, "$B", toReader+`,"m.relates_to":{"rel_type":"m.replace","event_id":"$A"}`)}, "2/1"},
	{"topic", []step{sets(boss, "m.room.topic", "", `{"topic":"x"}`)}, "0/0"},
	{"redacted", []step{says(bia, "$A", toReader), says(bia, "$B", ""), redacts("$A")}, "1/0"},

	{"read", []step{says(bia, "$A", ""), says(bia, "$B", toReader), says(bia, "$C", ""), reads("$B", "")}, "1/0"},
	{"read privately", []step{says(bia, "$A", ""), says(bia, "$B", ""), readsPrivately("$B", "")}, "0/0"},
	{"the further of two", []step{says(bia, "$A", ""), says(bia, "$B", ""), says(bia, "$C", ""), reads("$A", ""), readsPrivately("$B", "")}, "1/0"},
	{"a receipt goes back", []step{says(bia, "$A", ""), says(bia, "$B", ""), reads("$B", ""), reads("$A", "")}, "0/0"},
	{"the marker reads nothing", []step{says(bia, "$A", ""), func(h *house) {
		h.read(rooms.Reading{FullyRead: h.named["$A"]}, "")
	}}, "1/0"},
	{"sending reads", []step{says(bia, "$A", toReader), says(reader, "$B", ""), says(bia, "$C", "")}, "1/0"},
	{"a new name reads nothing", []step{says(bia, "$A", ""), calls("Gabriela")}, "1/0"},
	{"redacting reads nothing", []step{says(reader, "$A", ""), says(bia, "$B", ""), func(h *house) {
		_, err := h.rooms.Redact(h.Context(), by(reader), rooms.Message{Room: h.room, Content: json.RawMessage(`{}`)}, h.named["$A"])
		h.check(err)
	}}, "1/0"},

	{"thread", []step{says(bia, "$A", ""), says(bia, "$B", inA), says(bia, "$C", inA+","+toReader), says(bia, "$D", "")}, "4/1 $A:2/1"},
	{"two threads", []step{says(bia, "$A", ""), says(bia, "$B", ""), says(bia, "$C", inA), says(bia, "$D", inB)}, "4/0 $A:1/0 $B:1/0"},
	{"main read", []step{says(bia, "$A", ""), says(bia, "$B", inA), says(bia, "$C", ""), reads("$C", "main")}, "1/0 $A:1/0"},
	{"thread read", []step{says(bia, "$A", ""), says(bia, "$B", inA), says(bia, "$C", inA), reads("$B", "$A")}, "2/0 $A:1/0"},
	{"all read", []step{says(bia, "$A", ""), says(bia, "$B", inA), says(bia, "$C", ""), reads("$C", "")}, "0/0"},
	{"sending into a thread", []step{says(bia, "$A", ""), says(bia, "$B", inA), says(reader, "$C", inA), says(caio, "$D", inA)}, "2/0 $A:1/0"},
	{"sending beside a thread", []step{says(bia, "$A", ""), says(bia, "$B", inA), says(reader, "$C", "")}, "1/0 $A:1/0"},
	{"edit in a thread", []step{says(bia, "$A", ""), says(bia, "$B", inA), says(bia, "$C", toReader+`,"m.relates_to":{"rel_type":"m.replace","event_id":"$B"}`)}, "3/1 $A:2/1"},
	{"reference to a root", []step{says(bia, "$A", ""), says(bia, "$B", inA), says(bia, "$C", `"m.relates_to":{"rel_type":"m.reference","event_id":"$A"}`)}, "3/0 $A:1/0"},
	{"reacting reads the thread", []step{says(bia, "$A", ""), says(bia, "$B", inA), sends(reader, "$C", "m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":"$B","key":"x"}}`)}, "1/0"},
	{"redacted in a thread", []step{says(bia, "$A", ""), says(bia, "$B", inA), redacts("$B")}, "1/0"},

	{"muted", []step{says(bia, "$A", toReader), muted}, "0/0"},
	{"mentions only", []step{says(bia, "$A", toReader), says(bia, "$B", ""), mentionsOnly}, "1/1"},
	{"mentions only, later", []step{mentionsOnly, says(bia, "$A", toReader), says(bia, "$B", "")}, "1/1"},
	{"master", []step{says(bia, "$A", toReader), rules(func(r push.Ruleset) (push.Ruleset, error) {
		return r.SetEnabled(push.Override, ".m.rule.master", true)
	})}, "0/0"},
	{"keyword", []step{says(bia, "$A", `"body":"tem bolo"`), putRule(push.Content, "bolo", `{"pattern":"bolo","actions":["notify",{"set_tweak":"highlight"}]}`)}, "1/1"},
	{"sender", []step{says(bia, "$A", ""), says(caio, "$B", ""), putRule(push.Sender, string(bia), `{"actions":[]}`)}, "1/0"},
	{"all highlight", []step{says(bia, "$A", ""), actions(push.Underride, ".m.rule.message", `["notify",{"set_tweak":"highlight"}]`)}, "1/1"},
	{"ignored", []step{says(bia, "$A", toReader), says(caio, "$B", ""), ignores(bia)}, "1/0"},
	{"members decide", []step{
		actions(push.Underride, ".m.rule.room_one_to_one", `[]`), says(bia, "$A", ""), leaves(caio), leaves(boss),
	}, "0/0"},
	{"power decides", []step{
		says(bia, "$A", `"m.mentions":{"room":true}`),
		sets(boss, "m.room.power_levels", "", `{"users":{"@boss:hs":100,"@bia:hs":60}}`),
	}, "1/1"},
	{"joined again", []step{says(bia, "$A", ""), leaves(reader), says(bia, "$B", ""), joins(reader), says(bia, "$C", "")}, "1/0"},
	{"left", []step{says(bia, "$A", ""), leaves(reader)}, "0/0"},
}

func leaves(user id.UserID) step {
	return func(h *house) { h.check(h.rooms.Leave(h.Context(), by(user), rooms.Move{Room: h.room})) }
}

func joins(user id.UserID) step { return func(h *house) { h.join(h.room, user) } }

func TestCounts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		for _, c := range countings {
			t.Run(c.name, func(t *testing.T) {
				h := &house{TB: t, store: h.store, rooms: h.rooms, unread: h.unread, named: map[string]id.EventID{}}
				h.room = h.found(reader, bia, caio)
				h.put(stream.Item{Kind: stream.AccountData, User: reader, Key: "m.push_rules", Content: []byte(`{}`)})
				h.put(stream.Item{Kind: stream.AccountData, User: reader, Key: "m.ignored_user_list", Content: []byte(`{}`)})
				h.play(c.steps...)
				if got := h.counts(h.unread, h.room); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		}
	})
}

// many sends messages.
func (h *house) many(n int, content string) {
	h.Helper()
	for range n {
		h.send(h.room, bia, "m.room.message", content)
	}
}

// What lies behind many messages is found without looking at each; the grey
// count stops, and goes on when enough was read.
func TestCountsOfLongHistories(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.play(mentionsOnly, says(bia, "$A", toReader), says(bia, "$B", `"body":"oi, ana","formatted_body":"x"`),
			says(bia, "$C", `"body":"Dona Flor","formatted_body":"<a href=\"https://matrix.to/#/%40ana%3Ahs\">Dona Flor</a>"`), calls("Dona Flor"),
			says(boss, "$D", `"m.mentions":{"room":true}`), says(bia, "$E", inA+","+toReader))
		h.many(700, `{"msgtype":"m.text","body":"x","m.mentions":{}}`)
		h.mustCount("5/5 $A:1/1")
		h.play(reads("$D", "main"))
		h.mustCount("1/1 $A:1/1")

		h.play(rules(func(r push.Ruleset) (push.Ruleset, error) { return r.Delete(push.Room, string(h.room)) }))
		h.many(400, `{"msgtype":"m.text","body":"x","m.mentions":{}}`)
		h.mustCount("1000/1 $A:1/1")
		h.play(says(bia, "$F", ""), redacts("$F"))
		h.mustCount("1000/1 $A:1/1")
		h.play(says(bia, "$G", ""), says(bia, "$H", toReader))
		h.play(reads("$G", "main"))
		h.mustCount("2/2 $A:1/1")
	})
}

// mustCount demands counts, gone on with and anew.
func (h *house) mustCount(want string) {
	h.Helper()
	for name, unread := range map[string]*push.Unread{"counted on": h.unread, "counted anew": push.NewUnread(h.store, h.store)} {
		if got := h.counts(unread, h.room); got != want {
			h.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// Candidates are as many as an event names, up to a bound.
func TestCandidateKeys(t *testing.T) {
	h := newHouse(t, sqltest.SQLite(t))
	var crowd strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&crowd, `"@nobody%d:hs",`, i)
	}
	for _, c := range []struct {
		want    int
		content string
	}{
		{1, `{"body":"x","m.mentions":{"user_ids":["@ana:hs"]}}`},
		{1, `{"body":"x","m.mentions":{"user_ids":[` + crowd.String() + `"@ana:hs"]}}`},
		{0, `{"body":"x","m.mentions":{"user_ids":["@caio:hs"]}}`},
		{0, `{"body":"ana","m.mentions":{}}`},
		{0, `{"body":"ana","m.mentions":null}`},
		{1, `{"body":"ANA, veja"}`},
		{1, `{"body":"caio/ana"}`},
		{0, `{"body":"banana"}`},
		{1, `{"body":"@ana:hs: oi"}`},
		{1, `{"body":"x","formatted_body":"<a href=\"https://matrix.to/#/@ana:hs\">Flor</a>"}`},
		{1, `{"body":"x","m.mentions":{"room":true}}`},
		{1, `{"body":"veja, @room"}`},
		{0, `{"body":"x","m.relates_to":{"rel_type":"m.thread","event_id":"$x"}}`},
		{0, `{"body":"x","m.relates_to":{"rel_type":"m.reference","event_id":"$x"}}`},
	} {
		sent := h.send(h.room, bia, "m.room.message", c.content)
		found, err := h.store.Candidates(t.Context(), "acme", []string{string(reader), rooms.AnyMember},
			[]rooms.Slice{{Room: h.room, UpTo: 1 << 60, Limit: 1}})
		h.check(err)
		got := 0
		if len(found[0]) > 0 && found[0][0].ID == sent {
			got = 1
		}
		if got != c.want {
			t.Errorf("%.80s: got %d candidates, want %d", c.content, got, c.want)
		}
	}
}
