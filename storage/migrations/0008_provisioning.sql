-- What ConversaLabs says of its users, as it said it last. Users that were made
-- otherwise have no record.
ALTER TABLE users ADD COLUMN external TEXT COLLATE "C" NOT NULL DEFAULT ''; -- ConversaLabs' ID of the user
ALTER TABLE users ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN record BYTEA; -- JSON

CREATE UNIQUE INDEX users_external ON users (account, external) WHERE external <> '';

-- Teams of an account, whose members are named by ConversaLabs' IDs. A team that
-- is gone keeps its version, so that what comes late does not bring it back.
CREATE TABLE teams (
	account TEXT COLLATE "C" NOT NULL,
	team    TEXT COLLATE "C" NOT NULL,
	version BIGINT NOT NULL,
	record  BYTEA NOT NULL, -- JSON; empty: deleted
	PRIMARY KEY (account, team)
);

-- The tokens of other systems. One of the tables that span accounts.
CREATE TABLE machine_tokens (
	token   TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- SHA-256 of the token, hex
	name    TEXT COLLATE "C" NOT NULL,
	scope   TEXT COLLATE "C" NOT NULL, -- an account, or * for all
	created BIGINT NOT NULL -- ms
);

CREATE UNIQUE INDEX machine_tokens_name ON machine_tokens (name);
