-- floor: 1
-- What users have reported to the administrators of their account.

CREATE TABLE reports (
	account  TEXT COLLATE "C" NOT NULL,
	position BIGINT NOT NULL,
	reporter TEXT COLLATE "C" NOT NULL,
	room     TEXT COLLATE "C" NOT NULL, -- '' where a user is reported
	event_id TEXT COLLATE "C" NOT NULL, -- '' unless an event is
	user_id  TEXT COLLATE "C" NOT NULL, -- '' unless a user is
	reason   TEXT COLLATE "C" NOT NULL,
	created  BIGINT NOT NULL, -- ms
	PRIMARY KEY (account, position)
);
