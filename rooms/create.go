package rooms

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// Creation is what createRoom asks for (section "Creation").
type Creation struct {
	Visibility    string          `json:"visibility"`
	AliasName     string          `json:"room_alias_name"`
	Name          string          `json:"name"`
	Topic         string          `json:"topic"`
	Invite        []id.UserID     `json:"invite"`
	Invite3PID    []any           `json:"invite_3pid"`
	Version       id.RoomVersion  `json:"room_version"`
	Content       object          `json:"creation_content"`
	InitialState  []InitialState  `json:"initial_state"`
	Preset        string          `json:"preset"`
	IsDirect      bool            `json:"is_direct"`
	LevelOverride json.RawMessage `json:"power_level_content_override"`
	// Kind is which kind of channel is wanted, where the account's rooms have kinds;
	// "": what the rest of the request amounts to.
	Kind Kind `json:"br.com.conversalabs.kind"`
}

// InitialState is one state event that a room begins with.
type InitialState struct {
	Type     string          `json:"type"`
	StateKey string          `json:"state_key"`
	Content  json.RawMessage `json:"content"`
}

// Create makes a room and gives its ID, and the alias it was given if any.
func (s *Service) Create(ctx context.Context, caller tenant.Caller, c Creation) (id.RoomID, id.RoomAlias, error) {
	policy, err := s.policies.RoomPolicy(ctx, caller.Account)
	if err != nil {
		return "", "", err
	}
	if err := c.check(policy); err != nil {
		return "", "", err
	}
	kind, peer, err := Kind(""), id.UserID(""), error(nil)
	if policy.Kinds {
		if kind, peer, err = c.kindOf(caller.User); err != nil {
			return "", "", err
		}
		if err := c.checkKind(policy, caller, kind); err != nil {
			return "", "", err
		}
	}
	alias := id.RoomAlias("")
	if c.AliasName != "" {
		alias = id.RoomAlias("#" + c.AliasName + ":" + caller.Server)
		if err := checkAlias(alias, caller.Server); err != nil {
			return "", "", err
		}
	}
	born, err := s.birth(caller.Server)
	if err != nil {
		return "", "", err
	}
	var made id.RoomID
	err = s.withMakers(ctx, caller, func() error {
		if err := s.foresee(ctx, caller.Account, c.Invite); err != nil {
			return err
		}
		return s.loneAct(ctx, caller, func(tx Tx) error {
			m := &making{
				service: s, caller: caller, creation: c, policy: policy, preset: policy.Presets[c.Preset], alias: alias,
				kind: kind, template: templates[kind], peer: peer,
			}
			var err error
			made, err = m.make(tx, born)
			return err
		})
	})
	return made, alias, err
}

// check refuses what can be refused without looking anything up, and fills in
// what was left out.
func (c *Creation) check(policy Policy) error {
	if c.Version == "" {
		c.Version = policy.Default
	}
	if !slices.Contains(policy.Versions, c.Version) {
		return refusal.New(http.StatusBadRequest, "M_UNSUPPORTED_ROOM_VERSION", "Rooms of version %s cannot be made here.", string(c.Version))
	}
	switch c.Visibility {
	case "":
		c.Visibility = "private"
	case "private", "public":
	default:
		return refusal.Invalid("The visibility of a room is public or private.")
	}
	if c.Preset == "" {
		c.Preset = c.Visibility + "_chat"
	}
	if _, known := policy.Presets[c.Preset]; !known {
		return refusal.Invalid("There is no preset %s.", c.Preset)
	}
	if len(c.Invite3PID) > 0 {
		return refusal.Forbidden("People can only be invited by their user ID.")
	}
	if len(c.Invite) > maxFirstMembers {
		return refusal.Invalid("A room can begin with %d people. Add the others when it is there.", maxFirstMembers)
	}
	for _, user := range c.Invite {
		if !event.ValidUserID(user) {
			return refusal.Invalid("%s is not a user ID.", string(user))
		}
	}
	for _, state := range c.InitialState {
		if state.Type == "" || state.Content == nil {
			return refusal.BadJSON("Every event of initial_state needs a type and content.")
		}
	}
	return nil
}

// making is the act that makes a room.
type making struct {
	*writing
	service  *Service
	caller   tenant.Caller
	creation Creation
	policy   Policy
	preset   Preset
	alias    id.RoomAlias
	kind     Kind      // "": of none
	template *template // the kind's
	peer     id.UserID // of a direct message
}

func (m *making) make(tx Tx, born birth) (id.RoomID, error) {
	if m.kind == Direct {
		return m.direct(tx, born)
	}
	for _, user := range m.creation.Invite {
		if err := checkColleague(tx, user); err != nil {
			return "", err
		}
	}
	steps := []func() error{m.join, m.levels, m.address, m.presets, m.initial, m.describe, m.publish, m.invitations}
	if m.kind != "" {
		steps = []func() error{
			m.join, m.address, m.rules, m.initialOfKind, m.describe, m.levelsOfKind, m.channel, m.publishKind, m.members,
		}
	}
	if err := m.build(tx, born, steps); err != nil {
		return "", err
	}
	return m.room.ID, nil
}

