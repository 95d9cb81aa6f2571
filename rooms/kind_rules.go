package rooms

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// What rooms of a kind refuse, with reasons that the product's own clients read.
var (
	errServersState = refusal.Forbidden("What kind of room this is only the server says.")
	errArchived     = refusal.Forbidden("This channel is archived: it can be read, but nothing can be written.").Because("archived")
	errMandatory    = refusal.Forbidden("Everybody of the team is in this channel, and nobody can leave it or be removed from it.").Because("mandatory")
	errLastOwner    = refusal.Forbidden("A channel needs an owner. Make somebody else the owner first.").Because("last_owner")
	errTwoPeople    = refusal.Forbidden("A direct message is between two people. Create a private channel to talk with more.").Because("direct_message")
	errEncryption   = refusal.Forbidden("Rooms are not encrypted here, so that they can be searched.").Because("encryption")
	errJoinRule     = refusal.Forbidden("A public channel is open to all of the team, a private one to whom is added. An administrator of the account can change which one this is.")
	errReserved     = refusal.Forbidden("The server alone sets this here.")
	errReadable     = refusal.Forbidden("Who is not in a channel cannot read it. Choose another history visibility.")
	errDirectLevels = refusal.Forbidden("In a direct message both people may do the same, and nobody can change that.")
	errPeerGone     = refusal.Forbidden("The other person is no longer in this team, so that nothing more can be written here.").Because("peer_inactive")
	errChannelRole  = refusal.Forbidden("In this channel people are owners (power level 150), admins (100) or members (0).")
	errNoticeRole   = refusal.Forbidden("In this channel people are owners (power level 150), admins (100), authorised to post (50) or members (0).")
)

// rule holds what a member of the room sends to the rules of its kind: that is
// refused, or given the form that the kind has. Strangers are left to the
// authorisation, which tells them nothing of the room.
func (w *writing) rule(p part) (part, error) {
	if p.served || !w.room.Joined(p.sender) {
		return p, nil
	}
	if p.kind == channelType || p.target != nil && p.target.Type == channelType {
		return p, errServersState
	}
	t := templates[w.room.Kind()]
	if t == nil {
		return p, w.ruleSpace(p)
	}
	if p.kind == "m.room.member" && p.stateKey != nil {
		return w.withTeam(p), w.ruleMember(p)
	}
	if w.room.Channel().Archived {
		return p, errArchived
	}
	if w.marked(p.target) {
		return p, errTeamMark
	}
	if p.stateKey == nil || !slices.Contains(reserved, p.kind) {
		if err := w.room.checkRole(p); err != nil {
			return p, err
		}
	}
	if p.stateKey == nil {
		return p, ruleRedaction(p)
	}
	switch p.kind {
	case "m.room.power_levels":
		return w.ruleLevels(t, p)
	case "m.room.encryption":
		return p, errEncryption
	case "m.room.join_rules":
		return p, errJoinRule
	case "m.room.history_visibility":
		if gjson.GetBytes(p.content, "history_visibility").Str == "world_readable" {
			return p, errReadable
		}
	}
	if slices.Contains(reserved, p.kind) {
		return p, errReserved
	}
	return p, nil
}

// ruleMember is rule for memberships: who may be removed, leave, and be added.
func (w *writing) ruleMember(p part) error {
	kind, levels, user := w.room.Kind(), w.room.PowerLevels(), id.UserID(*p.stateKey)
	wanted, has := gjson.GetBytes(p.content, "membership").Str, levels.User(p.sender)
	switch {
	case wanted == "invite" && kind == Direct:
		return errTwoPeople
	case wanted == "invite" && w.room.Channel().Archived:
		return errArchived
	case wanted != "leave" && wanted != "ban", kind == Direct:
		return nil
	case user == p.sender:
	case wanted == "leave" && has < levels.Kick():
		return w.room.errRemoveMembers(levels.Kick())
	case (wanted == "ban" || w.room.Membership(user) == "ban") && has < levels.Ban():
		return w.room.errRemoveMembers(levels.Ban())
	}
	return w.checkLeave(user)
}

// checkLeave refuses to let somebody out of a channel that has to have them.
func (w *writing) checkLeave(user id.UserID) error {
	active, err := w.tx.UserActive(user)
	if err != nil {
		return err
	}
	if !active || !w.room.Joined(user) {
		return nil // the server's business, or nobody's
	}
	if w.room.attended() && w.room.Channel().Mandatory {
		if person, err := w.tx.UserSucceeds(user); person || err != nil {
			return cmp.Or(err, error(errMandatory))
		}
	}
	owned := w.checkOwned(func(other id.UserID) int64 {
		if other == user {
			return MemberLevel
		}
		return w.room.PowerLevels().User(other)
	})
	if owned == nil {
		return nil
	}
	if others, err := w.inhabited(user); err != nil || !others {
		return err // who is alone may go
	}
	return owned
}

// ruleRedaction refuses to redact what makes the room one of its kind.
func ruleRedaction(p part) error {
	if p.target == nil || p.target.StateKey == nil {
		return nil
	}
	switch kind := p.target.Type; {
	case kind == "m.room.power_levels", kind == "m.room.history_visibility", slices.Contains(reserved, kind):
		return errReserved
	}
	return nil
}

// checkOwned refuses power levels that leave the room without owner, if it has one.
func (w *writing) checkOwned(level func(id.UserID) int64) error {
	owned := false
	for user := range w.room.PowerLevels().Named() {
		if w.room.PowerLevels().User(user) < OwnerLevel || !w.room.Joined(user) {
			continue
		}
		if person, err := w.tx.UserSucceeds(user); err != nil {
			return err
		} else if !person {
			continue
		}
		owned = true
		if level(user) >= OwnerLevel {
			return nil
		}
	}
	if !owned {
		return nil
	}
	return errLastOwner
}

// ruleLevels is rule for m.room.power_levels.
func (w *writing) ruleLevels(t *template, p part) (part, error) {
	if w.room.Kind() == Direct {
		return p, errDirectLevels
	}
	levels, err := t.clamp(p.content)
	if err != nil {
		return p, err
	}
	now := w.room.PowerLevels()
	for user, level := range levels.Users {
		if level != now.User(user) && !t.onLadder(level) {
			if t.poster {
				return p, errNoticeRole
			}
			return p, errChannelRole
		}
		if level >= OwnerLevel && level != now.User(user) {
			if person, err := w.tx.UserSucceeds(user); err != nil {
				return p, err
			} else if !person {
				return p, errBotOwner
			}
		}
	}
	if err := w.checkStillOwned(levels); err != nil {
		return p, err
	}
	p.content, err = json.Marshal(levels)
	return p, err
}

// checkStillOwned refuses power levels by which the owners of a room are owners no
// more and nobody else who is there becomes one.
func (w *writing) checkStillOwned(levels Levels) error {
	err := w.checkOwned(func(user id.UserID) int64 { return levels.Users[user] })
	if err == nil {
		return nil
	}
	for user, level := range levels.Users {
		if level < OwnerLevel || !w.room.Joined(user) {
			continue
		}
		if person, err := w.tx.UserSucceeds(user); person || err != nil {
			return err
		}
	}
	return err
}
