package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// fromWindows and inWindow keep what a table r has within the windows $1 (each
// after) and $2 (each up to). CROSS JOIN makes SQLite run the loops in the order in
// which they are written: few windows, in each a stretch of an index.
const (
	fromWindows = `FROM unnest($1::bigint[], $2::bigint[]) AS w(after, up_to) CROSS JOIN `
	inWindow    = `r.position > w.after AND r.position <= w.up_to`
)

const relatedSQL = `
	SELECT s.parent, s.rel_type, s.events, s.took_part, l.event_id, l.type, l.sender, l.position FROM (
		SELECT r.parent, r.rel_type, COUNT(*) AS events, MAX(r.position) AS newest,
			MAX(CASE WHEN r.sender = $3 THEN 1 ELSE 0 END) AS took_part
		` + fromWindows + `relations r
		WHERE ` + inWindow + ` AND r.account = $4 AND r.room = $5 AND r.parent = ANY($6)
			AND r.rel_type IN ('m.replace', 'm.thread', 'm.reference') AND r.sender <> ALL($7)
		GROUP BY r.parent, r.rel_type
	) s JOIN relations l ON l.account = $4 AND l.position = s.newest`

// Related implements rooms.Store.
func (s *Store) Related(ctx context.Context, account tenant.ID, asked []rooms.RelatedQuery) ([][]rooms.RelatedSummary, error) {
	all := make([][]rooms.RelatedSummary, len(asked))
	args := make([][]any, len(asked))
	for i, q := range asked {
		after, upTo := bounds(q.Windows)
		args[i] = []any{after, upTo, q.User, account, q.Room, texts(q.Parents), users(q.Ignored)}
	}
	err := s.db.QueryMany(ctx, relatedSQL, args, func(i int, r sqldb.Row) error {
		var one rooms.RelatedSummary
		var tookPart int
		err := r.Scan(&one.Parent, &one.Type, &one.Count, &tookPart, &one.Newest.ID, &one.Newest.Type, &one.Newest.Sender, &one.Newest.Position)
		one.TookPart = tookPart != 0
		all[i] = append(all[i], one)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what relates to events: %w", err)
	}
	return all, nil
}

func users(set map[id.UserID]bool) []string { return texts(slices.Collect(maps.Keys(set))) }

func bounds(windows []rooms.Window) (after, upTo []int64) {
	after, upTo = make([]int64, len(windows)), make([]int64, len(windows))
	for i, w := range windows {
		after[i], upTo[i] = int64(w.After), int64(w.UpTo)
	}
	return after, upTo
}

// replacementsSQL reads the newest replacements of an event, and an event itself
// by its position.
const replacementsSQL = eventsSQL + `
	WHERE e.account = $1 AND e.position IN (
		SELECT position FROM (
			SELECT position FROM relations
			WHERE account = $1 AND parent = $2 AND rel_type = 'm.replace' AND sender = $3 AND type = $4 AND position <= $5
			ORDER BY timestamp DESC, event_id DESC LIMIT $6
		) newest
		UNION ALL SELECT $7::bigint
	)`

// Replacements implements rooms.Store.
func (s *Store) Replacements(ctx context.Context, account tenant.ID, asked []rooms.ReplacementQuery) ([][]*event.Event, error) {
	all := make([][]*event.Event, len(asked))
	args := make([][]any, len(asked))
	for i, q := range asked {
		itself := stream.Position(0)
		if q.Itself {
			itself = q.Of.Position
		}
		args[i] = []any{account, q.Of.ID, q.Of.Sender, q.Of.Type, q.UpTo, q.Most, itself}
	}
	err := s.db.QueryMany(ctx, replacementsSQL, args, func(i int, r sqldb.Row) error {
		e, err := scanAnyEvent(r)
		all[i] = append(all[i], e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read replacements: %w", err)
	}
	return all, nil
}

const referencesSQL = `
	SELECT r.event_id ` + fromWindows + `relations r
	WHERE ` + inWindow + ` AND r.account = $3 AND r.room = $4 AND r.parent = $5 AND r.rel_type = 'm.reference' AND r.sender <> ALL($7)
	ORDER BY r.position LIMIT $6`

// References implements rooms.Store.
func (s *Store) References(ctx context.Context, account tenant.ID, asked []rooms.RelatedQuery, most int) ([][]id.EventID, error) {
	all := make([][]id.EventID, len(asked))
	args := make([][]any, len(asked))
	for i, q := range asked {
		after, upTo := bounds(q.Windows)
		args[i] = []any{after, upTo, account, q.Room, q.Parents[0], most, users(q.Ignored)}
	}
	err := s.db.QueryMany(ctx, referencesSQL, args, func(i int, r sqldb.Row) error {
		eventID, err := sqldb.Value[id.EventID](r)
		all[i] = append(all[i], eventID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read references: %w", err)
	}
	return all, nil
}

// descendantsSQL walks down from an event, level by level.
const descendantsSQL = `
	WITH RECURSIVE tree (event_id, position, rel_type, type, sender, depth) AS (
		SELECT event_id, position, rel_type, type, sender, 1 FROM relations
		WHERE account = $3 AND room = $4 AND parent = $5
		UNION ALL
		SELECT c.event_id, c.position, c.rel_type, c.type, c.sender, t.depth + 1 FROM tree t CROSS JOIN relations c
		WHERE t.depth < $6 AND c.account = $3 AND c.room = $4 AND c.parent = t.event_id
	)` + eventsSQL + `
	WHERE e.account = $3 AND e.position IN (
		SELECT position FROM (
			SELECT r.position ` + fromWindows + `tree r
			WHERE ` + inWindow + ` AND ($7 = '' OR r.rel_type = $7) AND ($8 = '' OR r.type = $8) AND r.sender <> ALL($10)
			ORDER BY r.position `

const (
	descendantsBackwardsSQL = descendantsSQL + `DESC LIMIT $9) page) ORDER BY e.position DESC`
	descendantsForwardsSQL  = descendantsSQL + `ASC LIMIT $9) page) ORDER BY e.position ASC`
)

// Descendants implements rooms.Store.
func (s *Store) Descendants(ctx context.Context, account tenant.ID, q rooms.DescendantsQuery) ([]*event.Event, error) {
	sql := descendantsBackwardsSQL
	if q.Direction == rooms.Forwards {
		sql = descendantsForwardsSQL
	}
	after, upTo := bounds(q.Windows)
	return sqldb.All(ctx, s.db, scanAnyEvent, sql, after, upTo, account, q.Room, q.Parent, q.Depth, q.RelType, q.Type, q.Limit, users(q.Ignored))
}

const threadsSQL = `
	SELECT r.parent, MAX(r.position) AS newest, MAX(CASE WHEN r.sender = $3 THEN 1 ELSE 0 END)
	` + fromWindows + `relations r
	WHERE ` + inWindow + ` AND r.account = $4 AND r.room = $5 AND r.rel_type = 'm.thread' AND r.sender <> ALL($8)
	GROUP BY r.parent HAVING MAX(r.position) <= $6
	ORDER BY newest DESC LIMIT $7`

// Threads implements rooms.Store.
func (s *Store) Threads(ctx context.Context, account tenant.ID, q rooms.ThreadsQuery) ([]rooms.ThreadSummary, error) {
	after, upTo := bounds(q.Windows)
	return sqldb.All(ctx, s.db, func(r sqldb.Row) (rooms.ThreadSummary, error) {
		var one rooms.ThreadSummary
		var tookPart int
		err := r.Scan(&one.Root, &one.Newest, &tookPart)
		one.TookPart = tookPart != 0
		return one, err
	}, threadsSQL, after, upTo, q.User, account, q.Room, q.UpTo, q.Limit, users(q.Ignored))
}

const relatedBySQL = `
	SELECT DISTINCT r.parent ` + fromWindows + `relations r
	WHERE ` + inWindow + ` AND r.account = $3 AND r.room = $4 AND r.parent = ANY($5)
		AND ($6 OR r.rel_type = ANY($7)) AND ($8 OR r.sender = ANY($9))`

// RelatedBy implements rooms.Store.
func (s *Store) RelatedBy(ctx context.Context, account tenant.ID, q rooms.RelatedByQuery) ([]id.EventID, error) {
	after, upTo := bounds(q.Windows)
	return sqldb.All(ctx, s.db, sqldb.Value[id.EventID], relatedBySQL,
		after, upTo, account, q.Room, texts(q.Parents), q.Types == nil, orEmpty(q.Types), q.Senders == nil, texts(q.Senders))
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
