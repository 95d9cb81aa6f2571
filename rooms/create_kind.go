package rooms

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

var (
	errTyped         = refusal.Forbidden("Only administrators of the account can create spaces.").Because("requires_administrator")
	errKind          = refusal.Invalid("A channel is public, private or announcement.")
	errSelf          = refusal.Invalid("You cannot write a direct message to yourself.")
	errDirectAddress = refusal.Forbidden("A direct message has no address.")
)

// kindOf tells which kind of room a request for an ordinary Matrix room is for, and
// with whom a direct message is. It is "" where a space is wanted.
func (c *Creation) kindOf(caller id.UserID) (kind Kind, peer id.UserID, err error) {
	if c.Kind != "" {
		if c.Kind == Direct || templates[c.Kind] == nil {
			return "", "", errKind
		}
		return c.Kind, "", nil
	}
	if kind := c.Content["type"]; len(kind) > 0 && string(kind) != "null" {
		return "", "", nil
	}
	if c.IsDirect {
		if others := c.others(caller); len(others) == 1 {
			return Direct, others[0], nil
		} else if len(others) == 0 && len(c.Invite) > 0 {
			return "", "", errSelf
		}
		return Private, "", nil
	}
	switch {
	case gjson.GetBytes(c.LevelOverride, "events_default").Int() >= PosterLevel:
		return Announcement, "", nil
	case c.Preset == "public_chat" || c.Visibility == "public":
		return Public, "", nil
	}
	return Private, "", nil
}

// checkKind refuses what the account's rules do not let this caller make.
func (c *Creation) checkKind(policy Policy, caller tenant.Caller, kind Kind) error {
	switch {
	case kind == "" && !caller.Administrator():
		return errTyped
	case kind == "":
		return nil
	case kind == Direct && c.AliasName != "":
		return errDirectAddress
	}
	delete(c.Content, "type")
	return policy.checkCreator(caller, kind)
}

// others gives who is to be invited, each once and without the creator.
func (c *Creation) others(creator id.UserID) []id.UserID {
	var others []id.UserID
	seen := map[id.UserID]bool{creator: true}
	for _, user := range c.Invite {
		if !seen[user] {
			seen[user] = true
			others = append(others, user)
		}
	}
	return others
}

// served is why the server writes what it writes in the room being made.
func (m *making) served() service { return service{server: m.caller.Server, actor: m.caller.User} }

// rules sets what the kind says of who may join and read.
func (m *making) rules() error {
	for _, p := range []struct{ kind, key, value string }{
		{"m.room.join_rules", "join_rule", m.template.joinRule},
		{"m.room.history_visibility", "history_visibility", m.historyVisibility()},
		{"m.room.guest_access", "guest_access", "forbidden"},
	} {
		if err := m.set(p.kind, "", object{}.with(p.key, p.value).bytes()); err != nil {
			return err
		}
	}
	return nil
}

// historyVisibility gives the one that the request asks for, where members alone can
// read by it, or "shared".
func (m *making) historyVisibility() string {
	for _, state := range m.creation.InitialState {
		if state.Type != "m.room.history_visibility" || state.StateKey != "" || m.kind == Direct {
			continue
		}
		if asked := gjson.GetBytes(state.Content, "history_visibility").Str; asked == "invited" || asked == "joined" {
			return asked
		}
	}
	return "shared"
}

// initialOfKind is initial without what the kind says itself.
func (m *making) initialOfKind() error {
	m.creation.InitialState = slices.DeleteFunc(slices.Clone(m.creation.InitialState), func(state InitialState) bool {
		return slices.Contains(reserved, state.Type) ||
			state.Type == "m.room.power_levels" || state.Type == "m.room.history_visibility"
	})
	return m.initial()
}

// channel says what kind of room it is. From here on its rules hold.
func (m *making) channel() error {
	content, err := json.Marshal(Channel{
		Kind: m.kind, Mandatory: m.template.mandatory, CreatedBy: m.caller.User, Version: 1,
	})
	if err != nil {
		return err
	}
	if err := m.serveState(m.served(), channelType, content); err != nil {
		return err
	}
	return m.service.beginRules(m.writing, m.caller.User) // joined before it was an announcement
}

// levelsOfKind sets the template's levels with what the request may ask for over
// them. They come last of what the creator sends: with them the creator has not the
// power for the rest. What kind of room it is the server says after that.
func (m *making) levelsOfKind() error {
	wanted := json.RawMessage("{}")
	if m.creation.LevelOverride != nil && string(m.creation.LevelOverride) != "null" {
		wanted = m.creation.LevelOverride
	}
	levels, err := m.template.clamp(wanted)
	if err != nil {
		return err
	}
	users := maps.Clone(levels.Users)
	for user, level := range users {
		users[user] = m.template.rank(level)
	}
	users[m.caller.User] = m.template.creator
	levels.Users = users
	content, err := json.Marshal(levels)
	if err != nil {
		return err
	}
	return m.set("m.room.power_levels", "", content)
}

func (m *making) publishKind() error {
	if !m.template.published {
		return nil
	}
	return m.tx.Publish(m.room.ID, true)
}

// members lets in whom the request invites.
func (m *making) members() error {
	for _, user := range m.creation.others(m.caller.User) {
		if err := m.service.admit(m.writing, admission{by: m.caller.User}, Move{User: user}); err != nil {
			return err
		}
	}
	return nil
}
