-- What lies in the store of blobs: equal contents of one account once.
CREATE TABLE media_blobs (
	account TEXT COLLATE "C" NOT NULL,
	blob    TEXT COLLATE "C" NOT NULL, -- key in the store
	sha256  TEXT COLLATE "C" NOT NULL, -- hex
	size    BIGINT NOT NULL, -- bytes
	PRIMARY KEY (account, blob)
);

CREATE UNIQUE INDEX media_blobs_sha256 ON media_blobs (account, sha256);

CREATE TABLE media (
	account  TEXT COLLATE "C" NOT NULL,
	media_id TEXT COLLATE "C" NOT NULL,
	uploader TEXT COLLATE "C" NOT NULL,
	created  BIGINT NOT NULL, -- ms
	expires  BIGINT NOT NULL, -- ms until which its content has to come; 0: it is there
	loose    BIGINT NOT NULL, -- ms since when nothing refers to it; 0: something does
	PRIMARY KEY (account, media_id)
);

-- Those that wait are few. The sweep asks for them in all accounts at once.
CREATE INDEX media_expires ON media (expires) WHERE expires > 0;
CREATE INDEX media_waiting ON media (account, uploader) WHERE expires > 0;

CREATE INDEX media_loose ON media (account, loose) WHERE loose > 0;

-- What was uploaded, at most once for each record.
CREATE TABLE media_contents (
	account  TEXT COLLATE "C" NOT NULL,
	media_id TEXT COLLATE "C" NOT NULL,
	type     TEXT COLLATE "C" NOT NULL, -- as the uploader has called it, or empty
	detected TEXT COLLATE "C" NOT NULL, -- what the bytes look like
	name     TEXT COLLATE "C" NOT NULL, -- of the file, or empty
	blob     TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (account, media_id),
	FOREIGN KEY (account, media_id) REFERENCES media (account, media_id),
	FOREIGN KEY (account, blob) REFERENCES media_blobs (account, blob)
);

CREATE INDEX media_contents_blob ON media_contents (account, blob);

-- How many bytes the media of a user take; '': of all the account. It is counted with
-- each upload, which breaks the condition when it is too much.
CREATE TABLE media_usage (
	account TEXT COLLATE "C" NOT NULL,
	user_id TEXT COLLATE "C" NOT NULL,
	bytes   BIGINT NOT NULL,
	most    BIGINT NOT NULL, -- what was permitted at the last upload
	PRIMARY KEY (account, user_id),
	CHECK (bytes <= most)
);

-- Small pictures that were made of a blob. Their own blobs have no other row.
CREATE TABLE media_thumbnails (
	account TEXT COLLATE "C" NOT NULL,
	source  TEXT COLLATE "C" NOT NULL, -- blob
	size    TEXT COLLATE "C" NOT NULL, -- which of the sizes
	type    TEXT COLLATE "C" NOT NULL, -- media type
	blob    TEXT COLLATE "C" NOT NULL,
	sha256  TEXT COLLATE "C" NOT NULL, -- hex
	bytes   BIGINT NOT NULL,
	PRIMARY KEY (account, source, size),
	FOREIGN KEY (account, source) REFERENCES media_blobs (account, blob)
);

CREATE INDEX media_thumbnails_blob ON media_thumbnails (account, blob);

-- What refers to media: it is read by who sees one of these.
CREATE TABLE media_links (
	account   TEXT COLLATE "C" NOT NULL,
	media_id  TEXT COLLATE "C" NOT NULL,
	kind      TEXT COLLATE "C" NOT NULL, -- event, room, profile, account_data, delayed, preview
	room      TEXT COLLATE "C" NOT NULL, -- or empty
	reference TEXT COLLATE "C" NOT NULL, -- event, user, delay ID …, or empty
	PRIMARY KEY (account, media_id, kind, room, reference),
	FOREIGN KEY (account, media_id) REFERENCES media (account, media_id)
);

-- What a redacted event or a changed profile referred to.
CREATE INDEX media_links_reference ON media_links (account, kind, room, reference);

-- What pages elsewhere say of themselves, for some time.
CREATE TABLE url_previews (
	account TEXT COLLATE "C" NOT NULL,
	url     TEXT COLLATE "C" NOT NULL, -- SHA-256 of the address, hex
	fetched BIGINT NOT NULL, -- ms
	media   TEXT COLLATE "C" NOT NULL, -- ID of its picture, or empty
	answer  BYTEA NOT NULL, -- JSON
	PRIMARY KEY (account, url)
);

CREATE INDEX url_previews_fetched ON url_previews (fetched);
