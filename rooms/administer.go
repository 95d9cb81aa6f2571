package rooms

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// ManagedRoom is what administrators of the account know of a channel without being in
// it: nothing of what is written there.
type ManagedRoom struct {
	ID             id.RoomID    `json:"room_id"`
	Kind           Kind         `json:"kind"`
	Name           string       `json:"name,omitempty"`
	Topic          string       `json:"topic,omitempty"`
	AvatarURL      string       `json:"avatar_url,omitempty"`
	CanonicalAlias id.RoomAlias `json:"canonical_alias,omitempty"`
	Joined         int          `json:"joined_members"`
	Owners         []id.UserID  `json:"owners"`
	Mandatory      bool         `json:"mandatory"`
	Archived       bool         `json:"archived"`
	CreatedBy      id.UserID    `json:"created_by,omitempty"`
	Created        int64        `json:"created_ts"`       // ms
	LastActivity   int64        `json:"last_activity_ts"` // ms, of the newest event of any type
}

// managed gives what administrators of the account know of a channel.
func (r *Room) managed() ManagedRoom {
	shown, channel := publicRoom(r), r.Channel()
	m := ManagedRoom{
		ID: r.ID, Kind: channel.Kind, Name: shown.Name, Topic: shown.Topic, AvatarURL: shown.AvatarURL,
		CanonicalAlias: shown.CanonicalAlias, Joined: r.JoinedCount(), Owners: []id.UserID{},
		Mandatory: channel.Mandatory, Archived: channel.Archived, CreatedBy: channel.CreatedBy,
	}
	for user, level := range r.PowerLevels().Named() {
		if level >= OwnerLevel && r.Joined(user) {
			m.Owners = append(m.Owners, user)
		}
	}
	slices.Sort(m.Owners)
	if create := r.Event("m.room.create", ""); create != nil {
		m.Created = create.Timestamp
	}
	if last := r.Last(); last != nil {
		m.LastActivity = last.Timestamp
	}
	return m
}

// ManagedQuery asks for channels. What is empty asks for all.
type ManagedQuery struct {
	Kind   Kind
	Search string // in name, topic and address, whatever the case
	From   string // token
	Limit  int    // 100 if 0, and no more than 1,000
}

// ManagedRooms is a part of an account's channels, by name.
type ManagedRooms struct {
	Rooms []ManagedRoom `json:"rooms"`
	Total int           `json:"total"`
	Next  string        `json:"next_batch,omitempty"`
}

const (
	defaultManaged = 100
	maxManaged     = 1000
)

// ManagedRooms lists the channels of an account for its administrators, archived ones
// too. Direct messages and rooms of no kind are not among them.
func (s *Service) ManagedRooms(ctx context.Context, account tenant.ID, q ManagedQuery) (*ManagedRooms, error) {
	first, err := parseOffset(q.From)
	if err != nil {
		return nil, err
	}
	if q.Kind != "" && !q.Kind.channel() {
		return nil, errKind
	}
	q.Search = strings.ToLower(strings.TrimSpace(q.Search))
	channels, err := s.store.Channels(ctx, account)
	if err != nil {
		return nil, err
	}
	found := []ManagedRoom{}
	err = s.store.View(ctx, account, func(v View) error {
		rooms, err := v.Rooms(channels)
		if err != nil {
			return err
		}
		found = found[:0]
		for _, r := range rooms {
			if r.administered() && (q.Kind == "" || q.Kind == r.Kind()) && publicRoom(r).mentions(q.Search) {
				found = append(found, r.managed())
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(x, y ManagedRoom) int {
		return cmp.Or(cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), cmp.Compare(x.ID, y.ID))
	})
	first = min(first, len(found))
	last := min(first+min(cmp.Or(max(q.Limit, 0), defaultManaged), maxManaged), len(found))
	page := &ManagedRooms{Rooms: found[first:last], Total: len(found)}
	if last < len(found) {
		page.Next = offset(last)
	}
	return page, nil
}

// ManagedRoom gives one channel for the account's administrators. What is none is 404
// M_NOT_FOUND.
func (s *Service) ManagedRoom(ctx context.Context, account tenant.ID, room id.RoomID) (*ManagedRoom, error) {
	var found ManagedRoom
	err := s.store.View(ctx, account, func(v View) error {
		r, err := channelIn(v, room)
		if err == nil {
			found = r.managed()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &found, nil
}
