package sqldb

// DeriveSQL is the SQLite text of a statement, for tests.
func DeriveSQL(sql string) (string, error) {
	d, err := derive(sql)
	return d.sql, err
}

// OnlyFor drops the other database's lines, for tests.
var OnlyFor = onlyFor
