-- What followers of the stream keep beside what they write.

-- How far each follower has come. Its writes up to there are done; the epoch says
-- in which history of the account.
CREATE TABLE follower_cursors (
	account  TEXT COLLATE "C" NOT NULL,
	follower TEXT COLLATE "C" NOT NULL,
	epoch    BIGINT NOT NULL,
	position BIGINT NOT NULL,
	PRIMARY KEY (account, follower)
);

-- Which node runs a follower: one of the three tables that span accounts. Each
-- takeover raises the generation. Times are of the database's clock.
CREATE TABLE node_leases (
	lease      TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- the follower's name
	owner      TEXT COLLATE "C" NOT NULL,
	expires    BIGINT NOT NULL, -- ms
	generation BIGINT NOT NULL
);
