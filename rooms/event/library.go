package event

import (
	"fmt"
	"slices"

	"github.com/matrix-org/gomatrixserverlib"
	"github.com/matrix-org/gomatrixserverlib/spec"
	"maunium.net/go/mautrix/id"
)

// allowed asks gomatrixserverlib whether e may be appended to this state.
func (r *rules) allowed(e *Event, state State) (bool, error) {
	pdu, err := r.pdu(e)
	if err != nil {
		return false, err
	}
	return gomatrixserverlib.Allowed(pdu, &provider{rules: r, state: state, event: e}, senderOf) == nil, nil
}

// senderOf gives the user behind a sender: in every version here it is its ID.
func senderOf(_ spec.RoomID, sender spec.SenderID) (*spec.UserID, error) {
	return spec.NewUserID(string(sender), true)
}

// pdu gives an event as the library reads it. Its ID is handed over, since the
// library would otherwise fill it in later, in a value that others may share.
func (r *rules) pdu(e *Event) (gomatrixserverlib.PDU, error) {
	pdu, err := r.library.NewEventFromTrustedJSONWithEventID(string(e.ID), e.JSON, e.RedactedBy != "")
	if err != nil {
		return nil, fmt.Errorf("read event %s: %w", e.ID, err)
	}
	return pdu, nil
}

// provider shows a room's state to the library. What the library asks for more
// than once is parsed once.
type provider struct {
	rules *rules
	state State
	event *Event // that is being authorised
	known map[*Event]gomatrixserverlib.PDU
}

func (p *provider) find(eventType, stateKey string) (gomatrixserverlib.PDU, error) {
	e := p.state.Event(eventType, stateKey)
	if e == nil {
		return nil, nil
	}
	if pdu, ok := p.known[e]; ok {
		return pdu, nil
	}
	shown := e
	switch eventType {
	case typeJoinRules:
		shown = p.rules.plainJoinRules(e)
	case typePowerLevels:
		shown = p.levelsForCreator(e)
	}
	pdu, err := p.rules.pdu(shown)
	if err != nil {
		return nil, err
	}
	if p.known == nil {
		p.known = make(map[*Event]gomatrixserverlib.PDU)
	}
	p.known[e] = pdu
	return pdu, nil
}

// levelsForCreator hides changes of notification levels from the library when
// a creator makes them in version 12: there it takes the creator's level from
// the list of users, where creators must not stand, and would refuse them all.
func (p *provider) levelsForCreator(old *Event) *Event {
	create := p.state.Event(typeCreate, "")
	if !p.rules.creatorsRule || p.event.Type != typePowerLevels || create == nil ||
		!creators(create)[p.event.Sender] {
		return old
	}
	return withContent(old, put(old.Content, "notifications", lookup(p.event.Content, "notifications")))
}

// plainJoinRules hides everything but the join rule itself from the library: it
// reads nothing else, yet an entry of the wrong type under "allow" would make it
// take a public room for a closed one. A rule that came with a later version it
// would let pass; it opens the room to nobody.
func (r *rules) plainJoinRules(e *Event) *Event {
	if rule, _ := text(lookup(e.Content, "join_rule")); !slices.Contains(r.joinRules, rule) {
		return withContent(e, []byte(`{"join_rule":"invite"}`))
	}
	return withContent(e, only(nil, e.Content, []string{"join_rule"}))
}

// withContent gives a copy of e for the library's eyes.
func withContent(e *Event, content []byte) *Event {
	shown := *e
	shown.Content = content
	shown.JSON = put(e.JSON, "content", content)
	return &shown
}

func (p *provider) Create() (gomatrixserverlib.PDU, error) { return p.find(typeCreate, "") }

func (p *provider) JoinRules() (gomatrixserverlib.PDU, error) { return p.find(typeJoinRules, "") }

func (p *provider) PowerLevels() (gomatrixserverlib.PDU, error) { return p.find(typePowerLevels, "") }

// Member hides that somebody who joins has knocked before: the library would
// keep who knocked out of a room that has become public since.
func (p *provider) Member(sender spec.SenderID) (gomatrixserverlib.PDU, error) {
	user := id.UserID(sender)
	if user == p.event.Sender && membership(p.state, user) == "knock" && p.joins() {
		return nil, nil
	}
	return p.find(typeMember, string(sender))
}

// joins tells whether the event is its sender's own join.
func (p *provider) joins() bool {
	next, _ := text(lookup(p.event.Content, "membership"))
	return p.event.Type == typeMember && p.event.StateKey != nil &&
		*p.event.StateKey == string(p.event.Sender) && next == "join"
}

// ThirdPartyInvite finds nothing: there are no invitations of third parties.
func (p *provider) ThirdPartyInvite(string) (gomatrixserverlib.PDU, error) { return nil, nil }

// Valid says that all state is of one room, which the caller sees to.
func (p *provider) Valid() bool { return true }
