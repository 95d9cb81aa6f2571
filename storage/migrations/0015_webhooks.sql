-- Incoming webhooks: each posts into one room, as a user of its own.
CREATE TABLE webhooks (
	account    TEXT COLLATE "C" NOT NULL,
	user_id    TEXT COLLATE "C" NOT NULL, -- whom it posts as; its localpart is the webhook's ID
	room       TEXT COLLATE "C" NOT NULL,
	token      TEXT COLLATE "C" NOT NULL, -- SHA-256, hex
	name       TEXT COLLATE "C" NOT NULL,
	avatar_url TEXT COLLATE "C" NOT NULL, -- mxc URI, or empty
	created    BIGINT NOT NULL, -- ms
	created_by TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (account, user_id)
);

CREATE UNIQUE INDEX webhooks_token ON webhooks (account, token);

CREATE INDEX webhooks_room ON webhooks (account, room);
