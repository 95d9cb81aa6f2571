-- Application services of an account. The registration is JSON; since is the
-- position behind which events are sent to it.
CREATE TABLE appservices (
	account      TEXT COLLATE "C" NOT NULL,
	service      TEXT COLLATE "C" NOT NULL, -- its ID
	token        TEXT COLLATE "C" NOT NULL, -- SHA-256 of its as_token, hex
	sender       TEXT COLLATE "C" NOT NULL, -- user ID
	since        BIGINT NOT NULL,
	created      BIGINT NOT NULL, -- ms
	registration BYTEA NOT NULL,
	PRIMARY KEY (account, service)
);

-- Whose as_token it is. One of the tables that span accounts: the tokens are chosen
-- by those who write registrations, so they carry no account in clear, and no two
-- services may have the same.
CREATE TABLE appservice_tokens (
	token   TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- SHA-256, hex
	account TEXT COLLATE "C" NOT NULL
);

-- The transaction that was sent to a service last, or is about to be: everything of
-- interest in the positions above after, up to upto. It is sent again as it was
-- until the service has taken it.
CREATE TABLE appservice_transactions (
	account TEXT COLLATE "C" NOT NULL,
	service TEXT COLLATE "C" NOT NULL,
	epoch   BIGINT NOT NULL,
	after   BIGINT NOT NULL,
	upto    BIGINT NOT NULL,
	PRIMARY KEY (account, service)
);
