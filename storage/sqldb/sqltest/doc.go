// Package sqltest opens databases for tests: SQLite in a folder of the test, and
// PostgreSQL in a private cluster that lives as long as the test process. Its one
// rule: only tests import it.
package sqltest
