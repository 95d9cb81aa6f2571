package sqldb

import (
	"fmt"
	"strconv"
	"strings"
)

// paramKind says what a parameter of a derived text takes.
type paramKind int

const (
	scalarParam    paramKind = iota
	arrayParam               // a slice, bound as a JSON array
	byteArrayParam           // a slice of byte strings, bound as a JSON array of hexadecimal strings
)

// param is one "?" of a derived text.
type param struct {
	arg  int // index of the argument
	kind paramKind
}

// derived is the SQLite text of a statement.
type derived struct {
	sql    string
	params []param // in the order of the text
	args   int     // how many arguments there must be
}

// derive makes the SQLite text of a statement in PostgreSQL's dialect. The rules:
//
//   - $n becomes ?, and the arguments are put in that order;
//   - x = ANY($n) and x <> ALL($n) become IN and NOT IN over json_each(?);
//   - unnest($n::text[], …) AS t(a, …), also WITH ORDINALITY, and SELECT
//     unnest($n::text[]) become a SELECT from json_each(?);
//   - ::type, COLLATE "C", FOR UPDATE and FOR SHARE (OF, NOWAIT, SKIP LOCKED) are
//     dropped, comments too;
//   - in CREATE TABLE and ALTER TABLE the types BIGINT, SMALLINT, BOOLEAN, BYTEA
//     and DOUBLE PRECISION become SQLite's, and a table is made STRICT.
//
// Since a cast is dropped, it may only help PostgreSQL to find a type, not change a
// value.
func derive(sql string) (derived, error) {
	tokens, err := tokenize(sql)
	if err != nil {
		return derived{}, err
	}
	d := &deriver{tokens: tokens}
	d.ddl = d.is(0, "CREATE", "TABLE") || d.is(0, "ALTER", "TABLE")
	for d.at < len(d.tokens) {
		if err := d.step(); err != nil {
			return derived{}, fmt.Errorf("derive the SQLite text: %w in %q", err, sql)
		}
	}
	if d.is(0, "CREATE", "TABLE") {
		d.makeStrict()
	}
	return derived{sql: d.out.String(), params: d.params, args: d.args}, nil
}

// deriver walks over the tokens once.
type deriver struct {
	tokens []string
	at     int
	ddl    bool
	out    strings.Builder
	params []param
	args   int
}

// is compares the tokens from i on with words, whatever their case.
func (d *deriver) is(i int, words ...string) bool {
	if i < 0 || i+len(words) > len(d.tokens) {
		return false
	}
	for k, w := range words {
		if !strings.EqualFold(d.tokens[i+k], w) {
			return false
		}
	}
	return true
}

func (d *deriver) next() string {
	if d.at < len(d.tokens) {
		return d.tokens[d.at]
	}
	return ""
}

// emit writes text as a token of its own.
func (d *deriver) emit(text string) {
	if d.out.Len() > 0 {
		d.out.WriteByte(' ')
	}
	d.out.WriteString(text)
}

func (d *deriver) step() error {
	token := d.next()
	switch {
	case token == "::":
		d.at++
		_, err := d.typeName()
		return err
	case d.is(d.at, "COLLATE", `"C"`):
		d.at += 2
		return nil
	case d.is(d.at, "FOR", "UPDATE"), d.is(d.at, "FOR", "SHARE"):
		d.skipLocking()
		return nil
	case d.is(d.at, "=", "ANY", "("):
		d.at += 3
		return d.membership("IN")
	case d.is(d.at, "<>", "ALL", "("):
		d.at += 3
		return d.membership("NOT IN")
	case d.is(d.at, "unnest", "("):
		d.at += 2
		return d.unnest()
	case token[0] == '$':
		d.at++
		return d.parameter(token, scalarParam)
	case d.ddl:
		d.emit(d.columnType())
		return nil
	default:
		d.emit(token)
		d.at++
		return nil
	}
}

// parameter emits a ? for $n.
func (d *deriver) parameter(token string, kind paramKind) error {
	n, err := strconv.Atoi(strings.TrimPrefix(token, "$"))
	if err != nil || n < 1 {
		return fmt.Errorf("parameter %s", token)
	}
	d.params = append(d.params, param{arg: n - 1, kind: kind})
	d.args = max(d.args, n)
	d.emit("?")
	return nil
}

// typeName reads what follows "::" and returns it in small letters.
func (d *deriver) typeName() (string, error) {
	if !isWord(d.next()) {
		return "", fmt.Errorf(":: without a type")
	}
	name := strings.ToLower(d.next())
	d.at++
	if name == "double" && d.is(d.at, "precision") {
		d.at++
	}
	if d.is(d.at, "[", "]") {
		d.at += 2
		name += "[]"
	}
	return name, nil
}

// array reads "$n" or "$n::type[]" and returns the parameter with its kind.
func (d *deriver) array() (token string, kind paramKind, err error) {
	token, kind = d.next(), arrayParam
	if token == "" || token[0] != '$' {
		return "", 0, fmt.Errorf("an array that is not a parameter")
	}
	d.at++
	if d.is(d.at, "::") {
		d.at++
		name, err := d.typeName()
		if err != nil {
			return "", 0, err
		}
		if name == "bytea[]" {
			kind = byteArrayParam
		}
	}
	return token, kind, nil
}

// value is the SQL for an element of a json_each.
func value(kind paramKind, from string) string {
	if kind == byteArrayParam {
		return "unhex(" + from + "value)"
	}
	return from + "value"
}

// expect reads one token.
func (d *deriver) expect(token string) error {
	if !d.is(d.at, token) {
		return fmt.Errorf("%q where %q is expected", d.next(), token)
	}
	d.at++
	return nil
}

func (d *deriver) membership(operator string) error {
	token, kind, err := d.array()
	if err != nil {
		return err
	}
	d.emit(operator + " (SELECT " + value(kind, "") + " FROM json_each(")
	if err := d.parameter(token, kind); err != nil {
		return err
	}
	d.emit("))")
	return d.expect(")")
}

func (d *deriver) skipLocking() {
	d.at += 2
	if d.is(d.at, "OF") {
		d.at += 2
		for d.is(d.at, ",") {
			d.at += 2
		}
	}
	if d.is(d.at, "NOWAIT") {
		d.at++
	}
	if d.is(d.at, "SKIP", "LOCKED") {
		d.at += 2
	}
}
