package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// These tests stand inside the package because main cannot be imported.

type result struct {
	code     int
	out, err string
}

func mustRun(t testing.TB, args, environ []string, stdin string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr, environ)
	return result{code, stdout.String(), stderr.String()}
}

// TestRefusals shows that what is wrong at the command line or in the
// configuration ends with exit code 2, a message that names it, and no file.
// Secrets are "tellnobody" here; no message may repeat them.
func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		args, env, yaml string
		want            string
	}{
		"unknown command":        {args: "fly", want: `there is no command "fly"`},
		"misspelt command":       {args: "acount", want: "did you mean account?"},
		"unknown subcommand":     {args: "account fly", want: `there is no command "account fly"`},
		"no subcommand":          {args: "user", want: "user: want one of create, list, set-password, deactivate"},
		"unknown help":           {args: "help fly", want: `there is no command "fly"`},
		"unknown flag":           {args: "--fly", want: "unknown flag: --fly"},
		"one dash":               {args: "-machine-token=tellnobody", want: "there is no option -m"},
		"flag without value":     {args: "serve --listen", want: "--listen"},
		"bad flag":               {args: "--listen nowhere", want: `--listen: "nowhere": want host:port`},
		"bad flag, serve":        {args: "serve --rate-limits=maybe", want: `--rate-limits: "maybe": want on or off`},
		"bad flag, doctor":       {args: "doctor --server-name a_b", want: "--server-name: "},
		"flag of the server":     {args: "user list --listen :1", want: "unknown flag: --listen"},
		"secret flag":            {args: "--machine-token tellnobody", want: "--machine-token: want a secret"},
		"database with password": {args: "account list --database mysql://u:tellnobody@h/d", want: "--database: want a PostgreSQL URL"},
		"unknown variable":       {env: "INTERNALCHAT_FLY=1", want: "INTERNALCHAT_FLY: there is no such option"},
		"bad variable":           {args: "user list", env: "INTERNALCHAT_LISTEN=x", want: `INTERNALCHAT_LISTEN: "x": want host:port`},
		"missing file":           {args: "--config nowhere.yaml", want: "nowhere.yaml: no such file"},
		"missing token file":     {args: "--machine-token-file nowhere", want: "--machine-token-file: nowhere: no such file"},
		"folder as file":         {args: "--config .", want: ".: is a directory"},
		"unknown key":            {yaml: "listen: :1\nfly: tellnobody\n", want: "chat.yaml:2: fly: there is no such option"},
		"key twice":              {yaml: "listen: :1\nlisten: :1\n", want: "chat.yaml:2: listen: stands in line 1 already"},
		"bad value in file":      {yaml: "\nlimits:\n  page: many\n", want: `chat.yaml:3: limits.page: "many": want a whole number`},
		"half a file":            {yaml: "listen: :1\nmachine_token: \"tellno", want: "chat.yaml:2: this is not YAML"},
		"word after serve":       {args: "serve fly", want: "serve: too many words"},
		"word after version":     {args: "version fly", want: "version: too many words"},
		"account without ID":     {args: "account create", want: "create: ID is missing"},
		"account, bad ID":        {args: "account show Acme", want: `"Acme" is not an account ID`},
		"account, no name":       {args: "account create acme", want: "--server-name, or set base_domain"},
		"account, bad name":      {args: "account create acme --server-name a/b", want: `--server-name: "a/b": want a host name`},
		"account, bad policy":    {args: "account set acme --room-policy x", want: "want team or matrix"},
		"account, no change":     {args: "account set acme", want: "nothing to change"},
		"account list of what":   {args: "account list acme", want: "list: too many words"},
		"user without name":      {args: "user create", want: "create: NAME is missing"},
		"user by full ID":        {args: "user deactivate @ana:localhost", want: `"@ana:localhost" is not a user name`},
		"user, bad account":      {args: "user list --account A", want: `"A" is not an account ID`},
		"user, bad role":         {args: "user create ana --role king", want: "want agent or administrator"},
		"user, no password":      {args: "user create ana --password-stdin", want: "the input holds no password"},
		"password as word":       {args: "user set-password ana tellnobody", want: "set-password: too many words"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			args := strings.Fields(test.args)
			if test.yaml != "" {
				if err := os.WriteFile("chat.yaml", []byte(test.yaml), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--config", "chat.yaml")
			}
			got := mustRun(t, args, []string{test.env}, "")
			if got.code != exitUsage || got.out != "" {
				t.Errorf("got exit code %d and output %q, want %d and none", got.code, got.out, exitUsage)
			}
			if !strings.Contains(got.err, test.want) || strings.Contains(got.err, "tellno") {
				t.Errorf("got %q, want %q in it and no secret", got.err, test.want)
			}
			mustHold(t, dir, "chat.yaml")
		})
	}
}

