-- What lets somebody in once and was used, until it would be good no longer: the
-- IDs of tokens that other systems made.
CREATE TABLE spent_tokens (
	account TEXT COLLATE "C" NOT NULL,
	token   TEXT COLLATE "C" NOT NULL, -- SHA-256 of its ID, hex
	until   BIGINT NOT NULL, -- ms
	PRIMARY KEY (account, token)
);

-- People who have gone to sign in on a page elsewhere and are to come back.
CREATE TABLE journeys (
	account TEXT COLLATE "C" NOT NULL,
	state   TEXT COLLATE "C" NOT NULL, -- SHA-256 of what they come back with, hex
	expires BIGINT NOT NULL, -- ms
	json    BYTEA NOT NULL,
	PRIMARY KEY (account, state)
);

-- Requests that wait until their caller has proved who they are.
CREATE TABLE confirmations (
	account TEXT COLLATE "C" NOT NULL,
	session TEXT COLLATE "C" NOT NULL, -- SHA-256 of the session's name, hex
	user_id TEXT COLLATE "C" NOT NULL,
	device  TEXT COLLATE "C" NOT NULL,
	request TEXT COLLATE "C" NOT NULL, -- method and path
	proved  BOOLEAN NOT NULL,
	expires BIGINT NOT NULL, -- ms
	PRIMARY KEY (account, session)
);
