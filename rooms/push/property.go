package push

import (
	"slices"
	"strconv"
	"sync"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"
)

// Event is what rules see of an event. Of the keys outside content, only type,
// sender, room_id and state_key exist for them.
type Event struct {
	Type     string
	Sender   id.UserID
	Room     id.RoomID
	StateKey *string // nil: not a state event
	Content  []byte  // JSON
}

// path is a property's place in an event, split at its dots.
type path []string

type valueKind byte

const (
	absent valueKind = iota // or of no use to rules: an object, a fraction
	text
	integer
	boolean
	null
	array
)

// scalar is a value that can be compared exactly.
type scalar struct {
	kind   valueKind
	text   string // of text, as it is
	number int64  // of integer; 0 or 1 of boolean
}

// maxInteger is the largest integer of canonical JSON.
const maxInteger = 1<<53 - 1

// toScalar gives a kind absent for what is not a scalar of canonical JSON.
func toScalar(value gjson.Result) scalar {
	switch value.Type {
	case gjson.String:
		return scalar{kind: text, text: value.Str}
	case gjson.Number:
		n, err := strconv.ParseInt(value.Raw, 10, 64)
		if err != nil || n > maxInteger || n < -maxInteger {
			return scalar{}
		}
		return scalar{kind: integer, number: n}
	case gjson.True:
		return scalar{kind: boolean, number: 1}
	case gjson.False:
		return scalar{kind: boolean}
	case gjson.Null:
		if value.Raw == "" {
			return scalar{}
		}
		return scalar{kind: null}
	}
	return scalar{}
}

// readScalar reads the value of a condition.
func readScalar(raw []byte) (scalar, bool) {
	s := toScalar(gjson.ParseBytes(raw))
	return s, s.kind != absent
}

// property is one property of the event under evaluation, once looked up.
type property struct {
	scalar         // kind array: the text is JSON
	folded  string // of text, once asked for
	known   bool   // looked up
	present bool   // there is something, if only an object; content only
	isFold  bool
}

// member is one top-level key of the content.
type member struct {
	key   string
	value gjson.Result
}

// view is one event under evaluation: every property is looked up at most once,
// the content is walked at most once.
type view struct {
	event   Event
	context Context
	paths   []path
	found   []property // by slot, beside paths
	walked  bool
	content []member
	work    int // what is left of workPerEvent
}

// workPerEvent bounds what one evaluation may read, in bytes of the event and
// once for every time they are read. Rules within the limits can ask for a
// thousand times what any sensible ruleset needs: ten thousand patterns full of
// wildcards on a body of 64 KiB. Conditions beyond the bound do not match.
const workPerEvent = 16 << 20

// afford takes work, if so much is left. What is too dear leaves the rest to
// cheaper conditions, such as the predefined rules' on the type.
func (v *view) afford(bytes int) bool {
	if bytes > v.work {
		return false
	}
	v.work -= bytes
	return true
}

// views holds views to be used again: one is larger than all else that an
// evaluation needs.
var views = sync.Pool{New: func() any { return new(view) }}

// newView gives a clean view; done returns it.
func newView(event Event, context Context, paths []path) *view {
	v := views.Get().(*view)
	v.event, v.context, v.paths = event, context, paths
	v.work = workPerEvent
	v.found = slices.Grow(v.found, len(paths))[:len(paths)]
	return v
}

func (v *view) done() {
	clear(v.found)
	clear(v.content)
	*v = view{found: v.found[:0], content: v.content[:0]}
	views.Put(v)
}

// property gives what stands at the path of this slot.
func (v *view) property(slot int) *property {
	p := &v.found[slot]
	if p.known {
		return p
	}
	p.known = true
	where := v.paths[slot]
	switch {
	case where[0] == "content":
		v.fromContent(where[1:], p)
	case len(where) > 1:
	case where[0] == "type":
		p.scalar = scalar{kind: text, text: v.event.Type}
	case where[0] == "sender":
		p.scalar = scalar{kind: text, text: string(v.event.Sender)}
	case where[0] == "room_id":
		p.scalar = scalar{kind: text, text: string(v.event.Room)}
	case where[0] == "state_key" && v.event.StateKey != nil:
		p.scalar = scalar{kind: text, text: *v.event.StateKey}
	}
	return p
}

// folded gives the property's folded text; false where it is not a text.
func (v *view) folded(slot int) (string, bool) {
	p := v.property(slot)
	if p.kind != text {
		return "", false
	}
	if !p.isFold {
		p.folded, p.isFold = fold(p.text), true
	}
	return p.folded, true
}

func (v *view) fromContent(where path, p *property) {
	if len(where) == 0 {
		return
	}
	value := v.topLevel(where[0])
	for _, name := range where[1:] {
		if !v.afford(len(value.Raw)) {
			return
		}
		value = child(value, name)
	}
	p.present = value.Raw != ""
	if value.IsArray() {
		p.scalar = scalar{kind: array, text: value.Raw}
		return
	}
	p.scalar = toScalar(value)
}

func (v *view) topLevel(name string) gjson.Result {
	if !v.walked {
		v.walked = true
		if object := gjson.ParseBytes(v.event.Content); object.IsObject() {
			object.ForEach(func(key, value gjson.Result) bool {
				v.content = append(v.content, member{key.Str, value})
				return true
			})
		}
	}
	if !v.afford(len(v.content)) {
		return gjson.Result{}
	}
	for i := range v.content {
		if v.content[i].key == name {
			return v.content[i].value
		}
	}
	return gjson.Result{}
}

// child gives an object's member, or nothing.
func child(object gjson.Result, name string) (found gjson.Result) {
	if !object.IsObject() {
		return gjson.Result{}
	}
	object.ForEach(func(key, value gjson.Result) bool {
		if key.Str == name {
			found = value
			return false
		}
		return true
	})
	return found
}

// exists tells whether the content has anything at the path of this slot.
func (v *view) exists(slot int) bool { return v.property(slot).present }
