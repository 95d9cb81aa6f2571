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

// keepTeamIn goes through everybody whom it may concern, some in each act. The
// following ends when the team is no more.
func (e *entailing) keepTeamIn(ctx context.Context, room id.RoomID) error {
	var team string
	err := e.service.store.View(ctx, e.account, func(v View) error {
		r, err := v.Room(room)
		team = ""
		if r != nil {
			team = r.followed()
		}
		return err
	})
	if err != nil || team == "" {
		return err
	}
	members, exists, err := e.service.store.TeamMembers(ctx, e.account, team)
	if err != nil {
		return err
	}
	if !exists {
		return e.each(ctx, []id.RoomID{room}, e.unfollow)
	}
	people, err := e.astray(ctx, room, members)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(people, peoplePerAct) {
		if err := e.prepare(ctx, some); err != nil {
			return err
		}
		if err := e.each(ctx, []id.RoomID{room}, func(w *writing) error { return e.byTeam(w, some...) }); err != nil {
			return err
		}
	}
	return nil
}

// unfollow ends that a channel follows a team that is no more.
func (e *entailing) unfollow(w *writing) error {
	team := w.room.followed()
	if team == "" {
		return nil
	}
	if _, exists, err := w.tx.InTeam(team); exists || err != nil {
		return err
	}
	return w.follow(e.why(), "")
}

// astray gives who is not where the team's members have them be.
func (e *entailing) astray(ctx context.Context, room id.RoomID, members []id.UserID) (people []id.UserID, err error) {
	in := make(map[id.UserID]bool, len(members))
	for _, user := range members {
		in[user] = true
	}
	err = e.service.store.View(ctx, e.account, func(v View) error {
		people = nil
		r, err := v.Room(room)
		if r == nil || err != nil {
			return err
		}
		for _, user := range members {
			if r.astray(user, true) {
				people = append(people, user)
			}
		}
		for user := range r.Members() {
			if !in[user] && r.astray(user, false) {
				people = append(people, user)
			}
		}
		return nil
	})
	slices.Sort(people)
	return people, err
}

// prepare brings what an act on people asks for into memory. In the act each of them
// would make it run again, while others wait.
func (e *entailing) prepare(ctx context.Context, people []id.UserID) error {
	return e.service.store.View(ctx, e.account, func(v View) error {
		for _, user := range people {
			if _, err := v.UserSucceeds(user); err != nil {
				return err
			}
			if _, err := v.Memberships(user); err != nil {
				return err
			}
			if _, err := v.Forgotten(user); err != nil {
				return err
			}
		}
		return nil
	})
}

// byTeam lets those of the users in who are in the team that the channel follows, and
// takes out who came by a team and is no longer in it.
func (e *entailing) byTeam(w *writing, users ...id.UserID) error {
	team := w.room.followed()
	if team == "" {
		return nil
	}
	in, exists, err := w.tx.InTeam(team, users...)
	if err != nil || !exists {
		return err
	}
	for _, user := range users {
		if !w.room.astray(user, in[user]) {
			continue
		}
		if in[user] {
			err = e.letByTeam(w, user, team)
		} else {
			came := teamOf(w.room.Member(user))
			_, err = w.serve(e.why(), memberPart("", user, object{}.with("membership", "leave").with(teamKey, came)))
		}
		if err := e.pass(err); err != nil {
			return err
		}
	}
	return nil
}

// letByTeam lets a person in by a team, unless there is no room for them: they would be
// left with an invitation.
func (e *entailing) letByTeam(w *writing, user id.UserID, team string) error {
	person, err := w.tx.UserSucceeds(user)
	if err != nil || !person {
		return err
	}
	if err := e.service.checkRoomFor(w, user); err != nil {
		return err
	}
	return e.service.admit(w, admission{why: e.why()}, Move{User: user, Content: object{}.with(teamKey, team)})
}

// followed gives the team that the room's members are to be in step with, or "".
func (r *Room) followed() string {
	channel := r.Channel()
	if channel.Archived || channel.Kind != Public && channel.Kind != Private {
		return ""
	}
	return channel.Team
}

// astray tells whether somebody who is in the team that the room follows, or not, is to
// come or go. Who has left or was removed otherwise stays out; who has been given a
// role in the channel stays in.
func (r *Room) astray(user id.UserID, inTeam bool) bool {
	came, membership := teamOf(r.Member(user)), r.Membership(user)
	if inTeam {
		return membership != "join" && membership != "ban" && (membership != "leave" || came != "")
	}
	return membership == "join" && came != "" && r.PowerLevels().User(user) <= MemberLevel
}
