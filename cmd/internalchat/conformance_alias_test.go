package main_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/tidwall/gjson"
)

// inDirectory is the path of an alias.
func inDirectory(alias string) string { return "/directory/room/" + url.PathEscape(alias) }

// alias gives an alias that nobody has yet.
func (hs *homeserver) alias(name string) string { return "#" + hs.fresh(name) + ":hs1" }

// mustName gives a room one more alias, and demands that it points there.
func (a *asker) mustName(t testing.TB, room, alias string) {
	t.Helper()
	a.must(t, http.MethodPut, inDirectory(alias), `{"room_id":%q}`, room)
	mustBe(t, "the room of "+alias, a.must(t, http.MethodGet, inDirectory(alias), "").Get("room_id").Str, room)
}

// mustUnname removes an alias.
func (a *asker) mustUnname(t testing.TB, alias string) {
	t.Helper()
	a.must(t, http.MethodDelete, inDirectory(alias), "")
	a.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inDirectory(alias), "")
}

var aliasChecks = checks{
	"RoomAlias": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{}`)
		aliases := inRoom(room) + "/aliases"
		mustBe(t, "the aliases at first", alice.must(t, http.MethodGet, aliases, "").Get("aliases").Raw, "[]")
		alias := hs.alias("lists_aliases")
		alice.mustName(t, room, alias)
		mustBe(t, "the aliases", alice.must(t, http.MethodGet, aliases, "").Get("aliases").Raw, `["`+alias+`"]`)
		bob.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodGet, aliases, "")
		alice.mustName(t, room, hs.alias("老虎£я"))
		taken := alice.mustBeRefused(t, http.StatusConflict, "", http.MethodPut, inDirectory(alias), `{"room_id":%q}`, room)
		mustBe(t, "a reason is given", taken.Get("error").Str != "", true)
	},
	"RoomDeleteAlias":    parts(deleteAliasChecks),
	"RoomCanonicalAlias": parts(canonicalAliasChecks),
}

var deleteAliasChecks = checks{
	"one's own without power": func(t *testing.T, hs *homeserver) {
		alice, bob, alias := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.alias("no_ops_delete")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		bob.mustName(t, room, alias)
		bob.mustUnname(t, alias)
		// The same in an ordinary room, and in one that keeps m.room.aliases to the mighty.
		room = alice.mustCreate(t, `{"invite":[%q]}`, bob.id)
		bob.mustJoin(t, room)
		bob.mustName(t, room, alias)
		bob.mustUnname(t, alias)
		alice.mustPutState(t, room, "m.room.power_levels", "", `{"users":{%q:100},"events":{"m.room.aliases":50}}`, alice.id)
		bob.mustName(t, room, alias)
		bob.mustUnname(t, alias)
	},
	"one's own that is canonical": func(t *testing.T, hs *homeserver) {
		alice, bob, alias := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.alias("no_ops_delete_canonical")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		bob.mustName(t, room, alias)
		alice.mustPutState(t, room, "m.room.canonical_alias", "", `{"alias":%q}`, alias)
		bob.mustUnname(t, alias)
	},
	"the canonical one": func(t *testing.T, hs *homeserver) {
		alice, alias := hs.mustRegister(t, "alice"), hs.alias("random_alias")
		room := alice.mustCreate(t, `{}`)
		alice.mustName(t, room, alias)
		alice.mustPutState(t, room, "m.room.canonical_alias", "", `{"alias":%q}`, alias)
		since := alice.mustSync(t).Get("next_batch").Str
		alice.mustUnname(t, alias)
		emptied := stateIn(joined(alice.mustSync(t, "since", since), room).Get("timeline.events"), "m.room.canonical_alias", "")
		mustBe(t, "what is left of the canonical alias", emptied.Get("content").Raw, "{}")
	},
	"an unknown one": func(t *testing.T, hs *homeserver) {
		hs.mustRegister(t, "bob").mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodDelete, inDirectory(hs.alias("scatman_portal")), "")
	},
	"another's": func(t *testing.T, hs *homeserver) {
		alice, bob, alias := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.alias("random_alias")
		room := alice.mustCreate(t, `{"invite":[%q]}`, bob.id)
		bob.mustJoin(t, room)
		alice.mustName(t, room, alias)
		bob.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodDelete, inDirectory(alias), "")
		mustBe(t, "the alias stays", bob.must(t, http.MethodGet, inDirectory(alias), "").Get("room_id").Str, room)
		alice.mustPutState(t, room, "m.room.power_levels", "", `{"users":{%q:100,%q:100}}`, alice.id, bob.id)
		bob.mustUnname(t, alias)
	},
}

var canonicalAliasChecks = checks{
	"accepted": func(t *testing.T, hs *homeserver) {
		user, alias, other := hs.mustRegister(t, "user"), hs.alias("present"), hs.alias("alt_present")
		room := user.mustCreate(t, `{}`)
		user.mustName(t, room, alias)
		user.mustName(t, room, other)
		mustBe(t, "it is an event", user.mustPutState(t, room, "m.room.canonical_alias", "", `{"alias":%q}`, alias) != "", true)
		user.mustPutState(t, room, "m.room.canonical_alias", "", `{"alias":%q,"alt_aliases":[%q,%q]}`, alias, alias, other)
		mustBe(t, "the other alias", user.mustState(t, room, "m.room.canonical_alias", "").Get("alt_aliases.1").Str, other)
	},
	"refused": func(t *testing.T, hs *homeserver) {
		user, alias, gone, theirs := hs.mustRegister(t, "user"), hs.alias("mine"), hs.alias("gone"), hs.alias("theirs")
		room, other := user.mustCreate(t, `{}`), user.mustCreate(t, `{}`)
		user.mustName(t, room, alias)
		user.mustName(t, room, gone)
		user.mustUnname(t, gone)
		user.mustName(t, other, theirs)
		for bad, errcode := range map[string]string{
			hs.alias("missing"):      "M_BAD_ALIAS",
			gone:                     "M_BAD_ALIAS",
			theirs:                   "M_BAD_ALIAS",
			"%invalid_aliases:hs1":   "M_INVALID_PARAM",
			"#no_server_in_the_name": "M_INVALID_PARAM",
		} {
			path := inState(room, "m.room.canonical_alias", "")
			user.mustBeRefused(t, http.StatusBadRequest, errcode, http.MethodPut, path, `{"alias":%q}`, bad)
			user.mustBeRefused(t, http.StatusBadRequest, errcode, http.MethodPut, path, `{"alias":%q,"alt_aliases":[%q]}`, alias, bad)
		}
	},
}

var directoryChecks = checks{
	"PublicRooms": parts(checks{
		"searched": func(t *testing.T, hs *homeserver) {
			user, word := hs.mustRegister(t, "user"), hs.fresh("wombles")
			room := user.mustCreate(t, `{"visibility":"public","name":"Test Name","topic":%q}`, "Test Topic W"+word[1:]+".")
			found := user.must(t, http.MethodPost, "/publicRooms", `{"filter":{"generic_search_term":%q}}`, word+".").Get("chunk")
			mustBe(t, "how many are found", len(found.Array()), 1)
			mustBe(t, "the room that is found", found.Get("0.room_id").Str, room)
		},
		"fields": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			for _, is := range []struct{ name, topic string }{
				{"", ""},
				{"name_1", ""},
				{"", "topic_1"},
				{"name_2", "topic_2"},
				{"un nom français", ""},
				{"", "un topic à la française"},
				{"un nom français", "un topic à la française"},
			} {
				alias := hs.fresh("publicroomalias")
				room := user.mustCreate(t, `{"visibility":"public","room_alias_name":%q%s%s}`,
					alias, optional("name", is.name), optional("topic", is.topic))
				entry := user.mustFindPublic(t, "", room)
				mustBe(t, "the alias", entry.Get("canonical_alias").Str, "#"+alias+":hs1")
				mustBe(t, "the name", entry.Get("name").Str, is.name)
				mustBe(t, "the topic", entry.Get("topic").Str, is.topic)
				mustBe(t, "the members", entry.Get("num_joined_members").Int(), 1)
				for _, key := range []string{"world_readable", "guest_can_join"} {
					mustBe(t, key+" is told", entry.Get(key).IsBool(), true)
				}
			}
		},
		"visibility": func(t *testing.T, hs *homeserver) {
			alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
			room := alice.mustCreate(t, `{"preset":"public_chat"}`)
			list := "/directory/list/room/" + url.PathEscape(room)
			mustBe(t, "the visibility at first", alice.must(t, http.MethodGet, list, "").Get("visibility").Str, "private")
			mustBe(t, "it is listed at first", bob.mustFindPublic(t, "", room).Exists(), false)
			bob.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, list, `{"visibility":"public"}`)
			for _, visibility := range []string{"public", "private"} {
				alice.must(t, http.MethodPut, list, `{"visibility":%q}`, visibility)
				mustBe(t, "the visibility", alice.must(t, http.MethodGet, list, "").Get("visibility").Str, visibility)
				mustBe(t, "it is listed", bob.mustFindPublic(t, "", room).Exists(), visibility == "public")
			}
		},
	}),
}

// mustFindPublic goes through all public rooms for one, which does not exist if
// it is not among them.
func (a *asker) mustFindPublic(t testing.TB, since, room string) gjson.Result {
	t.Helper()
	page := a.must(t, http.MethodGet, "/publicRooms?"+query("since", since, "limit", "50"), "")
	for _, entry := range page.Get("chunk").Array() {
		if entry.Get("room_id").Str == room {
			return entry
		}
	}
	if next := page.Get("next_batch").Str; next != "" {
		return a.mustFindPublic(t, next, room)
	}
	return gjson.Result{}
}
