package rooms_test

import (
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// TestUpgradeSetsCreatorsAndLevels is about who has which power in a room of
// version 12 that replaces another.
func TestUpgradeSetsCreatorsAndLevels(t *testing.T) {
	a, b, e := string(ana), string(bia), string(eva)
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		for name, c := range map[string]struct {
			from      id.RoomVersion
			levels    map[string]int
			by        id.UserID
			creators  []id.UserID
			users     string
			named     string // additional_creators
			tombstone int64
		}{
			"11, by another administrator":    {"11", map[string]int{a: 100, b: 100}, bia, nil, `{"` + a + `":100}`, ``, 150},
			"11, with more of them":           {"11", map[string]int{a: 100, b: 100, e: 100}, bia, nil, `{"` + a + `":100,"` + e + `":100}`, ``, 150},
			"11, with additional creators":    {"11", map[string]int{a: 100, b: 100, e: 50}, ana, []id.UserID{bia, ana, bia}, `{"` + e + `":50}`, `["` + b + `"]`, 150},
			"12, with other creators":         {"12", map[string]int{b: 150}, bia, []id.UserID{eva}, `{}`, `["` + e + `"]`, 150},
			"12, moderator becoming creator":  {"12", map[string]int{b: 150, e: 50}, bia, []id.UserID{eva}, `{}`, `["` + e + `"]`, 150},
			"12, moderator staying moderator": {"12", map[string]int{b: 150, e: 50}, bia, nil, `{"` + e + `":50}`, ``, 150},
		} {
			old := o.mustCreate(rooms.Creation{Version: c.from})
			o.must(o.join(bia, old))
			o.must(o.join(eva, old))
			users, err := json.Marshal(c.levels)
			o.must(err)
			content := `{"users":` + string(users) + `,"events":{"m.room.tombstone":` + map[id.RoomVersion]string{"11": "100", "12": "150"}[c.from] + `}}`
			o.mustSet(ana, old, "m.room.power_levels", content)
			next := o.mustUpgrade(c.by, old, "12", c.creators...)
			create := gjson.Parse(o.state(c.by, next, "m.room.create", ""))
			mustJSON(t, name+": creators", create.Get("additional_creators").Raw, c.named)
			mustJSON(t, name+": predecessor", create.Get("predecessor").Raw, `{"room_id":"`+string(old)+`"}`)
			levels := gjson.Parse(o.state(c.by, next, "m.room.power_levels", ""))
			mustJSON(t, name+": users", levels.Get("users").Raw, c.users)
			if got := levels.Get(`events.m\.room\.tombstone`).Int(); got != c.tombstone {
				t.Errorf("%s: tombstone at %d, want %d", name, got, c.tombstone)
			}
			whole, err := o.StateEvent(t.Context(), by(c.by), next, "m.room.create", "", true)
			o.must(err)
			if got := gjson.GetBytes(whole, "event_id").Str; "!"+got[1:] != string(next) {
				t.Errorf("%s: room %s of create event %s", name, next, got)
			}
			if got := gjson.Parse(o.state(ana, old, "m.room.tombstone", "")).Get("replacement_room").Str; got != string(next) {
				t.Errorf("%s: replacement %s, want %s", name, got, next)
			}
		}
	})
}

// TestUpgradeAcrossVersions checks what one version has and another has not.
func TestUpgradeAcrossVersions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		restricted := `"allow":[{"type":"m.room_membership","room_id":"!x:acme.example"}]}`
		for _, c := range []struct {
			from, to       id.RoomVersion
			rules, want    string
			levels, atNext string
		}{
			{"10", "9", `{"join_rule":"knock_restricted",` + restricted, `{"join_rule":"invite"}`, "", ""},
			{"8", "7", `{"join_rule":"restricted",` + restricted, `{"join_rule":"invite"}`, "", ""},
			{"7", "6", `{"join_rule":"knock"}`, `{"join_rule":"invite"}`, "", ""},
			{"8", "10", `{"join_rule":"restricted",` + restricted, `{"join_rule":"restricted",` + restricted, "", ""},
			{
				"9", "11", `{"join_rule":"public"}`, `{"join_rule":"public"}`,
				`{"users":{"@ana:acme.example":"100"},"events":{"m.x":" 20 "},"ban":"60"}`,
				`{"users":{"@ana:acme.example":100},"events":{"m.x":20},"ban":60}`,
			},
			{
				"12", "11", `{"join_rule":"public"}`, `{"join_rule":"public"}`,
				`{"users":{"@bia:acme.example":50},"events":{"m.room.tombstone":150}}`,
				`{"users":{"@bia:acme.example":50,"@ana:acme.example":150},"events":{"m.room.tombstone":150}}`,
			},
		} {
			old := o.mustCreate(rooms.Creation{Version: c.from, InitialState: []rooms.InitialState{initial("m.room.join_rules", "", c.rules)}})
			if c.levels != "" {
				o.mustSet(ana, old, "m.room.power_levels", c.levels)
			}
			next := o.mustUpgrade(ana, old, c.to)
			mustJSON(t, string(c.from+" to "+c.to), o.state(ana, next, "m.room.join_rules", ""), c.want)
			if c.levels != "" {
				mustJSON(t, string(c.from+" to "+c.to), o.state(ana, next, "m.room.power_levels", ""), c.atNext)
			}
			o.mustSet(ana, next, "m.room.name", `{"name":"still mine"}`)
		}
	})
}

// TestUpgradeByLittlePower checks that who may replace a room but not change it
// replaces all of it, and leaves the old one's power levels as they are.
func TestUpgradeByLittlePower(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		old := o.mustCreate(rooms.Creation{Topic: "all"})
		o.must(o.join(bia, old))
		levels := `{"users":{"@ana:acme.example":100,"@bia:acme.example":20},"events":{"m.room.tombstone":20}}`
		o.mustSet(ana, old, "m.room.power_levels", levels)
		next := o.mustUpgrade(bia, old, "11")
		mustJSON(t, "topic", gjson.Parse(o.state(bia, next, "m.room.topic", "")).Get("topic").Raw, `"all"`)
		mustJSON(t, "levels", o.state(bia, next, "m.room.power_levels", ""), levels)
		mustJSON(t, "old levels", o.state(bia, old, "m.room.power_levels", ""), levels)
	})
}
