package rooms_test

import (
	"encoding/json"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// Whoever ends a webhook, its user keeps no power level; and where nobody else has
// one, a webhook gets its own all the same.
func TestWebhookPowerEnds(t *testing.T) {
	for name, c := range map[string]struct {
		version  id.RoomVersion
		override string // of the power levels that the room begins with
		ends     id.UserID
		want     string    // power levels of users afterwards
		wantBy   id.UserID // who set them
	}{
		"the owner":        {override: `{"events_default":50}`, ends: ana, want: `{"@ana:acme.example":100}`, wantBy: ana},
		"an administrator": {override: `{"events_default":50}`, ends: bia, want: `{"@ana:acme.example":100}`, wantBy: service},
		"no other levels":  {version: "12", override: `{"events_default":50}`, ends: ana, want: `{}`, wantBy: ana},
	} {
		t.Run(name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				o := newOffice(t, db)
				o.become(db, bia, "role = 'administrator'")
				room := o.mustCreate(rooms.Creation{Version: c.version, LevelOverride: json.RawMessage(c.override)})
				if c.version == "12" {
					o.mustSet(ana, room, "m.room.power_levels", c.override) // without users
				}
				hook, err := o.CreateWebhook(t.Context(), by(ana), rooms.Webhook{Room: room, Name: "Deploys", Token: "t"})
				o.must(err)
				if _, err := o.Post(t.Context(), "acme", hook, json.RawMessage(`{"msgtype":"m.text","body":"x"}`), ""); err != nil {
					t.Errorf("the webhook may not post: %v", err)
				}
				o.must(o.DeleteWebhook(t.Context(), by(c.ends), room, hook.ID()))
				if got, who := o.levels(room); got != c.want || who != c.wantBy {
					t.Errorf("got the levels %s by %s, want %s by %s", got, who, c.want, c.wantBy)
				}
				o.mustBeIn(room, hook.User, "leave")
			})
		})
	}
}
