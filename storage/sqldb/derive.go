package sqldb

// onlyFor stub
func onlyFor(sql, database string) string { return sql }
