package storage

import (
	"context"
	"fmt"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/rooms/search"
	"github.com/conversalabs/internalchat/storage/migrations"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// SearchIndex is the index of a Store's messages. It implements search.Index, and
// follow.Follower by which it is kept.
type SearchIndex struct {
	store *Store
	db    *sqldb.DB
}

// OpenSearchIndex makes the tables of the index in a database if need be: the
// Store's own on PostgreSQL, a file of its own on SQLite.
func OpenSearchIndex(ctx context.Context, s *Store, db *sqldb.DB) (*SearchIndex, error) {
	tables, err := migrations.Search()
	if err != nil {
		return nil, err
	}
	if err := db.ApplyLine(ctx, "search", tables); err != nil {
		return nil, fmt.Errorf("open the search index: %w", err)
	}
	return &SearchIndex{store: s, db: db}, nil
}

// What the databases have for finding words is too different for one text: SQLite
// has a table of its own, which must lead (it knows nothing of how few its rows
// are), PostgreSQL an index on an expression.
const (
	findSQL = `
		SELECT d.position, d.superseded, d.message, d.source_id, d.message_id, d.room, d.sender, d.type, d.length %s
		AND d.account = $1 AND d.type = ANY($3) AND d.room = ANY($4)
		ORDER BY d.message DESC, d.position DESC LIMIT $5`

	matchSQLite = `
		FROM search_words CROSS JOIN search_documents d ON d.id = search_words.rowid
		WHERE search_words MATCH $2`

	matchPostgres = `
		FROM search_documents d
		WHERE string_to_array(d.text, ' ') @> $2::text[]`
)

// accountWord is the first word of every text, so that words of other accounts are
// not even looked at. No folded word has an @.
func accountWord(account tenant.ID) string { return "@" + string(account) }

// Find implements search.Index.
func (x *SearchIndex) Find(ctx context.Context, account tenant.ID, q search.Query) ([]search.Hit, error) {
	words := append([]string{accountWord(account)}, q.Words...)
	sql, match := fmt.Sprintf(findSQL, matchPostgres), any(words)
	if !x.db.Postgres() {
		// Side by side they must all be there; in quotes none is an operator.
		sql, match = fmt.Sprintf(findSQL, matchSQLite), `"`+strings.Join(words, `" "`)+`"`
	}
	hits, err := sqldb.All(ctx, x.db, scanHit, sql, account, match, q.Types, texts(q.Rooms), q.Limit)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return hits, nil
}

func scanHit(r sqldb.Row) (h search.Hit, err error) {
	err = r.Scan(&h.Position, &h.Superseded, &h.Message, &h.Source, &h.ID, &h.Room, &h.Sender, &h.Type, &h.Length)
	return h, err
}

// Name implements follow.Follower.
func (x *SearchIndex) Name() string { return "search" }

// stepPositions is how many entries of the stream are indexed in one transaction.
const stepPositions = 500

const searchedEventsSQL = eventsSQL + `
	WHERE e.account = $1 AND e.position > $2 AND e.position <= $3 AND e.type = ANY($4) ORDER BY e.position`

// Step implements follow.Follower.
func (x *SearchIndex) Step(ctx context.Context, account tenant.ID, after, upTo stream.Position, b *sqldb.Batch) (stream.Position, error) {
	upTo = min(upTo, after+stepPositions)
	events, err := sqldb.All(ctx, x.store.db, scanAnyEvent, searchedEventsSQL, account, after, upTo, search.Types())
	if err != nil {
		return 0, fmt.Errorf("read events: %w", err)
	}
	var related map[id.EventID]*event.Event
	if wanted := search.Related(events); len(wanted) > 0 {
		if related, err = x.store.EventsByID(ctx, account, wanted); err != nil {
			return 0, err
		}
	}
	for _, change := range search.Changes(events, related) {
		if change.Added != nil {
			x.addDocument(b, account, change.Added)
		} else {
			removeDocument(b, account, change.Redacted)
		}
	}
	return upTo, nil
}

const (
	supersedeSQL = `
		UPDATE search_documents SET superseded = $3
		WHERE account = $1 AND message_id = $2 AND position < $3 AND superseded > $3`

	insertDocumentSQL = `
		INSERT INTO search_documents (account, position, superseded, message, source_id, message_id, room, sender, type, length, text)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (account, position) DO NOTHING`

	insertWordsSQL = `
		INSERT OR REPLACE INTO search_words (rowid, text)
		VALUES ((SELECT id FROM search_documents WHERE account = $1 AND position = $2), $3)`

	// What the redacted edit had superseded counts again until the edit after it.
	unsupersedeSQL = `
		UPDATE search_documents SET superseded =
			(SELECT r.superseded FROM search_documents r WHERE r.account = $1 AND r.position = $2)
		WHERE account = $1 AND superseded = $2 AND message_id =
			(SELECT r.message_id FROM search_documents r WHERE r.account = $1 AND r.position = $2)`

	removeDocumentSQL = `DELETE FROM search_documents WHERE account = $1 AND position = $2`

	removeMessageSQL = `DELETE FROM search_documents WHERE account = $1 AND message_id = $2`
)

func (x *SearchIndex) addDocument(b *sqldb.Batch, account tenant.ID, d *search.Document) {
	text := accountWord(account) + " " + strings.Join(d.Words, " ")
	if d.Source != d.Message {
		b.Add(supersedeSQL, account, d.Message.ID, d.Source.Position)
	}
	b.Add(insertDocumentSQL, account, d.Source.Position, search.Never, d.Message.Position, d.Source.ID, d.Message.ID,
		d.Message.Room, d.Message.Sender, d.Message.Type, len(d.Words), text)
	if !x.db.Postgres() {
		b.Add(insertWordsSQL, account, d.Source.Position, text)
	}
}

// removeDocument takes out what a redacted event said; with a message go its edits.
func removeDocument(b *sqldb.Batch, account tenant.ID, redacted *event.Event) {
	b.Add(unsupersedeSQL, account, redacted.Position)
	b.Add(removeDocumentSQL, account, redacted.Position)
	b.Add(removeMessageSQL, account, redacted.ID)
}

// resetDocuments is how many documents are removed in one transaction when the
// index is rebuilt.
const resetDocuments = 2000

const (
	countDocumentsSQL = `SELECT COUNT(*) FROM (SELECT 1 FROM search_documents WHERE account = $1 LIMIT $2) AS first`

	resetSQL = `
		DELETE FROM search_documents WHERE account = $1 AND position IN
			(SELECT r.position FROM search_documents r WHERE r.account = $1 ORDER BY r.position LIMIT $2)`
)

// Reset implements follow.Follower.
func (x *SearchIndex) Reset(ctx context.Context, account tenant.ID, b *sqldb.Batch) (more bool, err error) {
	count, _, err := sqldb.One(ctx, x.db, sqldb.Value[int], countDocumentsSQL, account, resetDocuments+1)
	if err != nil {
		return false, fmt.Errorf("count documents: %w", err)
	}
	b.Add(resetSQL, account, resetDocuments)
	return count > resetDocuments, nil
}
