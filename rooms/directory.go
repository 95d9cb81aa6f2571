package rooms

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// OpenReads tells whether the account's directory and profiles may be read
// without a token.
func (s *Service) OpenReads(ctx context.Context, account tenant.ID) (bool, error) {
	policy, err := s.policies.RoomPolicy(ctx, account)
	return policy.OpenReads, err
}

// RoomAliases lists a room's aliases, for who sees the room as it is now.
func (s *Service) RoomAliases(ctx context.Context, caller tenant.Caller, room id.RoomID) ([]id.RoomAlias, error) {
	l, err := s.look(ctx, caller, room, nil)
	if err != nil {
		return nil, err
	}
	if !l.present() {
		return nil, errNotHere()
	}
	aliases, err := s.store.Aliases(ctx, caller.Account, room)
	if aliases == nil {
		aliases = []id.RoomAlias{}
	}
	return aliases, err
}

// Published tells whether a room stands in the account's directory. One that
// does not is 404 M_NOT_FOUND for who may not look into it, as is an unknown one.
func (s *Service) Published(ctx context.Context, caller tenant.Caller, room id.RoomID) (bool, error) {
	published := false
	err := s.store.View(ctx, caller.Account, func(v View) error {
		r, visibility, err := visibilityIn(v, caller.User, room)
		if err != nil {
			return err
		}
		if r == nil || (!r.Published && !visibility.Room()) {
			return refusal.NotFound("There is no such room.")
		}
		published = r.Published
		return nil
	})
	return published, err
}

// PublicRoom is a room as the directory shows it.
type PublicRoom struct {
	ID             id.RoomID    `json:"room_id"`
	Type           string       `json:"room_type,omitempty"`
	Name           string       `json:"name,omitempty"`
	Topic          string       `json:"topic,omitempty"`
	AvatarURL      string       `json:"avatar_url,omitempty"`
	CanonicalAlias id.RoomAlias `json:"canonical_alias,omitempty"`
	JoinRule       string       `json:"join_rule,omitempty"`
	JoinedMembers  int          `json:"num_joined_members"`
	WorldReadable  bool         `json:"world_readable"`
	GuestCanJoin   bool         `json:"guest_can_join"`
}

// publicRoom gives what the directory shows of a room.
func publicRoom(r *Room) PublicRoom {
	text := func(eventType, key string) string {
		e := r.Event(eventType, "")
		if e == nil {
			return ""
		}
		value := gjson.GetBytes(e.Content, key)
		if value.Type != gjson.String {
			return ""
		}
		return value.Str
	}
	return PublicRoom{
		ID: r.ID, Type: text("m.room.create", "type"),
		Name: text("m.room.name", "name"), Topic: text("m.room.topic", "topic"),
		AvatarURL: text("m.room.avatar", "url"), CanonicalAlias: id.RoomAlias(text("m.room.canonical_alias", "alias")),
		JoinRule: text("m.room.join_rules", "join_rule"), JoinedMembers: r.JoinedCount(),
		WorldReadable: text("m.room.history_visibility", "history_visibility") == "world_readable",
		GuestCanJoin:  text("m.room.guest_access", "guest_access") == "can_join",
	}
}

// DirectoryRequest asks for a part of the account's directory.
type DirectoryRequest struct {
	Limit  int    // 0: as many as there may be
	Since  string // token
	Search string // "": all
	// Types are the wanted types of rooms, "" for rooms without one. nil: all.
	Types []string
}

func (q DirectoryRequest) wants(r PublicRoom) bool {
	if q.Types != nil && !slices.Contains(q.Types, r.Type) {
		return false
	}
	return r.mentions(q.Search)
}

// mentions tells whether a text, in lower case, is part of what the room is called.
func (r PublicRoom) mentions(text string) bool {
	for _, name := range []string{r.Name, r.Topic, string(r.CanonicalAlias)} {
		if strings.Contains(strings.ToLower(name), text) {
			return true
		}
	}
	return false
}

// Directory is a part of an account's directory.
type Directory struct {
	Rooms []PublicRoom `json:"chunk"`
	Next  string       `json:"next_batch,omitempty"`
	Prev  string       `json:"prev_batch,omitempty"`
	Total int          `json:"total_room_count_estimate"`
}

// defaultDirectory is how many rooms a page of the directory has at most.
const defaultDirectory = 1000

// PublicRooms gives a page of the published rooms, those with the most members
// first (section "Published room directory").
func (s *Service) PublicRooms(ctx context.Context, account tenant.ID, q DirectoryRequest) (*Directory, error) {
	first, err := parseOffset(q.Since)
	if err != nil {
		return nil, err
	}
	q.Search = strings.ToLower(strings.TrimSpace(q.Search))
	published, err := s.store.PublishedRooms(ctx, account)
	if err != nil {
		return nil, err
	}
	var found []PublicRoom
	err = s.store.View(ctx, account, func(v View) error {
		rooms, err := v.Rooms(published)
		if err != nil {
			return err
		}
		found = make([]PublicRoom, 0, len(rooms))
		for _, r := range rooms {
			if shown := publicRoom(r); r.Published && q.wants(shown) {
				found = append(found, shown)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(x, y PublicRoom) int {
		return cmp.Or(cmp.Compare(y.JoinedMembers, x.JoinedMembers), cmp.Compare(x.ID, y.ID))
	})
	return directoryPage(found, first, q.Limit), nil
}

func directoryPage(found []PublicRoom, first, limit int) *Directory {
	if limit <= 0 {
		limit = defaultDirectory
	}
	limit = min(limit, defaultDirectory)
	first = min(first, len(found))
	last := min(first+limit, len(found))
	page := &Directory{Rooms: found[first:last], Total: len(found)}
	if last < len(found) {
		page.Next = offset(last)
	}
	if first > 0 {
		page.Prev = offset(max(first-limit, 0))
	}
	return page
}

// offset makes a token of a list of rooms: how many come before.
func offset(n int) string { return "p" + strconv.Itoa(n) }

// parseOffset reads what offset made.
func parseOffset(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	digits, ok := strings.CutPrefix(token, "p")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 {
		return 0, refusal.Invalid("This is not a token that this server gave: %s.", token)
	}
	return n, nil
}
