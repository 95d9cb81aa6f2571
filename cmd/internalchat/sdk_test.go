package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// requireNPM is the variable that makes a test fail that would be skipped for
// want of npm's packages.
const requireNPM = "INTERNALCHAT_REQUIRE_NPM"

// sdkFolder holds the scripts that run matrix-js-sdk, and npm's packages.
const sdkFolder = "../../clientapi/e2e"

// oldestNode is the first major version of Node that the SDK runs on.
const oldestNode = 22

// slidingSync is the feature that /versions lists where sliding sync is served.
const slidingSync = "org.matrix.simplified_msc3575"

// TestSDK lets the SDK that Element is made of do what its users do, against a
// server of its own for each script.
func TestSDK(t *testing.T) {
	if testing.Short() {
		t.Skip("the SDK is tried without the race detector: its patience is not made for it")
	}
	node := mustHaveNode(t)
	scripts := map[string]struct {
		serve   []string
		feature string // what /versions must list
	}{
		"conversation": {serve: []string{"--room-policy", "matrix"}}, // invites and is invited
		"oauth":        {},
		"loginpage":    {},
		"keys":         {serve: []string{"--room-policy", "matrix"}}, // has an encrypted room
		"sliding":      {serve: []string{"--room-policy", "matrix"}, feature: slidingSync},
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, in installation) {
				s := in.mustStart(t, append(script.serve, "--registration", "open")...)
				if script.feature != "" && !lists(t, s.url, script.feature) {
					t.Skipf("the server does not serve %s yet", script.feature)
				}
				mustTell(t, node, name, s.url)
			})
		})
	}
}

// mustHaveNode gives a Node that is new enough, with the packages that the
// scripts need; or it skips the test.
func mustHaveNode(t testing.TB) string {
	t.Helper()
	missing := func(what string) {
		t.Helper()
		if os.Getenv(requireNPM) != "" {
			t.Fatalf("%s, and %s is set", what, requireNPM)
		}
		t.Skipf("%s: run `npm ci` in clientapi/e2e", what)
	}
	packages, err := filepath.Abs(filepath.Join(sdkFolder, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(packages, "matrix-js-sdk")); err != nil {
		missing("matrix-js-sdk is not installed")
	}
	for _, node := range []string{filepath.Join(packages, ".bin", "node"), "node"} {
		out, err := exec.CommandContext(t.Context(), node, "--version").Output()
		if err != nil {
			continue
		}
		major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
		if n, err := strconv.Atoi(major); err == nil && n >= oldestNode {
			return node
		}
	}
	missing("there is no Node " + strconv.Itoa(oldestNode))
	return ""
}

// lists tells whether /versions has a feature.
func lists(t testing.TB, address, feature string) bool {
	t.Helper()
	versions, err := connect(t, address).Versions(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return versions.UnstableFeatures[feature]
}

// mustTell runs a script, which fails if a step of its story does.
func mustTell(t testing.TB, node, script, address string) {
	t.Helper()
	// What a test has read is what `go test` looks at before it repeats an old
	// result.
	for _, file := range []string{script + ".test.js", "person.js", "package-lock.json"} {
		if _, err := os.ReadFile(filepath.Join(sdkFolder, file)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "--test-force-exit", "--test-reporter=spec", script+".test.js", address)
	cmd.Dir = sdkFolder
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", script, err, out)
		return
	}
	t.Logf("%s", out)
}
