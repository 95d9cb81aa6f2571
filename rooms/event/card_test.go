package event_test

import (
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/rooms/event"
)

// A card that somebody else than the server has written is taken out wherever it
// stands, and nothing else is.
func TestCardsAreTakenOut(t *testing.T) {
	const key = `"br.com.conversalabs.card"`
	for _, c := range []struct{ content, want string }{
		{`{"body":"x",` + key + `:{"url":"https://x"},"msgtype":"m.text"}`, `{"body":"x","msgtype":"m.text"}`},
		{`{` + key + `:1}`, `{}`},
		{`{"b": 1, ` + key + ` : null, "a" : 2}`, `{"a":2,"b":1}`},
		{`{"m.new_content":{` + key + `:{},"body":"x"},` + key + `:[]}`, `{"m.new_content":{"body":"x"}}`},
		{`{"a":[1,{"b":[{` + key + `:1},{"c":{` + key + `:{` + key + `:1}}}]}]}`, `{"a":[1,{"b":[{},{"c":{}}]}]}`},
		// The same key by other escapes.
		{`{"\u0062r.com.conversalabs.card":1,"a":1}`, `{"a":1}`},
		{`{"br\u002Ecom.conversalabs.car\u0064":1,"a":1}`, `{"a":1}`},
		// What only looks like one stays.
		{`{"body":"\"br.com.conversalabs.card\":1"}`, `{"body":"\"br.com.conversalabs.card\":1"}`},
		{`{"body":"br.com.conversalabs.card","br.com.conversalabs.cards":1}`, `{"body":"br.com.conversalabs.card","br.com.conversalabs.cards":1}`},
		{`{"\"br.com.conversalabs.card":1,` + key + `:2}`, `{"\"br.com.conversalabs.card":1}`},
	} {
		got, err := event.Content([]byte(c.content))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.content, got, err, c.want)
		}
		r := mustRoom(t, "11")
		for _, stateKey := range []string{"-", ""} {
			e, err := event.Build("11", r.draft(ana, "test.kind", stateKey, c.content), r)
			if err != nil || string(e.Content) != c.want {
				t.Errorf("event of %s: got %+v, %v, want %s", c.content, e, err, c.want)
			}
		}
	}
}

// The server's own card stands in the place of whatever the content says.
func TestCardOfTheServer(t *testing.T) {
	r := mustRoom(t, "11")
	d := r.draft(ana, "m.room.message", "-", `{"msgtype":"m.text","br.com.conversalabs.card":{"forged":true}}`)
	d.Card = []byte(`{"version": 1, "title": "x"}`)
	e, err := event.Build("11", d, r)
	if want := `{"br.com.conversalabs.card":{"title":"x","version":1},"msgtype":"m.text"}`; err != nil || string(e.Content) != want {
		t.Errorf("got %+v, %v, want %s", e, err, want)
	}
}

func BenchmarkContent(b *testing.B) {
	plain := `{"body":"` + strings.Repeat("a message of some length, ", 8) + `","msgtype":"m.text"}`
	for name, content := range map[string]string{
		"plain": plain, "card": `{"br.com.conversalabs.card":{"title":"x"},` + plain[1:],
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := event.Content([]byte(content)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("canonical alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := event.Canonical(make([]byte, 0, len(plain)), []byte(plain)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
