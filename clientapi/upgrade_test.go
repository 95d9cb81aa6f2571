package clientapi_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/conversalabs/internalchat/rooms"
)

func TestUpgradeOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"preset":"public_chat"}`)
	f.exchanges(room, []exchange{
		{bia, "POST", "/rooms/ROOM/join", ``, 200, "", "", ""},
		{ana, "POST", "/rooms/ROOM/upgrade", `{}`, 400, "M_MISSING_PARAM", "", ""},
		{ana, "POST", "/rooms/ROOM/upgrade", ``, 400, "M_NOT_JSON", "", ""},
		{ana, "POST", "/rooms/ROOM/upgrade", `{"new_version":12}`, 400, "M_BAD_JSON", "", ""},
		{ana, "POST", "/rooms/ROOM/upgrade", `{"new_version":"1"}`, 400, "M_UNSUPPORTED_ROOM_VERSION", "", ""},
		{ana, "POST", "/rooms/ROOM/upgrade", `{"new_version":"12","additional_creators":"@bia:acme.test"}`, 400, "M_BAD_JSON", "", ""},
		{ana, "POST", "/rooms/ROOM/upgrade", `{"new_version":"12","additional_creators":["bia"]}`, 400, "M_INVALID_PARAM", "", ""},
		{bia, "POST", "/rooms/ROOM/upgrade", `{"new_version":"12"}`, 403, "M_FORBIDDEN", "error", `"Upgrading this room needs power level 100, and yours is 0."`},
		{eve, "POST", "/rooms/ROOM/upgrade", `{"new_version":"12"}`, 403, "M_FORBIDDEN", "", ""},
		{ana, "POST", "/rooms/!unknown:acme.test/upgrade", `{"new_version":"12"}`, 403, "M_FORBIDDEN", "", ""},
		{ana, "GET", "/rooms/ROOM/state/m.room.tombstone", ``, 404, "M_NOT_FOUND", "", ""},
	})
	next := f.must(ana, http.MethodPost, "/rooms/"+room+"/upgrade", `{"new_version":"12","additional_creators":["@bia:acme.test"]}`).Get("replacement_room").Str
	f.exchanges(room, []exchange{
		{ana, "GET", "/rooms/ROOM/state/m.room.tombstone", ``, 200, "", "replacement_room", `"` + next + `"`},
		{ana, "GET", "/rooms/" + url.PathEscape(next) + "/state/m.room.create", ``, 200, "", "additional_creators", `["@bia:acme.test"]`},
	})
	team := newRoomFixture(t, rooms.TeamPolicy)
	room = team.mustCreate(`{}`)
	team.exchanges(room, []exchange{
		{ana, "POST", "/rooms/ROOM/upgrade", `{"new_version":"12"}`, 400, "M_UNSUPPORTED_ROOM_VERSION", "", ""},
		{ana, "POST", "/rooms/ROOM/upgrade", `{"new_version":"9"}`, 400, "M_UNSUPPORTED_ROOM_VERSION", "", ""},
		{ana, "POST", "/rooms/ROOM/upgrade", `{"new_version":"10"}`, 200, "", "", ""},
	})
}

// TestPowerOfCreators is about rooms of version 12, whose creators stand above
// all levels.
func TestPowerOfCreators(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"room_version":"12","preset":"public_chat"}`)
	const levels = "/rooms/ROOM/state/m.room.power_levels"
	f.exchanges(room, []exchange{
		{ana, "GET", levels, "", 200, "", "users", `{}`},
		{ana, "GET", levels, "", 200, "", `events.m\.room\.tombstone`, `150`},
		{ana, "PUT", levels, `{"users":{"@ana:acme.test":100}}`, 400, "M_BAD_JSON", "", ""},
		{ana, "PUT", levels, `{"users":{"@bia:acme.test":9007199254740992}}`, 400, "M_BAD_JSON", "", ""},
	})
	for _, level := range []string{"100", "949342", "9007199254740991"} {
		f.exchanges(room, []exchange{
			{bia, "POST", "/rooms/ROOM/join", ``, 200, "", "", ""},
			{ana, "PUT", levels, `{"users":{"@bia:acme.test":` + level + `}}`, 200, "", "", ""},
			{bia, "POST", "/rooms/ROOM/kick", `{"user_id":"@ana:acme.test"}`, 403, "M_FORBIDDEN", "", ""},
			{bia, "POST", "/rooms/ROOM/ban", `{"user_id":"@ana:acme.test"}`, 403, "M_FORBIDDEN", "", ""},
			{ana, "POST", "/rooms/ROOM/kick", `{"user_id":"@bia:acme.test"}`, 200, "", "", ""},
		})
	}
	f.exchanges("", []exchange{
		{ana, "POST", "/createRoom", `{"room_version":"12","power_level_content_override":{"users":{"@ana:acme.test":100}}}`, 400, "M_BAD_JSON", "", ""},
		{ana, "POST", "/createRoom", `{"room_version":"12","creation_content":{"additional_creators":["@bia:acme.test"]},"power_level_content_override":{"users":{"@bia:acme.test":100}}}`, 400, "M_BAD_JSON", "", ""},
	})
	overridden := f.mustCreate(`{"room_version":"12","invite":["@bia:acme.test"],"power_level_content_override":{"users":{"@bia:acme.test":100}}}`)
	f.exchanges(overridden, []exchange{{ana, "GET", levels, "", 200, "", "users", `{"@bia:acme.test":100}`}})
}

