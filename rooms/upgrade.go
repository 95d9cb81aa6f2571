package rooms

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// Upgrade asks for a room to be replaced by one of another version (section "Room
// upgrades").
type Upgrade struct {
	Room    id.RoomID
	Version id.RoomVersion
	// Creators are to have a creator's power beside the caller, where the version
	// knows of such.
	Creators []id.UserID
}

// Upgrade makes the room that replaces another, and gives its ID. It needs the
// power to set m.room.tombstone. All of it is one act: there is no room that is
// half replaced. Who is in a room of a kind is let into its successor right after that,
// some at a time.
func (s *Service) Upgrade(ctx context.Context, caller tenant.Caller, q Upgrade) (id.RoomID, error) {
	policy, err := s.policies.RoomPolicy(ctx, caller.Account)
	if err != nil {
		return "", err
	}
	if err := policy.checkVersion(q.Version); err != nil {
		return "", err
	}
	born, err := s.birth(caller.Server)
	if err != nil {
		return "", err
	}
	var made id.RoomID
	err = s.loneAct(ctx, caller, func(tx Tx) error {
		old, err := s.open(tx, q.Room)
		if err != nil {
			return err
		}
		u := &upgrading{service: s, caller: caller, Upgrade: q, tx: tx, old: old}
		made, err = u.run(born)
		return err
	})
	if err != nil {
		return "", err
	}
	return made, s.follow(ctx, caller, q.Room, made)
}

func (p Policy) checkVersion(v id.RoomVersion) error {
	if slices.Contains(p.Versions, v) {
		return nil
	}
	return refusal.New(http.StatusBadRequest, "M_UNSUPPORTED_ROOM_VERSION", "Rooms of version %s cannot be made here.", string(v))
}

// upgrading is the act that replaces a room.
type upgrading struct {
	Upgrade
	service  *Service
	caller   tenant.Caller
	tx       Tx
	old, new *writing
}

func (u *upgrading) run(born birth) (id.RoomID, error) {
	if !u.old.room.Joined(u.caller.User) {
		return "", errNotHere()
	}
	levels := u.old.room.PowerLevels()
	if have, need := levels.User(u.caller.User), levels.Event("m.room.tombstone", true); have < need {
		return "", refusal.Forbidden("Upgrading this room needs power level %d, and yours is %d.", need, have)
	}
	if err := u.service.checkRoomsOf(u.tx, u.caller.User); err != nil {
		return "", err
	}
	if err := u.begin(born); err != nil {
		return "", err
	}
	for _, step := range []func() error{u.join, u.state, u.bans, u.addresses, u.levels, u.publish, u.team, u.restrict} {
		if err := step(); err != nil {
			return "", err
		}
	}
	return u.new.room.ID, u.service.carryOver(u.new, u.caller.User)
}

// begin sets the tombstone and makes the room, each naming the other. In version
// 12, where the room's ID comes of its first event, that one cannot name the
// tombstone.
func (u *upgrading) begin(born birth) error {
	content := object{}
	if create := u.old.room.Event("m.room.create", ""); create != nil {
		for _, key := range []string{"type", "m.federate"} {
			if value := gjson.GetBytes(create.Content, gjson.Escape(key)); value.Exists() {
				content[key] = json.RawMessage(value.Raw)
			}
		}
	}
	before := map[string]string{"room_id": string(u.Room)}
	var err error
	if event.CreatorsAbove(u.Version) {
		if creators := u.creators(); len(creators) > 0 {
			content.with("additional_creators", creators)
		}
		content.with("predecessor", before)
		if u.new, err = u.service.found(u.tx, u.Version, born, u.caller.User, content); err != nil {
			return err
		}
		_, err = u.tombstone(u.new.room.ID)
		return err
	}
	tombstone, err := u.tombstone(born.room)
	if err != nil {
		return err
	}
	before["event_id"] = string(tombstone.ID)
	content.with("predecessor", before)
	u.new, err = u.service.found(u.tx, u.Version, born, u.caller.User, content)
	return err
}

// creators gives the additional creators, each once.
func (u *upgrading) creators() []id.UserID {
	var creators []id.UserID
	for _, user := range u.Creators {
		if user != u.caller.User && !slices.Contains(creators, user) {
			creators = append(creators, user)
		}
	}
	return creators
}

func (u *upgrading) tombstone(next id.RoomID) (*event.Event, error) {
	content := object{}.with("body", "This room has been replaced.").with("replacement_room", next)
	key := ""
	return u.old.append(part{sender: u.caller.User, kind: "m.room.tombstone", stateKey: &key, content: content.bytes()})
}

func (u *upgrading) join() error {
	content := object{}.with("membership", "join")
	if err := putProfile(u.tx, u.caller.User, content); err != nil {
		return err
	}
	_, err := u.new.append(memberPart(u.caller.User, u.caller.User, content))
	return err
}

// movedState are the types of state that the new room has too. They begin with
// those that the specification recommends.
var movedState = []string{
	"m.room.join_rules", "m.room.history_visibility", "m.room.guest_access", "m.room.server_acl", "m.room.encryption",
	"m.room.name", "m.room.avatar", "m.room.topic", "m.space.child", "m.space.parent", "br.com.conversalabs.channel",
}

