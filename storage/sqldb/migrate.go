package sqldb

import (
	"context"
	"fmt"
	"strings"

	"github.com/conversalabs/internalchat/storage/migrations"
)

// migrator runs statements in the one transaction of a migration, which holds the
// lock.
type migrator interface {
	Querier
	exec(ctx context.Context, sql string, args ...any) error
}

// The statements begin with a line of migrations, whose name is part of the
// table's.
const (
	createMigrationsSQL = `
	CREATE TABLE IF NOT EXISTS %s_migrations (
		version BIGINT NOT NULL PRIMARY KEY,
		name TEXT NOT NULL,
		floor BIGINT NOT NULL
	)`

	appliedMigrationsSQL = `SELECT version, name, floor FROM %s_migrations ORDER BY version`

	recordMigrationSQL = `INSERT INTO %s_migrations (version, name, floor) VALUES ($1, $2, $3)`
)

// schemaLine is the line of the product's own schema.
const schemaLine = "schema"

// Apply is [DB.Migrate] with a list of migrations in ascending order. All that
// are missing are applied in one transaction.
func (db *DB) Apply(ctx context.Context, all []migrations.Migration) error {
	return db.ApplyLine(ctx, schemaLine, all)
}

// ApplyLine is [DB.Apply] for tables that are numbered by themselves, because they
// may stand in this database or in another: line, a word of small letters, names
// what is counted.
func (db *DB) ApplyLine(ctx context.Context, line string, all []migrations.Migration) error {
	err := db.backend.migrate(ctx, func(m migrator) error {
		if err := m.exec(ctx, fmt.Sprintf(createMigrationsSQL, line)); err != nil {
			return err
		}
		applied, err := All(ctx, m, scanMigration, fmt.Sprintf(appliedMigrationsSQL, line))
		if err != nil {
			return err
		}
		missing, err := missingMigrations(applied, all)
		if err != nil {
			return err
		}
		for _, next := range missing {
			if err := applyMigration(ctx, m, line, next); err != nil {
				return fmt.Errorf("%s: %w", next.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func scanMigration(r Row) (m migrations.Migration, err error) {
	err = r.Scan(&m.Version, &m.Name, &m.Floor)
	return m, err
}

// missingMigrations compares what the database has with what this binary knows.
func missingMigrations(applied, all []migrations.Migration) ([]migrations.Migration, error) {
	newest := 0
	known := make(map[int]string, len(all))
	for _, m := range all {
		newest = m.Version
		known[m.Version] = m.Name
	}
	has := make(map[int]bool, len(applied))
	for _, m := range applied {
		has[m.Version] = true
		if m.Floor > newest {
			return nil, fmt.Errorf("the database was upgraded by a newer version of internalchat (%s): it needs a program "+
				"that knows schema version %d, and this one knows versions up to %d; install the newer version again, "+
				"or restore a backup from before the upgrade", m.Name, m.Floor, newest)
		}
		if name, ok := known[m.Version]; ok && name != m.Name {
			return nil, fmt.Errorf("the database has %s as schema version %d, and this program has %s: "+
				"it belongs to another program or to another line of versions", m.Name, m.Version, name)
		}
	}
	var missing []migrations.Migration
	for _, m := range all {
		if !has[m.Version] {
			missing = append(missing, m)
		}
	}
	return missing, nil
}

func applyMigration(ctx context.Context, m migrator, line string, next migrations.Migration) error {
	for _, sql := range next.Statements() {
		if err := m.exec(ctx, sql); err != nil {
			first, _, _ := strings.Cut(strings.TrimSpace(sql), "\n")
			return fmt.Errorf("%s: %w", first, err)
		}
	}
	return m.exec(ctx, fmt.Sprintf(recordMigrationSQL, line), next.Version, next.Name, next.Floor)
}
