package main_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// shellBlocks gives the blocks of a page that are commands: the indented ones, and
// the fenced ones that say so (sh).
func shellBlocks(page string) (blocks []string) {
	block, fence, inList := "", "", false
	end := func() {
		if strings.TrimSpace(block) != "" {
			blocks = append(blocks, block)
		}
		block = ""
	}
	for line := range strings.Lines(page) {
		switch {
		case strings.HasPrefix(line, "```"):
			end()
			if fence == "" {
				fence = strings.TrimSpace(line)
			} else {
				fence = ""
			}
		case fence != "":
			if fence == "```sh" {
				block += line
			}
		case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "* "):
			inList = true // whose indented lines are its own
		case strings.HasPrefix(line, "    ") && !inList:
			block += strings.TrimPrefix(line, "    ")
		case strings.TrimSpace(line) == "":
			block += line
		default:
			end()
			inList = false
		}
	}
	end()
	return blocks
}

// TestIntegrationPage runs the commands of docs/integration.md, in order, against a
// fresh server.
func TestIntegrationPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/integration.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlocks(string(page))
	if len(blocks) < 9 {
		t.Fatalf("got only %d blocks of commands", len(blocks))
	}
	for _, program := range []string{"curl", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("there is no " + program)
		}
	}
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t)
		said := in.mustRun(t, "", "token", "create", "conversalabs")
		_, token, _ := strings.Cut(strings.TrimSpace(said), ": ")
		ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
		defer cancel()
		// What fails ends the shell; what is refused unexpectedly fails.
		script := "set -eu\n"
		for _, block := range blocks {
			script += "echo '--'\n" + block
		}
		shell := exec.CommandContext(ctx, "sh", "-c", script)
		shell.Dir, shell.WaitDelay = t.TempDir(), time.Second
		shell.Env = append(os.Environ(), "CHAT="+s.url, "TOKEN="+token)
		var out, stderr bytes.Buffer
		shell.Stdout, shell.Stderr = &out, &stderr
		if err := shell.Run(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out.String(), stderr.String())
		}
		// The greps of the page judge some answers; of the others none is a refusal.
		for answer := range strings.Lines(out.String()) {
			if strings.Contains(answer, `{"errcode"`) || strings.HasPrefix(answer, `{"br.com`) {
				if !strings.Contains(answer, "M_USER_LOCKED") && !strings.Contains(answer, "M_UNKNOWN_TOKEN") && !strings.Contains(answer, `"results"`) {
					t.Errorf("the page's commands were refused: %s", answer)
				}
			}
		}
		if strings.Contains(s.logged(), token) {
			t.Error("the machine token is in the log")
		}
	})
}
