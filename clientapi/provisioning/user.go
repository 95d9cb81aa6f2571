package provisioning

import (
	"cmp"
	"encoding/json"
	"net/url"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// user is the representation of a user. What is a pointer must be given.
type user struct {
	ID           string       `json:"user_id"`        // of answers
	MatrixUser   string       `json:"matrix_user_id"` // of answers
	Localpart    string       `json:"localpart"`
	DisplayName  *string      `json:"display_name"`
	Email        string       `json:"email"`
	AvatarURL    string       `json:"avatar_url"`
	Role         *tenant.Role `json:"role"`
	Permissions  []string     `json:"permissions"`
	InternalChat *bool        `json:"internal_chat"`
	Active       *bool        `json:"active"`
	Locale       string       `json:"locale"`
	Timezone     string       `json:"timezone"`
	SendKey      string       `json:"send_key"`
	Teams        []string     `json:"teams"`

	NotificationPreferences json.RawMessage `json:"notification_preferences"`

	Version *int64 `json:"version"`
}

// representUser gives a user as they are.
func representUser(u *accounts.User) user {
	r, active := u.Record, !u.Deactivated
	shown := user{
		ID: u.External, MatrixUser: string(u.ID), Localpart: u.ID.Localpart(),
		DisplayName: &r.DisplayName, Email: r.Email, AvatarURL: r.AvatarURL, Role: &u.Role, Permissions: list(r.Permissions),
		InternalChat: &r.InternalChat, Active: &active, Locale: r.Locale, Timezone: r.Timezone, SendKey: r.SendKey, Teams: list(r.Teams),
		NotificationPreferences: r.NotificationPreferences, Version: &u.Version,
	}
	if shown.NotificationPreferences == nil {
		shown.NotificationPreferences = json.RawMessage("{}")
	}
	return shown
}

// list is never null.
func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// change reads what is said of a user; server is the account's server name.
func (u *user) change(external, server string) (*accounts.UserChange, error) {
	c := &checks{err: checkID(external)}
	localpart := cmp.Or(u.Localpart, id.UserID(u.MatrixUser).Localpart())
	record := accounts.Record{
		Localpart: localpart, DisplayName: given(c, "display_name", u.DisplayName), Email: u.Email, AvatarURL: u.AvatarURL,
		Role: given(c, "role", u.Role), Permissions: u.Permissions, InternalChat: given(c, "internal_chat", u.InternalChat),
		Active: given(c, "active", u.Active), Locale: u.Locale, Timezone: u.Timezone, SendKey: u.SendKey, Teams: u.Teams,
		NotificationPreferences: c.object("notification_preferences", u.NotificationPreferences, maxPreferences),
	}
	change := &accounts.UserChange{External: external, Version: c.version(u.Version), Record: record}
	c.fixed("user_id", u.ID, external)
	c.fixed("matrix_user_id", u.MatrixUser, string(id.NewUserID(localpart, server)))
	c.name("display_name", record.DisplayName)
	c.email("email", record.Email)
	c.address("avatar_url", record.AvatarURL, "mxc", "https")
	c.that(record.Role != "", refusal.Missing("The field %s is missing.", "role"))
	choice(c, "role", record.Role, tenant.Administrator, tenant.Agent, tenant.Custom)
	c.entries("permissions", len(record.Permissions), maxEntries)
	for _, permission := range record.Permissions {
		c.length("permissions", permission, maxName)
	}
	c.locale("locale", record.Locale)
	c.timezone("timezone", record.Timezone)
	choice(c, "send_key", record.SendKey, accounts.SendByEnter, accounts.SendByCtrlEnter)
	if c.err == nil {
		_, c.err = accounts.ReadNotificationPreferences(record.NotificationPreferences)
	}
	c.ids("teams", record.Teams, maxEntries)
	return change, c.err
}

// putUser handles PUT /_conversalabs/v1/accounts/{account}/users/{user}.
func (s *Server) putUser(r *httpapi.Request) (any, error) {
	var body user
	if err := r.DecodeKnown(&body); err != nil {
		return nil, err
	}
	change, err := body.change(r.Var("user"), r.Server)
	if err != nil {
		return nil, err
	}
	return s.one(r, accounts.Provision{User: change})
}

// deleteUser handles DELETE /_conversalabs/v1/accounts/{account}/users/{user}.
func (s *Server) deleteUser(r *httpapi.Request) (any, error) {
	change, err := removal(r.Var("user"), r.URL.Query())
	if err != nil {
		return nil, err
	}
	return s.one(r, accounts.Provision{User: change})
}

// removal reads how a user is to be removed.
func removal(external string, query url.Values) (*accounts.UserChange, error) {
	version, err := queryVersion(query)
	if err != nil {
		return nil, err
	}
	change := &accounts.UserChange{External: external, Version: version, Remove: accounts.Removal(query.Get("mode"))}
	switch change.Remove {
	case "":
		change.Remove = accounts.RemoveAccess
	case accounts.RemoveAccess, accounts.Erase:
	default:
		return nil, refusal.Invalid("The parameter %s must be one of: %s.", "mode", "deactivate, erase")
	}
	return change, nil
}

// getUser handles GET /_conversalabs/v1/accounts/{account}/users/{user}.
func (s *Server) getUser(r *httpapi.Request) (any, error) {
	u, err := s.accounts.UserSaid(r.Context(), r.Account, r.Var("user"))
	if err != nil {
		return nil, err
	}
	return representUser(u), nil
}

// listUsers handles GET /_conversalabs/v1/accounts/{account}/users.
func (s *Server) listUsers(r *httpapi.Request) (any, error) {
	limit, err := pageLimit(r)
	if err != nil {
		return nil, err
	}
	users, err := s.accounts.ProvisionedUsers(r.Context(), r.Account, r.Query("from"), limit+1)
	if err != nil {
		return nil, err
	}
	page := struct {
		Users []user `json:"users"`
		Next  string `json:"next,omitempty"`
	}{Users: []user{}}
	if len(users) > limit {
		users = users[:limit]
		page.Next = users[limit-1].External
	}
	for i := range users {
		page.Users = append(page.Users, representUser(&users[i]))
	}
	return page, nil
}

// putAvailability handles PUT
// /_conversalabs/v1/accounts/{account}/users/{user}/availability.
func (s *Server) putAvailability(r *httpapi.Request) (any, error) {
	var body struct {
		Availability accounts.Availability `json:"availability"`
	}
	if err := r.DecodeKnown(&body); err != nil {
		return nil, err
	}
	u, err := s.accounts.UserSaid(r.Context(), r.Account, r.Var("user"))
	if err != nil {
		return nil, err
	}
	return nil, s.presences.SetAvailability(r.Context(), r.Account, u, body.Availability)
}

// postLoginToken handles POST
// /_conversalabs/v1/accounts/{account}/users/{user}/login_token.
func (s *Server) postLoginToken(r *httpapi.Request) (any, error) {
	if err := r.DecodeKnownOptional(&struct{}{}); err != nil {
		return nil, err
	}
	token, err := s.accounts.LoginTokenFor(r.Context(), r.Caller, r.Var("user"))
	if err != nil {
		return nil, err
	}
	return struct {
		Token   string `json:"login_token"`
		Expires int64  `json:"expires_in_ms"`
	}{token, accounts.LoginTokenLife.Milliseconds()}, nil
}
