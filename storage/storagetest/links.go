package storagetest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/stream"
)

// mustUpload keeps a file of ana's.
func (n *node) mustUpload(name media.ID) {
	n.t.Helper()
	hash := fmt.Sprintf("%064x", []byte(name))
	blob := media.Blob{Key: media.Key(hash + "-" + strings.Repeat("A", 16)), SHA256: hash, Size: 1}
	record := media.Record{Account: account, ID: name, Uploader: ana, Created: 1, Content: &media.Content{Blob: blob}}
	if err := n.KeepMedia(n.t.Context(), media.Keeping{Record: record}); err != nil {
		n.t.Fatalf("keep media: %v", err)
	}
}

// mustPost sends something that names a file in a field.
func (n *node) mustPost(user id.UserID, room id.RoomID, field string, name media.ID) id.EventID {
	n.t.Helper()
	sent, err := n.rooms.Send(n.t.Context(), caller(user), rooms.Message{
		Room: room, Type: "m.room.message", Content: fmt.Appendf(nil, `{%q:"mxc://acme.example/%s"}`, field, name),
	})
	if err != nil {
		n.t.Fatalf("send: %v", err)
	}
	return sent
}

// mustBeLinked demands what refers to a file, and whether it waits for its removal.
func (n *node) mustBeLinked(what string, name media.ID, want ...media.Link) {
	n.t.Helper()
	got, err := n.MediaLinks(n.t.Context(), account, name, nil, 100)
	if err != nil {
		n.t.Fatalf("links: %v", err)
	}
	for i := range want {
		want[i].Media = name
	}
	if diff := cmp.Diff(want, got); diff != "" {
		n.t.Errorf("%s: got links (+), want (-):\n%s", what, diff)
	}
	loose, err := n.LooseMedia(n.t.Context(), account, math.MaxInt64, 100)
	if err != nil {
		n.t.Fatalf("loose media: %v", err)
	}
	if waits := strings.Contains(fmt.Sprint(loose), string(name)); waits != (len(want) == 0) {
		n.t.Errorf("%s: waits for its removal: %t, with %d links", what, waits, len(want))
	}
}

// testLinks follows what refers to a file until nothing does.
func testLinks(t *testing.T, f *fixture) {
	n := f.node()
	room := n.mustRoom(ana)
	n.mustUpload("FILE")
	n.mustBeLinked("uploaded", "FILE")
	n.mustPost(ana, room, "body", "FILE")
	n.mustBeLinked("a text", "FILE")
	sent := n.mustPost(ana, room, "url", "FILE")
	ofEvent := media.Link{Kind: media.EventLink, Room: room, Reference: string(sent)}
	n.mustBeLinked("sent", "FILE", ofEvent)
	n.mustPost(ana, room, "url", "NONE") // there is no such file

	put := func(kind, content string) {
		t.Helper()
		if err := n.PutData(t.Context(), caller(ana), stream.Item{Kind: stream.AccountData, User: ana, Key: kind, Content: []byte(content)}); err != nil {
			t.Fatal(err)
		}
	}
	put("com.example.a", `{"x":"mxc://acme.example/FILE"}`)
	put("com.example.b", `{"x":"mxc://acme.example/FILE"}`)
	data := func(kind string) media.Link {
		return media.Link{Kind: media.AccountDataLink, Reference: media.OwnReference(ana, kind)}
	}
	n.mustBeLinked("kept twice", "FILE", data("com.example.a"), data("com.example.b"), ofEvent)
	put("com.example.a", `{}`)
	n.mustBeLinked("kept once", "FILE", data("com.example.b"), ofEvent)
	if _, err := n.rooms.Redact(t.Context(), caller(ana), rooms.Message{Room: room, Content: []byte(`{}`)}, sent); err != nil {
		t.Fatal(err)
	}
	n.mustBeLinked("redacted", "FILE", data("com.example.b"))
	put("com.example.b", `{"x":"mxc://acme.example/NONE"}`)
	n.mustBeLinked("nothing", "FILE")

	face := func(value string) {
		t.Helper()
		if err := n.rooms.SetProfile(t.Context(), caller(ana), "avatar_url", []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	face(`"mxc://acme.example/FILE"`)
	var member media.Link
	err := n.View(t.Context(), account, func(v rooms.View) error {
		r, err := v.Room(room)
		if err == nil {
			member = media.Link{Kind: media.EventLink, Room: room, Reference: string(r.Member(ana).ID)}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n.mustBeLinked("a profile", "FILE", member, media.Link{Kind: media.ProfileLink, Reference: string(ana)})
	face(`null`)
	n.mustBeLinked("a profile without it", "FILE", member)
}

// testTurnsLone runs acts that turn out to need the database beside such that do not.
func testTurnsLone(t *testing.T, f *fixture) {
	n := f.node()
	room := n.mustRoom(ana)
	n.mustUpload("FILE")
	done := make(chan id.EventID, 60)
	for i := range 60 {
		go func() {
			content := `{"body":"x"}`
			if i%3 == 0 {
				content = `{"url":"mxc://acme.example/FILE"}`
			}
			sent, err := n.rooms.Send(t.Context(), caller(ana), rooms.Message{
				Room: room, Type: "m.room.message", Content: []byte(content), Path: "/send", Transaction: fmt.Sprint(i/6*3 + i%3),
			})
			if err != nil {
				t.Errorf("send: %v", err)
			}
			done <- sent
		}()
	}
	for range 60 {
		<-done
	}
	if got := len(n.timeline(room)); got != 30 {
		t.Errorf("got %d messages of 60 requests that were sent twice each, want 30", got)
	}
	links, err := n.MediaLinks(t.Context(), account, "FILE", nil, 100)
	if err != nil || len(links) != 10 {
		t.Errorf("got %d links, %v, want 10", len(links), err)
	}
}
