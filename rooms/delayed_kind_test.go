package rooms_test

import (
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// What was scheduled in a room of a kind is held to the kind's rules when its time
// comes: what they refuse is finalised with the sentence.
func TestDelayedInRoomsOfKinds(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, c, _ := newDelayed(t, db)
		o.policy = rooms.TeamPolicy
		channel := func() id.RoomID {
			t.Helper()
			room := o.mustChannel(ana, rooms.Private, "Sales")
			o.must(o.invite(bia, room))
			return room
		}
		sent, archived, removed := channel(), channel(), channel()
		scheduled := map[string]string{} // to the errcode that it is to end with
		scheduled[o.mustSchedule(bia, later(sent, "hello"))] = ""
		scheduled[o.mustSchedule(bia, later(archived, "too late"))] = "M_FORBIDDEN"
		scheduled[o.mustSchedule(bia, later(removed, "not there"))] = "M_FORBIDDEN"
		o.must(o.Archive(t.Context(), by(ana), archived, true))
		o.must(o.kick(ana, bia, removed))
		c.Add(delay)
		if got := o.mustSendDue(c); got != -1 {
			t.Errorf("something is due in %d ms, want nothing", got)
		}
		for delayID, want := range scheduled {
			d := o.mustDelayed(bia, delayID)
			if got := gjson.GetBytes(d.Error, "errcode").Str; d.Finalised == 0 || got != want || (d.EventID != "") != (want == "") {
				t.Errorf("in %s: got %+v with %s, want %q", d.Room, d, d.Error, want)
			}
		}
		for room, want := range map[id.RoomID]int{sent: 1, archived: 0, removed: 0} {
			if got := len(o.delayedIn(room)); got != want {
				t.Errorf("%s: got %d events, want %d", room, got, want)
			}
		}
	})
}
