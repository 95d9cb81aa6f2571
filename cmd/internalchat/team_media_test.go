package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// gallery is an office where people upload files.
type gallery struct {
	*office
	ana, bia, eve *asker // agents; eve is a stranger wherever nothing else is said
	private       string // of ana and bia
	own           string // of eve alone
}

func mustOpenGallery(t *testing.T, in installation) *gallery {
	t.Helper()
	g := &gallery{office: mustOpenOffice(t, in)}
	g.ana, g.bia, g.eve = g.mustHire(t, "42", "agent"), g.mustHire(t, "43", "agent"), g.mustHire(t, "44", "agent")
	g.private = g.ana.mustCreate(t, `{"preset":"private_chat"}`)
	g.ana.mustAdd(t, g.private, g.bia)
	g.own = g.eve.mustCreate(t, `{"preset":"private_chat"}`)
	return g
}

// mustAdd invites somebody, who joins where they are not in the room at once.
func (a *asker) mustAdd(t testing.TB, room string, whom *asker) {
	t.Helper()
	a.mustInvite(t, room, whom)
	whom.mustJoin(t, room)
}

var pictures atomic.Int64

// mustUploadPicture uploads a picture like no other, and gives "server/ID".
func (a *asker) mustUploadPicture(t testing.TB) string {
	t.Helper()
	return a.mustUpload(t, "image/png", "photo.png", append(mustPicture(t), fmt.Sprint(pictures.Add(1))...))
}

// mustReach demands of readers that they can read a file, and its thumbnail.
func mustReach(t testing.TB, what, uri string, readers ...*asker) {
	t.Helper()
	for _, reader := range readers {
		for _, path := range []string{"download/" + uri, "thumbnail/" + uri + "?width=32&height=32"} {
			if got := reader.file(t, http.MethodGet, "/_matrix/client/v1/media/"+path, "", nil); got.code != http.StatusOK {
				t.Errorf("%s: %s asks for %s: got %d %s, want 200", what, reader.id, path, got.code, got.body)
			}
		}
	}
}

// mustNotReach demands that a file is, for them, like one that does not exist.
func mustNotReach(t testing.TB, what, uri string, strangers ...*asker) {
	t.Helper()
	server, _, _ := strings.Cut(uri, "/")
	for _, stranger := range strangers {
		for _, path := range []string{"download/%s", "thumbnail/%s?width=32&height=32"} {
			path = "/_matrix/client/v1/media/" + path
			got := stranger.file(t, http.MethodGet, fmt.Sprintf(path, uri), "", nil)
			want := stranger.file(t, http.MethodGet, fmt.Sprintf(path, server+"/NOSUCHFILE"), "", nil)
			if got.code != http.StatusNotFound || got.code != want.code || !bytes.Equal(got.body, want.body) {
				t.Errorf("%s: %s asks for %s: got %d %s, want %d %s", what, stranger.id, uri, got.code, got.body, want.code, want.body)
			}
		}
	}
}

func (a *asker) mustPost(t testing.TB, room, uri string) string {
	t.Helper()
	return a.mustSend(t, room, "m.room.message", `{"msgtype":"m.image","body":"photo.png","url":"mxc://%s"}`, uri)
}

func (a *asker) mustRedact(t testing.TB, room, eventID string) {
	t.Helper()
	a.must(t, http.MethodPut, inRoom(room)+"/redact/"+url.PathEscape(eventID)+"/"+a.hs.fresh("txn"), `{}`)
}

