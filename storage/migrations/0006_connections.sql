-- Connections of the sliding sync: what has been sent on each, as the last two
-- answers left it.

CREATE TABLE connections (
	account  TEXT COLLATE "C" NOT NULL,
	user_id  TEXT COLLATE "C" NOT NULL,
	device   TEXT COLLATE "C" NOT NULL,
	name     TEXT COLLATE "C" NOT NULL, -- conn_id, or empty
	written  BIGINT NOT NULL, -- ms
	serial   BIGINT NOT NULL, -- names sent
	sent     BYTEA NOT NULL, -- JSON
	previous BIGINT NOT NULL, -- names previously; 0: none
	previously BYTEA NOT NULL,
	PRIMARY KEY (account, user_id, device, name)
);

-- Who has come or gone since a position.
CREATE INDEX events_moves ON events (account, position) WHERE type = 'm.room.member';
