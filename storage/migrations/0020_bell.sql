-- The bell: what a user is to be told of. position is that of the entry in the
-- stream, which orders the list; at is the position of the event it is about, or its
-- own.
CREATE TABLE bell (
	account   TEXT COLLATE "C" NOT NULL,
	user_id   TEXT COLLATE "C" NOT NULL,
	kind      TEXT COLLATE "C" NOT NULL,
	reference TEXT COLLATE "C" NOT NULL, -- what it is about: an event, or a reminder
	room      TEXT COLLATE "C" NOT NULL,
	event_id  TEXT COLLATE "C" NOT NULL, -- empty: about no event
	thread    TEXT COLLATE "C" NOT NULL, -- that the event is in: its root, or 'main'
	at        BIGINT NOT NULL,
	time      BIGINT NOT NULL, -- ms
	position  BIGINT NOT NULL,
	read      BIGINT NOT NULL, -- ms; 0: not yet
	PRIMARY KEY (account, user_id, kind, reference)
);

CREATE UNIQUE INDEX bell_position ON bell (account, user_id, position);
CREATE INDEX bell_unread ON bell (account, user_id, position) WHERE read = 0;
CREATE INDEX bell_event ON bell (account, event_id, user_id) WHERE event_id <> '';

-- The reminders of personal notes that have not rung.
CREATE TABLE reminders (
	account TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	room    TEXT COLLATE "C" NOT NULL,
	due     BIGINT NOT NULL, -- ms
	PRIMARY KEY (account, user_id, room)
);

-- The timer asks for what is due in all accounts at once.
CREATE INDEX reminders_due ON reminders (due, account);
