-- OAuth clients. Each is what it said of itself when it registered.
CREATE TABLE oauth_clients (
	account  TEXT COLLATE "C" NOT NULL,
	client   TEXT COLLATE "C" NOT NULL, -- its ID
	metadata BYTEA NOT NULL, -- JSON
	used     BIGINT NOT NULL, -- ms when it last registered or was let in
	PRIMARY KEY (account, client)
);

-- What clients have asked users for, from the question until the session that came
-- of it, and a while longer.
CREATE TABLE oauth_grants (
	account  TEXT COLLATE "C" NOT NULL,
	id       TEXT COLLATE "C" NOT NULL, -- SHA-256 of its name in addresses, or of what people type, hex
	client   TEXT COLLATE "C" NOT NULL,
	code     TEXT COLLATE "C" NOT NULL, -- SHA-256 of what the client comes with, hex; empty: not given yet
	stage    TEXT COLLATE "C" NOT NULL, -- asked, granted, denied, used
	browser  TEXT COLLATE "C" NOT NULL, -- SHA-256 of what the browser keeps, hex; empty: none yet
	user_id  TEXT COLLATE "C" NOT NULL, -- who has signed in there; empty: nobody yet
	password TEXT COLLATE "C" NOT NULL, -- hash that their password was checked against; empty: they came otherwise
	asked    BYTEA NOT NULL, -- JSON
	polled   BIGINT NOT NULL, -- ms when the client last asked for the outcome
	pace     BIGINT NOT NULL, -- ms between such questions
	expires  BIGINT NOT NULL, -- ms
	PRIMARY KEY (account, id)
);

CREATE UNIQUE INDEX oauth_grants_code ON oauth_grants (account, code) WHERE code <> '';

ALTER TABLE devices ADD COLUMN client TEXT COLLATE "C" NOT NULL DEFAULT ''; -- OAuth client; empty: by the older ways to sign in
