package main_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/config/outbound"
)

// TestCardsPage runs the commands of docs/cards.md with a resolver that does what the
// page says: it checks the signature as there, and gives the page's answer.
func TestCardsPage(t *testing.T) {
	for _, program := range []string{"curl", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("there is no " + program)
		}
	}
	text, err := os.ReadFile("../../docs/cards.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	_, answer, _ := strings.Cut(page, "```json\n")
	answer, _, found := strings.Cut(answer, "```")
	if !found {
		t.Fatal("the page has no answer")
	}
	signed := http.Header{}
	outbound.Sign(signed, "s3cret", time.Unix(1795953600, 0), "account_id=7&id=4812&locale=pt-BR&type=conversation&user_id=42")
	if header := outbound.SignatureHeader + ": " + signed.Get(outbound.SignatureHeader); !strings.Contains(page, header) {
		t.Errorf("the page's request has not the header %s", header)
	}
	script := "set -eu\n" + strings.Join(shellBlocks(page), "")
	each(t, func(t *testing.T, in installation) {
		asked := 0
		resolver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			mac := hmac.New(sha256.New, []byte("s3cret"))
			_, _ = mac.Write([]byte(r.Header.Get("X-ConversaLabs-Timestamp") + "." + r.URL.RawQuery))
			if r.Header.Get("X-ConversaLabs-Signature") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			if r.Method != http.MethodGet || r.URL.Query().Get("user_id") != "42" {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = w.Write([]byte(answer))
		}))
		t.Cleanup(resolver.Close)
		s := in.mustStart(t, "--outbound-networks", "127.0.0.0/8")
		_, token, _ := strings.Cut(strings.TrimSpace(in.mustRun(t, "", "token", "create", "conversalabs")), ": ")
		shell := exec.CommandContext(within(t), "sh", "-c", script)
		shell.Env = append(os.Environ(), "CHAT="+s.url, "TOKEN="+token, "RESOLVER="+resolver.URL+"/cards", "no_proxy=127.0.0.1")
		said, err := shell.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		if asked != 2 || !strings.Contains(string(said), "Conversa #4812 — Maria Souza: https://app.example.com/app/accounts/7/conversations/4812") {
			t.Errorf("asked the resolver %d times, want 2; got %s", asked, said)
		}
		if strings.Contains(s.logged(), "s3cret") {
			t.Error("the secret is in the log")
		}
	})
}
