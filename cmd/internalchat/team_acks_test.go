package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

const announcement = `{"br.com.conversalabs.kind":"announcement","name":"News","invite":["@bia:home.test","@caio:home.test","@davi:home.test"]}`

// Who has seen an event is known by public receipts alone.
func TestSeenBy(t *testing.T) {
	eachTeam(t, func(t *testing.T, f *team) {
		room := f.create("ana", `{"preset":"private_chat","name":"Deals","invite":["@bia:home.test","@caio:home.test","@davi:home.test"]}`)
		f.must(f.tokens["ana"], http.MethodPost, product+"/admin/bots", `{"name":"ops"}`)
		f.must(f.tokens["ana"], http.MethodPost, inRoom(room)+"/invite", `{"user_id":"@ops:home.test"}`)
		first := f.send("ana", room, "m.room.message", `{"msgtype":"m.text","body":"first"}`)
		reply := f.send("ana", room, "m.room.message", `{"msgtype":"m.text","body":"x","m.relates_to":{"rel_type":"m.thread","event_id":"`+first+`"}}`)
		last := f.send("ana", room, "m.room.message", `{"msgtype":"m.text","body":"last"}`)
		read := func(by, kind, event, thread string) {
			t.Helper()
			f.must(f.tokens[by], http.MethodPost, inRoom(room)+"/receipt/"+kind+"/"+event, `{"thread_id":"`+thread+`"}`)
		}
		seen := func(event, want, notSeen string) {
			t.Helper()
			got := f.must(f.tokens["bia"], http.MethodGet, on(room, event, "/seen_by"), "")
			if got.Get("seen.#.user_id").Raw != want || got.Get("not_seen.#.user_id").Raw != notSeen ||
				got.Get("counts.seen").Int() != got.Get("seen.#").Int() || got.Get("counts.not_seen").Int() != got.Get("not_seen.#").Int() {
				t.Errorf("got %s, want seen by %s and not by %s", got.Raw, want, notSeen)
			}
		}
		const everybody = `["@bia:home.test","@caio:home.test","@davi:home.test"]`
		seen(first, `[]`, everybody)
		read("bia", "m.read", first, "main")
		read("caio", "m.read.private", last, "main")
		read("davi", "m.read", reply, first)
		seen(first, `["@bia:home.test","@davi:home.test"]`, `["@caio:home.test"]`)
		seen(reply, `["@davi:home.test"]`, `["@bia:home.test","@caio:home.test"]`)
		seen(last, `[]`, everybody)
		f.must(f.tokens["caio"], http.MethodPost, inRoom(room)+"/receipt/m.read/"+last, `{}`)
		seen(first, everybody, `[]`)
		seen(last, `["@caio:home.test"]`, `["@bia:home.test","@davi:home.test"]`)
		if got := f.must(f.tokens["bia"], http.MethodGet, on(room, last, "/seen_by"), ""); got.Get("seen.0.ts").Int() == 0 {
			t.Errorf("got %s, want the time", got.Raw)
		}

		var paged []string
		for from := ""; ; {
			page := f.must(f.tokens["ana"], http.MethodGet, on(room, last, "/seen_by?limit=1&from=")+from, "")
			paged = append(paged, page.Get("seen.#.user_id").Raw+page.Get("not_seen.#.user_id").Raw+page.Get("counts").Raw)
			if from = page.Get("next_batch").Str; from == "" {
				break
			}
		}
		const counts = `{"not_seen":2,"seen":1}`
		if got, want := strings.Join(paged, ""), `[]["@bia:home.test"]`+counts+`["@caio:home.test"][]`+counts+`[]["@davi:home.test"]`+counts; got != want {
			t.Errorf("by pages: got %s, want %s", got, want)
		}

		f.must(f.tokens["davi"], http.MethodPost, inRoom(room)+"/leave", "{}")
		f.refuse(http.StatusForbidden, "davi", http.MethodGet, on(room, first, "/seen_by"), "")
		f.refuse(http.StatusNotFound, "bia", http.MethodGet, on(room, "$none", "/seen_by"), "")
		elsewhere := f.create("ana", `{"preset":"private_chat","name":"Else"}`)
		f.refuse(http.StatusForbidden, "bia", http.MethodGet, on(elsewhere, first, "/seen_by"), "")
		hidden := f.send("ana", elsewhere, "m.room.message", `{"msgtype":"m.text","body":"x"}`)
		f.refuse(http.StatusNotFound, "bia", http.MethodGet, on(room, hidden, "/seen_by"), "")
	})
}

