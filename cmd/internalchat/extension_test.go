package main

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

const product = "/_matrix/client/unstable/br.com.conversalabs/v1"

// TestModuleSwitchedOff switches the module off while a poll waits: it ends at
// once, every route but signing out and /me is closed, and when it is on again the
// same session goes on where it was.
func TestModuleSwitchedOff(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	set := func(change func(*accounts.Settings)) {
		t.Helper()
		if err := f.house.accounts.ChangeAccount(t.Context(), operator(tenant.Default), func(s *accounts.Settings) error {
			change(s)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	me := f.must(f.bia, http.MethodGet, product+"/me", "")
	if got, want := me.Raw, `{"account_id":"default","administrator":false,"enabled":true,"role":"agent","suspended":false,"user_id":"@bia:home.test"}`; sortedJSON(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	next := f.must(f.bia, http.MethodGet, client+"/sync", "").Get("next_batch").Str
	for _, c := range []struct {
		off, on func(*accounts.Settings)
		reason  string
	}{
		{func(s *accounts.Settings) { s.Disabled = true }, func(s *accounts.Settings) { s.Disabled = false }, "module_disabled_account"},
		{
			func(s *accounts.Settings) { s.DisabledRoles = []tenant.Role{tenant.Agent} },
			func(s *accounts.Settings) { s.DisabledRoles = nil }, "module_disabled_role",
		},
	} {
		polled := make(chan gjson.Result)
		go func() {
			_, answer := f.ask(f.bia, http.MethodGet, client+"/sync?timeout=60000&since="+next, "")
			polled <- gjson.Parse(answer)
		}()
		set(c.off)
		if answer := <-polled; answer.Get("errcode").Str != "M_USER_LOCKED" || !answer.Get("soft_logout").Bool() ||
			answer.Get(`br\.com\.conversalabs\.reason`).Str != c.reason {
			t.Errorf("a poll: got %s, want M_USER_LOCKED because of %s", answer.Raw, c.reason)
		}
		code, answer := f.ask(f.bia, http.MethodPut, f.room+"/send/m.room.message/off", `{"msgtype":"m.text","body":"x"}`)
		if code != http.StatusUnauthorized || gjson.Get(answer, `br\.com\.conversalabs\.reason`).Str != c.reason {
			t.Errorf("a message: got %d %s, want 401 because of %s", code, answer, c.reason)
		}
		if me := f.must(f.bia, http.MethodGet, product+"/me", ""); me.Get("enabled").Bool() || me.Get("reason").Str != c.reason {
			t.Errorf("/me: got %s, want the reason %s", me.Raw, c.reason)
		}
		set(c.on)
		f.must(f.bia, http.MethodGet, client+"/sync?since="+next, "")
	}
	set(func(s *accounts.Settings) { s.Disabled = true })
	f.must(f.bia, http.MethodPost, client+"/logout", "{}")
}

// sortedJSON is a flat object with its keys in order.
func sortedJSON(object string) string {
	var parts []string
	gjson.Parse(object).ForEach(func(key, value gjson.Result) bool {
		parts = append(parts, key.Raw+":"+value.Raw)
		return true
	})
	return "{" + strings.Join(slices.Sorted(slices.Values(parts)), ",") + "}"
}

func TestAuditIsForAdministrators(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	f.set("locked", "true")
	f.set("locked", "false")
	for _, path := range []string{"/admin/audit", "/admin/audit?format=ndjson", "/admin/reports"} {
		if code, answer := f.ask(f.bia, http.MethodGet, product+path, ""); code != http.StatusForbidden {
			t.Errorf("%s: got %d %s for an agent, want 403", path, code, answer)
		}
	}
	first := f.must(f.ana, http.MethodGet, product+"/admin/audit?limit=1&action=standing.changed", "")
	if got := first.Get("entries.0"); got.Get("actor").Str != "@ana:home.test" || got.Get("target").Str != "@bia:home.test" ||
		got.Get("address").Str == "" || got.Get("details.locked").Raw != "false" {
		t.Errorf("got %s", got.Raw)
	}
	second := f.must(f.ana, http.MethodGet, product+"/admin/audit?action=standing.changed&from="+first.Get("next_batch").Str, "")
	if second.Get("entries.#").Int() != 1 || second.Get("next_batch").Exists() || second.Get("entries.0.details.locked").Raw != "true" {
		t.Errorf("got %s, want the other entry alone", second.Raw)
	}
	code, answer := f.ask(f.ana, http.MethodGet, product+"/admin/audit?format=ndjson", "")
	lines := 0
	for scan := bufio.NewScanner(strings.NewReader(answer)); scan.Scan(); lines++ {
		if !gjson.Valid(scan.Text()) {
			t.Errorf("got the line %q", scan.Text())
		}
	}
	all := f.must(f.ana, http.MethodGet, product+"/admin/audit?limit=1000", "").Get("entries")
	// The export has been recorded since.
	if code != http.StatusOK || lines+1 != len(all.Array()) || all.Get("0.action").Str != string(accounts.AuditExported) {
		t.Errorf("got %d with %d lines, and %d entries after it", code, lines, len(all.Array()))
	}
	if strings.Contains(answer, "hello") {
		t.Error("what people have written is in the audit")
	}
	for _, bad := range []string{"from=x", "limit=x", "format=xml", "since=-1"} {
		if code, answer := f.ask(f.ana, http.MethodGet, product+"/admin/audit?"+bad, ""); code != http.StatusBadRequest {
			t.Errorf("%s: got %d %s, want 400", bad, code, answer)
		}
	}
}

func TestReportsReachAdministrators(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	f.must(f.bia, http.MethodPost, f.room+"/report", `{"reason":"loud"}`)
	f.must(f.bia, http.MethodPost, f.room+"/report/"+f.anaSaid, `{"reason":"rude"}`)
	first := f.must(f.ana, http.MethodGet, product+"/admin/reports?limit=1", "")
	if got := first.Get("reports.0"); got.Get("reason").Str != "loud" || got.Get("reporter").Str != "@bia:home.test" {
		t.Errorf("got %s", first.Raw)
	}
	second := f.must(f.ana, http.MethodGet, product+"/admin/reports?from="+first.Get("next_batch").Str, "")
	if got := second.Get("reports.0"); second.Get("reports.#").Int() != 1 || got.Get("event_id").Str != f.anaSaid || got.Get("user_id").Str != "@ana:home.test" {
		t.Errorf("got %s", second.Raw)
	}
}

func TestBotsOfAdministrators(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	const bots = product + "/admin/bots"
	for _, ask := range [][2]string{{http.MethodGet, bots}, {http.MethodPost, bots}, {http.MethodDelete, bots + "/@x:home.test"}} {
		if code, answer := f.ask(f.bia, ask[0], ask[1], `{"name":"x"}`); code != http.StatusForbidden {
			t.Errorf("%v: got %d %s for an agent, want 403", ask, code, answer)
		}
	}
	bot := f.must(f.ana, http.MethodPost, bots, `{"name":"deploy","displayname":"Deploy"}`).Get("user_id").Str
	if list := f.must(f.ana, http.MethodGet, bots, ""); list.Get("bots.#").Int() != 1 || list.Get("bots.0.user_id").Str != bot {
		t.Errorf("got %s", list.Raw)
	}
	tokens := bots + "/" + bot + "/tokens"
	made := f.must(f.ana, http.MethodPost, tokens, `{"name":"ci","rooms":["!a:home.test"]}`)
	f.must(made.Get("access_token").Str, http.MethodGet, client+"/account/whoami", "")
	list := f.must(f.ana, http.MethodGet, tokens, "")
	if got := list.Get("tokens.0"); got.Get("name").Str != "ci" || got.Get("rooms.0").Str != "!a:home.test" || got.Get("created_by").Str != "@ana:home.test" {
		t.Errorf("got %s", list.Raw)
	}
	if strings.Contains(list.Raw, made.Get("access_token").Str) {
		t.Error("the secret is shown again")
	}
	f.must(f.ana, http.MethodDelete, tokens+"/"+made.Get("token_id").Str, "")
	if code, _ := f.ask(made.Get("access_token").Str, http.MethodGet, client+"/account/whoami", ""); code != http.StatusUnauthorized {
		t.Errorf("got %d with a token that has ended, want 401", code)
	}
	f.must(f.ana, http.MethodDelete, bots+"/"+bot, "")
	if code, answer := f.ask(f.ana, http.MethodDelete, bots+"/@bia:home.test", ""); code != http.StatusNotFound {
		t.Errorf("ending an agent as a bot: got %d %s, want 404", code, answer)
	}
}
