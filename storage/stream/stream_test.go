package stream_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

func itself(p stream.Position) stream.Position { return p }

func TestTail(t *testing.T) {
	tail := stream.NewTail(4, 10, itself)
	if _, complete := tail.After(9); complete {
		t.Error("an empty tail says it reaches back below its floor")
	}
	var kept []stream.Position // what a reader took early on
	for p := stream.Position(11); p <= 30; p++ {
		tail.Append(p)
		if p == 14 {
			kept, _ = tail.After(10)
		}
		if got, complete := tail.After(p - 1); !complete || !slices.Equal(got, []stream.Position{p}) {
			t.Errorf("after %d: got %v, %v, want the newest entry", p-1, got, complete)
		}
		if got, complete := tail.After(max(p-4, 10)); !complete || len(got) != min(4, int(p-10)) {
			t.Errorf("after %d: got %v, %v, want the last four", p-4, got, complete)
		}
	}
	if _, complete := tail.After(10); complete {
		t.Error("the tail says it has what it dropped")
	}
	tail.Replace(29, 290)
	tail.Replace(12, 120) // no longer there
	if got, _ := tail.After(28); !slices.Equal(got, []stream.Position{290, 30}) {
		t.Errorf("after a replacement: got %v, want 290 and 30", got)
	}
	if !slices.Equal(kept, []stream.Position{11, 12, 13, 14}) {
		t.Errorf("a reader's entries changed under it: %v", kept)
	}
}

func woken(w *stream.Waiter) bool {
	select {
	case <-w.Woken:
		return true
	default:
		return false
	}
}

func TestHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewHub()
		ana, bia := hub.Register("@ana:x", "A"), hub.Register("@bia:x", "B")
		hear := func(user id.UserID, loudness stream.Loudness) func(*stream.Waiter) stream.Loudness {
			return func(w *stream.Waiter) stream.Loudness {
				if w.User == user {
					return loudness
				}
				return stream.Silent
			}
		}
		for range 3 {
			hub.Wake(hear("@ana:x", stream.Loud))
		}
		if !woken(ana) || woken(ana) || woken(bia) {
			t.Error("three loud entries are not one wake-up of the one who hears them")
		}
		hub.Wake(hear("@bia:x", stream.Quiet))
		synctest.Wait()
		if woken(bia) {
			t.Error("a quiet entry woke at once")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !woken(bia) {
			t.Error("a quiet entry did not wake within a second")
		}
		hub.Wake(hear("@bia:x", stream.Quiet))
		hub.Wake(hear("@bia:x", stream.Loud))
		if !woken(bia) {
			t.Error("a loud entry did not wake at once")
		}
		time.Sleep(2 * time.Second)
		if woken(bia) {
			t.Error("the quiet entry that rode along woke again")
		}
		bia.Leave()
		hub.Wake(hear("@bia:x", stream.Loud))
		if woken(bia) || hub.Waiting() != 1 {
			t.Error("who has left is still there")
		}
		hub.End()
		hub.End()
		if _, open := <-ana.Woken; open {
			t.Error("the end of the hub did not end the poll")
		}
		if _, open := <-hub.Register("@eva:x", "E").Woken; open {
			t.Error("a poll waits at a hub that has ended")
		}
	})
}

func TestToken(t *testing.T) {
	want := stream.Token{Epoch: 3, Position: 1 << 40, ToDevice: 7, Typing: 0xfedcba9876543210}
	for _, want.Sent = range []int64{0, 1 << 40} {
		got, err := stream.ParseToken(want.String())
		if err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	for _, bad := range []string{"", "s", "s1_2_3", "s1_2_3_4_5_6", "s1_2_3_4_0", "s1_2_3_4_x", "t1_2_3_4", "s-1_2_3_4", "s1_-2_3_4", "s1_2_x_4", "s1_2_3_xyz", "s1_99999999999999999999_3_4"} {
		if _, err := stream.ParseToken(bad); !refusal.Is(err, "M_INVALID_PARAM") {
			t.Errorf("%q: got %v, want M_INVALID_PARAM", bad, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add("s1_2_3_4")
	f.Add("s1_2_3_4_5")
	f.Add("s0_0_0_ffffffffffffffff")
	f.Fuzz(func(t *testing.T, s string) {
		token, err := stream.ParseToken(s)
		if err != nil {
			return
		}
		again, err := stream.ParseToken(token.String())
		if err != nil || again != token {
			t.Errorf("%q: read as %+v, written and read again as %+v, %v", s, token, again, err)
		}
	})
}
