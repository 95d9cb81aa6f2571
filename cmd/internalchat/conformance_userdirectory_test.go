package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

var userDirectoryChecks = checks{
	"RoomSpecificUsernameChange": roomSpecificName(func(t testing.TB, alice *asker, room string) {
		alice.mustJoin(t, room)
		alice.mustPutState(t, room, "m.room.member", alice.id, `{"membership":"join","displayname":"Freddy"}`)
	}),
	"RoomSpecificUsernameAtJoin": roomSpecificName(func(t testing.TB, alice *asker, room string) {
		alice.mustPutState(t, room, "m.room.member", alice.id, `{"membership":"join","displayname":"Freddy"}`)
	}),
}

// roomSpecificName is somebody with a name that is for one room only, which they
// enter so.
func roomSpecificName(enter func(t testing.TB, alice *asker, room string)) func(*testing.T, *homeserver) {
	return func(t *testing.T, hs *homeserver) {
		alice, bob, eve := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "eve")
		public := "Alice " + strings.ReplaceAll(hs.fresh("Cooper"), "-", "") + "x" // nobody else's, and no beginning of another
		alice.must(t, http.MethodPut, "/profile/"+alice.id+"/displayname", `{"displayname":%q}`, public)
		alice.mustCreate(t, `{"visibility":"public"}`)
		room := bob.mustCreate(t, `{"visibility":"private","invite":[%q]}`, alice.id)
		enter(t, alice, room)
		mustBe(t, "the name in the room", bob.mustState(t, room, "m.room.member", alice.id).Get("displayname").Str, "Freddy")

		search := func(as *asker, term string) gjson.Result {
			return as.must(t, http.MethodPost, "/user_directory/search", `{"search_term":%q}`, term).Get("results")
		}
		for _, searcher := range []*asker{eve, bob} {
			found := search(searcher, public)
			mustBe(t, "how many are found by the public name", len(found.Array()), 1)
			mustBe(t, "who is found", found.Get("0.user_id").Str, alice.id)
			mustBe(t, "the name that is found", found.Get("0.display_name").Str, public)
			found = search(searcher, alice.id)
			mustBe(t, "who is found by their ID", found.Get("0.user_id").Str, alice.id)
			mustBe(t, "the name beside the ID", found.Get("0.display_name").Str, public)
		}
		mustBe(t, "who is found by the room's name", search(eve, "Freddy").Raw, "[]")
	}
}
