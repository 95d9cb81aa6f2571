-- The search index. It is made of events alone and can be made again. On SQLite it
-- is in a file of its own, so that indexing never holds the lock that a message
-- waits for.

-- One row for each text that a message has had: the message as it was sent, and
-- each edit. A text counts from its position until it is superseded, so that who
-- has left a room finds what it said when they left.
CREATE TABLE search_documents (
	id         INTEGER PRIMARY KEY, -- sqlite only
	account    TEXT COLLATE "C" NOT NULL,
	position   BIGINT NOT NULL, -- of the event that says it
	superseded BIGINT NOT NULL, -- position of the next edit; 2^62: there is none
	message    BIGINT NOT NULL, -- position of the event that is found
	source_id  TEXT COLLATE "C" NOT NULL, -- the event that says it
	message_id TEXT COLLATE "C" NOT NULL, -- the event that is found
	room       TEXT COLLATE "C" NOT NULL,
	sender     TEXT COLLATE "C" NOT NULL,
	type       TEXT COLLATE "C" NOT NULL,
	length     BIGINT NOT NULL, -- words of the text
	text       TEXT COLLATE "C" NOT NULL, -- "@" account, then folded words, a space between two
	PRIMARY KEY (account, position) -- postgres only
	UNIQUE (account, position) -- sqlite only
);

CREATE INDEX search_documents_message ON search_documents (account, message_id);

-- Both databases find exactly the words that are in the text: neither splits nor
-- folds them once more.
CREATE INDEX search_documents_words ON search_documents -- postgres only
	USING gin (string_to_array(text, ' ')) -- postgres only
;

-- The words are put in with each row, not by a trigger: within one, SQLite writes
-- out what it has collected after every row, and a large transaction gains nothing.
CREATE VIRTUAL TABLE search_words USING fts5( -- sqlite only
	text, content = '', contentless_delete = 1, tokenize = 'ascii tokenchars ''@-''') -- sqlite only
;

CREATE TRIGGER search_documents_deleted AFTER DELETE ON search_documents BEGIN -- sqlite only
	DELETE FROM search_words WHERE rowid = old.id; END -- sqlite only
;
