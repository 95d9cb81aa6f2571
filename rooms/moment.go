package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// EventAt gives the event closest to a moment (ms): Forwards the first one that is
// not older, Backwards the last that is not newer, of those the caller may see.
// When there is none it is 404 M_NOT_FOUND. Where the server's clock was set back,
// it is one close to that.
func (s *Service) EventAt(ctx context.Context, caller tenant.Caller, room id.RoomID, moment int64, d Direction) (id.EventID, int64, error) {
	l, err := s.look(ctx, caller, room, nil)
	if err != nil {
		return "", 0, err
	}
	found, err := s.halve(ctx, l, moment, d)
	if err != nil {
		return "", 0, err
	}
	if found == nil {
		return "", 0, errNoMoment()
	}
	from := &scan{look: l, service: s, direction: d, limit: 1}
	bounds := Window{0, found.Position}
	if d == Forwards {
		bounds = Window{found.Position - 1, l.until}
	}
	if err := from.run(ctx, bounds); err != nil {
		return "", 0, err
	}
	if len(from.events) == 0 {
		return "", 0, errNoMoment()
	}
	return from.events[0].ID, from.events[0].Timestamp, nil
}

func errNoMoment() error {
	return refusal.NotFound("There is no event at that time, or none that you may see.")
}

// halve looks for the event in the whole room, visible or not, by halving the
// stretch in which it must be: timestamps grow with positions.
func (s *Service) halve(ctx context.Context, l *look, moment int64, d Direction) (*event.Event, error) {
	var best *event.Event
	for rest := (Window{0, l.until}); rest.After < rest.UpTo; {
		half, probe := rest, &scan{look: l, service: s, direction: d}
		if d == Forwards {
			half.After = (rest.After + rest.UpTo) / 2
		} else {
			half.UpTo = (rest.After + rest.UpTo + 1) / 2
		}
		events, err := probe.read(ctx, half, 1)
		if err != nil {
			return nil, err
		}
		switch {
		case d == Forwards && (len(events) == 0 || events[0].Timestamp >= moment):
			rest.UpTo = half.After
		case d == Forwards:
			rest.After = events[0].Position
			continue
		case len(events) == 0 || events[0].Timestamp <= moment:
			rest.After = half.UpTo
		default:
			rest.UpTo = events[0].Position - 1
			continue
		}
		if len(events) > 0 {
			best = events[0]
		}
	}
	return best, nil
}
