package config_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/config"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const referenceFile = "../docs/configuration.md"

func TestReferenceIsUpToDate(t *testing.T) {
	want := config.Reference()
	if *update {
		if err := os.WriteFile(referenceFile, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(referenceFile, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("docs/configuration.md is old; run go test ./config -update (got -, want +):\n%s", diff)
	}
}

func TestEveryOptionIsDocumentedOnce(t *testing.T) {
	names := map[string]string{}
	for _, o := range config.Options() {
		for _, name := range []string{"key " + o.Key, "env " + o.Env(), "flag " + o.Flag} {
			if other, taken := names[name]; taken && name != "flag " {
				t.Errorf("%s belongs to %s and to %s", name, other, o.Key)
			}
			names[name] = o.Key
		}
		if o.Doc == "" || !strings.HasSuffix(o.Doc, ".") || o.Shape() == "" {
			t.Errorf("%s: got doc %q and shape %q, want a sentence and a shape", o.Key, o.Doc, o.Shape())
		}
		if got := strings.Count(config.Reference(), "`"+o.Env()+"`"); got != 1 {
			t.Errorf("%s stands %d times in the reference, want once", o.Env(), got)
		}
	}
}