const asking = `{"msgtype":"m.text","body":"Read this","br.com.conversalabs.ack":{"required":true}}`

// An announcement is acknowledged by stock clients' events and by the endpoint, once by
// each, and who may sees by whom.
func TestAcknowledge(t *testing.T) {
	eachTeam(t, func(t *testing.T, f *team) {
		room := f.create("ana", announcement)
		said := f.send("ana", room, "m.room.message", asking)
		plain := f.send("ana", room, "m.room.message", `{"msgtype":"m.text","body":"x"}`)
		refers := `{"m.relates_to":{"rel_type":"m.reference","event_id":"` + said + `"}}`
		by := f.send("bia", room, "br.com.conversalabs.ack", refers)
		if again := f.send("bia", room, "br.com.conversalabs.ack", refers); again != by {
			t.Errorf("acknowledged twice: got %s, want the first event %s", again, by)
		}
		at := f.must(f.tokens["caio"], http.MethodPost, on(room, said, "/ack"), "{}").Get("acknowledged_ts").Int()
		if again := f.must(f.tokens["caio"], http.MethodPost, on(room, said, "/ack"), "{}").Get("acknowledged_ts").Int(); at == 0 || again != at {
			t.Errorf("got %d and then %d, want the first time", at, again)
		}
		f.send("caio", room, "br.com.conversalabs.ack", refers) // tells others too, and changes nothing

		all := f.must(f.tokens["ana"], http.MethodGet, on(room, said, "/acks"), "")
		if all.Get("acknowledged.#.user_id").Raw != `["@bia:home.test","@caio:home.test"]` || all.Get("outstanding").Raw != `[{"user_id":"@davi:home.test","displayname":"davi"}]` ||
			all.Get("counts").Raw != `{"acknowledged":2,"outstanding":1}` || all.Get("acknowledged.1.ts").Int() != at {
			t.Errorf("the owner: got %s", all.Raw)
		}
		if own := f.must(f.tokens["davi"], http.MethodGet, on(room, said, "/acks"), ""); own.Raw != `{"counts":{"acknowledged":2,"outstanding":1},"own":{"acknowledged":false},"required":true}` {
			t.Errorf("a member: got %s, want the counts alone", own.Raw)
		}
		if own := f.must(f.tokens["caio"], http.MethodGet, on(room, said, "/acks"), "").Get("own"); own.Get("ts").Int() != at {
			t.Errorf("a member who has: got %s", own.Raw)
		}
		page := f.must(f.tokens["ana"], http.MethodGet, on(room, said, "/acks?limit=2&from=@bia:home.test"), "")
		if page.Get("acknowledged.#.user_id").Raw+page.Get("outstanding.#.user_id").Raw != `["@caio:home.test"]["@davi:home.test"]` || page.Get("next_batch").Exists() {
			t.Errorf("the second page: got %s", page.Raw)
		}

		f.refuse(http.StatusBadRequest, "bia", http.MethodPost, on(room, plain, "/ack"), "{}")
		f.refuse(http.StatusBadRequest, "bia", http.MethodGet, on(room, plain, "/acks"), "")
		f.refuse(http.StatusNotFound, "bia", http.MethodPost, on(room, "$none", "/ack"), "{}")
		f.refuse(http.StatusNotFound, "bia", http.MethodPut, inRoom(room)+"/send/br.com.conversalabs.ack/none", `{}`)
		elsewhere := f.create("ana", `{"preset":"private_chat","name":"Else"}`)
		f.refuse(http.StatusForbidden, "bia", http.MethodPost, on(elsewhere, said, "/ack"), "{}")

		// What was redacted asks for nothing.
		f.must(f.tokens["ana"], http.MethodPut, inRoom(room)+"/redact/"+said+"/r", "{}")
		f.refuse(http.StatusBadRequest, "davi", http.MethodPost, on(room, said, "/ack"), "{}")
	})
}

