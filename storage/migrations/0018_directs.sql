-- The rooms for direct messages: two people of an account have one.
CREATE TABLE directs (
	account TEXT COLLATE "C" NOT NULL,
	one     TEXT COLLATE "C" NOT NULL, -- the user whose ID comes first
	other   TEXT COLLATE "C" NOT NULL,
	room    TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (account, one, other)
);

CREATE INDEX directs_other ON directs (account, other);
