package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// folder looks at the data folder and who may open it, and tells whether it is
// there.
func (e *examiner) folder() (there bool) {
	data := e.cfg.Data
	info, err := os.Stat(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add(problem, "data folder", "%s does not exist: start the server once, which makes it, or give the right folder with --data", data)
		return false
	case err != nil:
		e.add(problem, "data folder", "%v", err)
		return false
	case !info.IsDir():
		e.add(problem, "data folder", "%s is not a folder; give another one with --data", data)
		return false
	}
	if err := writable(data); err != nil {
		e.add(problem, "data folder", "%s: %v; give it to the user that the server runs as, and run this as that user", data, err)
		return true
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		e.add(warning, "data folder", "%s has mode %04o, so that others on this machine may look into it; run chmod 700 %s", data, mode, data)
		return true
	}
	e.add(fine, "data folder", "%s", data)
	return true
}

// The free space at which the doctor speaks up, in bytes.
const (
	littleSpace   = 1 << 30
	tooLittle     = 100 << 20
	bytesOfOneMiB = 1 << 20
)

// volume is what the data folder lies on.
type volume struct {
	free    uint64 // bytes that the server may still write
	network string // the kind of network file system, or empty
	memory  bool   // gone after a restart of the machine
}

// space looks at the disk below the data folder.
func (e *examiner) space() {
	v, err := e.disk(e.cfg.Data)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) {
		return // the folder's own check has said so; not every system can tell
	}
	if err != nil {
		e.add(problem, "disk", "cannot tell the free space of %s: %v", e.cfg.Data, err)
		return
	}
	switch free := v.free / bytesOfOneMiB; {
	case v.free < tooLittle:
		e.add(problem, "disk", "%d MiB free: the server is about to refuse every message; make room now", free)
	case v.free < littleSpace:
		e.add(warning, "disk", "%d MiB free; make room", free)
	default:
		e.add(fine, "disk", "%d MiB free", free)
	}
	if v.memory {
		e.add(warning, "disk", "%s lies in memory and is lost when the machine stops; choose a folder on a disk with --data", e.cfg.Data)
	}
	if v.network != "" && e.cfg.Database == "" {
		e.add(problem, "disk", "%s lies on a network file system (%s), where SQLite's locks cannot be relied on; "+
			"choose a folder on a local disk with --data, or use PostgreSQL", e.cfg.Data, v.network)
	}
}

// database looks at the database, its schema and the default account in it.
// Without a folder there is no SQLite to look at.
func (e *examiner) database(ctx context.Context, folder bool) {
	options := databaseOptions(e.cfg)
	options.ReadOnly = true
	if options.Path != "" && !folder {
		return
	}
	where := cmp.Or(e.cfg.Database.Location(), options.Path)
	db, facts, err := e.openDatabase(ctx, options)
	switch {
	case errors.Is(err, fs.ErrNotExist) && options.Path != "":
		e.add(problem, "database", "%s does not exist: start the server once, which makes it, or give the right folder with --data", where)
		return
	case err != nil && options.Path != "":
		e.add(problem, "database", "%s: %v", where, err)
		return
	case err != nil:
		e.add(problem, "database", "%s: %v; see that PostgreSQL runs there and lets this user in", where, err)
		return
	}
	defer db.Close()
	e.add(fine, "database", "%s, %s", facts.Product, where)
	for _, risk := range facts.Risks {
		e.add(problem, "database", "%s", risk)
	}
	if !facts.Clock.IsZero() {
		e.databaseClock(facts.Clock)
	}
	e.listenURL(ctx)
	if e.schema(ctx, db) {
		e.serverName(ctx, db)
	}
}

func (e *examiner) openDatabase(ctx context.Context, o sqldb.Options) (*sqldb.DB, sqldb.Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	db, err := sqldb.Open(ctx, o)
	if err != nil {
		return nil, sqldb.Facts{}, err
	}
	facts, err := db.Facts(ctx)
	if err != nil {
		db.Close()
	}
	return db, facts, err
}