func (u *upgrading) state() error {
	var moved []*event.Event
	for _, e := range u.old.room.State() {
		if slices.Contains(movedState, e.Type) && string(e.Content) != "{}" { // emptied or redacted: as good as not set
			moved = append(moved, e)
		}
	}
	slices.SortFunc(moved, func(x, y *event.Event) int {
		return cmp.Or(
			cmp.Compare(slices.Index(movedState, x.Type), slices.Index(movedState, y.Type)),
			strings.Compare(*x.StateKey, *y.StateKey),
		)
	})
	for _, e := range moved {
		content := e.Content
		if e.Type == "m.room.join_rules" {
			content = joinRulesIn(u.Version, content)
		}
		var err error
		if e.Type == channelType {
			_, err = u.new.serve(u.served(), part{kind: e.Type, stateKey: e.StateKey, content: content})
		} else {
			_, err = u.new.append(part{sender: u.caller.User, kind: e.Type, stateKey: e.StateKey, content: content})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// served is why the server writes what it writes.
func (u *upgrading) served() service { return service{server: u.caller.Server, actor: u.caller.User} }

// follow takes those along who are in a room of a kind: nobody invites them again.
func (s *Service) follow(ctx context.Context, caller tenant.Caller, from, to id.RoomID) error {
	var people []id.UserID
	err := s.store.View(ctx, caller.Account, func(v View) error {
		people = nil
		old, err := v.Room(from)
		if err != nil || old.Kind() == "" {
			return err
		}
		for user, member := range old.Members() {
			if MembershipOf(member) == "join" && user != caller.User {
				people = append(people, user)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(people)
	for some := range slices.Chunk(people, peoplePerAct) {
		if err := s.foresee(ctx, caller.Account, some); err != nil {
			return err
		}
		err := s.loneAct(ctx, tenant.Caller{Account: caller.Account}, func(tx Tx) error {
			old, err := tx.Room(from)
			if err != nil {
				return err
			}
			w, err := s.open(tx, to)
			if err != nil {
				return err
			}
			return s.takeAlong(w, old, some, service{server: caller.Server, actor: caller.User})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) takeAlong(w *writing, old *Room, people []id.UserID, why service) error {
	for _, user := range people {
		content := object{}
		if team := teamOf(old.Member(user)); team != "" {
			content.with(teamKey, team)
		}
		err := s.admit(w, admission{why: why}, Move{User: user, Content: content})
		if err != nil && !refused(err) { // who cannot be in one more room, say, stays behind
			return err
		}
	}
	return nil
}

// team makes the new room follow the team that the old one does.
func (u *upgrading) team() error {
	team := u.old.room.Channel().Team
	if team == "" {
		return nil
	}
	if err := u.old.follow(u.served(), ""); err != nil {
		return err
	}
	return u.new.follow(u.served(), team)
}

// joinRulesIn gives join rules as a room version knows them: where it does not,
// people are to be invited.
func joinRulesIn(v id.RoomVersion, content []byte) []byte {
	rule := gjson.GetBytes(content, "join_rule").String()
	if event.KnowsJoinRule(v, rule) {
		return content
	}
	return object{}.with("join_rule", "invite").bytes()
}

// bans keeps out who was kept out.
func (u *upgrading) bans() error {
	var banned []*event.Event
	for _, e := range u.old.room.Members() {
		if MembershipOf(e) == "ban" && u.new.room.PowerLevels().User(id.UserID(*e.StateKey)) < event.CreatorPower {
			banned = append(banned, e)
		}
	}
	slices.SortFunc(banned, func(x, y *event.Event) int { return cmp.Compare(x.Position, y.Position) })
	for _, e := range banned {
		content := object{}.with("membership", "ban")
		if reason := gjson.GetBytes(e.Content, "reason"); reason.Type == gjson.String {
			content["reason"] = json.RawMessage(reason.Raw)
		}
		if _, err := u.new.append(memberPart(u.caller.User, id.UserID(*e.StateKey), content)); err != nil {
			return err
		}
	}
	return nil
}

// addresses moves all aliases, and what the room is known by.
func (u *upgrading) addresses() error {
	aliases, err := u.tx.Aliases(u.Room)
	if err != nil {
		return err
	}
	for _, alias := range aliases {
		_, creator, err := u.tx.Alias(alias)
		if err != nil {
			return err
		}
		u.tx.SetAlias(alias, "", "")
		u.tx.SetAlias(alias, u.new.room.ID, creator)
	}
	canonical := u.old.room.Event("m.room.canonical_alias", "")
	if canonical == nil || string(canonical.Content) == "{}" {
		return nil
	}
	key := ""
	if _, err := u.new.append(part{sender: u.caller.User, kind: canonical.Type, stateKey: &key, content: canonical.Content}); err != nil {
		return err
	}
	return u.ifAllowed(canonical.Type, []byte("{}"))
}

// publish puts the new room into the directory in place of the old.
func (u *upgrading) publish() error {
	if !u.old.room.Published {
		return nil
	}
	if err := u.tx.Publish(u.Room, false); err != nil {
		return err
	}
	return u.tx.Publish(u.new.room.ID, true)
}

// ifAllowed sets state of the old room if the caller may.
func (u *upgrading) ifAllowed(kind string, content json.RawMessage) error {
	_, err := u.old.setState(u.caller.User, kind, "", content)
	if refusal.As(err) != nil {
		return nil
	}
	return err
}

// setTombstone is SetState for m.room.tombstone: who replaces a room by hand has
// joined the new one before the old one names it, and gets what they had set up
// now.
func (s *Service) setTombstone(ctx context.Context, caller tenant.Caller, c StateChange) (id.EventID, error) {
	return s.store.Act(ctx, Act{Caller: caller, Lone: true, Do: func(tx Tx) (id.EventID, error) {
		set, err := s.putState(tx, caller, c)
		if err != nil {
			return "", err
		}
		next := id.RoomID(gjson.GetBytes(c.Content, "replacement_room").String())
		if !event.ValidRoomID(next) || c.StateKey != "" {
			return set, nil
		}
		room, err := tx.Room(next)
		if room == nil || err != nil {
			return set, err
		}
		if !room.Joined(caller.User) {
			return set, nil
		}
		return set, s.carryOver(s.writing(tx, room), caller.User)
	}})
}
