package main_test

import (
	"net/http"
	"testing"
)

var profileChecks = checks{
	"ProfileAvatarURL":   profileSet("avatar_url", "mxc://hs1/SEsfnsuifSDFSSEF"),
	"ProfileDisplayName": profileSet("displayname", "my_display_name"),
	"AvatarUrlUpdate":    profileUpdate("avatar_url"),
	"DisplayNameUpdate":  profileUpdate("displayname"),
}

// profileSet sets a field of one's profile, which anybody reads.
func profileSet(field, value string) func(*testing.T, *homeserver) {
	return func(t *testing.T, hs *homeserver) {
		user, other := hs.mustRegister(t, "user"), hs.mustRegister(t, "other")
		path := "/profile/" + user.id
		user.must(t, http.MethodPut, path+"/"+field, `{%q:%q}`, field, value)
		for _, reader := range []*asker{hs.nobody(), other} {
			mustBe(t, field, reader.must(t, http.MethodGet, path+"/"+field, "").Get(field).Str, value)
			mustBe(t, field+" in the profile", reader.must(t, http.MethodGet, path, "").Get(field).Str, value)
		}
		other.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, path+"/"+field, `{%q:"theirs"}`, field)
	}
}

// profileUpdate sets a field of the profile of somebody in a room, who sees it come.
func profileUpdate(field string) func(*testing.T, *homeserver) {
	return func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		room := user.mustCreate(t, `{"preset":"public_chat"}`)
		since := user.mustSync(t).Get("next_batch").Str
		user.must(t, http.MethodPut, "/profile/"+user.id+"/"+field, `{%q:"LemurLover"}`, field)
		came := stateIn(joined(user.mustSync(t, "since", since), room).Get("timeline.events"), "m.room.member", user.id)
		mustBe(t, "the membership", came.Get("content.membership").Str, "join")
		mustBe(t, field, came.Get("content."+field).Str, "LemurLover")
	}
}
