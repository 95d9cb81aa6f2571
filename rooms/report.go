package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Report is what a user has told the account's administrators about a room, an
// event in a room, or a user (section "Reporting content").
type Report struct {
	Position stream.Position // in the account's stream; names the report
	Reporter id.UserID
	Room     id.RoomID  // "": a user is reported
	Event    id.EventID // "": no event is
	User     id.UserID  // "": no user is; for an event, its sender
	Reason   string     // may be empty
	Time     int64      // ms
}

// maxReason is how long the reason of a report may be, in bytes.
const maxReason = 4096

// ReportRoom reports a room that the caller may see, be they in it or not. Any
// other is 404 M_NOT_FOUND.
func (s *Service) ReportRoom(ctx context.Context, caller tenant.Caller, room id.RoomID, reason string) error {
	return s.report(ctx, caller, Report{Room: room, Reason: reason}, func(tx Tx) error {
		if !event.ValidRoomID(room) {
			return errNoRoom()
		}
		r, err := tx.Room(room)
		if err != nil {
			return err
		}
		memberships, err := tx.Memberships(caller.User)
		if err != nil {
			return err
		}
		if r == nil || (!memberships[room].Ever() && !r.shownTo(memberships)) {
			return errNoRoom()
		}
		return nil
	})
}

// ReportEvent reports an event that the caller sees, of a room they are in. Any
// other is 404 M_NOT_FOUND.
func (s *Service) ReportEvent(ctx context.Context, caller tenant.Caller, room id.RoomID, eventID id.EventID, reason string) error {
	l, e, err := s.find(ctx, caller, room, eventID)
	if refusal.Is(err, "M_FORBIDDEN") {
		return errNoEvent()
	}
	if err != nil {
		return err
	}
	report := Report{Room: room, Event: eventID, User: e.Sender, Reason: reason}
	return s.report(ctx, caller, report, func(tx Tx) error {
		r, err := tx.Room(l.room)
		if err != nil {
			return err
		}
		if r == nil || !r.Joined(caller.User) {
			return errNoEvent()
		}
		return nil
	})
}

// ReportUser reports a user of the account. Any other is 404 M_NOT_FOUND.
func (s *Service) ReportUser(ctx context.Context, caller tenant.Caller, user id.UserID, reason string) error {
	return s.report(ctx, caller, Report{User: user, Reason: reason}, func(tx Tx) error {
		active, err := tx.UserActive(user)
		if err != nil {
			return err
		}
		if !active {
			return refusal.NotFound("There is no such user.")
		}
		return nil
	})
}

func (s *Service) report(ctx context.Context, caller tenant.Caller, r Report, check func(Tx) error) error {
	if len(r.Reason) > maxReason {
		return refusal.Invalid("The reason of a report cannot be longer than %d bytes.", maxReason)
	}
	r.Reporter, r.Time = caller.User, s.timestamp()
	return s.act(ctx, caller, func(tx Tx) error {
		if err := check(tx); err != nil {
			return err
		}
		tx.Report(r)
		return nil
	})
}

// Reports lists what has been reported in an account, oldest first, above a
// position. It is for the account's administrators.
func (s *Service) Reports(ctx context.Context, account tenant.ID, after stream.Position, limit int) ([]Report, error) {
	return s.store.Reports(ctx, account, after, s.pageLimit(limit))
}
