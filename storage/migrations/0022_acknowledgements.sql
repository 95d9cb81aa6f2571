-- Who has acknowledged which announcement.
CREATE TABLE acknowledgements (
	account  TEXT COLLATE "C" NOT NULL,
	event_id TEXT COLLATE "C" NOT NULL,
	user_id  TEXT COLLATE "C" NOT NULL,
	room     TEXT COLLATE "C" NOT NULL,
	time     BIGINT NOT NULL, -- ms, the first
	by_event TEXT COLLATE "C" NOT NULL, -- the event by which they have; empty: by none
	PRIMARY KEY (account, event_id, user_id)
);

-- When those who have not acknowledged an announcement are asked again.
CREATE TABLE ack_reminders (
	account  TEXT COLLATE "C" NOT NULL,
	event_id TEXT COLLATE "C" NOT NULL,
	room     TEXT COLLATE "C" NOT NULL,
	due      BIGINT NOT NULL, -- ms, by when it is asked for
	next     BIGINT NOT NULL, -- ms, when to ask again
	after    TEXT COLLATE "C" NOT NULL, -- the last user who has been asked this time
	PRIMARY KEY (account, event_id)
);

-- The timer asks for what is due in all accounts at once.
CREATE INDEX ack_reminders_next ON ack_reminders (next, account);
