-- What events say of others in m.relates_to, written with the event and removed
-- with its redaction.
CREATE TABLE relations (
	account    TEXT COLLATE "C" NOT NULL,
	position   BIGINT NOT NULL, -- of the event
	room       TEXT COLLATE "C" NOT NULL,
	parent     TEXT COLLATE "C" NOT NULL,
	rel_type   TEXT COLLATE "C" NOT NULL,
	event_id   TEXT COLLATE "C" NOT NULL,
	type       TEXT COLLATE "C" NOT NULL,
	sender     TEXT COLLATE "C" NOT NULL,
	timestamp  BIGINT NOT NULL, -- ms
	annotation TEXT COLLATE "C", -- SHA-256 of what may be there only once, hex
	PRIMARY KEY (account, position)
);

CREATE UNIQUE INDEX relations_annotation ON relations (account, annotation) WHERE annotation IS NOT NULL;
CREATE INDEX relations_parent ON relations (account, parent, rel_type, position);
CREATE INDEX relations_threads ON relations (account, room, position, parent, sender) WHERE rel_type = 'm.thread';
