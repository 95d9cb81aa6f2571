package main_test

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestWebhooksPage runs the examples of docs/webhooks.md as they stand, and demands
// what they post.
func TestWebhooksPage(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the examples need curl")
	}
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	script := "set -e\n"
	for line := range strings.Lines(string(page)) {
		if example, ok := strings.CutPrefix(line, "    "); ok {
			script += example
		}
	}
	in := installation{folder: t.TempDir()}
	in.mustHaveUser(t, "ana", "correct horse")
	running := in.mustStart(t)
	ana := (&asker{hs: &homeserver{url: running.url}, name: "ana", password: "correct horse"}).mustLogIn(t, "")
	room := ana.mustCreate(t, `{"preset":"private_chat"}`)
	shell := exec.CommandContext(within(t), "sh", "-c", script)
	shell.Env = append(os.Environ(), "API="+running.url, "TOKEN="+ana.token, "ROOM="+url.PathEscape(room), "no_proxy=127.0.0.1")
	said, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if answers := string(said); strings.Count(answers, `"event_id"`) != 4 || !strings.HasSuffix(answers, "}okok") || !strings.Contains(answers, `"webhooks":[{`) {
		t.Errorf("got %s, want the list, four event IDs and ok twice", answers)
	}
	var bodies []string
	for _, e := range ana.must(t, http.MethodGet, inRoom(room)+"/messages?dir=f&limit=100", "").Get("chunk").Array() {
		if e.Get("type").Str == "m.room.message" {
			bodies = append(bodies, e.Get("content.body").Str)
		}
	}
	want := []string{
		"Version 2 is out", "CI: **Build 7** has *failed*: [log](https://ci.example.com/7)", "Build 7",
		"Disk full on db1 (https://mon.example.com/db1)\nLoad\n93 %", "old style",
	}
	if got := strings.Join(bodies, "\n--\n"); got != strings.Join(want, "\n--\n") {
		t.Errorf("got the messages %q, want %q", bodies, want)
	}
}
