package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
)

// readAggregates fills aggregates from the database and gives those that have
// anything: one query for all, and when there is something to show, one for the
// events, one for references.
func (s *Service) readAggregates(ctx context.Context, caller tenant.Caller, wanted []*aggregate) ([]*aggregate, error) {
	byID := make(map[id.EventID]*aggregate, len(wanted))
	var asked []RelatedQuery
	var of []*Bundling
	for _, one := range wanted {
		byID[one.of.ID] = one
		if n := len(of); n == 0 || of[n-1] != one.in {
			of = append(of, one.in)
			asked = append(asked, RelatedQuery{
				Room: one.in.Room, Windows: one.in.windows(), User: caller.User, Ignored: one.in.Ignored,
			})
		}
		last := &asked[len(asked)-1]
		last.Parents = append(last.Parents, one.of.ID)
	}
	related, err := s.store.Related(ctx, caller.Account, asked)
	if err != nil {
		return nil, err
	}
	var filled filling
	for i, summaries := range related {
		for _, summary := range summaries {
			if one := byID[summary.Parent]; one != nil && one.in == of[i] {
				filled.take(one, summary, asked[i])
			}
		}
	}
	if err := s.fillEvents(ctx, caller.Account, &filled); err != nil {
		return nil, err
	}
	return filled.found, s.fillReferences(ctx, caller.Account, &filled)
}

// filling is what is still to be read for some aggregates.
type filling struct {
	found []*aggregate
	known map[*aggregate]bool

	events      []ReplacementQuery
	eventsOf    []*aggregate
	references  []RelatedQuery
	referenceOf []*aggregate
}

func (f *filling) take(one *aggregate, summary RelatedSummary, asked RelatedQuery) {
	if !f.known[one] {
		if f.known == nil {
			f.known = map[*aggregate]bool{}
		}
		f.known[one] = true
		f.found = append(f.found, one)
	}
	switch summary.Type {
	case event.Replacement:
		f.events = append(f.events, ReplacementQuery{Of: one.of, UpTo: one.in.UpTo, Most: maxEdits})
		f.eventsOf = append(f.eventsOf, one)
	case event.Thread:
		one.replies, one.tookPart = summary.Count, one.tookPart || summary.TookPart
		f.events = append(f.events, ReplacementQuery{Of: &summary.Newest, UpTo: one.in.UpTo, Most: maxEdits, Itself: true})
		f.eventsOf = append(f.eventsOf, one)
	case event.Reference:
		asked.Parents = []id.EventID{one.of.ID}
		f.references = append(f.references, asked)
		f.referenceOf = append(f.referenceOf, one)
	}
}

// fillEvents reads the latest replies of threads, and the edits of these and of
// the events themselves.
func (s *Service) fillEvents(ctx context.Context, account tenant.ID, f *filling) error {
	if len(f.events) == 0 {
		return nil
	}
	read, err := s.store.Replacements(ctx, account, f.events)
	if err != nil {
		return err
	}
	for i, events := range read {
		one, asked := f.eventsOf[i], f.events[i]
		var edits []*event.Event
		for _, e := range events {
			switch {
			case !one.in.sees(e):
			case asked.Itself && e.ID == asked.Of.ID:
				// Redacted since it was summed up: then it is no reply any more.
				if e.Relation.Type == event.Thread {
					one.latest = e
				}
			default:
				edits = append(edits, e)
			}
		}
		if !asked.Itself {
			one.edit = newestEdit(one.of, edits)
		} else if one.latest != nil {
			one.latestEdit = newestEdit(one.latest, edits)
		}
	}
	return nil
}

func (s *Service) fillReferences(ctx context.Context, account tenant.ID, f *filling) error {
	if len(f.references) == 0 {
		return nil
	}
	read, err := s.store.References(ctx, account, f.references, maxReferences)
	if err != nil {
		return err
	}
	for i, references := range read {
		f.referenceOf[i].references = references
	}
	return nil
}

// RelatedBy gives those of the events to which an event relates that a filter asks
// for ([RoomEventFilter.AsksRelated]) and that the reader may see.
func (s *Service) RelatedBy(ctx context.Context, caller tenant.Caller, filter *RoomEventFilter, of Bundling) (map[id.EventID]bool, error) {
	parents := make([]id.EventID, len(of.Events))
	for i, e := range of.Events {
		parents[i] = e.ID
	}
	found, err := s.store.RelatedBy(ctx, caller.Account, RelatedByQuery{
		Room: of.Room, Windows: of.windows(), Parents: parents,
		Types: filter.relatedByTypes, Senders: filter.relatedBySenders,
	})
	if err != nil {
		return nil, err
	}
	related := make(map[id.EventID]bool, len(found))
	for _, eventID := range found {
		related[eventID] = true
	}
	return related, nil
}
