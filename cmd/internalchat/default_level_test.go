package main

import (
	"net/http"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

// TestDefaultLevelIsTold changes the account's default level while polls wait, of both
// kinds of sync: each is told of the push rules as they are now, and of the counts.
func TestDefaultLevelIsTold(t *testing.T) {
	t.Parallel()
	f := newModerated(t)
	const slidingBody = `{"lists":{"all":{"ranges":[[0,9]],"timeline_limit":1,"required_state":[]}},"extensions":{"account_data":{"enabled":true}}}`
	const slidingPath = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
	f.must(f.mustUser(tenant.Default, "caio", "CAIO"), http.MethodPost, f.room+"/join", "{}") // two are told everything by another rule
	f.must(f.ana, http.MethodPut, f.room+"/send/m.room.message/ring", `{"msgtype":"m.text","body":"olá"}`)
	set := func(level accounts.DefaultLevel) {
		t.Helper()
		if err := f.house.accounts.ChangeAccount(t.Context(), operator(tenant.Default), func(s *accounts.Settings) error {
			s.DefaultLevel = level
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	const rules = `account_data.events.#(type=="m.push_rules").content.global.underride.#(rule_id==".m.rule.message").actions`
	first := f.must(f.bia, http.MethodGet, client+"/sync", "")
	slid := f.must(f.bia, http.MethodPost, slidingPath, slidingBody)
	if got, of := first.Get(rules).Raw, slid.Get("extensions.account_data.global").Raw; got != `["notify"]` || of == "" {
		t.Fatalf("got the actions %s and the data %s", got, of)
	}
	polled, slidOn := make(chan gjson.Result), make(chan gjson.Result)
	go func() {
		_, answer := f.ask(f.bia, http.MethodGet, client+"/sync?timeout=60000&since="+first.Get("next_batch").Str, "")
		polled <- gjson.Parse(answer)
	}()
	go func() {
		_, answer := f.ask(f.bia, http.MethodPost, slidingPath+"?timeout=60000&pos="+slid.Get("pos").Str, slidingBody)
		slidOn <- gjson.Parse(answer)
	}()
	set(accounts.MentionsByDefault)
	answer := <-polled
	if got := answer.Get(rules).Raw; got != "[]" {
		t.Errorf("got the actions %s in %s, want none", got, answer.Raw)
	}
	for _, room := range answer.Get("rooms.join").Map() {
		if count := room.Get("unread_notifications.notification_count").Raw; count != "0" {
			t.Errorf("got the count %s in %s, want 0", count, answer.Raw)
		}
	}
	if len(answer.Get("rooms.join").Map()) != 1 {
		t.Errorf("got %s, want the room", answer.Raw)
	}
	answer = <-slidOn
	const global = `extensions.account_data.global.#(type=="m.push_rules").content.global.underride.#(rule_id==".m.rule.message").actions`
	if got := answer.Get(global).Raw; got != "[]" {
		t.Errorf("got the actions %s in %s, want none", got, answer.Raw)
	}
	// What else of the settings changes concerns nobody's rules.
	next := f.must(f.bia, http.MethodGet, client+"/sync", "").Get("next_batch").Str
	if err := f.house.accounts.ChangeAccount(t.Context(), operator(tenant.Default), func(s *accounts.Settings) error {
		s.Locale = "pt-BR"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if again := f.must(f.bia, http.MethodGet, client+"/sync?since="+next, ""); again.Get("account_data").Exists() {
		t.Errorf("got %s, want no push rules", again.Raw)
	}
}
