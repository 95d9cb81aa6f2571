-- Connections that nobody has used for long are deleted. connections.written is
-- when one was last written, or known to be in use.
CREATE INDEX connections_written ON connections (account, written);
