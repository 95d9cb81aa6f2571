package rooms

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// AnyMember is the key of [CandidateKeys] of what may ask for every member's
// attention.
const AnyMember = "*"

const (
	maxMentioned = 100     // users named by one event; more of them are every member
	maxWords     = 200     // of a body that are looked up among the members
	maxWordsIn   = 4 << 10 // bytes of a body in which words are looked for
)

// CandidateKeys tells under which keys an event that is about to be appended to
// a room stands in the index of candidates: whose attention it may ask for, by
// user ID or [AnyMember]. Push rules decide later, for each reader; the index only
// keeps them from looking at every event of a long history.
//
// With m.mentions, candidates are whom it names. Without, as older clients write,
// they are members whose ID or localpart stands in the body, or who are linked
// to in the formatted body; a display name alone makes no candidate. The cost
// follows the event's length, not the number of members.
func CandidateKeys(r *Room, e *event.Event) []string {
	var c candidates
	content := gjson.ParseBytes(e.Content)
	if e.Type == "m.room.tombstone" && e.StateKey != nil {
		c.everyone = true
	}
	c.room, c.sender = r, e.Sender
	if mentions := content.Get(`m\.mentions`); mentions.Exists() {
		c.intended(mentions)
	} else if e.StateKey == nil {
		c.found(content)
	}
	if c.everyone || len(c.users) > maxMentioned {
		return []string{AnyMember}
	}
	return c.users
}

// candidates collects keys.
type candidates struct {
	room     *Room
	sender   id.UserID
	users    []string
	everyone bool
}

func (c *candidates) add(user id.UserID) {
	if user == c.sender || len(c.users) > maxMentioned || slices.Contains(c.users, string(user)) || c.room.Member(user) == nil {
		return
	}
	c.users = append(c.users, string(user))
}

// intended takes whom m.mentions names.
func (c *candidates) intended(mentions gjson.Result) {
	if !mentions.IsObject() {
		return
	}
	c.everyone = c.everyone || mentions.Get("room").Type == gjson.True
	if users := mentions.Get("user_ids"); users.IsArray() {
		users.ForEach(func(_, user gjson.Result) bool {
			c.add(id.UserID(user.Str))
			return len(c.users) <= maxMentioned
		})
	}
}

// found takes whom the text may mean.
func (c *candidates) found(content gjson.Result) {
	body := content.Get("body").Str
	if body == "" {
		return
	}
	body = strings.ToLower(body)
	c.everyone = c.everyone || strings.Contains(body, "@room")
	c.words(body[:min(len(body), maxWordsIn)])
	c.linked(body)
	c.linked(content.Get("formatted_body").Str)
}

// words takes the members whose localpart is a word of the body, or a part of one
// between its signs: both "ana.lima" and "ana" in "ana.lima!".
func (c *candidates) words(body string) {
	looked := 0
	look := func(word string) {
		if word != "" && looked < maxWords {
			looked++
			c.add(id.NewUserID(word, c.sender.Homeserver()))
		}
	}
	for word := range strings.FieldsFuncSeq(body, func(r rune) bool { return !inLocalpart(r) }) {
		word = strings.Trim(word, "._=-/+")
		look(word)
		if strings.ContainsAny(word, ".=-/+") {
			for part := range strings.FieldsFuncSeq(word, func(r rune) bool { return r != '_' && isSign(r) }) {
				look(part)
			}
		}
		if looked >= maxWords {
			return
		}
	}
}

func inLocalpart(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || isSign(r) }

func isSign(r rune) bool { return strings.ContainsRune("._=-/+", r) }

// escapes are how links write the signs of a user ID.
var escapes = strings.NewReplacer("%40", "@", "%3A", ":", "%3a", ":")

// linked takes the members whose whole ID stands in a text.
func (c *candidates) linked(text string) {
	if strings.Contains(text, "%40") {
		text = escapes.Replace(text)
	}
	server := ":" + c.sender.Homeserver()
	for range maxWords {
		at := strings.IndexByte(text, '@')
		if at < 0 {
			return
		}
		text = text[at:]
		colon := strings.IndexByte(text, ':')
		if colon > 0 && colon < event.MaxIDBytes && strings.HasPrefix(text[colon:], server) {
			c.add(id.UserID(text[:colon] + server))
		}
		text = text[1:]
	}
}
