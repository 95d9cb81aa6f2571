package rooms

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// In rooms of a kind a message mentions the whole room only by who has the power for
// it, mentions teams, and by being edited mentions nobody twice. What it may not
// mention is left out of it; the message itself is sent.

const (
	mentionsKey = "m.mentions"
	// teamMentionsKey is the key of the content that names the teams a message
	// mentions: {"teams": [ID, …]}. The server adds those of them who are in the room
	// to the user_ids of m.mentions.
	teamMentionsKey = "br.com.conversalabs.mentions"
	newContentKey   = "m.new_content"
)

const (
	// maxTeamMentions is how many people a message that names teams may mention.
	maxTeamMentions = 50
	// maxTeams is how many teams a message may name.
	maxTeams = 10
	// maxEarlierEdits is in how many of a message's newest edits it is looked whom they
	// have mentioned.
	maxEarlierEdits = 50
)

var (
	errTeams  = refusal.BadJSON("The teams that a message mentions must be a list of at most %d IDs of teams.", maxTeams)
	errNoTeam = refusal.NotFound("This team does not exist.")
)

func errManyNamed(users int) error {
	return refusal.Invalid("A message that mentions teams can mention %d people at most; this one would mention %d.", maxTeamMentions, users)
}

// TeamTx is the part of [Tx] that knows teams.
type TeamTx interface {
	// TeamMembers gives the active users of a team at this head, by their IDs, and
	// false when there is no such team. Only in a lone act.
	TeamMembers(team string) ([]id.UserID, bool, error)
	// InTeam gives those of the users who are active and in a team at this head, and
	// false when there is no such team. Only in a lone act.
	InTeam(team string, users ...id.UserID) (map[id.UserID]bool, bool, error)
}

// TeamStore is the part of [Store] that knows teams.
type TeamStore interface {
	// TeamMembers gives the active users of a team, by their IDs, and false when there
	// is no such team.
	TeamMembers(ctx context.Context, account tenant.ID, team string) ([]id.UserID, bool, error)
}

// mayName tells whether a content could have the keys that [writing.address] is about.
// An escaped key would not be seen in it.
func mayName(content []byte) bool {
	return bytes.Contains(content, []byte(`mentions"`)) || bytes.Contains(content, []byte(AckType+`"`)) ||
		bytes.Contains(content, []byte(`\u`))
}

// namesTeams tells whether a message mentions teams, whose members an act must be
// lone to look up.
func namesTeams(content []byte) bool {
	return mayName(content) && (gjson.GetBytes(content, `br\.com\.conversalabs\.mentions`).Exists() ||
		gjson.GetBytes(content, `m\.new_content.br\.com\.conversalabs\.mentions`).Exists())
}

// history is a message that is being edited, and its edits so far.
type history struct {
	original *event.Event
	edits    []*event.Event
}

// mentioned are those whom messages have mentioned.
type mentioned struct {
	room  bool
	users []id.UserID
}

// mentioned gives whom the message and its edits have mentioned.
func (h *history) mentioned() (all mentioned) {
	if h == nil {
		return all
	}
	for _, e := range append([]*event.Event{h.original}, h.edits...) {
		mentions := gjson.GetBytes(e.Content, `m\.mentions`)
		all.room = all.room || mentions.Get("room").Bool()
		for _, user := range mentions.Get("user_ids").Array() {
			all.users = append(all.users, id.UserID(user.Str))
		}
	}
	return all
}

// editedBy gives what a message edits, nil when it is no edit of the sender's own. It
// may be read before the act: whatever is edited at the same time is mentioned twice at
// worst.
func (s *Service) editedBy(ctx context.Context, caller tenant.Caller, m Message, target id.EventID) (*history, error) {
	original, err := s.store.EventByID(ctx, caller.Account, target)
	if err != nil || original == nil || original.Room != m.Room || original.Sender != caller.User ||
		original.Type != m.Type || original.StateKey != nil || original.Relation.Type == event.Replacement {
		return nil, err
	}
	h := &history{original: original}
	if !mayName(m.Content) {
		return h, nil
	}
	edits, err := s.store.Replacements(ctx, caller.Account, []ReplacementQuery{{
		Of: original, UpTo: math.MaxInt64, Most: maxEarlierEdits,
	}})
	if err != nil {
		return nil, err
	}
	h.edits = edits[0]
	return h, nil
}

