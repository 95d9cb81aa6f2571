-- Every key starts with the account; server_names is one of the three tables
-- that span accounts.

CREATE TABLE server_names (
	server_name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	account     TEXT COLLATE "C" NOT NULL
);

CREATE TABLE accounts (
	account     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	server_name TEXT COLLATE "C" NOT NULL,
	settings    BYTEA NOT NULL, -- JSON
	epoch       BIGINT NOT NULL,
	identity    TEXT COLLATE "C" NOT NULL, -- of the database when epoch was set
	created     BIGINT NOT NULL -- ms
);

-- The claim. A group of acts moves the head from prev_head to head. Its primary
-- key says that nobody else moved it from there; its reference says that
-- prev_head really was reached, in this history (the mark is random).
CREATE TABLE groups (
	account   TEXT COLLATE "C" NOT NULL,
	prev_head BIGINT NOT NULL,
	head      BIGINT NOT NULL,
	prev_mark BIGINT, -- NULL in the account's first group alone
	mark      BIGINT NOT NULL,
	PRIMARY KEY (account, prev_head),
	UNIQUE (account, head, mark),
	FOREIGN KEY (account, prev_head, prev_mark) REFERENCES groups (account, head, mark)
);

CREATE TABLE rooms (
	account   TEXT COLLATE "C" NOT NULL,
	room      TEXT COLLATE "C" NOT NULL,
	version   TEXT COLLATE "C" NOT NULL,
	published BOOLEAN NOT NULL,
	PRIMARY KEY (account, room)
);

CREATE INDEX rooms_published ON rooms (account, room) WHERE published;

CREATE TABLE events (
	account     TEXT COLLATE "C" NOT NULL,
	position    BIGINT NOT NULL,
	room        TEXT COLLATE "C" NOT NULL,
	event_id    TEXT COLLATE "C" NOT NULL,
	type        TEXT COLLATE "C" NOT NULL,
	state_key   TEXT COLLATE "C",
	membership  TEXT COLLATE "C", -- of m.room.member
	json        BYTEA NOT NULL,
	redacted_by TEXT COLLATE "C",
	device      TEXT COLLATE "C",
	transaction_id TEXT COLLATE "C",
	PRIMARY KEY (account, position)
);

CREATE UNIQUE INDEX events_id ON events (account, event_id);
CREATE INDEX events_room ON events (account, room, position);
CREATE INDEX events_state ON events (account, room, type, state_key, position) WHERE state_key IS NOT NULL;
CREATE INDEX events_member ON events (account, state_key, position) WHERE type = 'm.room.member';

CREATE TABLE transactions (
	account  TEXT COLLATE "C" NOT NULL,
	user_id  TEXT COLLATE "C" NOT NULL,
	device   TEXT COLLATE "C" NOT NULL,
	path     TEXT COLLATE "C" NOT NULL,
	transaction_id TEXT COLLATE "C" NOT NULL,
	event_id TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (account, user_id, device, path, transaction_id)
);

-- What is one value and overwritten: account data, receipts, presence, profiles,
-- device lists, keys, pushers. Removed means overwritten with empty content.
CREATE TABLE items (
	account  TEXT COLLATE "C" NOT NULL,
	kind     SMALLINT NOT NULL,
	user_id  TEXT COLLATE "C" NOT NULL,
	room     TEXT COLLATE "C" NOT NULL,
	key      TEXT COLLATE "C" NOT NULL,
	position BIGINT NOT NULL,
	content  BYTEA NOT NULL,
	PRIMARY KEY (account, kind, user_id, room, key)
);

CREATE INDEX items_position ON items (account, position);
CREATE INDEX items_user ON items (account, user_id, position);
CREATE INDEX items_room ON items (account, room, position) WHERE room <> '';

-- What is appended, for caches and followers: changed users, sessions, settings.
CREATE TABLE changes (
	account  TEXT COLLATE "C" NOT NULL,
	position BIGINT NOT NULL,
	kind     SMALLINT NOT NULL,
	user_id  TEXT COLLATE "C" NOT NULL,
	room     TEXT COLLATE "C" NOT NULL,
	key      TEXT COLLATE "C" NOT NULL,
	content  BYTEA NOT NULL,
	PRIMARY KEY (account, position)
);

CREATE TABLE to_device (
	account  TEXT COLLATE "C" NOT NULL,
	user_id  TEXT COLLATE "C" NOT NULL,
	device   TEXT COLLATE "C" NOT NULL,
	position BIGINT NOT NULL,
	json     BYTEA NOT NULL,
	PRIMARY KEY (account, user_id, device, position)
);

CREATE INDEX to_device_position ON to_device (account, position);

CREATE TABLE aliases (
	account TEXT COLLATE "C" NOT NULL,
	alias   TEXT COLLATE "C" NOT NULL,
	room    TEXT COLLATE "C" NOT NULL,
	creator TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (account, alias)
);

