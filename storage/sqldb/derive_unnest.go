package sqldb

import (
	"fmt"
	"strings"
)

// unnest derives what follows "unnest(". The arrays of a list must be equally
// long; json_each has no index, so that a list of more than one array costs the
// square of its length.
func (d *deriver) unnest() error {
	inSelectList := d.is(d.at-3, "SELECT")
	var arrays []string
	var kinds []paramKind
	for {
		token, kind, err := d.array()
		if err != nil {
			return err
		}
		arrays, kinds = append(arrays, token), append(kinds, kind)
		if !d.is(d.at, ",") {
			break
		}
		d.at++
	}
	if err := d.expect(")"); err != nil {
		return err
	}
	if inSelectList && len(arrays) == 1 {
		d.emit(value(kinds[0], "") + " FROM json_each(")
		if err := d.parameter(arrays[0], kinds[0]); err != nil {
			return err
		}
		d.emit(")")
		return nil
	}
	ordinality := d.is(d.at, "WITH", "ORDINALITY")
	if ordinality {
		d.at += 2
	}
	alias, columns, err := d.alias()
	if err != nil {
		return err
	}
	return d.unnestTable(arrays, kinds, ordinality, alias, columns)
}

// alias reads "AS t(a, b)".
func (d *deriver) alias() (name string, columns []string, err error) {
	if d.is(d.at, "AS") {
		d.at++
	}
	name = d.next()
	if !isWord(name) {
		return "", nil, fmt.Errorf("unnest without AS name(columns)")
	}
	d.at++
	if err := d.expect("("); err != nil {
		return "", nil, err
	}
	for {
		columns = append(columns, d.next())
		d.at++
		if !d.is(d.at, ",") {
			break
		}
		d.at++
	}
	return name, columns, d.expect(")")
}

// unnestTable emits (SELECT j0.value AS a, j1.value AS b FROM json_each(?) AS j0
// JOIN json_each(?) AS j1 ON j1.key = j0.key) AS t.
func (d *deriver) unnestTable(arrays []string, kinds []paramKind, ordinality bool, alias string, columns []string) error {
	var list []string
	for i := range arrays {
		list = append(list, value(kinds[i], fmt.Sprintf("j%d.", i)))
	}
	if ordinality {
		list = append(list, "j0.key + 1")
	}
	if len(list) != len(columns) {
		return fmt.Errorf("unnest gives %d columns, and %s has %d", len(list), alias, len(columns))
	}
	for i := range list {
		list[i] += " AS " + columns[i]
	}
	d.emit("(SELECT " + strings.Join(list, ", ") + " FROM")
	for i, token := range arrays {
		if i > 0 {
			d.emit("JOIN")
		}
		d.emit("json_each(")
		if err := d.parameter(token, kinds[i]); err != nil {
			return err
		}
		d.emit(fmt.Sprintf(") AS j%d", i))
		if i > 0 {
			d.emit(fmt.Sprintf("ON j%d.key = j0.key", i))
		}
	}
	d.emit(") AS " + alias)
	return nil
}

// columnType reads one token of a table's definition, and replaces types.
func (d *deriver) columnType() string {
	token := d.next()
	d.at++
	switch strings.ToUpper(token) {
	case "BIGINT", "SMALLINT", "BOOLEAN":
		return "INTEGER"
	case "BYTEA":
		return "BLOB"
	case "DOUBLE":
		if d.is(d.at, "PRECISION") {
			d.at++
			return "REAL"
		}
	}
	return token
}

// makeStrict has SQLite refuse a value of the wrong type, as PostgreSQL does.
func (d *deriver) makeStrict() {
	if strings.HasSuffix(strings.ToUpper(d.out.String()), "WITHOUT ROWID") {
		d.out.WriteByte(',')
	}
	d.emit("STRICT")
}

// onlyFor drops the lines of a migration that end in "-- sqlite only" or
// "-- postgres only" and are for the other database.
func onlyFor(sql, database string) string {
	if !strings.Contains(sql, " only") {
		return sql
	}
	var kept strings.Builder
	for line := range strings.Lines(sql) {
		_, comment, found := strings.Cut(line, "--")
		comment = strings.TrimSpace(comment)
		if found && (comment == "sqlite only" || comment == "postgres only") && comment != database+" only" {
			continue
		}
		kept.WriteString(line)
	}
	return kept.String()
}
