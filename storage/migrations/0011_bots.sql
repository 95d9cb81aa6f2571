-- The long-lived tokens of bots. Each is a device of the bot with one session.
CREATE TABLE bot_tokens (
	account    TEXT COLLATE "C" NOT NULL,
	user_id    TEXT COLLATE "C" NOT NULL,
	device     TEXT COLLATE "C" NOT NULL,
	rooms      TEXT COLLATE "C" NOT NULL, -- that it is good for, by spaces; empty: all
	created    BIGINT NOT NULL, -- ms
	created_by TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (account, user_id, device)
);
