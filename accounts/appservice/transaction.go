package appservice

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// transaction is what a service is sent at once (section "Pushing events").
type transaction struct {
	Events    []json.RawMessage `json:"events"`
	Ephemeral []ephemeral       `json:"ephemeral,omitempty"`
	// UnstableEphemeral is Ephemeral under the name of before it was specified.
	UnstableEphemeral []ephemeral `json:"de.sorunome.msc2409.ephemeral,omitempty"`
}

func (t *transaction) empty() bool { return len(t.Events)+len(t.Ephemeral) == 0 }

// ephemeral is a receipt or a presence as clients know them.
type ephemeral struct {
	Type    string          `json:"type"`
	Room    string          `json:"room_id,omitempty"`
	Sender  string          `json:"sender,omitempty"`
	Content json.RawMessage `json:"content"`
}

// write makes events what clients read.
func (d *delivery) write(ctx context.Context, events []*event.Event) ([]json.RawMessage, error) {
	var states []*event.Event
	for _, e := range events {
		if e.StateKey != nil {
			states = append(states, e)
		}
	}
	replaced, err := d.stream.Replaced(ctx, d.Account, states)
	if err != nil {
		return nil, err
	}
	before := make(map[*event.Event]*event.Event, len(states))
	for i, e := range states {
		before[e] = replaced[i]
	}
	written := make([]json.RawMessage, len(events))
	for i, e := range events {
		unsigned := map[string]any{"age": max(d.now().UnixMilli()-e.Timestamp, 0)}
		if old := before[e]; old != nil {
			unsigned["prev_content"] = json.RawMessage(old.Content)
			unsigned["prev_sender"] = old.Sender
			unsigned["replaces_state"] = old.ID
		}
		encoded, err := json.Marshal(unsigned)
		if err != nil {
			return nil, fmt.Errorf("encode unsigned: %w", err)
		}
		written[i] = fmt.Appendf(nil, `%s,"unsigned":%s}`, e.Client, encoded)
	}
	return written, nil
}

// ephemeral gives the receipts and presences of a part of the stream that concern the
// service.
func (d *delivery) ephemeral(ctx context.Context, after, upTo stream.Position) (all []ephemeral, err error) {
	items, err := d.stream.Changed(ctx, d.Account, []stream.Kind{stream.Receipt, stream.Presence}, after, upTo)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if len(item.Content) == 0 {
			continue
		}
		var one ephemeral
		var concerns bool
		if item.Kind == stream.Presence {
			one = ephemeral{Type: "m.presence", Sender: string(item.User), Content: item.Content}
			concerns, err = d.interest.user(ctx, item.User)
		} else {
			if one, err = receipt(item); err != nil {
				return nil, err
			}
			private := strings.HasPrefix(item.Key, "m.read.private|")
			concerns = d.Service.Owns(item.User)
			if !private && !concerns {
				concerns, err = d.interest.room(ctx, item.Room)
			}
		}
		if err != nil {
			return nil, err
		}
		if concerns {
			all = append(all, one)
		}
	}
	return all, nil
}

// receipt makes an m.receipt of how a receipt is stored.
func receipt(item stream.Item) (ephemeral, error) {
	var stored struct {
		Event  string `json:"event_id"`
		Time   int64  `json:"ts"`
		Thread string `json:"thread_id,omitempty"`
	}
	if err := json.Unmarshal(item.Content, &stored); err != nil {
		return ephemeral{}, fmt.Errorf("stored receipt: %w", err)
	}
	kind, _, _ := strings.Cut(item.Key, "|")
	entry := map[string]any{"ts": stored.Time}
	if stored.Thread != "" {
		entry["thread_id"] = stored.Thread
	}
	content, err := json.Marshal(map[string]any{stored.Event: map[string]any{kind: map[string]any{string(item.User): entry}}})
	return ephemeral{Type: "m.receipt", Room: string(item.Room), Content: content}, err
}
