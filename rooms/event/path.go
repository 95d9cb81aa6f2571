package event

import "strings"

// SplitPath splits a property's path at its dots; "\." is a dot in a name, "\\" a
// backslash (appendices, "Dot-separated property paths"), any other backslash
// itself. There is always at least one part, if only an empty one.
func SplitPath(path string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path) && (path[i+1] == '.' || path[i+1] == '\\'):
			i++
			part.WriteByte(path[i])
		case c == '.':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	return append(parts, part.String())
}