// address takes out of a message what its sender may not mention or ask for, and puts
// the members of teams into it.
func (w *writing) address(p part) (part, error) {
	if p.stateKey != nil || p.served || w.room.Kind() == "" || p.edits == nil && !mayName(p.content) {
		return p, nil
	}
	canonical, err := event.Canonical(nil, p.content)
	if err != nil {
		return p, err
	}
	content := object{}
	if json.Unmarshal(canonical, &content) != nil {
		return p, nil // refused as an event
	}
	before := p.edits.mentioned()
	changed, err := w.mention(p.sender, content, before)
	if err != nil {
		return p, err
	}
	isEdit := gjson.GetBytes(canonical, `m\.relates_to.rel_type`).Str == event.Replacement
	inner := object{}
	if isEdit && json.Unmarshal(content[newContentKey], &inner) == nil && inner != nil {
		innerChanged, err := w.mention(p.sender, inner, mentioned{})
		if err != nil {
			return p, err
		}
		if innerChanged = p.keepAsked(inner) || innerChanged; innerChanged {
			content[newContentKey], changed = inner.bytes(), true
		}
	}
	asked, err := w.ask(&p, content, isEdit)
	if err != nil {
		return p, err
	}
	if changed || asked {
		p.content = content.bytes()
	}
	return p, nil
}

// mention changes whom a content mentions to whom it may, but for who was mentioned
// before, and tells whether that is a change.
func (w *writing) mention(sender id.UserID, content object, before mentioned) (changed bool, err error) {
	teams, err := w.teamsIn(content)
	if err != nil {
		return false, err
	}
	mentions := object{}
	if raw := content[mentionsKey]; raw == nil && teams == nil || raw != nil && (json.Unmarshal(raw, &mentions) != nil || mentions == nil) {
		return false, nil
	}
	if levels := w.room.PowerLevels(); mentions["room"] != nil && (before.room || levels.User(sender) < levels.Notification("room")) {
		delete(mentions, "room")
		changed = true
	}
	named, all := usersIn(mentions["user_ids"])
	changed = changed || !all
	users := slices.Clone(named)
	for _, user := range teams {
		if user != sender && w.room.Joined(user) && !slices.Contains(users, user) {
			users = append(users, user)
		}
	}
	if teams != nil && len(users) > maxTeamMentions {
		return false, errManyNamed(len(users))
	}
	users = slices.DeleteFunc(users, func(user id.UserID) bool { return slices.Contains(before.users, user) })
	if !all || !slices.Equal(users, named) {
		mentions.with("user_ids", users)
		changed = true
	}
	if changed {
		content[mentionsKey] = mentions.bytes()
	}
	return changed, nil
}

// usersIn gives the users whom a list names, and whether it has nothing else: what is no
// text names nobody, but clients may read the rest.
func usersIn(raw json.RawMessage) (users []id.UserID, all bool) {
	if raw == nil {
		return nil, true
	}
	var values []any
	all = json.Unmarshal(raw, &values) == nil
	for _, value := range values {
		if user, ok := value.(string); ok {
			users = append(users, id.UserID(user))
		} else {
			all = false
		}
	}
	return users, all
}

// teamsIn gives who is in the teams that a content names, nil when it names none.
func (w *writing) teamsIn(content object) ([]id.UserID, error) {
	raw := content[teamMentionsKey]
	if raw == nil {
		return nil, nil
	}
	var named struct {
		Teams []string `json:"teams"`
	}
	if json.Unmarshal(raw, &named) != nil || len(named.Teams) > maxTeams {
		return nil, errTeams
	}
	all := []id.UserID{}
	for _, team := range named.Teams {
		members, found, err := w.tx.TeamMembers(team)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, errNoTeam
		}
		all = append(all, members...)
	}
	return all, nil
}
