package main_test

import (
	"net/http"
	"testing"

	"github.com/tidwall/gjson"
)

// TestPinsInTeamRooms lets those pin whom the kind of room lets, by stock calls.
func TestPinsInTeamRooms(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		f := newCompany(t, in)
		channel := f.ana.mustCreate(t, `{"preset":"private_chat","name":"Sales","invite":["@bia:localhost"]}`)
		news := f.boss.mustCreate(t, `{"name":"News","power_level_content_override":{"events_default":50},"invite":["@ana:localhost","@bia:localhost"]}`)
		direct := f.ana.mustCreate(t, `{"is_direct":true,"invite":["@bia:localhost"]}`)
		levels := f.boss.mustState(t, news, "m.room.power_levels", "")
		f.boss.mustPutState(t, news, "m.room.power_levels", "", withMember(t, levels.Raw, "users", `{"@boss:localhost":150,"@ana:localhost":50}`))
		pin := func(who *asker, room string, may bool) {
			t.Helper()
			const pins = `{"pinned":["$one"]}`
			path := inState(room, "m.room.pinned_events", "")
			if !may {
				who.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, path, pins)
				return
			}
			who.must(t, http.MethodPut, path, pins)
			mustBe(t, "the pins", f.bia.mustState(t, room, "m.room.pinned_events", "").Raw, pins)
			who.must(t, http.MethodPut, path, `{"pinned":[]}`)
		}
		pin(f.ana, channel, true)
		pin(f.bia, channel, false)
		pin(f.ana, news, true) // who may post there
		pin(f.boss, news, true)
		pin(f.bia, news, false)
		pin(f.ana, direct, true)
		pin(f.bia, direct, true)
	})
}

// withMember replaces a member of a JSON object.
func withMember(t testing.TB, object, key, value string) string {
	t.Helper()
	all := gjson.Parse(object).Map()
	all[key] = gjson.Parse(value)
	out := "{"
	for name, member := range all {
		if out != "{" {
			out += ","
		}
		out += `"` + name + `":` + member.Raw
	}
	return out + "}"
}

const (
	oldPoll = `{"org.matrix.msc1767.text":"Lunch?\n1. Yes\n2. No","org.matrix.msc3381.poll.start":{"answers":[{"id":"y","org.matrix.msc1767.text":"Yes"},{"id":"n","org.matrix.msc1767.text":"No"}],"kind":"org.matrix.msc3381.poll.disclosed","max_selections":1,"question":{"body":"Lunch?","msgtype":"m.text","org.matrix.msc1767.text":"Lunch?"}}}`
	newPoll = `{"m.poll":{"answers":[{"m.id":"y","m.text":[{"body":"Yes"}]},{"m.id":"n","m.text":[{"body":"No"}]}],"kind":"m.disclosed","max_selections":1,"question":{"m.text":[{"body":"Lunch?"}]}},"m.text":[{"body":"Lunch?"}]}`
	voice   = `{"body":"Voice message","info":{"duration":2140,"mimetype":"audio/ogg","size":8192},"msgtype":"m.audio","org.matrix.msc1767.audio":{"duration":2140,"waveform":[0,256,1024,512]},"org.matrix.msc1767.text":"Voice message","org.matrix.msc3245.voice":{},"url":"mxc://localhost/voice"}`
)

// TestPollsAndVoiceInTeamRooms carries polls and voice messages as they are. In an
// announcement everybody votes, and only who may post asks.
func TestPollsAndVoiceInTeamRooms(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		f := newCompany(t, in)
		channel := f.ana.mustCreate(t, `{"preset":"private_chat","name":"Sales","invite":["@bia:localhost"]}`)
		direct := f.ana.mustCreate(t, `{"is_direct":true,"invite":["@bia:localhost"]}`)
		news := f.boss.mustCreate(t, `{"name":"News","power_level_content_override":{"events_default":50},"invite":["@ana:localhost","@bia:localhost"]}`)
		carry := func(sender *asker, room, kind, content string) string {
			t.Helper()
			event := sender.mustSend(t, room, kind, content)
			got := f.bia.must(t, http.MethodGet, inEvent(room, event), "")
			mustBe(t, kind, sortedObject(got.Get("content")), sortedObject(gjson.Parse(content)))
			return event
		}
		vote := func(poll, prefix, what string) string {
			return `{"` + prefix + `":` + what + `,"m.relates_to":{"event_id":"` + poll + `","rel_type":"m.reference"}}`
		}
		for _, room := range []string{channel, direct, news} {
			asking := f.bia
			if room == news {
				asking = f.boss
			}
			carry(asking, room, "m.room.message", voice)
			old := carry(asking, room, "org.matrix.msc3381.poll.start", oldPoll)
			carry(f.bia, room, "org.matrix.msc3381.poll.response", vote(old, "org.matrix.msc3381.poll.response", `{"answers":["y"]}`))
			carry(asking, room, "org.matrix.msc3381.poll.end", vote(old, "org.matrix.msc3381.poll.end", `{}`))
			poll := carry(asking, room, "m.poll.start", newPoll)
			answer := carry(f.bia, room, "m.poll.response", vote(poll, "m.selections", `["y"]`))
			carry(asking, room, "m.poll.end", vote(poll, "m.poll.results", `{"y":1}`))
			found := f.bia.must(t, http.MethodGet, "/_matrix/client/v1"+inRoom(room)+"/relations/"+poll+"/m.reference/m.poll.response", "")
			mustBe(t, "the votes", found.Get("chunk.#.event_id").Raw, `["`+answer+`"]`)
		}
		for _, kind := range []string{"org.matrix.msc3381.poll.start", "m.poll.start", "m.poll.end", "org.matrix.msc3381.poll.end", "m.room.message"} {
			f.bia.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, inRoom(news)+"/send/"+kind+"/x-"+kind, newPoll)
		}
	})
}
