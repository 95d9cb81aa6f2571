-- Who did what to whom. Rows are added and never changed.
CREATE TABLE audit (
	account TEXT COLLATE "C" NOT NULL,
	entry   TEXT COLLATE "C" NOT NULL, -- time in hex (12 digits), then 16 digits of chance
	time    BIGINT NOT NULL, -- ms
	action  TEXT COLLATE "C" NOT NULL,
	actor   TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL, -- in whose name, unless the actor's
	target  TEXT COLLATE "C" NOT NULL,
	address TEXT COLLATE "C" NOT NULL,
	details BYTEA NOT NULL, -- JSON
	PRIMARY KEY (account, entry)
);
