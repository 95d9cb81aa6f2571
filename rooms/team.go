package rooms

import (
	"context"
	"encoding/json"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// A channel may follow a team of ConversaLabs: who is in the team is in the channel.
// Whom somebody added by hand is left alone, and so is who has left by themselves.

// teamKey is the key of a member event that tells by which team somebody came or went.
// The server alone sets it.
const teamKey = "br.com.conversalabs.team"

// What is refused of channels that follow teams.
var (
	errTeamChannel = refusal.Forbidden("Only public and private channels can follow a team.")
	errTeamMark    = refusal.Forbidden("This tells that somebody came into the channel by a team, and cannot be removed.")
	errShape       = refusal.Forbidden("To change this channel you need to be its owner or admin, or an administrator of the account.").
			Because("requires_channel_admin").With("br.com.conversalabs.required_roles", []Role{RoleOwner, RoleAdmin})
)

// FollowTeam makes a channel follow a team, or none (""), for its owners and admins
// and administrators of the account. Who is in the team is let in, and who came by the
// team before is taken out, soon after; without a team everybody stays.
func (s *Service) FollowTeam(ctx context.Context, caller tenant.Caller, room id.RoomID, team string) error {
	return s.loneAct(ctx, caller, func(tx Tx) error {
		w, err := s.openToShape(tx, caller, room)
		if err != nil {
			return err
		}
		if kind := w.room.Kind(); kind != Public && kind != Private {
			return errTeamChannel
		}
		if w.room.Channel().Team == team {
			return nil
		}
		if team != "" {
			if _, exists, err := tx.InTeam(team); err != nil {
				return err
			} else if !exists {
				return errNoTeam
			}
		}
		if err := w.follow(service{server: caller.Server, actor: caller.User}, team); err != nil {
			return err
		}
		if team != "" {
			tx.Put(stream.Item{Kind: stream.TeamChanged, Key: team, Room: room})
		}
		if w.room.Joined(caller.User) {
			return nil
		}
		return tx.Audit(auditTeam, string(room), map[string]any{"team_id": team})
	})
}

// follow notes which team a channel follows.
func (w *writing) follow(why service, team string) error {
	item := stream.Item{Kind: stream.Following, Room: w.room.ID}
	if team != "" {
		var err error
		if item.Content, err = json.Marshal(team); err != nil {
			return err
		}
	}
	w.tx.Put(item)
	return w.setChannel(why, func(c *Channel) { c.Team = team })
}

// openToShape is open for who may say what a channel is like: its owners and admins
// and administrators of the account. Direct messages are nobody's to change.
func (s *Service) openToShape(tx Tx, caller tenant.Caller, room id.RoomID) (*writing, error) {
	administrator, err := tx.Administrator(caller.User)
	if err != nil {
		return nil, err
	}
	r, err := tx.Room(room)
	if err != nil {
		return nil, err
	}
	if err := mayShape(r, caller.User, administrator); err != nil {
		return nil, err
	}
	return s.writing(tx, r), nil
}

var errDirectShape = refusal.Forbidden("A direct message looks like the other person and is between two people alone.")

// mayShape tells whether a user may say what a room is like, which is nil where there
// is none of that ID.
func mayShape(room *Room, user id.UserID, administrator bool) error {
	switch {
	case room == nil, !administrator && !room.Joined(user), room.Kind() == Direct && !room.Joined(user):
		return errNotHere()
	case room.Kind() == Direct:
		return errDirectShape
	case room.Kind() == "":
		return errNoKind
	case !administrator && room.PowerLevels().User(user) < AdminLevel:
		return errShape
	case room.Channel().Archived:
		return errArchived
	}
	return nil
}

// teamOf gives the team by which somebody came into a room or went, or "".
func teamOf(member *event.Event) string {
	if member == nil {
		return ""
	}
	return gjson.GetBytes(member.Content, gjson.Escape(teamKey)).Str
}

// marked tells whether an event is a current membership that says by which team
// somebody came or went. Redacted, it would not take them out with the team.
func (w *writing) marked(e *event.Event) bool {
	if e == nil || e.Type != "m.room.member" || e.StateKey == nil {
		return false
	}
	member := w.room.Member(id.UserID(*e.StateKey))
	return member != nil && member.ID == e.ID && teamOf(member) != ""
}

// withTeam keeps in what somebody says of themselves by which team they came.
func (w *writing) withTeam(p part) part {
	team := teamOf(w.room.Member(p.sender))
	if team == "" || *p.stateKey != string(p.sender) || gjson.GetBytes(p.content, "membership").Str != "join" {
		return p
	}
	content := object{}
	if json.Unmarshal(p.content, &content) == nil { // what is no object is refused later
		p.content = content.with(teamKey, team).bytes()
	}
	return p
}
