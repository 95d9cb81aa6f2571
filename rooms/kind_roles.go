package rooms

import (
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// requiredRolesKey is the key of a refusal that lists the roles of whom it would not have
// met, lowest first.
const requiredRolesKey = "br.com.conversalabs.required_roles"

// needs completes the refusal of who has not the power that a channel asks for.
func (r *Room) needs(level int64, why *refusal.Refusal) error {
	reason := "requires_channel_admin"
	if level <= PosterLevel {
		reason = "requires_channel_poster"
	}
	return why.Because(reason).With(requiredRolesKey, r.Kind().rolesFrom(level))
}

// errAddMembers is the refusal of who may not add members.
func (r *Room) errAddMembers(level int64) error {
	return r.needs(level, refusal.Forbidden("To add people to this channel you need to be its owner or admin, or an administrator of the account."))
}

// errRemoveMembers is the refusal of who may not remove members.
func (r *Room) errRemoveMembers(level int64) error {
	return r.needs(level, refusal.Forbidden("To remove people from this channel you need to be its owner or admin, or an administrator of the account."))
}

// errRoles is the refusal of who may not say what others may do.
func (r *Room) errRoles(level int64) error {
	return r.needs(level, refusal.Forbidden("To change roles in this channel you need to be its owner or admin, or an administrator of the account."))
}

// errOwner is the refusal of what only owners do.
func (r *Room) errOwner() error {
	return r.needs(OwnerLevel, refusal.Forbidden("Only an owner of this channel, or an administrator of the account, can do this."))
}

// checkRole refuses an event, other than a membership, that needs another role than its
// sender has in the channel.
func (r *Room) checkRole(p part) error {
	levels := r.PowerLevels()
	needed := levels.Event(p.kind, p.stateKey != nil)
	switch {
	case levels.User(p.sender) >= needed, r.Kind() == Direct, needed > OwnerLevel:
		return nil // or nobody's: the authorisation says so
	case p.kind == "m.room.power_levels":
		return r.errRoles(needed)
	case p.stateKey == nil && needed <= PosterLevel:
		return r.needs(needed, refusal.Forbidden("Only who is authorised to post can write in this channel. You can read it and react."))
	}
	return r.needs(needed, refusal.Forbidden("To do this in this channel you need to be its owner or admin."))
}
