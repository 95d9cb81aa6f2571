-- Users who are locked out, or may only read, for as long as an administrator
-- wants it.
ALTER TABLE users ADD COLUMN locked BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN suspended BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE devices ADD COLUMN user_agent TEXT COLLATE "C" NOT NULL DEFAULT '';

-- Tokens that tell another service who a user is, and nothing else.
CREATE TABLE openid_tokens (
	account TEXT COLLATE "C" NOT NULL,
	token   TEXT COLLATE "C" NOT NULL, -- SHA-256 of the token, hex
	user_id TEXT COLLATE "C" NOT NULL,
	expires BIGINT NOT NULL, -- ms
	PRIMARY KEY (account, token)
);

CREATE INDEX openid_tokens_user ON openid_tokens (account, user_id, expires);
