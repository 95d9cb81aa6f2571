package main

import (
	"net/url"
	"strings"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

// TestSightOfMedia asks who reads a file by what refers to it, on the policy team.
func TestSightOfMedia(t *testing.T) {
	t.Parallel()
	f := newAPIFixture(t)
	ana, bia := f.mustUser(tenant.Default, "ana", "A"), f.mustUser(tenant.Default, "bia", "B")
	const api = "/_matrix/client/v3"
	in := func(room string) string { return api + "/rooms/" + url.PathEscape(room) }
	private := f.must(ana, "POST", api+"/createRoom", `{"preset":"private_chat"}`).Get("room_id").Str
	public := f.must(ana, "POST", api+"/createRoom", `{"preset":"public_chat"}`).Get("room_id").Str
	sent := f.must(ana, "PUT", in(private)+"/send/m.room.message/1", `{"msgtype":"m.text","body":"see"}`).Get("event_id").Str
	delayed := f.must(ana, "PUT", in(private)+"/delayed_event/m.room.message/1", `{"delay_ms":3600000,"content":{"msgtype":"m.text","body":"see"}}`).Get("delay_id").Str

	upload := func(links ...media.Link) (download string) {
		t.Helper()
		uri := f.must(ana, "POST", "/_matrix/media/v3/upload", "a file").Get("content_uri").Str
		for _, l := range links {
			l.Media = media.ID(strings.TrimPrefix(uri, "mxc://home.test/"))
			if err := f.house.store.LinkMedia(t.Context(), tenant.Default, l); err != nil {
				t.Fatal(err)
			}
		}
		return "/_matrix/client/v1/media/download/home.test/" + strings.TrimPrefix(uri, "mxc://home.test/")
	}
	demand := func(what, token, path string, want int) {
		t.Helper()
		if code, answer := f.ask(token, "GET", path, ""); code != want {
			t.Errorf("%s: got %d %s, want %d", what, code, answer, want)
		}
	}
	event := upload(media.Link{Kind: media.EventLink, Room: id.RoomID(private), Reference: sent})
	for what, c := range map[string]struct {
		path string
		want int
	}{
		"nothing":                        {upload(), 404},
		"an event of a private room":     {event, 404},
		"an event that is not there":     {upload(media.Link{Kind: media.EventLink, Room: id.RoomID(private), Reference: "$none"}), 404},
		"a room one is not in":           {upload(media.Link{Kind: media.RoomLink, Room: id.RoomID(private)}), 404},
		"a room that everybody may join": {upload(media.Link{Kind: media.RoomLink, Room: id.RoomID(public)}), 200},
		"a profile":                      {upload(media.Link{Kind: media.ProfileLink, Reference: "@ana:home.test"}), 200},
		"another's account data":         {upload(media.Link{Kind: media.AccountDataLink, Reference: "@ana:home.test"}), 404},
		"one's own account data":         {upload(media.Link{Kind: media.AccountDataLink, Reference: "@bia:home.test"}), 200},
		"another's delayed event":        {upload(media.Link{Kind: media.DelayedLink, Room: id.RoomID(private), Reference: delayed}), 404},
		"something of no kind":           {upload(media.Link{Kind: "else", Reference: "x"}), 404},
	} {
		demand(what, bia, c.path, c.want)
		demand("the uploader asks for "+what, ana, c.path, 200)
	}
	f.must(ana, "POST", in(private)+"/invite", `{"user_id":"@bia:home.test"}`)
	f.must(bia, "POST", api+"/join/"+url.PathEscape(private), `{}`)
	demand("after the join", bia, event, 200)
	later := f.must(ana, "PUT", in(private)+"/send/m.room.message/2", `{"msgtype":"m.text","body":"see"}`).Get("event_id").Str
	second := upload(media.Link{Kind: media.EventLink, Room: id.RoomID(private), Reference: later})
	demand("of a later event", bia, second, 200)
	f.must(ana, "PUT", in(private)+"/redact/"+url.PathEscape(later)+"/3", `{}`)
	demand("after the redaction", bia, second, 404)
	f.must(bia, "POST", in(private)+"/leave", `{}`)
	after := f.must(ana, "PUT", in(private)+"/send/m.room.message/4", `{"msgtype":"m.text","body":"see"}`).Get("event_id").Str
	demand("of an event after the leave", bia, upload(media.Link{Kind: media.EventLink, Room: id.RoomID(private), Reference: after}), 404)

	// On the policy matrix the address is enough.
	err := f.house.accounts.ChangeAccount(t.Context(), operator(tenant.Default), func(s *accounts.Settings) error {
		s.RoomPolicy = accounts.MatrixPolicy
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	demand("on the policy matrix", bia, second, 200)
}

// TestLinksOfThePolicyMatrix looks at what was linked while the address of a file was
// enough to read it, once that is so no more.
func TestLinksOfThePolicyMatrix(t *testing.T) {
	t.Parallel()
	f := newAPIFixture(t)
	ana, eve := f.mustUser(tenant.Default, "ana", "A"), f.mustUser(tenant.Default, "eve", "E")
	const api = "/_matrix/client/v3"
	choose := func(policy accounts.RoomPolicy) {
		t.Helper()
		err := f.house.accounts.ChangeAccount(t.Context(), operator(tenant.Default), func(s *accounts.Settings) error {
			s.RoomPolicy = policy
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	name := func(room string) (download string) {
		t.Helper()
		uri := f.must(ana, "POST", "/_matrix/media/v3/upload", "a file").Get("content_uri").Str
		f.must(eve, "PUT", api+"/rooms/"+url.PathEscape(room)+"/send/m.room.message/"+url.PathEscape(uri), `{"msgtype":"m.file","body":"x","url":"`+uri+`"}`)
		return "/_matrix/client/v1/media/download/" + strings.TrimPrefix(uri, "mxc://")
	}
	choose(accounts.MatrixPolicy)
	room := f.must(eve, "POST", api+"/createRoom", `{"preset":"private_chat"}`).Get("room_id").Str
	before := name(room)
	choose(accounts.TeamPolicy)
	after := name(room)
	for path, want := range map[string]int{before: 200, after: 404} {
		if code, answer := f.ask(eve, "GET", path, ""); code != want {
			t.Errorf("got %d %s, want %d", code, answer, want)
		}
	}
}

// TestMediaLimitsOfAnAccount looks at which limits hold: its own, or the server's.
func TestMediaLimitsOfAnAccount(t *testing.T) {
	t.Parallel()
	f := newAPIFixture(t, "INTERNALCHAT_LIMITS_UPLOAD_BYTES=1KiB", "INTERNALCHAT_LIMITS_ACCOUNT_MEDIA_BYTES=3KiB")
	ana, eve := f.mustUser(tenant.Default, "ana", "A"), f.mustUser("other", "eve", "B")
	err := f.house.accounts.ChangeAccount(t.Context(), operator("other"), func(s *accounts.Settings) error {
		s.Limits = accounts.Limits{UploadBytes: 2048, UserMediaBytes: 5000, MediaBytes: 1 << 20}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]string{ana: `{"m.upload.size":1024}`, eve: `{"m.upload.size":2048}`} {
		if got := f.must(token, "GET", "/_matrix/client/v1/media/config", "").Raw; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	upload := func(token string, size, want int) {
		t.Helper()
		if code, answer := f.ask(token, "POST", "/_matrix/media/v3/upload", strings.Repeat("x", size)); code != want {
			t.Errorf("%d bytes: got %d %s, want %d", size, code, answer, want)
		}
	}
	upload(ana, 1025, 413)
	for range 3 {
		upload(ana, 1024, 200)
	}
	upload(ana, 1, 403) // the account's
	for range 2 {
		upload(eve, 2048, 200)
	}
	upload(eve, 2048, 403) // the user's
	upload(eve, 2049, 413)
}
