-- Who is shown as online or unavailable, and when a node last knew of them: who
-- has not been seen for some time is put offline.
CREATE TABLE present (
	account TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	seen    BIGINT NOT NULL, -- ms
	active  BIGINT NOT NULL, -- ms, when they last did more than to poll
	PRIMARY KEY (account, user_id)
);

-- The timer asks for who is overdue in all accounts at once.
CREATE INDEX present_seen ON present (seen, account);

-- Until now nobody was noted. Kind 3 is presence; who is offline among them is
-- found out when they are due, which they are at once.
INSERT INTO present (account, user_id, seen, active)
SELECT account, user_id, 0, 0 FROM items WHERE kind = 3 AND length(content) > 0;