func TestAdditionalCreators(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"room_version":"12","preset":"public_chat","creation_content":{"additional_creators":["@bia:acme.test"]}}`)
	f.exchanges(room, []exchange{
		{bia, "POST", "/rooms/ROOM/join", ``, 200, "", "", ""},
		{ana, "POST", "/rooms/ROOM/kick", `{"user_id":"@bia:acme.test"}`, 403, "M_FORBIDDEN", "", ""},
		{bia, "PUT", "/rooms/ROOM/state/m.room.name", `{"name":"Bia's"}`, 200, "", "", ""},
		{ana, "PUT", "/rooms/ROOM/state/m.room.power_levels", `{"users":{"@bia:acme.test":100}}`, 400, "M_BAD_JSON", "", ""},
	})
	create := func(creators string) string {
		return `{"room_version":"12","preset":"public_chat","creation_content":{"additional_creators":` + creators + `}}`
	}
	f.exchanges("", []exchange{
		{ana, "POST", "/createRoom", create(`"not-an-array"`), 400, "M_BAD_JSON", "", ""},
		{ana, "POST", "/createRoom", create(`["@foo:example.com",42]`), 400, "M_BAD_JSON", "", ""},
		{ana, "POST", "/createRoom", create(`["@foo:example.com","not-a-user-id"]`), 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/createRoom", create(`["@invalid:dom$ain$.com"]`), 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/createRoom", create(`["@foo:example.com","@bar:baz.code"]`), 200, "", "", ""},
	})
	trusted := f.mustCreate(`{"room_version":"12","preset":"trusted_private_chat","is_direct":true,"invite":["@bia:acme.test"],
		"creation_content":{"additional_creators":["@caio:acme.test","@bia:acme.test"]}}`)
	f.exchanges(trusted, []exchange{
		{ana, "GET", "/rooms/ROOM/state/m.room.create", "", 200, "", "additional_creators", `["@caio:acme.test","@bia:acme.test"]`},
		{ana, "GET", "/rooms/ROOM/state/m.room.power_levels", "", 200, "", "users", `{}`},
	})
	older := f.mustCreate(`{"room_version":"11","preset":"trusted_private_chat","invite":["@bia:acme.test"]}`)
	f.exchanges(older, []exchange{
		{ana, "GET", "/rooms/ROOM/state/m.room.create", "", 200, "", "additional_creators", ``},
		{ana, "GET", "/rooms/ROOM/state/m.room.power_levels", "", 200, "", "users", `{"@ana:acme.test":100,"@bia:acme.test":100}`},
	})
}

// TestTheCreateEventOfVersion12 checks that the event carries the room's ID
// wherever a client reads it, which the stored event does not.
func TestTheCreateEventOfVersion12(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	for _, version := range []string{"11", "12"} {
		room := f.mustCreate(`{"room_version":"` + version + `"}`)
		f.exchanges(room, []exchange{
			{ana, "PUT", "/rooms/ROOM/state/m.room.create", `{"room_version":"` + version + `","entropy":100}`, 400, "M_BAD_JSON", "", ""},
			{ana, "PUT", "/rooms/ROOM/state/m.room.create/x", `{"room_version":"` + version + `"}`, 400, "M_BAD_JSON", "", ""},
			{ana, "PUT", "/rooms/ROOM/send/m.room.create/1", `{"room_version":"` + version + `"}`, 400, "M_BAD_JSON", "", ""},
		})
	}
	room := f.mustCreate(`{"room_version":"12"}`)
	unescaped, err := url.PathUnescape(room)
	if err != nil {
		t.Fatal(err)
	}
	create := "$" + unescaped[1:]
	message := f.must(ana, http.MethodPut, "/rooms/"+room+"/send/m.room.message/1", `{"body":"Hello"}`).Get("event_id").Str
	const the = `#(type=="m.room.create").room_id`
	f.exchanges(room, []exchange{
		{ana, "GET", "/rooms/ROOM/state", "", 200, "", the, `"ROOM"`},
		{ana, "GET", "/rooms/ROOM/state/m.room.create/?format=event", "", 200, "", "room_id", `"ROOM"`},
		{ana, "GET", "/rooms/ROOM/state/m.room.create/?format=event", "", 200, "", "event_id", `"` + create + `"`},
		{ana, "GET", "/rooms/ROOM/messages?dir=b&limit=100", "", 200, "", "chunk." + the, `"ROOM"`},
		{ana, "GET", "/rooms/ROOM/event/" + create, "", 200, "", "room_id", `"ROOM"`},
		{ana, "GET", "/rooms/ROOM/context/" + create, "", 200, "", "event.room_id", `"ROOM"`},
		{ana, "GET", "/rooms/ROOM/context/" + message + "?limit=100", "", 200, "", "events_before." + the, `"ROOM"`},
		{ana, "GET", "/rooms/ROOM/context/" + message + "?limit=100", "", 200, "", "state." + the, `"ROOM"`},
	})
}
