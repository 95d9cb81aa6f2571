package longpoll

import (
	"context"
	"strconv"

	"github.com/conversalabs/internalchat/rooms/push"
)

// countUnread counts what is unread in the rooms of the answer, and in those that
// have nothing else to tell but may have other counts.
func (r *reading) countUnread(ctx context.Context, c *changes) error {
	var asked []*room
	var scenes []push.Scene
	for _, room := range c.rooms {
		if room.section != joinedRoom || !room.scene.Known() {
			continue
		}
		if c.initial || c.counting || room.read || room.scene.MovedSince(c.since) || !room.empty(r.req.FullState) {
			asked = append(asked, room)
			scenes = append(scenes, room.scene)
		}
	}
	if asked == nil {
		return nil
	}
	counted, err := r.Unread.Count(ctx, r.caller, scenes)
	if err != nil {
		return err
	}
	for i, room := range asked {
		room.unread, room.counted = counted[i].Counts, true
		// Of which rooms another rule changes the counts is known only where they were
		// counted before.
		unknown := c.counting && !counted[i].Known
		room.tellUnread = room.read || unknown || counted[i].Changed > c.since
	}
	return nil
}

// unread writes a room's counts. A client that knows threads has theirs apart.
func (w *writer) unread(counts push.Counts) {
	apart := w.filter.Room.Timeline.UnreadThreadNotifications
	main := counts
	if apart {
		main = counts.Main()
	}
	w.key("unread_notifications")
	w.counts(main)
	if !apart || len(counts.Threads) == 0 {
		return
	}
	w.key("unread_thread_notifications")
	w.out = append(w.out, '{')
	roots := keys(counts.Threads)
	w.list(len(roots), func(i int) {
		w.text(string(roots[i]))
		w.out = append(w.out, ':')
		w.counts(counts.Threads[roots[i]])
	})
	w.out = append(w.out, '}')
}

func (w *writer) counts(counts push.Counts) {
	w.out = append(w.out, `{"highlight_count":`...)
	w.out = strconv.AppendInt(w.out, int64(counts.Highlight), 10)
	w.key("notification_count")
	w.out = strconv.AppendInt(w.out, int64(counts.Notify), 10)
	w.out = append(w.out, '}')
}
