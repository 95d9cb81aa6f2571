-- Mutes of rooms that end by themselves. That a room is muted stands in its account
-- data; this is when that ends.
CREATE TABLE mutes (
	account TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	room    TEXT COLLATE "C" NOT NULL,
	ends    BIGINT NOT NULL, -- ms
	PRIMARY KEY (account, user_id, room)
);

-- The timer asks for what is due in all accounts at once.
CREATE INDEX mutes_ends ON mutes (ends, account);
