package main_test

import (
	"regexp"
	"strings"
	"testing"
)

func TestMachineTokenCommands(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		said := in.mustRun(t, "", "token", "create", "conversalabs")
		if !regexp.MustCompile(`^Token \(shown this once\): ic_mt_\*_\S{43}\n$`).MatchString(said) {
			t.Errorf("got %q", said)
		}
		in.mustRun(t, "", "token", "create", "acme", "--account", "acme")
		if got := in.run(t, "", "token", "create", "acme"); got.code == 0 || !strings.Contains(got.err, "of this name already") {
			t.Errorf("got %d %q, want a refusal of the name", got.code, got.err)
		}
		if got := in.run(t, "", "token", "create", "two", "--account", "No"); got.code == 0 {
			t.Error("a token of an account that cannot exist was made")
		}
		in.mustRun(t, "", "token", "revoke", "acme")
		list := in.mustRun(t, "", "token", "list")
		if !strings.Contains(list, "conversalabs") || strings.Contains(list, "acme") || strings.Contains(list, "ic_mt") {
			t.Errorf("got the list %q, want conversalabs alone, and no secret", list)
		}
	})
}
