package main_test

import (
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
)

// TestDelayedEventsOutliveTheServer schedules, loses the server as in a power cut,
// and finds everything sent by the next one, once.
func TestDelayedEventsOutliveTheServer(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t)
		client := mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s))
		room := mustCreateRoom(t, client, "kitchen")
		schedule := func(text string, delay time.Duration) *mautrix.ReqUpdateDelayedEvent {
			t.Helper()
			sent, err := client.SendMessageEvent(within(t), room, event.EventMessage,
				&event.MessageEventContent{MsgType: event.MsgText, Body: text}, mautrix.ReqSendEvent{UnstableDelay: delay})
			if err != nil || sent.UnstableDelayID == "" || sent.EventID != "" {
				t.Fatalf("schedule %s: got %+v, %v", text, sent, err)
			}
			return &mautrix.ReqUpdateDelayedEvent{DelayID: sent.UnstableDelayID}
		}
		// Due while the server is down, due when it is up again, sent early, cancelled.
		schedule("down", time.Millisecond)
		schedule("up", 2*time.Second)
		early, cancelled := schedule("early", time.Hour), schedule("cancelled", time.Hour)
		s.kill(t)

		s = in.mustStart(t)
		client = moved(t, client, s.url)
		early.Action, cancelled.Action = event.DelayActionSend, event.DelayActionCancel
		for _, update := range []*mautrix.ReqUpdateDelayedEvent{early, cancelled} {
			if _, err := client.UpdateDelayedEvent(within(t), update); err != nil {
				t.Fatalf("%s: %v", update.Action, err)
			}
		}
		p := newPerson(t, client)
		count := map[string]int{}
		timeout := time.After(patience)
		for count["down"]+count["up"]+count["early"] < 3 {
			select {
			case e := <-p.events:
				count[e.Content.AsMessage().Body]++
			case <-timeout:
				t.Fatalf("got %v, want all three", count)
			}
		}
		p.leave()
		sent := map[string]int{}
		for _, e := range mustHistory(t, client, room) {
			if e.Type == event.EventMessage {
				_ = e.Content.ParseRaw(e.Type) // fails when it was parsed already
				sent[e.Content.AsMessage().Body]++
			}
		}
		if sent["down"] != 1 || sent["up"] != 1 || sent["early"] != 1 || len(sent) != 3 {
			t.Errorf("got %v, want each once and the cancelled one not", sent)
		}
		left, err := client.DelayedEvents(within(t), &mautrix.ReqDelayedEvents{})
		if err != nil || len(left.Scheduled) != 0 {
			t.Errorf("still scheduled: %+v, %v", left, err)
		}
	})
}
