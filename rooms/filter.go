package rooms

import (
	"bytes"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

const (
	maxFilterList    = 1000 // entries of one list of a filter
	maxFilterPattern = 255  // bytes of one event type or field in a filter
)

// Filter is what a client wants of /sync (section "Filtering" of the
// client-server specification). The zero value wants everything.
type Filter struct {
	// Fields are what of a room's events is wanted, nil for all.
	Fields *Fields
	// Federation asks for a room's events as they are between servers.
	Federation  bool
	Presence    EventFilter
	AccountData EventFilter
	Room        RoomFilter
}

// RoomFilter is the part of a [Filter] about rooms.
type RoomFilter struct {
	choice       choice[id.RoomID]
	IncludeLeave bool
	Ephemeral    RoomEventFilter
	State        RoomEventFilter
	Timeline     RoomEventFilter
	AccountData  RoomEventFilter
}

// Wants tells whether anything of this room is wanted.
func (f *RoomFilter) Wants(room id.RoomID) bool { return f.choice.takes(room) }

// Within gives the filter, which may be nil, for a reader who may see some rooms
// only, and nothing that is in no room.
func (f *Filter) Within(rooms []id.RoomID) *Filter {
	narrowed := Filter{}
	if f != nil {
		narrowed = *f
	}
	only := map[id.RoomID]bool{}
	for _, room := range rooms {
		only[room] = narrowed.Room.choice.takes(room)
	}
	narrowed.Room.choice.only = only
	nothing := &typeList{}
	narrowed.Presence.types.only, narrowed.AccountData.types.only = nothing, nothing
	return &narrowed
}

// EventFilter chooses among events that are in no room.
type EventFilter struct {
	limit   *int
	senders choice[id.UserID]
	types   typeChoice
}

// Limit gives how many events are wanted: the filter's number, at most max, or
// fallback when it has none.
func (f *EventFilter) Limit(fallback, max int) int {
	if f.limit == nil {
		return fallback
	}
	return min(*f.limit, max)
}

// Takes tells whether an event of this type and sender is wanted.
func (f *EventFilter) Takes(eventType string, sender id.UserID) bool {
	return f.types.takes(eventType) && f.senders.takes(sender)
}

// TakesType is Takes for what has no sender: account data, receipts, typing.
func (f *EventFilter) TakesType(eventType string) bool { return f.types.takes(eventType) }

// RoomEventFilter chooses among events of rooms. It is also what /messages and
// /context take.
type RoomEventFilter struct {
	EventFilter
	choice                    choice[id.RoomID]
	containsURL               *bool
	relTypes                  choice[string]
	relatedByTypes            []string    // nil: not asked
	relatedBySenders          []id.UserID // nil: not asked
	LazyLoadMembers           bool
	IncludeRedundantMembers   bool
	UnreadThreadNotifications bool
}

// Wants tells whether events of this room are wanted.
func (f *RoomEventFilter) Wants(room id.RoomID) bool { return f.choice.takes(room) }

// Match tells whether an event is wanted, as far as the event tells: where
// [RoomEventFilter.AsksRelated], what relates to it has a say too.
func (f *RoomEventFilter) Match(e *event.Event) bool {
	if !f.Takes(e.Type, e.Sender) || !f.choice.takes(e.Room) || !f.relTypes.takes(e.Relation.Type) {
		return false
	}
	return f.containsURL == nil || gjson.GetBytes(e.Content, "url").Exists() == *f.containsURL
}

// AsksRelated tells whether only events are wanted to which certain others relate.
func (f *RoomEventFilter) AsksRelated() bool {
	return f.relatedByTypes != nil || f.relatedBySenders != nil
}

// The filter as it is written in JSON. Absent lists take everything, empty ones
// nothing.
type (
	filterJSON struct {
		EventFields []string        `json:"event_fields"`
		EventFormat *string         `json:"event_format"`
		Presence    eventFilterJSON `json:"presence"`
		AccountData eventFilterJSON `json:"account_data"`
		Room        roomFilterJSON  `json:"room"`
	}
	roomFilterJSON struct {
		Rooms        []id.RoomID         `json:"rooms"`
		NotRooms     []id.RoomID         `json:"not_rooms"`
		IncludeLeave bool                `json:"include_leave"`
		Ephemeral    roomEventFilterJSON `json:"ephemeral"`
		State        roomEventFilterJSON `json:"state"`
		Timeline     roomEventFilterJSON `json:"timeline"`
		AccountData  roomEventFilterJSON `json:"account_data"`
	}
	eventFilterJSON struct {
		Limit      *int        `json:"limit"`
		Senders    []id.UserID `json:"senders"`
		NotSenders []id.UserID `json:"not_senders"`
		Types      []string    `json:"types"`
		NotTypes   []string    `json:"not_types"`
	}
	roomEventFilterJSON struct {
		eventFilterJSON           `json:",inline"`
		Rooms                     []id.RoomID `json:"rooms"`
		NotRooms                  []id.RoomID `json:"not_rooms"`
		ContainsURL               *bool       `json:"contains_url"`
		RelTypes                  []string    `json:"org.matrix.msc3874.rel_types"`
		NotRelTypes               []string    `json:"org.matrix.msc3874.not_rel_types"`
		RelatedByTypes            []string    `json:"related_by_rel_types"`
		RelatedBySenders          []id.UserID `json:"related_by_senders"`
		LazyLoadMembers           bool        `json:"lazy_load_members"`
		IncludeRedundantMembers   bool        `json:"include_redundant_members"`
		UnreadThreadNotifications bool        `json:"unread_thread_notifications"`
	}
)

// ParseFilter reads a filter for /sync. What is no filter is refused: 400
// M_NOT_JSON, M_BAD_JSON for values of wrong types, M_INVALID_PARAM for IDs that
// are none and numbers out of range.
func ParseFilter(text []byte) (*Filter, error) {
	var from filterJSON
	if err := decodeFilter(text, &from); err != nil {
		return nil, err
	}
	var c filterChecker
	f := &Filter{
		Fields: c.fields(from.EventFields), Presence: c.events(from.Presence), AccountData: c.events(from.AccountData),
	}
	if format := from.EventFormat; format != nil {
		f.Federation = *format == "federation"
		if !f.Federation && *format != "client" {
			c.fail(refusal.Invalid("The event_format of a filter must be \"client\" or \"federation\"."))
		}
	}
	f.Room = RoomFilter{
		choice:       c.rooms(from.Room.Rooms, from.Room.NotRooms),
		IncludeLeave: from.Room.IncludeLeave,
		Ephemeral:    c.roomEvents(from.Room.Ephemeral),
		State:        c.roomEvents(from.Room.State),
		Timeline:     c.roomEvents(from.Room.Timeline),
		AccountData:  c.roomEvents(from.Room.AccountData),
	}
	if c.err != nil {
		return nil, c.err
	}
	return f, nil
}

// ParseRoomEventFilter reads the filter of /messages and /context, with the
// refusals of [ParseFilter].
func ParseRoomEventFilter(text []byte) (*RoomEventFilter, error) {
	var from roomEventFilterJSON
	if err := decodeFilter(text, &from); err != nil {
		return nil, err
	}
	var c filterChecker
	f := c.roomEvents(from)
	if c.err != nil {
		return nil, c.err
	}
	return &f, nil
}

func decodeFilter(text []byte, dst any) error {
	text = bytes.TrimSpace(text)
	if !gjson.ValidBytes(text) {
		return refusal.NotJSON("The filter is not valid JSON.")
	}
	if text[0] != '{' {
		return refusal.BadJSON("A filter must be a JSON object.")
	}
	if err := jsonv2.Unmarshal(text, dst); err != nil {
		return refusal.BadJSON("The filter has a value of the wrong type.")
	}
	return nil
}

func errFilterList() error {
	return refusal.Invalid("A list in a filter cannot have more than %d entries.", maxFilterList)
}

// filterChecker turns lists into choices and keeps the first thing that is wrong.
type filterChecker struct{ err error }

func (c *filterChecker) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *filterChecker) fields(paths []string) *Fields {
	if len(paths) > maxFilterList {
		c.fail(errFilterList())
		return nil
	}
	for _, path := range paths {
		if len(path) > maxFilterPattern {
			c.fail(refusal.Invalid("A field in a filter cannot be longer than %d bytes.", maxFilterPattern))
		}
	}
	return newFields(paths)
}

