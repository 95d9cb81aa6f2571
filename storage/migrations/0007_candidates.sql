-- Where a reader's count of unread notifications has to look beyond the newest
-- events: who may be mentioned by an event. Rows are written with the event and
-- are as many as the event names, never as many as the room has members. Events
-- of before this table are found among a room's newest events alone.
CREATE TABLE candidates (
	account  TEXT COLLATE "C" NOT NULL,
	room     TEXT COLLATE "C" NOT NULL,
	key      TEXT COLLATE "C" NOT NULL, -- a user ID; '*': all members
	position BIGINT NOT NULL,
	PRIMARY KEY (account, room, key, position)
);
