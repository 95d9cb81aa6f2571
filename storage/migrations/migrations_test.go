package migrations_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/storage/migrations"
)

func load(files map[string]string) ([]migrations.Migration, error) {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return migrations.Load(fsys)
}

func TestAll(t *testing.T) {
	all, err := migrations.All()
	if err != nil || len(all) == 0 {
		t.Errorf("%d migrations, %v", len(all), err)
	}
}

func TestLoad(t *testing.T) {
	got, err := load(map[string]string{"0002_b.sql": "-- why\n-- floor: 1\nB;", "0001_a.sql": "A;"})
	want := []migrations.Migration{
		{Version: 1, Name: "0001_a.sql", Floor: 1, SQL: "A;"},
		{Version: 2, Name: "0002_b.sql", Floor: 1, SQL: "-- why\n-- floor: 1\nB;"},
	}
	if diff := cmp.Diff(got, want); err != nil || diff != "" {
		t.Errorf("%v, got before want: %s", err, diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a gap":        {"0001_a.sql": "", "0003_b.sql": ""},
		"a double":     {"0001_a.sql": "", "0001_b.sql": ""},
		"a start at 2": {"0002_a.sql": ""},
		"a name":       {"1_a.sql": ""},
		"a high floor": {"0001_a.sql": "-- floor: 2\n"},
	} {
		if got, err := load(files); err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

func TestStatements(t *testing.T) {
	m := migrations.Migration{SQL: "-- only; a comment;\nCREATE TABLE a ( -- first;\n\tx TEXT DEFAULT ';' NOT NULL\n); -- done\n\n-- about b\nB;C;\nD\n-- end\n"}
	want := []string{
		"-- only; a comment;\nCREATE TABLE a ( -- first;\n\tx TEXT DEFAULT ';' NOT NULL\n)",
		"\n-- about b\nB;C",
		"D\n-- end\n",
	}
	if diff := cmp.Diff(m.Statements(), want); diff != "" {
		t.Errorf("got before want: %s", diff)
	}
	if got := (migrations.Migration{SQL: "-- nothing;\n\n"}).Statements(); got != nil {
		t.Errorf("got %q, want nothing", got)
	}
}