func (c *filterChecker) roomEvents(from roomEventFilterJSON) RoomEventFilter {
	c.relTypes(from.RelatedByTypes)
	set(c, from.RelatedBySenders, event.ValidUserID, badFilterUser)
	return RoomEventFilter{
		EventFilter:               c.events(from.eventFilterJSON),
		choice:                    c.rooms(from.Rooms, from.NotRooms),
		containsURL:               from.ContainsURL,
		relTypes:                  choice[string]{c.relTypes(from.RelTypes), c.relTypes(from.NotRelTypes)},
		relatedByTypes:            from.RelatedByTypes,
		relatedBySenders:          from.RelatedBySenders,
		LazyLoadMembers:           from.LazyLoadMembers,
		IncludeRedundantMembers:   from.IncludeRedundantMembers,
		UnreadThreadNotifications: from.UnreadThreadNotifications,
	}
}

func (c *filterChecker) events(from eventFilterJSON) EventFilter {
	if from.Limit != nil && *from.Limit < 0 {
		c.fail(refusal.Invalid("The limit of a filter cannot be negative."))
	}
	return EventFilter{
		limit: from.Limit,
		senders: choice[id.UserID]{
			set(c, from.Senders, event.ValidUserID, badFilterUser),
			set(c, from.NotSenders, event.ValidUserID, badFilterUser),
		},
		types: typeChoice{c.types(from.Types), c.types(from.NotTypes)},
	}
}

