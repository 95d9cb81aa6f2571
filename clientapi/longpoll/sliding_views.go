package longpoll

import (
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
)

// view is what a filter takes of a roster, by recency, without what the user has
// left. It is kept up, so that to look at its top costs no more in a long list.
type view struct {
	order    []*entry
	children map[id.RoomID]bool // of the filter's spaces; nil: it names none
}

// maxViews is how many views a roster keeps.
const maxViews = 32

// view gives the view of a filter; text tells it from others.
func (o *roster) view(v rooms.View, f *SlidingFilter, text string) (*view, error) {
	if made := o.views[text]; made != nil {
		return made, nil
	}
	children, err := o.childrenOf(v, f.Spaces)
	if err != nil {
		return nil, err
	}
	made := &view{children: children}
	for _, e := range o.order {
		if !e.left && made.takes(f, e, o) {
			made.order = append(made.order, e)
		}
	}
	if o.views == nil || len(o.views) >= maxViews {
		o.views = map[string]*view{}
	}
	o.views[text] = made
	return made, nil
}

func (w *view) takes(f *SlidingFilter, e *entry, o *roster) bool {
	return f.takes(e, o) && (w.children == nil || w.children[e.room])
}

// departed gives the rooms that the user has left, by recency.
func (o *roster) departed() []*entry {
	if o.gone == nil {
		o.gone = []*entry{}
		for _, e := range o.order {
			if e.left {
				o.gone = append(o.gone, e)
			}
		}
	}
	return o.gone
}

// reset notes that more than recency has changed.
func (o *roster) reset() {
	o.views, o.gone = nil, nil
	o.sets++
}

// forgetSpaces drops the views of spaces after an event that may change which
// rooms are in them.
func (o *roster) forgetSpaces(e *event.Event) {
	if e.Type != "m.space.child" && e.Type != "m.room.redaction" {
		return
	}
	for text, view := range o.views {
		if view.children != nil {
			delete(o.views, text)
			o.sets++
		}
	}
}

// childrenOf gives the rooms of some spaces that the user is in, nil when no space
// is named.
func (o *roster) childrenOf(v rooms.View, spaces []id.RoomID) (map[id.RoomID]bool, error) {
	if spaces == nil {
		return nil, nil
	}
	var joined []id.RoomID
	for _, space := range spaces {
		if e := o.byRoom[space]; e != nil && e.current == "join" {
			joined = append(joined, space)
		}
	}
	loaded, err := v.Rooms(joined)
	if err != nil {
		return nil, err
	}
	children := map[id.RoomID]bool{}
	for _, space := range loaded {
		for _, e := range space.Settings() {
			if e.Type == "m.space.child" && gjson.GetBytes(e.Content, "via").IsArray() {
				children[id.RoomID(*e.StateKey)] = true
			}
		}
	}
	return children, nil
}

// takes tells whether a room passes the filter; spaces are looked at elsewhere.
func (f *SlidingFilter) takes(e *entry, o *roster) bool {
	for _, invited := range []*bool{f.Invite, f.Invited} {
		if invited != nil && *invited != (e.current == "invite") {
			return false
		}
	}
	if f.Direct != nil && *f.Direct != o.direct[e.room] || f.Encrypted != nil && *f.Encrypted != e.outline.Encrypted {
		return false
	}
	if f.Types != nil && !e.isOf(f.Types) || e.isOf(f.NotTypes) {
		return false
	}
	return (f.Tags == nil || o.tagged(e.room, f.Tags)) && !o.tagged(e.room, f.NotTags)
}

// isOf tells whether a room is of one of the types; nil is that of ordinary ones.
func (e *entry) isOf(types []*string) bool {
	return slices.ContainsFunc(types, func(t *string) bool {
		return t == nil && e.outline.Type == "" || t != nil && *t == e.outline.Type
	})
}

func (o *roster) tagged(room id.RoomID, tags []string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return o.tags[room][tag] })
}
