-- The timer forgets what was finalised long ago, in all accounts.
CREATE INDEX delayed_events_finalised ON delayed_events (finalised, account) WHERE finalised > 0;