// build makes the room step by step.
func (m *making) build(tx Tx, born birth, steps []func() error) error {
	if err := m.service.checkRoomsOf(tx, m.caller.User); err != nil {
		return err
	}
	if err := m.begin(tx, born); err != nil {
		return err
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// begin appends m.room.create.
func (m *making) begin(tx Tx, born birth) error {
	content := maps.Clone(m.creation.Content)
	if content == nil {
		content = object{}
	}
	if m.kind != "" {
		content.with("m.federate", false)
	}
	if event.CreatorsAbove(m.creation.Version) && m.preset.TrustInvited {
		if err := m.addCreators(content); err != nil {
			return err
		}
	}
	var err error
	m.writing, err = m.service.found(tx, m.creation.Version, born, m.caller.User, content)
	return err
}

// addCreators makes the invited creators beside those the request names.
func (m *making) addCreators(content object) error {
	var creators []id.UserID
	if named := content["additional_creators"]; named != nil {
		if err := json.Unmarshal(named, &creators); err != nil {
			return refusal.BadJSON("Additional creators must be a list of user IDs.")
		}
	}
	for _, user := range m.creation.Invite {
		if user != m.caller.User && !slices.Contains(creators, user) {
			creators = append(creators, user)
		}
	}
	if len(creators) > 0 {
		content.with("additional_creators", creators)
	}
	return nil
}

func (m *making) join() error {
	content := object{}.with("membership", "join")
	if err := putProfile(m.tx, m.caller.User, content); err != nil {
		return err
	}
	_, err := m.append(memberPart(m.caller.User, m.caller.User, content))
	return err
}

// levels appends the policy's power levels with the request's own over them.
func (m *making) levels() error {
	levels := m.policy.Levels
	levels.Invite = m.preset.Invite
	levels.Users = map[id.UserID]int64{}
	if !event.CreatorsAbove(m.creation.Version) {
		levels.Users[m.caller.User] = 100
		if m.preset.TrustInvited {
			for _, user := range m.creation.Invite {
				levels.Users[user] = 100
			}
		}
	} else {
		levels.Events = maps.Clone(levels.Events)
		levels.Events["m.room.tombstone"] = 150
	}
	content, err := json.Marshal(levels)
	if err != nil {
		return err
	}
	if m.creation.LevelOverride != nil && string(m.creation.LevelOverride) != "null" {
		merged, override := object{}, object{}
		if err := json.Unmarshal(m.creation.LevelOverride, &override); err != nil {
			return refusal.BadJSON("Power levels must be a JSON object.")
		}
		if err := json.Unmarshal(content, &merged); err != nil {
			return err
		}
		maps.Copy(merged, override)
		content = merged.bytes()
	}
	return m.set("m.room.power_levels", "", content)
}

func (m *making) set(kind, stateKey string, content json.RawMessage) error {
	_, err := m.append(part{sender: m.caller.User, kind: kind, stateKey: &stateKey, content: content})
	return err
}

func (m *making) address() error {
	if m.alias == "" {
		return nil
	}
	taken, _, err := m.tx.Alias(m.alias)
	if err != nil {
		return err
	}
	if taken != "" {
		return refusal.New(http.StatusBadRequest, "M_ROOM_IN_USE", "The address %s is taken.", string(m.alias))
	}
	if err := m.tx.CheckAlias(m.alias); err != nil {
		return err
	}
	m.tx.SetAlias(m.alias, m.room.ID, m.caller.User)
	return m.set("m.room.canonical_alias", "", object{}.with("alias", m.alias).bytes())
}

func (m *making) presets() error {
	for _, p := range []struct{ kind, key, value string }{
		{"m.room.join_rules", "join_rule", m.preset.JoinRule},
		{"m.room.history_visibility", "history_visibility", m.preset.HistoryVisibility},
		{"m.room.guest_access", "guest_access", m.preset.GuestAccess},
	} {
		if err := m.set(p.kind, "", object{}.with(p.key, p.value).bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (m *making) initial() error {
	for _, state := range m.creation.InitialState {
		if state.Type == "m.room.create" || state.Type == "m.room.member" {
			return refusal.BadJSON("initial_state cannot hold events of type %s.", state.Type)
		}
		if err := m.set(state.Type, state.StateKey, state.Content); err != nil {
			return err
		}
	}
	return nil
}

func (m *making) describe() error {
	if m.creation.Name != "" {
		if err := m.set("m.room.name", "", object{}.with("name", m.creation.Name).bytes()); err != nil {
			return err
		}
	}
	if m.creation.Topic == "" {
		return nil
	}
	return m.set("m.room.topic", "", described("topic", m.creation.Topic))
}

func (m *making) publish() error {
	if m.creation.Visibility != "public" {
		return nil
	}
	return m.tx.Publish(m.room.ID, true)
}

func (m *making) invitations() error {
	for _, user := range m.creation.Invite {
		if user == m.caller.User {
			continue
		}
		move := Move{User: user}
		if m.creation.IsDirect {
			move.Content = object{}.with("is_direct", true)
		}
		if err := m.service.invite(m.writing, m.caller, move); err != nil {
			return err
		}
	}
	return nil
}