// listenURL tries the other way to the database, if there is one.
func (e *examiner) listenURL(ctx context.Context) {
	other := e.cfg.DatabaseListen
	if other == "" {
		return
	}
	db, _, err := e.openDatabase(ctx, sqldb.Options{URL: other.Reveal(), ReadOnly: true})
	if err != nil {
		e.add(problem, "database for LISTEN", "%s: %v", other.Location(), err)
		return
	}
	db.Close()
	e.add(fine, "database for LISTEN", "%s", other.Location())
}

// schema tells whether this program can work on the schema, and whether there is
// one to read.
func (e *examiner) schema(ctx context.Context, db *sqldb.DB) (readable bool) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	has, knows, err := db.SchemaVersion(ctx)
	e.judgeSchema(has, knows, err)
	return err == nil && has > 0
}

func (e *examiner) judgeSchema(has, knows int, err error) {
	switch {
	case err != nil:
		e.add(problem, "schema", "%v", err)
	case has == 0:
		e.add(warning, "schema", "none yet: the next start makes it")
	case has < knows:
		e.add(warning, "schema", "version %d: the next start brings it to %d; make a backup before", has, knows)
	case has > knows:
		e.add(fine, "schema", "version %d, made by a newer program; this one knows %d and can work on it", has, knows)
	default:
		e.add(fine, "schema", "version %d", has)
	}
}

// serverName compares the default account's name with the one asked for.
func (e *examiner) serverName(ctx context.Context, db *sqldb.DB) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	log := logrus.New()
	log.SetOutput(io.Discard)
	store := storage.Open(storage.Options{DB: db, Log: log, Now: e.now})
	defer store.Close()
	account, err := store.Account(ctx, tenant.Default)
	wanted := e.cfg.ServerName
	switch {
	case err != nil:
		e.add(problem, "server name", "%v", err)
	case account == nil:
		e.add(fine, "server name", "%s, from the next start on", cmp.Or(wanted, "localhost"))
	case wanted != "" && wanted != account.ServerName:
		e.add(problem, "server name", "the data is of %s and the configuration says %s; it cannot change, so correct --server-name or --data",
			account.ServerName, wanted)
	default:
		e.add(fine, "server name", "%s", account.ServerName)
	}
}

// How far clocks may be apart.
const (
	clocksDiffer   = 2 * time.Second
	clocksTooFar   = time.Minute
	plausibleFirst = 2026
	plausibleLast  = 2100
)

func (e *examiner) databaseClock(database time.Time) {
	off := e.now().Sub(database).Round(time.Millisecond)
	switch d := off.Abs(); {
	case d > clocksTooFar:
		e.add(problem, "database clock", "%s away from this machine's; set both by NTP", d)
	case d > clocksDiffer:
		e.add(warning, "database clock", "%s away from this machine's; set both by NTP", d)
	default:
		e.add(fine, "database clock", "agrees with this machine's")
	}
}

// clock looks for signs that this machine's clock is wrong.
func (e *examiner) clock() {
	now := e.now()
	if year := now.UTC().Year(); year < plausibleFirst || year > plausibleLast {
		e.add(problem, "clock", "it says %s; set it by NTP", now.UTC().Format(time.RFC3339))
		return
	}
	entries, _ := os.ReadDir(e.cfg.Data) // without a folder there is nothing to compare
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.ModTime().Sub(now) > clocksTooFar {
			e.add(warning, "clock", "it says %s, and %s was written at %s: it was set back, or was wrong then; set it by NTP",
				now.UTC().Format(time.RFC3339), filepath.Join(e.cfg.Data, entry.Name()), info.ModTime().UTC().Format(time.RFC3339))
			return
		}
	}
	e.add(fine, "clock", "%s", now.UTC().Format(time.RFC3339))
}
