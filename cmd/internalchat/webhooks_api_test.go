package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

// While the module is switched off, for all or for bots, a webhook is refused with
// the reason; then it goes on.
func TestWebhookWhileSwitchedOff(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	hook := f.mustHook(f.ana)
	for _, c := range []struct {
		off    accounts.Settings
		reason string
	}{
		{accounts.Settings{Disabled: true}, "module_disabled_account"},
		{accounts.Settings{DisabledRoles: []tenant.Role{tenant.Bot}}, "module_disabled_role"},
		{accounts.Settings{}, ""},
	} {
		if err := f.house.accounts.ChangeAccount(t.Context(), operator(tenant.Default), func(s *accounts.Settings) error {
			s.Disabled, s.DisabledRoles = c.off.Disabled, c.off.DisabledRoles
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		code, answer := f.ask("", http.MethodPost, hook, `{"text":"x"}`)
		if got := gjson.Get(answer, `br\.com\.conversalabs\.reason`).Str; got != c.reason || (code == http.StatusForbidden) != (c.reason != "") {
			t.Errorf("got %d %s, want the reason %q", code, answer, c.reason)
		}
	}
}

// mustHook makes a webhook for the room and gives its path.
func (f *moderated) mustHook(token string) string {
	f.t.Helper()
	room, _ := url.PathUnescape(strings.TrimPrefix(f.room, client+"/rooms/"))
	return f.must(token, http.MethodPost, product+"/rooms/"+url.PathEscape(room)+"/webhooks", `{"name":"x"}`).Get("url").Str
}

// The log has a route's template, and never the secret in the path, whatever comes
// of the request.
func TestWebhookSecretsAreNotLogged(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	hook := f.mustHook(f.ana)
	var log bytes.Buffer
	f.house.log.SetLevel(logrus.TraceLevel)
	f.house.log.SetOutput(&log)
	f.must("", http.MethodPost, hook, `{"text":"x"}`)
	f.ask("", http.MethodPost, hook, `{`)
	f.ask("", http.MethodPost, hook+"x", `{"text":"x"}`)
	f.ask("", http.MethodGet, hook, "")
	f.house.db.Close()
	if code, answer := f.ask("", http.MethodPost, hook, `{"text":"x"}`); code < 500 {
		t.Errorf("got %d %s without a database, want a fault", code, answer)
	}
	f.house.log.SetOutput(io.Discard) // what goes on in the background writes elsewhere from here on
	if got := log.String(); !strings.Contains(got, "POST /_conversalabs/hooks/{token}") || strings.Contains(got, "ic_wh_") {
		t.Errorf("got the log %s, want the route's template in it and no secret", got)
	}
}

// A post that has found its webhook when it ends is refused by the act.
func TestWebhookEndsWhilePosting(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	_, secret, _ := strings.Cut(f.mustHook(f.ana), "/_conversalabs/hooks/")
	hook, err := f.house.rooms.WebhookByToken(t.Context(), tenant.Default, accounts.Hash(secret))
	if err != nil {
		t.Fatal(err)
	}
	content := []byte(`{"msgtype":"m.text","body":"x"}`)
	if _, err := f.house.rooms.Post(t.Context(), tenant.Default, hook, content, ""); err != nil {
		t.Fatal(err)
	}
	f.must(f.ana, http.MethodDelete, product+"/rooms/"+url.PathEscape(string(hook.Room))+"/webhooks/"+hook.ID(), "")
	if _, err := f.house.rooms.Post(t.Context(), tenant.Default, hook, content, ""); !errors.Is(err, rooms.ErrNoWebhook) {
		t.Errorf("got %v, want %v", err, rooms.ErrNoWebhook)
	}
}

// Who was an administrator when the request came, and is none at the head, makes no
// webhook.
func TestWebhooksAreJudgedAtTheHead(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	room, _ := url.PathUnescape(strings.TrimPrefix(f.room, client+"/rooms/"))
	stale := tenant.Caller{Account: tenant.Default, Server: "home.test", User: "@bia:home.test", Role: tenant.Administrator}
	_, err := f.house.rooms.CreateWebhook(t.Context(), stale, rooms.Webhook{Room: id.RoomID(room), Name: "x", Token: "t"})
	if !refusal.Is(err, "M_FORBIDDEN") {
		t.Errorf("got %v, want M_FORBIDDEN", err)
	}
}
