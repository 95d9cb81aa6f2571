package rooms

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// SetProfile sets one field of the caller's profile, or removes it where value
// is nil, and carries a display name or avatar into every room they are
// in, all in one act. Empty text and null remove a display name,
// an avatar or a time zone; of any other field null is a value.
func (s *Service) SetProfile(ctx context.Context, caller tenant.Caller, field string, value json.RawMessage) error {
	value, err := checkField(field, value)
	if err != nil {
		return err
	}
	if err := s.checkProfileSize(ctx, caller, field, value); err != nil {
		return err
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

const (
	maxProfile     = 64 << 10 // bytes of all fields together
	maxField       = 255      // bytes of a field's name
	maxDisplayName = 256      // bytes
	maxAvatarURL   = 1024     // bytes
)

var fieldPattern = regexp.MustCompile(`^(avatar_url|displayname|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+)$`)

// checkField refuses what a profile cannot hold, and gives the value to be set,
// nil to remove it (section "Profiles").
func checkField(field string, value json.RawMessage) (json.RawMessage, error) {
	if len(field) > maxField {
		return nil, refusal.New(http.StatusBadRequest, "M_KEY_TOO_LARGE", "The name of a profile field cannot be longer than %d bytes.", maxField)
	}
	if !fieldPattern.MatchString(field) {
		return nil, refusal.Invalid("%s is not the name of a profile field.", field)
	}
	if strings.HasPrefix(field, "br.com.conversalabs.") {
		return nil, refusal.Forbidden("This part of your profile is set for you.")
	}
	switch {
	case value == nil:
		return nil, nil
	case field == "displayname", field == "avatar_url", field == "m.tz":
		return checkText(field, value)
	}
	return value, nil
}

// checkText is checkField for the fields that are texts.
func checkText(field string, value json.RawMessage) (json.RawMessage, error) {
	if string(value) == "null" {
		return nil, nil
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, refusal.BadJSON("The profile field %s must be text.", field)
	}
	switch {
	case text == "":
		return nil, nil
	case field == "displayname" && len(text) > maxDisplayName:
		return nil, refusal.Invalid("A display name cannot be longer than %d bytes.", maxDisplayName)
	case field == "avatar_url" && (len(text) > maxAvatarURL || elsewhere(text)):
		return nil, refusal.Invalid("An avatar is named by the address of uploaded media (mxc://…).")
	}
	return value, nil
}

// elsewhere tells whether a client might fetch an avatar of this name from another
// place than the server's media, which would then see who looks at it. A name that
// is no address at all leads nowhere, and suites of tests set one.
func elsewhere(avatar string) bool {
	return strings.ContainsAny(avatar, ":/") && !strings.HasPrefix(avatar, "mxc://")
}

// checkProfileSize refuses a profile that would become too large. It looks
// before the act: who sets two fields at once may pass it by one of them.
func (s *Service) checkProfileSize(ctx context.Context, caller tenant.Caller, field string, value json.RawMessage) error {
	if value == nil {
		return nil
	}
	profile, err := s.Profile(ctx, caller.Account, caller.User)
	if err != nil {
		return err
	}
	profile[field] = value
	size := 0
	for name, value := range profile {
		size += len(name) + len(value) + 4
	}
	if size > maxProfile {
		return refusal.New(http.StatusBadRequest, "M_PROFILE_TOO_LARGE", "A profile cannot be larger than %d bytes.", maxProfile)
	}
	return nil
}

// carryProfile writes a changed field into the user's member events.
func (s *Service) carryProfile(tx Tx, user id.UserID, field string, value json.RawMessage) error {
	memberships, err := tx.Memberships(user)
	if err != nil {
		return err
	}
	rooms, err := tx.Rooms(joinedIn(memberships))
	if err != nil {
		return err
	}
	for _, room := range rooms {
		if err := s.writing(tx, room).show(user, object{field: value}); err != nil {
			return err
		}
	}
	return nil
}

// show writes fields of the profile of a user who is in the room into their member
// event; nil removes one.
func (w *writing) show(user id.UserID, fields object) error {
	content := object{}
	if err := json.Unmarshal(w.room.Member(user).Content, &content); err != nil {
		return err
	}
	for field, value := range fields {
		delete(content, field)
		if value != nil {
			content[field] = value
		}
	}
	// What is about one joining does not belong into the next event.
	delete(content, "reason")
	delete(content, "join_authorised_via_users_server")
	_, err := w.append(memberPart(user, user, content))
	return err
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
