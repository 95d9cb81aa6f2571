package rooms

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// entailments are what changes may entail, one after the other. Each looks at how
// things are now, and does nothing where that is not its business.
var entailments = map[stream.Kind][]func(*entailing, context.Context) error{
	stream.UserChanged: {
		(*entailing).depart, (*entailing).forget, (*entailing).introduce,
		(*entailing).attend, (*entailing).settle, (*entailing).joinTeams, (*entailing).joinSpace,
	},
	stream.TeamChanged:      {(*entailing).keepTeam},
	stream.DirectoryChanged: {(*entailing).gather, (*entailing).disperse, (*entailing).keepSpace},
	stream.SettingsChanged:  {(*entailing).keepSpace},
}

// Entail carries out what a change entails for who is in which room. Of a user
// ([stream.UserChanged]): who is deactivated leaves, what told of who is erased is
// redacted, a profile that was changed from outside is shown in rooms, who is active is
// in every announcement, and who is new is let into the rooms that are for everybody. Of
// a team: its people are in the channels that follow it. Of a room's place in the
// directory: everybody comes into a new announcement, and out of a room that was
// deleted. Of the directory or the account's settings: the account's space has what it
// is to have. How things are now counts, not how they were at the entry; but memberships
// that began after it are left to what came after it. It acts room by room, and in a
// room on some people at a time, so that nobody waits for it; doing it again, or going
// on after a crash, does what is left. report gets what a room's rules refuse: it is
// passed over, since it would be refused again.
func (s *Service) Entail(ctx context.Context, account tenant.ID, change stream.Item, report func(error)) error {
	policy, err := s.policies.RoomPolicy(ctx, account)
	if err != nil {
		return err
	}
	e := &entailing{
		service: s, account: account, policy: policy, change: change, user: change.User, room: change.Room,
		at: change.Position, report: report,
	}
	for _, entailed := range entailments[change.Kind] {
		if err := entailed(e, ctx); err != nil {
			return err
		}
	}
	return nil
}

// entailing is an entry whose consequences are being carried out.
type entailing struct {
	service *Service
	account tenant.ID
	policy  Policy
	change  stream.Item
	user    id.UserID // whom the change is of, or ""
	room    id.RoomID // which room it is of, or ""
	at      stream.Position
	report  func(error)
	// passed is what the act under way goes on without, since it was refused.
	passed error
}

// touches tells whether a membership is one of these and older than the entry.
func (e *entailing) touches(spans Spans, memberships ...string) bool {
	return spans.Since() < e.at && slices.Contains(memberships, spans.Current())
}

// act runs one act of the server itself.
func (e *entailing) act(ctx context.Context, do func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := e.service.loneAct(ctx, tenant.Caller{Account: e.account}, func(tx Tx) error {
		e.passed = nil // of an earlier run
		return do(tx)
	})
	if err == nil {
		err = e.passed
	}
	if refused(err) {
		e.report(err)
		return nil
	}
	return err
}

// pass lets the act under way go on without what a room's rules refuse.
func (e *entailing) pass(err error) error {
	if !refused(err) {
		return err
	}
	e.passed = errors.Join(e.passed, err)
	return nil
}

// refused tells whether an error would come again, however often it were tried.
func refused(err error) bool {
	r := refusal.As(err)
	return r != nil && r.Status < 500
}

// each runs an act in each of the rooms, and stops when one cannot be done.
func (e *entailing) each(ctx context.Context, rooms []id.RoomID, do func(w *writing) error) error {
	slices.Sort(rooms)
	for _, room := range rooms {
		err := e.act(ctx, func(tx Tx) error {
			w, err := e.service.open(tx, room)
			if err != nil {
				return err
			}
			return do(w)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// serverName is that of the account, as every user's ID has it.
func (e *entailing) serverName() string { return cmp.Or(e.user.Homeserver(), e.policy.Server) }

// why is why the server does what it does.
func (e *entailing) why() service { return service{server: e.serverName()} }