// mustHold demands that a folder holds at most this file.
func mustHold(t testing.TB, dir, file string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != file {
			t.Errorf("got a new file %s, want nothing written", filepath.Join(dir, entry.Name()))
		}
	}
}

func TestEachMistakeHasItsLine(t *testing.T) {
	got := mustRun(t, []string{"--listen", "x", "--data="}, []string{"INTERNALCHAT_FLY=1"}, "")
	lines := strings.Split(strings.TrimSpace(got.err), "\n")
	if len(lines) != 3 {
		t.Errorf("got %d lines, want 3: %q", len(lines), got.err)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "internalchat: ") {
			t.Errorf("got %q, want the program's name first", line)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range []string{"--help", "help", "-h"} {
		got := mustRun(t, strings.Fields(args), []string{"INTERNALCHAT_FLY=1"}, "")
		if got.code != exitOK || got.err != "" {
			t.Errorf("%s: got %d and %q, want 0 and no error", args, got.code, got.err)
		}
		lines := strings.Split(got.out, "\n")
		if len(lines) > 40 {
			t.Errorf("%s: got %d lines, want at most 40", args, len(lines))
		}
		for _, line := range lines {
			if len(line) > 100 {
				t.Errorf("%s: got a line of %d bytes, want at most 100: %s", args, len(line), line)
			}
		}
		for _, name := range append(allOptions(), "help") {
			if n := strings.Count(got.out, " --"+name+" "); n != 1 {
				t.Errorf("%s: got --%s %d times, want once", args, name, n)
			}
		}
		for _, command := range []string{"serve", "account", "user", "doctor", "version"} {
			if !strings.Contains(got.out, "\n  "+command+" ") {
				t.Errorf("%s: got no line for %s", args, command)
			}
		}
	}
}

func TestHelpOfEachCommand(t *testing.T) {
	root := (&program{}).root()
	for _, group := range root.Commands() {
		for _, c := range append(group.Commands(), group) {
			path := strings.Fields(c.CommandPath())[1:]
			got := mustRun(t, append(path, "--help"), nil, "")
			if got.code != exitOK || !strings.Contains(got.out, "Usage:\n  "+c.CommandPath()) || c.Short == "" {
				t.Errorf("%v: got %d and %q, want its usage", path, got.code, got.out)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	got := mustRun(t, []string{"version"}, []string{"INTERNALCHAT_FLY=1"}, "")
	if got.code != exitOK || !strings.HasPrefix(got.out, "internalchat ") || !strings.Contains(got.out, " go1.") {
		t.Errorf("got %d and %q, want 0 and a version", got.code, got.out)
	}
}

func TestVersionLine(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"},
	}}
	if got, want := versionLine(info), "internalchat v1.2.3 revision abc with changes go"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q first", got, want)
	}
	if got, want := versionLine(nil), "internalchat (unknown) go"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q first", got, want)
	}
}

func TestPasswordFromInput(t *testing.T) {
	p := &program{terminal: terminal{in: strings.NewReader("correct horse \r\nrest")}}
	got, err := p.password(true)
	if err != nil || got.Reveal() != "correct horse " {
		t.Errorf("got %q and %v, want the first line as it stands", got.Reveal(), err)
	}
	if got, err := p.password(false); got != "" || err != nil {
		t.Errorf("got %q and %v, want nothing", got.Reveal(), err)
	}
}
