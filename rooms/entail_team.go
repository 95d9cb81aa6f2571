package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/storage/stream"
)

// joinTeams lets a user into the channels that follow a team that they are in.
func (e *entailing) joinTeams(ctx context.Context) error {
	following, err := e.following(ctx)
	if err != nil || len(following) == 0 {
		return err
	}
	teams, err := e.service.store.TeamsOf(ctx, e.account, e.user)
	if err != nil {
		return err
	}
	var rooms []id.RoomID
	for _, team := range teams {
		rooms = append(rooms, following[team]...)
	}
	return e.each(ctx, rooms, func(w *writing) error { return e.byTeam(w, e.user) })
}

// keepTeam keeps the members of the channels that follow a team in step with it.
func (e *entailing) keepTeam(ctx context.Context) error {
	rooms := []id.RoomID{e.change.Room}
	if e.change.Room == "" {
		following, err := e.following(ctx)
		if err != nil {
			return err
		}
		rooms = following[e.change.Key]
	}
	for _, room := range rooms {
		if err := e.keepTeamIn(ctx, room); err != nil {
			return err
		}
	}
	return nil
}

// following gives the channels that follow teams, by the teams.
func (e *entailing) following(ctx context.Context) (map[string][]id.RoomID, error) {
	items, err := e.service.store.Items(ctx, e.account, stream.ItemQuery{Kinds: []stream.Kind{stream.Following}})
	if err != nil {
		return nil, err
	}
	rooms := map[string][]id.RoomID{}
	for _, item := range items {
		if len(item.Content) == 0 {
			continue
		}
		var team string
		if err := json.Unmarshal(item.Content, &team); err != nil {
			return nil, fmt.Errorf("read the team of %s: %w", item.Room, err)
		}
		rooms[team] = append(rooms[team], item.Room)
	}
	return rooms, nil
}

// keepTeamIn goes through everybody whom it may concern, one act each. The first one
// ends the following when the team is no more.
func (e *entailing) keepTeamIn(ctx context.Context, room id.RoomID) error {
	var people []id.UserID
	err := e.each(ctx, []id.RoomID{room}, func(w *writing) error {
		people = nil
		team := w.room.Channel().Team
		if team == "" || w.room.Channel().Archived {
			return nil
		}
		members, exists, err := w.tx.TeamMembers(team)
		if err != nil {
			return err
		}
		if !exists {
			return w.follow(e.why(), "")
		}
		for _, user := range members {
			if !w.room.Joined(user) {
				people = append(people, user)
			}
		}
		for user, member := range w.room.Members() {
			if w.room.Joined(user) && teamOf(member) != "" && !slices.Contains(members, user) {
				people = append(people, user)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(people)
	for _, user := range people {
		if err := e.each(ctx, []id.RoomID{room}, func(w *writing) error { return e.byTeam(w, user) }); err != nil {
			return err
		}
	}
	return nil
}

// byTeam lets a user in who is in the team that the channel follows, and takes out who
// came by a team and is no longer in it. Who has left or was removed otherwise stays
// out; who has been given a role in the channel stays in.
func (e *entailing) byTeam(w *writing, user id.UserID) error {
	channel, member := w.room.Channel(), w.room.Member(user)
	if channel.Team == "" || channel.Archived {
		return nil
	}
	members, exists, err := w.tx.TeamMembers(channel.Team)
	if err != nil || !exists {
		return err
	}
	came, membership := teamOf(member), w.room.Membership(user)
	if slices.Contains(members, user) {
		person, err := w.tx.UserSucceeds(user)
		if err != nil || !person || membership == "join" || membership == "ban" || membership == "leave" && came == "" {
			return err
		}
		return e.service.admit(w, admission{why: e.why()}, Move{User: user, Content: object{}.with(teamKey, channel.Team)})
	}
	if membership != "join" || came == "" || w.room.PowerLevels().User(user) > MemberLevel {
		return nil
	}
	_, err = w.serve(e.why(), memberPart("", user, object{}.with("membership", "leave").with(teamKey, came)))
	return err
}
