package bell_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
)

const (
	rules  = "m.push_rules"
	levels = "br.com.conversalabs.notifications"
)

// TestWhatRings plays what is said in a room of Ana, Bia and Caio, and looks at Ana's
// bell.
func TestWhatRings(t *testing.T) {
	const dm, announcement, mentioned = "direct_message", "announcement", "mention"
	prefer := func(content string) func(*house, id.RoomID) {
		return func(h *house, _ id.RoomID) { h.sets(h.reader, "", accounts.NotificationPreferencesType, content) }
	}
	level := func(content string) func(*house, id.RoomID) {
		return func(h *house, room id.RoomID) { h.sets(h.reader, room, levels, content) }
	}
	mute := func(h *house, room id.RoomID) { h.sets(h.reader, "", rules, muted(room)) }
	both := func(one, other func(*house, id.RoomID)) func(*house, id.RoomID) {
		return func(h *house, room id.RoomID) { one(h, room); other(h, room) }
	}
	mentionsAlone := func(h *house, room id.RoomID) {
		h.sets(h.reader, "", rules, `{"global":{"room":[{"rule_id":"`+string(room)+`","actions":[]}]}}`)
	}
	everyone := `,"m.mentions":{"room":true}`
	cases := map[string]struct {
		kind   string
		before func(*house, id.RoomID)
		sender id.UserID // Bia if ""
		said   string
		want   string
	}{
		"a mention":                      {kind: "public", said: mention(ana), want: mentioned},
		"an ordinary message":            {kind: "private"},
		"a mention of others":            {kind: "private", said: mention(caio)},
		"a name without m.mentions":      {kind: "private", said: `"msgtype":"m.text","body":"ana, @ana:hs!"`},
		"a direct message":               {kind: "dm", want: dm},
		"an announcement":                {kind: "announcement", want: announcement},
		"a mention in an announcement":   {kind: "announcement", said: mention(ana), want: mentioned},
		"a mention in a direct message":  {kind: "dm", said: mention(ana), want: mentioned},
		"one's own":                      {kind: "dm", sender: ana, said: mention(ana)},
		"everybody, by who may":          {kind: "public", sender: boss, said: everyone, want: mentioned},
		"everybody, by who may not":      {kind: "public", said: everyone},
		"a notice":                       {kind: "announcement", said: `"msgtype":"m.notice","body":"x","m.mentions":{"user_ids":["@ana:hs"]}`},
		"an edit":                        {kind: "announcement", said: mention(ana) + `,"m.new_content":{"body":"x"},"m.relates_to":{"rel_type":"m.replace","event_id":"$x"}`},
		"muted":                          {kind: "dm", before: mute},
		"muted, a mention":               {kind: "dm", before: mute, said: mention(ana)},
		"a mention that breaks the mute": {kind: "private", before: both(mute, level(`{"muted":true,"mentions_break_mute":true}`)), said: mention(ana), want: mentioned},
		"only mentions break it":         {kind: "dm", before: both(mute, level(`{"muted":true,"mentions_break_mute":true}`))},
		"a notice breaks nothing":        {kind: "dm", before: level(`{"muted":true,"mentions_break_mute":true}`), said: `"msgtype":"m.notice","body":"x","m.mentions":{"user_ids":["@ana:hs"]}`},
		"all is off": {kind: "dm", before: both(level(`{"mentions_break_mute":true}`), func(h *house, _ id.RoomID) {
			h.sets(h.reader, "", rules, `{"global":{"override":[{"rule_id":".m.rule.master","enabled":true}]}}`)
		}), said: mention(ana)},
		"the toggle alone":               {kind: "announcement", before: level(`{"muted":true}`)},
		"a timed mute":                   {kind: "announcement", before: level(`{"muted":true,"muted_until":1800000060000}`)},
		"a timed mute that has ended":    {kind: "announcement", before: level(`{"muted":true,"muted_until":1799999999999}`), want: announcement},
		"level nothing":                  {kind: "announcement", before: level(`{"level":"nothing"}`), said: mention(ana)},
		"level nothing, a mention":       {kind: "announcement", before: level(`{"level":"nothing","mentions_break_mute":true}`), said: mention(ana), want: mentioned},
		"level mentions":                 {kind: "announcement", before: level(`{"level":"mentions"}`)},
		"level mentions, a mention":      {kind: "announcement", before: level(`{"level":"mentions"}`), said: mention(ana), want: mentioned},
		"mentions alone, by rules":       {kind: "announcement", before: mentionsAlone},
		"a mention, mentions alone":      {kind: "announcement", before: mentionsAlone, said: mention(ana), want: mentioned},
		"mentions are not wanted":        {kind: "announcement", before: prefer(`{"mention":{"bell":false}}`), said: mention(ana)},
		"announcements are not wanted":   {kind: "announcement", before: prefer(`{"announcement":{"bell":false}}`)},
		"direct messages are not wanted": {kind: "dm", before: prefer(`{"direct_message":{"bell":false}}`)},
		"quiet hours":                    {kind: "dm", before: prefer(`{"quiet_hours":{"start":"00:00","end":"23:59"}}`), want: dm},
		"preferences of before":          {kind: "dm", before: prefer(`{"direct_message":7}`), want: dm},
		"an ignored sender": {kind: "dm", before: func(h *house, _ id.RoomID) {
			h.sets(h.reader, "", rooms.IgnoredUsersType, `{"ignored_users":{"@bia:hs":{}}}`)
		}},
		"a new name since": {kind: "dm", before: func(h *house, _ id.RoomID) {
			h.follow()
			h.must(h.rooms.SetProfile(h.t.Context(), by(h.reader), "displayname", []byte(`"Ana L."`)))
		}, want: dm},
		"who has left": {kind: "dm", before: func(h *house, room id.RoomID) {
			h.must(h.rooms.Leave(h.t.Context(), by(h.reader), rooms.Move{Room: room}))
		}, said: mention(ana)},
		"who is locked out": {kind: "announcement", sender: boss, before: func(h *house, _ id.RoomID) { h.disable(tenant.Agent) }},
	}
	each(t, func(t *testing.T, h *house) {
		for i, name := range slices.Sorted(maps.Keys(cases)) {
			c := cases[name]
			h.reader = id.UserID(fmt.Sprintf("@ana%d:hs", i))
			h.mustUser(h.reader, tenant.Agent)
			room := h.found(c.kind, h.reader, bia, caio)
			if c.before != nil {
				c.before(h, room)
			}
			switch c.sender {
			case ana:
				c.sender = h.reader
			case "":
				c.sender = bia
			}
			h.say(room, c.sender, c.said)
			h.follow()
			h.disable()
			want := []string{c.want}
			if c.want == "" {
				want = nil
			}
			if got := h.list(h.reader); !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	})
}

// disable switches the module off for some roles.
func (h *house) disable(roles ...tenant.Role) {
	h.t.Helper()
	h.must(h.store.ChangeAccount(h.t.Context(), tenant.Caller{Account: "acme"}, func(s *accounts.Settings) error {
		s.DisabledRoles = roles
		return nil
	}))
}

// A private channel of two is no direct chat, bots have no bell, who came later is not
// told, and neither is anybody of what was said long ago.
func TestWhoIsNotTold(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		two := h.found("private", ana)
		h.say(two, boss, "")
		h.mustUser("@bot:hs", tenant.Bot)
		wide := h.found("announcement", "@bot:hs", bia)
		h.say(wide, boss, "")
		h.must(h.rooms.Join(t.Context(), by(ana), rooms.Move{Room: wide}))
		h.demand(ana)
		h.demand("@bot:hs")
		h.demand(bia, "announcement")
		h.say(wide, boss, mention(ana))
		h.clock.Add((25 * time.Hour).Milliseconds())
		h.demand(ana)
		h.say(wide, boss, "")
		h.demand(ana, "announcement")
	})
}
