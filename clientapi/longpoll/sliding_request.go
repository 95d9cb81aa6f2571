package longpoll

import (
	"bytes"
	"errors"
	"slices"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// SlidingRequest is one request of the simplified sliding sync (MSC4186), in the
// spelling of its unstable form or in that of /v4/sync.
type SlidingRequest struct {
	Connection    string                      `json:"conn_id"`
	Pos           string                      `json:"pos"`
	Timeout       *int64                      `json:"timeout"` // ms
	Presence      string                      `json:"set_presence"`
	Lists         map[string]SlidingList      `json:"lists"`
	Subscriptions map[id.RoomID]SlidingWishes `json:"room_subscriptions"`
	Extensions    SlidingExtensions           `json:"extensions"`

	// Stable tells that request and answer have the form of /v4/sync.
	Stable bool `json:"-"`
}

// Wait gives how long the request may wait.
func (q *SlidingRequest) Wait() time.Duration {
	if q.Timeout == nil || q.Pos == "" {
		return 0
	}
	return time.Duration(min(max(*q.Timeout, 0), int64(time.Hour/time.Millisecond))) * time.Millisecond
}

// SlidingWishes is what a client wants of each room that a rule matches.
type SlidingWishes struct {
	TimelineLimit int      `json:"timeline_limit"`
	RequiredState Required `json:"required_state"`
}

// SlidingList is a rule that matches rooms by their place in the user's list of
// rooms.
type SlidingList struct {
	TimelineLimit int           `json:"timeline_limit"`
	RequiredState Required      `json:"required_state"`
	Ranges        [][2]int      `json:"ranges"`
	Range         *[2]int       `json:"range"`
	Filters       SlidingFilter `json:"filters"`
}

func (l *SlidingList) wishes() SlidingWishes {
	return SlidingWishes{TimelineLimit: l.TimelineLimit, RequiredState: l.RequiredState}
}

// ranges gives the wanted parts [from, to) of a list of so many rooms.
func (l *SlidingList) ranges(rooms int) [][2]int {
	if l.Range == nil && l.Ranges == nil {
		return [][2]int{{0, rooms}}
	}
	all := slices.Clone(l.Ranges)
	if l.Range != nil {
		all = append(all, *l.Range)
	}
	for i, r := range all {
		all[i] = [2]int{min(r[0], rooms), min(r[1], rooms-1) + 1}
	}
	return all
}

// SlidingFilter chooses among the rooms of a list. What is not set chooses all.
type SlidingFilter struct {
	Direct    *bool       `json:"is_dm"`
	Encrypted *bool       `json:"is_encrypted"`
	Invite    *bool       `json:"is_invite"`
	Invited   *bool       `json:"is_invited"`
	Spaces    []id.RoomID `json:"spaces"`
	Types     []*string   `json:"room_types"`
	NotTypes  []*string   `json:"not_room_types"`
	Tags      []string    `json:"tags"`
	NotTags   []string    `json:"not_tags"`
}

// SlidingExtensions are what a client wants besides rooms.
type SlidingExtensions struct {
	ToDevice    ToDeviceExtension `json:"to_device"`
	E2EE        E2EEExtension     `json:"e2ee"`
	AccountData Extension         `json:"account_data"`
	Receipts    Extension         `json:"receipts"`
	Typing      Extension         `json:"typing"`
}

// E2EEExtension asks for what encryption needs (MSC3884).
type E2EEExtension struct {
	Enabled bool `json:"enabled"`
}

// Extension asks for what there is besides events in rooms that the rules match
// (MSC3959, MSC3960, MSC3961): in those of some lists and in some rooms. What is
// nil stands for ["*"]: all lists, and all rooms with a subscription.
type Extension struct {
	Enabled bool      `json:"enabled"`
	Lists   *[]string `json:"lists,omitempty"`
	Rooms   *[]string `json:"rooms,omitempty"`
}

// takesAll tells whether names stand for all there are.
func takesAll(names *[]string) bool { return names == nil || slices.Contains(*names, "*") }

// namesLists tells whether it takes the lists' names to know which rooms are meant.
func (e *Extension) namesLists() bool { return e.Enabled && !takesAll(e.Lists) && len(*e.Lists) > 0 }

// ToDeviceExtension asks for the messages to the device.
type ToDeviceExtension struct {
	Enabled bool   `json:"enabled"`
	Since   string `json:"since"` // next_batch of the last answer processed
	Limit   *int   `json:"limit"`
}

// Pattern matches state events by type and state key. What is nil matches all.
type Pattern struct {
	Type *string `json:"type,omitempty"`
	Key  *string `json:"state_key,omitempty"`
}

func (p Pattern) matches(e *event.Event) bool {
	return (p.Type == nil || *p.Type == e.Type) && (p.Key == nil || *p.Key == *e.StateKey)
}

// Required is which state a client wants of a room.
type Required struct {
	Include []Pattern `json:"include,omitempty"`
	Exclude []Pattern `json:"exclude,omitempty"`
	Lazy    bool      `json:"lazy_members,omitempty"`

	pairs, object bool // how it was written
}

// matches tells whether an event is wanted, lazily loaded members aside.
func (r *Required) matches(e *event.Event) bool {
	matches := func(p Pattern) bool { return p.matches(e) }
	return slices.ContainsFunc(r.Include, matches) && !slices.ContainsFunc(r.Exclude, matches)
}

var errRequired = errors.New("required_state is neither a list of pairs nor an object")

// UnmarshalJSON reads both forms: [[type, state key], ...] with "*", "$LAZY" and
// "$ME", and the object of /v4/sync.
func (r *Required) UnmarshalJSON(text []byte) error {
	type plain Required
	if bytes.HasPrefix(text, []byte("{")) {
		r.object = true
		return jsonv2.Unmarshal(text, (*plain)(r))
	}
	var pairs [][]string
	if jsonv2.Unmarshal(text, &pairs) != nil {
		return errRequired
	}
	*r = Required{pairs: true}
	for _, pair := range pairs {
		if len(pair) != 2 {
			return errRequired
		}
		if pair[1] == "$LAZY" {
			r.Lazy = r.Lazy || pair[0] == "m.room.member"
			continue
		}
		var p Pattern
		if pair[0] != "*" {
			p.Type = &pair[0]
		}
		if pair[1] != "*" {
			p.Key = &pair[1]
		}
		r.Include = append(r.Include, p)
	}
	return nil
}

const (
	maxConnectionName = 255 // bytes
	maxLists          = 100
	maxPatterns       = 200 // of one required_state
)

// check refuses what is out of bounds, and puts the caller in the place of $ME.
func (q *SlidingRequest) check(caller id.UserID) error {
	if len(q.Connection) > maxConnectionName {
		return refusal.Invalid("The name of a connection (conn_id) may have at most %d bytes.", maxConnectionName)
	}
	if len(q.Lists) > maxLists {
		return refusal.Invalid("A request may have at most %d lists.", maxLists)
	}
	if !slices.Contains([]string{"", "online", "offline", "unavailable"}, q.Presence) {
		return refusal.Invalid("The parameter %s must be one of: %s.", "set_presence", "online, offline, unavailable")
	}
	if q.Timeout != nil && *q.Timeout < 0 {
		return refusal.Invalid("The parameter %s must be a whole number that is not negative.", "timeout")
	}
	if limit := q.Extensions.ToDevice.Limit; limit != nil && *limit < 1 {
		return refusal.Invalid("The parameter %s must be greater than zero.", "limit")
	}
	for name, list := range q.Lists {
		if err := list.check(name, caller, q.Stable); err != nil {
			return err
		}
		// What the other form has is unknown in this one, and ignored.
		if q.Stable {
			list.Ranges, list.Filters.Invite = nil, nil
		} else {
			list.Range, list.Filters.Invited = nil, nil
		}
		q.Lists[name] = list
	}
	for _, wishes := range q.Subscriptions {
		if err := wishes.check(caller, q.Stable); err != nil {
			return err
		}
	}
	return nil
}

func (l *SlidingList) check(name string, caller id.UserID, stable bool) error {
	ranges := l.Ranges
	if l.Range != nil {
		ranges = append(slices.Clip(ranges), *l.Range)
	}
	for _, r := range ranges {
		if r[0] < 0 || r[1] < r[0] {
			return refusal.Invalid("The ranges of the list %s must be pairs of numbers, the lower one first.", name)
		}
	}
	wishes := l.wishes()
	return wishes.check(caller, stable)
}

func (w *SlidingWishes) check(caller id.UserID, stable bool) error {
	if w.TimelineLimit < 0 {
		return refusal.Invalid("The parameter %s must be a whole number that is not negative.", "timeline_limit")
	}
	if stable && w.RequiredState.pairs {
		return refusal.BadJSON("Here a required_state must be an object with include, exclude and lazy_members.")
	}
	if !stable && w.RequiredState.object {
		return refusal.BadJSON("Here a required_state must be a list of pairs of a type and a state key.")
	}
	if len(w.RequiredState.Include)+len(w.RequiredState.Exclude) > maxPatterns {
		return refusal.Invalid("A required_state may have at most %d entries.", maxPatterns)
	}
	for _, p := range w.RequiredState.Include {
		if p.Key != nil && *p.Key == "$ME" {
			*p.Key = string(caller)
		}
	}
	return nil
}

// errUnknownPos tells the client to begin its connection anew.
var errUnknownPos = refusal.New(400, "M_UNKNOWN_POS", "The server no longer knows this connection. Please begin it anew.")

// from reads the request's pos, nil for none.
func (q *SlidingRequest) from() (*stream.Token, error) {
	if q.Pos == "" {
		return nil, nil
	}
	token, err := stream.ParseToken(q.Pos)
	if err != nil {
		return nil, errUnknownPos
	}
	return &token, nil
}
