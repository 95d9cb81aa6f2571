package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestConversationsAreOnlyRead demands that the server asks other systems by GET alone,
// but for what application services are told, who have registered for it: no code that
// could write to a customer's conversation, make a ticket or move a report gets in by
// the way.
func TestConversationsAreOnlyRead(t *testing.T) {
	t.Parallel()
	found, err := exec.CommandContext(t.Context(), "grep", "-rnE", "--include=*.go",
		`http\.NewRequest|\.Post\(|\.PostForm\(`, "../../accounts", "../../clientapi", "../../config", "../../mediaapi", "../../rooms", "../../storage").Output()
	if err != nil {
		t.Fatal(err)
	}
	get := regexp.MustCompile(`NewRequestWithContext\(\w+, http\.MethodGet, `)
	requests := 0
	for line := range strings.Lines(string(found)) {
		file, call, _ := strings.Cut(line, ":")
		switch {
		case strings.HasSuffix(file, "_test.go"), strings.Contains(call, "s.rooms.Post("):
			continue
		case strings.HasSuffix(file, "accounts/appservice/client.go"):
		case !get.MatchString(call):
			t.Errorf("%s asks otherwise than by GET: %s", file, call)
		}
		requests++
	}
	if requests < 3 {
		t.Errorf("got %d requests, so this test looks in the wrong place", requests)
	}
	if _, err := os.Stat("../../accounts/cards/resolver.go"); err != nil {
		t.Error(err) // it is what is looked at most of all
	}
}
