package longpoll_test

import (
	"testing"

	"github.com/conversalabs/internalchat/storage/stream"
)

func TestIgnoredUsers(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.member(room1, bea, bea, "join")
	h.member(room1, caio, caio, "join")
	h.say(room1, ana, "before")
	token := h.mustSync(bea).Get("next_batch").String()
	ignore := func(content string) {
		h.put(stream.Item{Kind: stream.AccountData, User: bea, Key: "m.ignored_user_list", Content: []byte(content)})
	}
	ignore(`{"ignored_users":{"@ana:hs":{}}}`)
	h.say(room1, ana, "unheard")
	h.state(room1, ana, "m.room.topic", "", `{"topic":"state is shown"}`)
	h.say(room1, caio, "heard")
	answer := h.mustSyncTwice(bea, token)
	mustEqual(t, "timeline", names(inRoom(answer, "join", room1, "timeline.events")), []string{"m.room.topic", "heard"})
	token = answer.Get("next_batch").String()
	h.say(room1, ana, "unheard")
	mustEqual(t, "nothing but what is ignored", h.mustSyncTwice(bea, token).Get("rooms").Exists(), false)
	whole := names(inRoom(h.mustSync(bea), "join", room1, "timeline.events"))
	mustEqual(t, "initial sync", whole[len(whole)-2:], []string{"m.room.topic", "heard"})
	mustEqual(t, "somebody else's", len(names(inRoom(h.mustSync(caio), "join", room1, "timeline.events"))) > len(whole), true)
	token = h.mustSyncTwice(bea, token).Get("next_batch").String()
	ignore(`{"ignored_users":{}}`)
	h.say(room1, ana, "heard again")
	mustEqual(t, "no more ignored", names(inRoom(h.mustSyncTwice(bea, token), "join", room1, "timeline.events")), []string{"heard again"})
	h.restart()
	mustEqual(t, "after a restart", len(names(inRoom(h.mustSync(bea), "join", room1, "timeline.events"))) > len(whole), true)
}
