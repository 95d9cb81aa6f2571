package rooms

import (
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/rooms/event"
)

// Fields are the parts of an event that a client wants (event_fields of a
// filter).
type Fields struct {
	below map[string]*Fields // nil: the whole value
}

// newFields makes fields of their paths; nil, for all of an event, of none.
func newFields(paths []string) *Fields {
	if len(paths) == 0 {
		return nil
	}
	f := &Fields{below: map[string]*Fields{}}
	for _, path := range paths {
		f.add(event.SplitPath(path))
	}
	return f
}

func (f *Fields) add(path []string) {
	for _, name := range path[:len(path)-1] {
		next := f.below[name]
		if next == nil {
			next = &Fields{below: map[string]*Fields{}}
			f.below[name] = next
		}
		if next.below == nil {
			return // all of it is wanted already
		}
		f = next
	}
	f.below[path[len(path)-1]] = &Fields{}
}

// Append appends what is wanted of an event, JSON whose bytes may lie behind dst.
func (f *Fields) Append(dst, event []byte) []byte { return f.append(dst, gjson.ParseBytes(event)) }

func (f *Fields) append(dst []byte, object gjson.Result) []byte {
	dst = append(dst, '{')
	start := len(dst)
	object.ForEach(func(key, value gjson.Result) bool {
		wanted := f.below[key.Str]
		if wanted == nil || wanted.below != nil && !value.IsObject() {
			return true
		}
		before := len(dst)
		if before > start {
			dst = append(dst, ',')
		}
		dst = append(dst, key.Raw...)
		dst = append(dst, ':')
		if wanted.below == nil {
			dst = append(dst, value.Raw...)
			return true
		}
		at := len(dst)
		if dst = wanted.append(dst, value); len(dst) == at+len("{}") {
			dst = dst[:before] // nothing of it is wanted
		}
		return true
	})
	return append(dst, '}')
}