func (c *filterChecker) rooms(only, not []id.RoomID) choice[id.RoomID] {
	return choice[id.RoomID]{
		set(c, only, event.ValidRoomID, badFilterRoom),
		set(c, not, event.ValidRoomID, badFilterRoom),
	}
}

func badFilterUser(user id.UserID) error {
	return refusal.Invalid("%s is not a user ID.", string(user))
}

func badFilterRoom(room id.RoomID) error {
	return refusal.Invalid("%s is not a room ID.", string(room))
}

func (c *filterChecker) types(list []string) *typeList {
	if list == nil {
		return nil
	}
	if len(list) > maxFilterList {
		c.fail(errFilterList())
		return nil
	}
	l := &typeList{exact: map[string]bool{}}
	for _, t := range list {
		if len(t) > maxFilterPattern {
			c.fail(refusal.Invalid("An event type in a filter cannot be longer than %d bytes.", maxFilterPattern))
		}
		if strings.Contains(t, "*") {
			l.patterns = append(l.patterns, t)
		} else {
			l.exact[t] = true
		}
	}
	return l
}

// relTypes makes a set of types of relations, nil of no list.
func (c *filterChecker) relTypes(list []string) map[string]bool {
	short := func(t string) bool { return len(t) <= maxFilterPattern }
	return set(c, list, short, func(string) error {
		return refusal.Invalid("A type of relation in a filter cannot be longer than %d bytes.", maxFilterPattern)
	})
}

// set makes a set of a list of IDs, nil of no list.
func set[T comparable](c *filterChecker, list []T, valid func(T) bool, bad func(T) error) map[T]bool {
	if list == nil {
		return nil
	}
	if len(list) > maxFilterList {
		c.fail(errFilterList())
		return nil
	}
	all := make(map[T]bool, len(list))
	for _, v := range list {
		if !valid(v) {
			c.fail(bad(v))
		}
		all[v] = true
	}
	return all
}