func (a *asker) mustKick(t testing.TB, room string, whom *asker) {
	t.Helper()
	a.must(t, http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q}`, whom.id)
}

// TestWhatLinksMedia posts files in all ways there are: who sees the event reads the
// file, and nobody else; its redaction closes it.
func TestWhatLinksMedia(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		g := mustOpenGallery(t, in)
		ana, bia, eve := g.ana, g.bia, g.eve
		for content, count := range map[string]int{
			`{"msgtype":"m.image","body":"x","url":"mxc://ONE"}`:                                                           1,
			`{"msgtype":"m.file","body":"x","file":{"url":"mxc://ONE"}}`:                                                   1,
			`{"msgtype":"m.video","body":"x","url":"mxc://ONE","info":{"thumbnail_url":"mxc://TWO"}}`:                      2,
			`{"msgtype":"m.video","body":"x","info":{"thumbnail_file":{"url":"mxc://ONE"}}}`:                               1,
			`{"msgtype":"m.text","body":"x","format":"org.matrix.custom.html","formatted_body":"<img src=\"mxc://ONE\">"}`: 1,
		} {
			files := []string{ana.mustUploadPicture(t), ana.mustUploadPicture(t)}
			mustReach(t, "nothing", files[0], ana)
			mustNotReach(t, "nothing", files[0], bia, eve)
			content = strings.NewReplacer("ONE", files[0], "TWO", files[1]).Replace(content)
			sent := ana.mustSend(t, g.private, "m.room.message", "%s", content)
			for _, file := range files[:count] {
				mustReach(t, content, file, ana, bia)
				mustNotReach(t, content, file, eve)
			}
			ana.mustRedact(t, g.private, sent)
			for _, file := range files[:count] {
				mustReach(t, "redacted "+content, file, ana)
				mustNotReach(t, "redacted "+content, file, bia, eve)
			}
		}
		text := ana.mustUploadPicture(t)
		ana.mustSay(t, g.private, "see mxc://"+text)
		mustNotReach(t, "a text", text, bia)

		// An edit with another picture.
		first, second := ana.mustUploadPicture(t), ana.mustUploadPicture(t)
		sent := ana.mustPost(t, g.private, first)
		ana.mustSend(t, g.private, "m.room.message", `{"msgtype":"m.image","body":"* x","m.new_content":{"msgtype":"m.image","body":"x","url":"mxc://%s"},
			"m.relates_to":{"rel_type":"m.replace","event_id":%q}}`, second, sent)
		mustReach(t, "an edit", second, bia)
		mustReach(t, "what was edited", first, bia)
		mustNotReach(t, "an edit", second, eve)

		// A retry is the same event, with its link.
		again := ana.mustUploadPicture(t)
		for range 2 {
			ana.must(t, http.MethodPut, inRoom(g.private)+"/send/m.room.message/same", `{"msgtype":"m.image","body":"x","url":"mxc://%s"}`, again)
		}
		mustReach(t, "sent twice", again, bia)

		// Packs of pictures.
		pack, emote := ana.mustUploadPicture(t), ana.mustUploadPicture(t)
		ana.mustPutState(t, g.private, "im.ponies.room_emotes", "", `{"pack":{"avatar_url":"mxc://%s"},"images":{"a.b":{"url":"mxc://%s"}}}`, pack, emote)
		for _, file := range []string{pack, emote} {
			mustReach(t, "a pack", file, bia)
			mustNotReach(t, "a pack", file, eve)
		}
	})
}

// TestNamingMediaOpensNothing has somebody name the file of a room that they are not
// in, in every place that links: the event is taken, and the file stays closed.
func TestNamingMediaOpensNothing(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		g := mustOpenGallery(t, in)
		ana, bia, eve := g.ana, g.bia, g.eve
		carla := g.mustHire(t, "45", "agent")
		eve.mustAdd(t, g.own, carla)
		file := ana.mustUploadPicture(t)
		sent := ana.mustPost(t, g.private, file)
		address := "mxc://" + file
		eve.mustPost(t, g.own, file)
		eve.mustPutState(t, g.own, "m.room.avatar", "", `{"url":%q}`, address)
		eve.must(t, http.MethodPut, "/profile/"+eve.id+"/avatar_url", `{"avatar_url":%q}`, address)
		eve.must(t, http.MethodPut, "/user/"+eve.id+"/account_data/im.ponies.user_emotes", `{"images":{"a":{"url":%q}}}`, address)
		eve.must(t, http.MethodPut, inRoom(g.own)+"/delayed_event/m.room.message/1", `{"delay_ms":3600000,"content":{"msgtype":"m.image","body":"x","url":%q}}`, address)
		eve.mustCreate(t, `{"preset":"public_chat","initial_state":[{"type":"m.room.avatar","state_key":"","content":{"url":%q}}]}`, address)
		eve.must(t, http.MethodPost, "/rooms/"+url.PathEscape(g.own)+"/upgrade", `{"new_version":"11"}`)
		mustNotReach(t, "named by a stranger", file, eve, carla)
		mustReach(t, "named by a stranger", file, ana, bia)

		// What the server writes for eve from here on might show it, as she sees it soon.
		eve.must(t, http.MethodDelete, "/profile/"+eve.id+"/avatar_url", "")

		// Who may read it passes it on, and what was passed on outlives the first.
		eveAndBia := bia.mustCreate(t, `{"preset":"private_chat"}`)
		bia.mustAdd(t, eveAndBia, eve)
		bia.mustPost(t, eveAndBia, file)
		mustReach(t, "forwarded", file, eve)
		mustNotReach(t, "forwarded", file, carla)
		ana.mustRedact(t, g.private, sent)
		mustReach(t, "forwarded, then redacted", file, eve, bia)

		// Who was removed reads what they have seen, and nothing later.
		old, late := ana.mustUploadPicture(t), ana.mustUploadPicture(t)
		ana.mustPost(t, g.private, old)
		ana.mustKick(t, g.private, bia)
		ana.mustPost(t, g.private, late)
		mustReach(t, "before the kick", old, bia)
		mustNotReach(t, "after the kick", late, bia)
		bia.mustPost(t, eveAndBia, late)
		mustNotReach(t, "named after the kick", late, bia, eve)
	})
}

// TestPicturesOfRoomsAndPeople: a public room's picture is seen by all who may join it,
// a private one's by its members, a person's by everybody, and only while it is theirs.
func TestPicturesOfRoomsAndPeople(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		g := mustOpenGallery(t, in)
		ana, bia, eve := g.ana, g.bia, g.eve
		file := ana.mustUploadPicture(t)
		ana.mustPutState(t, g.private, "m.room.avatar", "", `{"url":"mxc://%s"}`, file)
		mustReach(t, "a private room's", file, bia)
		mustNotReach(t, "a private room's", file, eve)

		public := ana.mustCreate(t, `{"preset":"public_chat"}`)
		shown, next := ana.mustUploadPicture(t), ana.mustUploadPicture(t)
		ana.mustPutState(t, public, "m.room.avatar", "", `{"url":"mxc://%s"}`, shown)
		mustReach(t, "a public room's", shown, eve)
		change := ana.mustPutState(t, public, "m.room.avatar", "", `{"url":"mxc://%s"}`, next)
		mustReach(t, "a public room's next", next, eve)
		mustNotReach(t, "a public room's earlier one, from outside", shown, eve)
		bia.mustJoin(t, public)
		mustReach(t, "a public room's earlier one, from inside", shown, bia)
		ana.mustRedact(t, public, change)
		mustNotReach(t, "a public room's redacted", next, eve, bia)

		// The server acts for ana here, and paints what is hers.
		ana.must(t, http.MethodPut, product+inRoom(public)+"/appearance", `{"icon":"flag","color":"#2563EB"}`)
		icon := strings.TrimPrefix(ana.mustState(t, public, "m.room.avatar", "").Get("url").Str, "mxc://")
		mustReach(t, "a public room's icon", icon, bia, eve)

		face, other := ana.mustUploadPicture(t), ana.mustUploadPicture(t)
		ana.must(t, http.MethodPut, "/profile/"+ana.id+"/avatar_url", `{"avatar_url":"mxc://%s"}`, face)
		mustReach(t, "a person's", face, bia, eve)
		// Whoever invites them shows it, too.
		room := eve.mustCreate(t, `{"preset":"private_chat","invite":[%q]}`, ana.id)
		ana.mustJoin(t, room)
		ana.must(t, http.MethodPut, "/profile/"+ana.id+"/avatar_url", `{"avatar_url":"mxc://%s"}`, other)
		mustReach(t, "a person's next", other, bia, eve)
		mustReach(t, "a person's earlier one, in a room", face, bia, eve)
	})
}

// TestWhatIsKeptForOneself: account data, notes and what is scheduled hold a file for
// their owner, also when nothing else does any more.
func TestWhatIsKeptForOneself(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		g := mustOpenGallery(t, in)
		ana, bia, eve := g.ana, g.bia, g.eve
		post := func() (file, sent string) {
			file = ana.mustUploadPicture(t)
			return file, ana.mustPost(t, g.private, file)
		}
		mine := "/user/" + bia.id + "/account_data/"
		file, sent := post()
		bia.must(t, http.MethodPut, mine+"im.ponies.user_emotes", `{"images":{"a":{"url":"mxc:\/\/%s"}}}`, file)
		bia.must(t, http.MethodPut, mine+"com.example.other", `{"any":["mxc://%s"]}`, file)
		ana.mustRedact(t, g.private, sent)
		mustReach(t, "account data", file, bia)
		mustNotReach(t, "account data", file, eve)
		bia.must(t, http.MethodPut, mine+"im.ponies.user_emotes", `{"images":{}}`)
		mustReach(t, "the other account data", file, bia)
		bia.must(t, http.MethodPut, mine+"com.example.other", `{}`)
		mustNotReach(t, "account data that was emptied", file, bia)

		file, sent = post()
		note := "/user/" + bia.id + inRoom(g.private) + "/account_data/br.com.conversalabs.note"
		bia.must(t, http.MethodPut, note, `{"body":"mxc://%s"}`, file)
		ana.mustRedact(t, g.private, sent)
		mustReach(t, "a note", file, bia)
		mustNotReach(t, "a note", file, eve)

		// Scheduled by bia, of a file of ana's that is redacted meanwhile.
		room := bia.mustCreate(t, `{"preset":"private_chat"}`)
		bia.mustAdd(t, room, eve)
		file, sent = post()
		later := func(txn string) string {
			return bia.must(t, http.MethodPut, inRoom(room)+"/delayed_event/m.room.message/"+txn,
				`{"delay_ms":3600000,"content":{"msgtype":"m.image","body":"x","url":"mxc://%s"}}`, file).Get("delay_id").Str
		}
		delayed, cancelled := later("1"), later("2")
		ana.mustRedact(t, g.private, sent)
		mustReach(t, "scheduled", file, bia)
		mustNotReach(t, "scheduled", file, eve)
		bia.must(t, http.MethodPost, "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/"+cancelled, `{"action":"cancel"}`)
		mustReach(t, "one cancelled", file, bia)
		bia.must(t, http.MethodPost, "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/"+delayed, `{"action":"send"}`)
		mustReach(t, "sent", file, bia, eve)

		file, sent = post()
		cancelled = later("3")
		ana.mustRedact(t, g.private, sent)
		bia.must(t, http.MethodPost, "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/"+cancelled, `{"action":"cancel"}`)
		mustNotReach(t, "cancelled", file, bia)
	})
}

// TestMediaOfWebhooks: a webhook shows what everybody may see, and opens nothing else.
func TestMediaOfWebhooks(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		g := mustOpenGallery(t, in)
		ana, bia, eve := g.ana, g.bia, g.eve
		made := ana.must(t, http.MethodPost, webhooksOf(g.private), `{"name":"CI"}`)
		hook := &poster{id: made.Get("webhook_id").Str, user: made.Get("user_id").Str, url: made.Get("url").Str}
		closed, face := eve.mustUploadPicture(t), ana.mustUploadPicture(t)
		eve.mustPost(t, g.own, closed)
		for _, file := range []string{closed, face} {
			body, err := json.Marshal(map[string]string{"text": "x", "html": `<img src="mxc://` + file + `">`})
			if err != nil {
				t.Fatal(err)
			}
			hook.mustPost(t, string(body))
			mustNotReach(t, "named by a webhook", file, bia)
		}
		ana.must(t, http.MethodPut, webhooksOf(g.private)+"/"+hook.id, `{"name":"CI","avatar_url":"mxc://%s"}`, face)
		mustReach(t, "a webhook's picture", face, bia, eve)
	})
}

// TestMediaLinksOnTwoNodes links on one node what is read on the other.
func TestMediaLinksOnTwoNodes(t *testing.T) {
	t.Parallel()
	in, one, two, password := nodes(t)
	in.mustHaveUser(t, "bia", "correct horse")
	here, there := &homeserver{url: one.url}, &homeserver{url: two.url}
	ana := (&asker{hs: here, name: "admin", password: password}).mustLogIn(t, "")
	bia := (&asker{hs: here, name: "bia", password: "correct horse"}).mustLogIn(t, "")
	away := *ana
	away.hs = there
	room := ana.mustCreate(t, `{"preset":"private_chat"}`)
	ana.mustAdd(t, room, bia)
	for range 5 {
		file := ana.mustUploadPicture(t)
		mustNotReach(t, "not linked", file, bia)
		sent := away.mustPost(t, room, file)
		mustReach(t, "linked on the other node", file, bia)
		away.mustRedact(t, room, sent)
		mustNotReach(t, "redacted on the other node", file, bia)
	}
}
