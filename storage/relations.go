package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const (
	insertRelationSQL = `
		INSERT INTO relations (account, position, room, parent, rel_type, event_id, type, sender, timestamp, annotation)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

	deleteRelationSQL = `DELETE FROM relations WHERE account = $1 AND position = $2`

	annotationSQL = `SELECT event_id FROM relations WHERE account = $1 AND annotation = $2`
)

// addRelations adds the rows of the group's relations. What was redacted goes
// first, so that a reaction that was taken back may come again; what came and
// went within the group is never written.
func (g *group) addRelations(b *sqldb.Batch, account tenant.ID) {
	gone := map[id.EventID]bool{}
	for _, e := range g.redacted {
		gone[e.ID] = true
		if e.Position <= g.base.head {
			b.Add(deleteRelationSQL, account, e.Position)
		}
	}
	for _, c := range g.changes {
		e := c.Event
		if e == nil || e.Relation.Type == "" || gone[e.ID] {
			continue
		}
		b.Add(insertRelationSQL, account, e.Position, e.Room, e.Relation.Parent, e.Relation.Type,
			e.ID, e.Type, e.Sender, e.Timestamp, annotation(e))
	}
}

// annotation gives what an event may annotate only once: a digest, for keys may
// be too long for an index. Nil for what is no annotation.
func annotation(e *event.Event) *string {
	if e.Relation.Type != event.Annotation || e.Relation.Key == "" {
		return nil
	}
	// No ID and no type of an event has a NUL in it.
	sum := sha256.Sum256([]byte(string(e.Relation.Parent) + "\x00" + string(e.Sender) + "\x00" + e.Type + "\x00" + e.Relation.Key))
	digest := hex.EncodeToString(sum[:])
	return &digest
}

// Annotated implements rooms.Tx. Like a transaction, what the database has is
// looked up only once a commit has failed on it.
func (t *tx) Annotated(e *event.Event) (bool, error) {
	digest := annotation(e)
	if digest == nil {
		return false, nil
	}
	for _, changes := range [][]rooms.Change{t.group.changes, t.changes} {
		for _, c := range changes {
			if c.Event != nil && sameAnnotation(c.Event, e) && !t.redacts(c.Event.ID) {
				return true, nil
			}
		}
	}
	if !t.lookUp {
		return false, nil
	}
	first, found, err := sqldb.One(t.ctx, t.group.account.store.db, sqldb.Value[id.EventID], annotationSQL, t.group.account.id, *digest)
	if err != nil {
		return false, fmt.Errorf("look up annotation: %w", err)
	}
	return found && !t.redacts(first), nil
}

func sameAnnotation(x, y *event.Event) bool {
	return x.Relation == y.Relation && x.Sender == y.Sender && x.Type == y.Type
}

// redacts tells whether the act or its group empties an event.
func (t *tx) redacts(eventID id.EventID) bool {
	is := func(e redactedEvent) bool { return e.ID == eventID }
	return slices.ContainsFunc(t.group.redacted, is) || slices.ContainsFunc(t.redacted, is)
}