CREATE INDEX aliases_room ON aliases (account, room, alias);

CREATE TABLE users (
	account     TEXT COLLATE "C" NOT NULL,
	user_id     TEXT COLLATE "C" NOT NULL,
	role        TEXT COLLATE "C" NOT NULL,
	password    TEXT COLLATE "C" NOT NULL, -- argon2id, PHC string; empty: none
	deactivated BOOLEAN NOT NULL,
	created     BIGINT NOT NULL, -- ms
	PRIMARY KEY (account, user_id)
);

CREATE TABLE devices (
	account      TEXT COLLATE "C" NOT NULL,
	user_id      TEXT COLLATE "C" NOT NULL,
	device       TEXT COLLATE "C" NOT NULL,
	display_name TEXT COLLATE "C" NOT NULL,
	last_seen_ip TEXT COLLATE "C" NOT NULL,
	last_seen    BIGINT NOT NULL, -- ms
	PRIMARY KEY (account, user_id, device)
);

CREATE TABLE sessions (
	account  TEXT COLLATE "C" NOT NULL,
	token    TEXT COLLATE "C" NOT NULL, -- SHA-256 of the access token, hex
	user_id  TEXT COLLATE "C" NOT NULL,
	device   TEXT COLLATE "C" NOT NULL,
	expires  BIGINT NOT NULL, -- ms; 0: never
	replaces TEXT COLLATE "C" NOT NULL, -- refresh token that ends at this session's first use; empty: none
	PRIMARY KEY (account, token)
);

CREATE INDEX sessions_device ON sessions (account, user_id, device);

CREATE TABLE refresh_tokens (
	account TEXT COLLATE "C" NOT NULL,
	token   TEXT COLLATE "C" NOT NULL, -- SHA-256 of the refresh token, hex
	user_id TEXT COLLATE "C" NOT NULL,
	device  TEXT COLLATE "C" NOT NULL,
	session TEXT COLLATE "C" NOT NULL, -- the access token it was given with
	spent   BIGINT NOT NULL, -- ms when its successor was first used, from when on using it again revokes the family; 0: not yet
	PRIMARY KEY (account, token)
);

CREATE INDEX refresh_tokens_device ON refresh_tokens (account, user_id, device);

CREATE TABLE login_tokens (
	account TEXT COLLATE "C" NOT NULL,
	token   TEXT COLLATE "C" NOT NULL, -- SHA-256 of the login token, hex
	user_id TEXT COLLATE "C" NOT NULL,
	expires BIGINT NOT NULL, -- ms
	PRIMARY KEY (account, token)
);

CREATE TABLE filters (
	account TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	filter  TEXT COLLATE "C" NOT NULL, -- its ID
	json    BYTEA NOT NULL,
	PRIMARY KEY (account, user_id, filter)
);

CREATE TABLE one_time_keys (
	account   TEXT COLLATE "C" NOT NULL,
	user_id   TEXT COLLATE "C" NOT NULL,
	device    TEXT COLLATE "C" NOT NULL,
	algorithm TEXT COLLATE "C" NOT NULL,
	key_id    TEXT COLLATE "C" NOT NULL,
	position  BIGINT NOT NULL, -- keys are claimed in the order they were uploaded
	ordinal   BIGINT NOT NULL, -- within one upload
	json      BYTEA NOT NULL,
	PRIMARY KEY (account, user_id, device, algorithm, key_id)
);

CREATE TABLE fallback_keys (
	account   TEXT COLLATE "C" NOT NULL,
	user_id   TEXT COLLATE "C" NOT NULL,
	device    TEXT COLLATE "C" NOT NULL,
	algorithm TEXT COLLATE "C" NOT NULL,
	key_id    TEXT COLLATE "C" NOT NULL,
	json      BYTEA NOT NULL,
	used      BOOLEAN NOT NULL,
	PRIMARY KEY (account, user_id, device, algorithm)
);

-- Backups of room keys. A deleted version keeps its number, so that no number
-- comes twice.
CREATE TABLE key_backups (
	account   TEXT COLLATE "C" NOT NULL,
	user_id   TEXT COLLATE "C" NOT NULL,
	version   BIGINT NOT NULL,
	algorithm TEXT COLLATE "C" NOT NULL,
	auth_data BYTEA NOT NULL, -- JSON
	etag      BIGINT NOT NULL, -- changes with the keys in it
	deleted   BOOLEAN NOT NULL,
	PRIMARY KEY (account, user_id, version)
);

CREATE TABLE backed_up_keys (
	account TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	version BIGINT NOT NULL,
	room    TEXT COLLATE "C" NOT NULL,
	session TEXT COLLATE "C" NOT NULL,
	json    BYTEA NOT NULL,
	PRIMARY KEY (account, user_id, version, room, session)
);
