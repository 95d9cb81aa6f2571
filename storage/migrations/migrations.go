package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

//go:embed *.sql */*.sql
var files embed.FS

// Migration is one step of the schema.
type Migration struct {
	// Version counts from 1.
	Version int
	// Name is the file's name.
	Name string
	// Floor is the schema version that a program must know to work on a database
	// which has this migration. It is this version itself, unless the file says
	// otherwise in a line "-- floor: N".
	Floor int
	// SQL is the text in PostgreSQL's dialect.
	SQL string
}

var (
	fileName  = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)
	floorLine = regexp.MustCompile(`(?m)^-- floor: (\d+)$`)
)

// All returns this program's migrations in order.
func All() ([]Migration, error) { return Load(files) }

// Follow returns the migrations of what followers keep, which lies beside what
// they write.
func Follow() ([]Migration, error) { return loadFolder("follow") }

// Search returns the migrations of the search index.
func Search() ([]Migration, error) { return loadFolder("search") }

func loadFolder(name string) ([]Migration, error) {
	folder, err := fs.Sub(files, name)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return Load(folder)
}

// Load reads the migrations in the top folder of a file system, in order. It
// fails on a name that is not of the form 0001_words.sql, a gap in the numbers,
// and a floor above the file's own version.
func Load(fsys fs.FS) ([]Migration, error) {
	entries, err := fs.ReadDir(fsys, ".") // sorted by name
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	var all []Migration
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		m, err := load(fsys, e.Name())
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", e.Name(), err)
		}
		if m.Version != len(all)+1 {
			return nil, fmt.Errorf("migration %s: number %d was expected", e.Name(), len(all)+1)
		}
		all = append(all, m)
	}
	return all, nil
}

func load(fsys fs.FS, name string) (Migration, error) {
	match := fileName.FindStringSubmatch(name)
	if match == nil {
		return Migration{}, fmt.Errorf("the name must be four digits, an underscore, words and .sql")
	}
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return Migration{}, err
	}
	m := Migration{Name: name, SQL: string(text)}
	if m.Version, err = strconv.Atoi(match[1]); err != nil {
		return Migration{}, err
	}
	m.Floor = m.Version
	if floor := floorLine.FindStringSubmatch(m.SQL); floor != nil {
		if m.Floor, err = strconv.Atoi(floor[1]); err != nil {
			return Migration{}, err
		}
	}
	if m.Floor > m.Version {
		return Migration{}, fmt.Errorf("floor %d is above the migration's own version", m.Floor)
	}
	return m, nil
}

// Statements splits the text at each ";" that ends a line, but for a comment after
// it. Comments stay with the statement that follows them.
func (m Migration) Statements() []string {
	var statements []string
	var statement strings.Builder
	code := false // the statement has more than comments
	for line := range strings.Lines(m.SQL) {
		before, _, _ := strings.Cut(line, "--")
		before = strings.TrimSpace(before)
		code = code || before != ""
		if !strings.HasSuffix(before, ";") {
			statement.WriteString(line)
			continue
		}
		statement.WriteString(strings.TrimSuffix(before, ";"))
		statements = append(statements, statement.String())
		statement.Reset()
		code = false
	}
	if code {
		statements = append(statements, statement.String())
	}
	return statements
}
