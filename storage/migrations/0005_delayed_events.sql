-- Events that wait for their time (MSC4140), and for some days what became of
-- them. An event that was sent so has its delay ID in events.transaction_id, and
-- no device.
CREATE TABLE delayed_events (
	account   TEXT COLLATE "C" NOT NULL,
	delay_id  TEXT COLLATE "C" NOT NULL,
	user_id   TEXT COLLATE "C" NOT NULL,
	room      TEXT COLLATE "C" NOT NULL,
	type      TEXT COLLATE "C" NOT NULL,
	state_key TEXT COLLATE "C", -- NULL: not a state event
	content   BYTEA NOT NULL, -- JSON, as the client sent it
	delay     BIGINT NOT NULL, -- ms
	since     BIGINT NOT NULL, -- ms, when it was scheduled or last restarted
	due       BIGINT NOT NULL, -- ms: since + delay
	finalised BIGINT NOT NULL, -- ms; 0: still scheduled
	event_id  TEXT COLLATE "C" NOT NULL, -- empty: not sent
	error     BYTEA NOT NULL, -- JSON, why it could not be sent; empty: no error
	PRIMARY KEY (account, delay_id)
);

-- The timer asks for what is due in all accounts at once.
CREATE INDEX delayed_events_due ON delayed_events (due, account) WHERE finalised = 0;
CREATE INDEX delayed_events_user ON delayed_events (account, user_id, due, delay_id);
