package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/conversalabs/internalchat"

// levels is the order of the house: a package imports only from lower levels.
// Packages of one level do not know each other.
var levels = map[string]int{
	"accounts/tenant":    0,
	"clientapi/refusal":  0,
	"config":             0,
	"config/outbound":    0,
	"rooms/icon":         0,
	"storage/migrations": 0,

	"mediaapi/media/clamd/clamdtest": 0, // tests only
	"mediaapi/media/s3/s3test":       1, // tests only

	"clientapi/httpapi":  1,
	"mediaapi/media":     1,
	"mediaapi/thumbnail": 1,
	"storage/sqldb":      1,
	"storage/stream":     1,

	"accounts":                 2,
	"mediaapi/media/clamd":     2,
	"mediaapi/media/mediatest": 2, // tests only
	"mediaapi/media/s3":        2,
	"rooms/event":              2, // an event carries its position in the stream
	"storage/follow":           2,
	"storage/sqldb/sqltest":    2, // tests only

	"accounts/appservice": 3,
	"accounts/cards":      3,
	"accounts/login":      3,
	"accounts/oauth":      3,
	"mediaapi":            3,
	"rooms":               3,

	"rooms/push":   4,
	"rooms/search": 4,

	"clientapi/longpoll": 5,
	"rooms/bell":         5,
	"storage":            5,

	"clientapi/openapitest":  0,
	"clientapi":              6,
	"clientapi/extension":    6,
	"clientapi/provisioning": 6,
	"clientapi/webhooks":     6,
	"storage/storagetest":    6,

	"cmd/chatbench":    7,
	"cmd/internalchat": 7,
}

// Test files are left out: go list keeps their imports apart.
func TestPackagesImportOnlyFromLowerLevels(t *testing.T) {
	t.Parallel()
	for _, p := range mustList(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		level, known := levels[name]
		if !known {
			t.Errorf("%s has no level: put it into the table", name)
			continue
		}
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, module+"/")
			switch {
			case !ours:
			case name == "cmd/chatbench":
				t.Errorf("%s imports %s: the load tool knows servers from outside only", name, other)
			case levels[other] >= level:
				t.Errorf("%s (level %d) imports %s (level %d)", name, level, other, levels[other])
			}
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

func mustList(t testing.TB) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatal("go list names no package")
	}
	return packages
}
