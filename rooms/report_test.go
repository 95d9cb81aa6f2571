package rooms_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestReports(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		public, private := o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{Preset: "private_chat"})
		o.must(o.join(bia, public))
		message, secret := o.mustSend(public, "rude"), o.mustSend(private, "secret")
		reportEvent := func(user id.UserID, room id.RoomID, event id.EventID) error {
			return o.ReportEvent(t.Context(), by(user), room, event, "rude")
		}
		reportRoom := func(user id.UserID, room id.RoomID, reason string) error {
			return o.ReportRoom(t.Context(), by(user), room, reason)
		}
		reportUser := func(user, of id.UserID) error { return o.ReportUser(t.Context(), by(user), of, "rude") }

		for name, err := range map[string]error{
			"event of a public room one is not in": reportEvent(eva, public, message),
			"event of a private room":              reportEvent(bia, private, secret),
			"event of another room":                reportEvent(bia, public, secret),
			"unknown event":                        reportEvent(bia, public, "$unknown"),
			"unknown room of an event":             reportEvent(bia, "!unknown:acme.example", message),
			"private room":                         reportRoom(bia, private, ""),
			"unknown room":                         reportRoom(bia, "!unknown:acme.example", ""),
			"no room":                              reportRoom(bia, "room", ""),
			"unknown user":                         reportUser(bia, "@nobody:acme.example"),
			"user of another server":               reportUser(bia, "@ana:other.example"),
		} {
			t.Run(name, func(t *testing.T) { mustBe(t, err, "M_NOT_FOUND") })
		}
		mustBe(t, reportRoom(bia, public, strings.Repeat("x", 4097)), "M_INVALID_PARAM")
		none, err := o.Reports(t.Context(), "acme", 0, 10)
		if len(none) != 0 || err != nil {
			t.Errorf("refused reports: got %v, %v, want none", none, err)
		}

		long := strings.Repeat("x", 4096)
		o.must(reportEvent(bia, public, message))
		o.must(reportRoom(eva, public, long)) // without being in it
		o.must(reportUser(bia, ana))
		want := []rooms.Report{
			{Reporter: bia, Room: public, Event: message, User: ana, Reason: "rude"},
			{Reporter: eva, Room: public, Reason: long},
			{Reporter: bia, User: ana, Reason: "rude"},
		}
		opts := cmpopts.IgnoreFields(rooms.Report{}, "Position", "Time")
		all, err := o.Reports(t.Context(), "acme", 0, 10)
		if diff := cmp.Diff(all, want, opts); diff != "" || err != nil {
			t.Fatalf("%v (-got +want):\n%s", err, diff)
		}
		if all[0].Time == 0 {
			t.Error("a report has no time")
		}
		rest, err := o.Reports(t.Context(), "acme", all[0].Position, 1)
		if diff := cmp.Diff(rest, want[1:2], opts); diff != "" || err != nil {
			t.Errorf("second page: %v (-got +want):\n%s", err, diff)
		}
		o.must(o.leave(bia, public))
		mustBe(t, reportEvent(bia, public, message), "M_NOT_FOUND") // still seen, but no longer in the room
		if other, err := o.Reports(t.Context(), "other", 0, 10); len(other) != 0 || err != nil {
			t.Errorf("another account: got %v, %v, want nothing", other, err)
		}
	})
}