// Only announcements ask to be acknowledged, and no edit changes what they ask.
func TestAskToAcknowledge(t *testing.T) {
	eachTeam(t, func(t *testing.T, f *team) {
		const key = `br\.com\.conversalabs\.ack`
		news := f.create("ana", announcement)
		hall := f.create("ana", `{"preset":"public_chat","name":"Hall"}`)
		if got := f.content(hall, f.send("ana", hall, "m.room.message", asking)).Get(key).Raw; got != "" {
			t.Errorf("in a channel: got %s, want nothing asked", got)
		}
		said := f.send("ana", news, "m.room.message", asking)
		edit := func(target, outer, inner string) gjson.Result {
			t.Helper()
			return f.content(news, f.send("ana", news, "m.room.message", `{"msgtype":"m.text","body":"* x"`+outer+`,
				"m.new_content":{"msgtype":"m.text","body":"x"`+inner+`},"m.relates_to":{"rel_type":"m.replace","event_id":"`+target+`"}}`))
		}
		const due = `,"br.com.conversalabs.ack":{"required":true,"due_ts":4000000000000}`
		for name, got := range map[string]gjson.Result{"left out": edit(said, "", ""), "changed": edit(said, due, due)} {
			if got.Get(key).Exists() || got.Get(`m\.new_content.`+key).Raw != `{"required":true}` {
				t.Errorf("%s by an edit: got %s, want it as it was", name, got.Raw)
			}
		}
		plain := f.send("ana", news, "m.room.message", `{"msgtype":"m.text","body":"x"}`)
		if got := edit(plain, due, due); strings.Contains(got.Raw, "conversalabs.ack") {
			t.Errorf("added by an edit: got %s, want nothing asked", got.Raw)
		}
		for _, bad := range []string{"1", "4000000000000", `"x"`, "-5"} {
			f.refuse(http.StatusBadRequest, "ana", http.MethodPut, inRoom(news)+"/send/m.room.message/bad", strings.Replace(asking, `true}`, `true,"due_ts":`+bad+`}`, 1))
		}
		f.refuse(http.StatusForbidden, "bia", http.MethodPut, inRoom(news)+"/send/m.room.message/bia", asking)
	})
}

// The owner takes away who has acknowledged as a file, which the audit tells.
func TestExportAcknowledgements(t *testing.T) {
	eachTeam(t, func(t *testing.T, f *team) {
		room := f.create("ana", announcement)
		said := f.send("ana", room, "m.room.message", asking)
		f.must(f.tokens["bia"], http.MethodPut, client+"/profile/@bia:home.test/displayname", `{"displayname":"=HYPERLINK(\"x\"), Bia"}`)
		f.must(f.tokens["bia"], http.MethodPost, on(room, said, "/ack"), "{}")
		f.refuse(http.StatusForbidden, "bia", http.MethodGet, on(room, said, "/acks?format=csv"), "")
		code, file := f.ask(f.tokens["ana"], http.MethodGet, on(room, said, "/acks?format=csv"), "")
		lines := strings.Split(strings.TrimSpace(file), "\n")
		if code != http.StatusOK || len(lines) != 4 || lines[0] != "name,user_id,acknowledged_at" ||
			!strings.HasPrefix(lines[1], `"'=HYPERLINK(""x""), Bia",'@bia:home.test,20`) || !strings.HasSuffix(lines[1], "Z") ||
			lines[2] != "caio,'@caio:home.test," {
			t.Errorf("got %d %s", code, file)
		}
		audit := f.must(f.tokens["ana"], http.MethodGet, product+"/admin/audit?action=acknowledgements.exported", "").Get("entries")
		if got := audit.Get("0"); audit.Get("#").Int() != 1 || got.Get("actor").Str != "@ana:home.test" || got.Get("target").Str != room || got.Get("details.event_id").Str != said {
			t.Errorf("got %s in the audit", audit.Raw)
		}
	})
}
