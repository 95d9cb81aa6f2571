package rooms

import (
	"context"
	"encoding/json"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/stream"
)

// SetProfile sets one field of the caller's profile, or removes it where value
// is nil or null, and carries a display name or avatar into every room they are
// in, all in one act.
func (s *Service) SetProfile(ctx context.Context, caller tenant.Caller, field string, value json.RawMessage) error {
	if string(value) == "null" {
		value = nil
	}
	return s.loneAct(ctx, caller, func(tx Tx) error {
		current, err := tx.Item(stream.Profile, caller.User, "", field)
		if err != nil || string(current) == string(value) {
			return err
		}
		tx.Put(stream.Item{Kind: stream.Profile, User: caller.User, Key: field, Content: value})
		if !slices.Contains(profileFields, field) {
			return nil
		}
		return s.carryProfile(tx, caller.User, field, value)
	})
}

// carryProfile writes a changed field into the user's member events.
func (s *Service) carryProfile(tx Tx, user id.UserID, field string, value json.RawMessage) error {
	memberships, err := tx.Memberships(user)
	if err != nil {
		return err
	}
	var joined []id.RoomID
	for roomID, spans := range memberships {
		if spans.Current() == "join" {
			joined = append(joined, roomID)
		}
	}
	slices.Sort(joined)
	rooms, err := tx.Rooms(joined)
	if err != nil {
		return err
	}
	for _, room := range rooms {
		content := object{}
		if err := json.Unmarshal(room.Member(user).Content, &content); err != nil {
			return err
		}
		delete(content, field)
		if value != nil {
			content[field] = value
		}
		// What is about one joining does not belong into the next event.
		delete(content, "reason")
		delete(content, "join_authorised_via_users_server")
		w := &writing{tx: tx, room: room, now: s.timestamp()}
		if _, err := w.append(memberPart(user, user, content)); err != nil {
			return err
		}
	}
	return nil
}

// Profile gives a user's profile: every field's JSON value. It is empty for who
// has set none.
func (s *Service) Profile(ctx context.Context, account tenant.ID, user id.UserID) (map[string]json.RawMessage, error) {
	items, err := s.store.Items(ctx, account, stream.ItemQuery{Kinds: []stream.Kind{stream.Profile}, User: user})
	if err != nil {
		return nil, err
	}
	profile := map[string]json.RawMessage{}
	for _, item := range items {
		if len(item.Content) > 0 {
			profile[item.Key] = item.Content
		}
	}
	return profile, nil
}
