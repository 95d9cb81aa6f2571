package rooms

import "strings"

// choice takes what is among only, if there is such a list, and not among not.
type choice[T comparable] struct {
	only map[T]bool // nil: all
	not  map[T]bool
}

func (c *choice[T]) takes(v T) bool {
	return (c.only == nil || c.only[v]) && (c.not == nil || !c.not[v])
}

// typeChoice is a choice of event types, where * stands for any characters.
type typeChoice struct{ only, not *typeList }

func (c *typeChoice) takes(eventType string) bool {
	return (c.only == nil || c.only.has(eventType)) && (c.not == nil || !c.not.has(eventType))
}

type typeList struct {
	exact    map[string]bool
	patterns []string
}

func (l *typeList) has(eventType string) bool {
	if l.exact[eventType] {
		return true
	}
	for _, pattern := range l.patterns {
		if matchStars(pattern, eventType) {
			return true
		}
	}
	return false
}

// matchStars matches a pattern in which * stands for any characters. It looks
// for each part between two stars once, so that no pattern makes it slow.
func matchStars(pattern, s string) bool {
	head, rest, starred := strings.Cut(pattern, "*")
	if !starred {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, head)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = after
	}
	return strings.HasSuffix(s, last)
}
