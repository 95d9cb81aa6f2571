package httpapi

import "strings"

// maxVariables is how many path variables a template may have.
const maxVariables = 6

// node is one segment of the tree of plain templates. A tree because mux tries
// its routes one after another: with 350 routes, finding the last of those under
// /rooms/{roomID} took it 100 µs, thirty times what all else here takes.
type node struct {
	literal  map[string]*node
	variable *node
	leaves   map[string]*leaf // by method
}

type leaf struct {
	route    *Route
	template string
	names    []string
}

func (n *node) add(method, template string, r *Route) {
	l := &leaf{route: r, template: template}
	for segment := range strings.SplitSeq(strings.TrimPrefix(template, "/"), "/") {
		name, ok := strings.CutPrefix(segment, "{")
		if !ok {
			n = n.child(segment)
			continue
		}
		l.names = append(l.names, strings.TrimSuffix(name, "}"))
		if n.variable == nil {
			n.variable = &node{}
		}
		n = n.variable
	}
	if len(l.names) > maxVariables {
		panic("httpapi: too many variables in " + template)
	}
	if n.leaves[method] != nil {
		panic("httpapi: " + method + " " + template + " is registered twice")
	}
	if n.leaves == nil {
		n.leaves = map[string]*leaf{}
	}
	n.leaves[method] = l
}

// walk visits the templates in the tree, in no order.
func (n *node) walk(visit func(method, template string)) {
	for method, l := range n.leaves {
		visit(method, l.template)
	}
	for _, child := range n.literal {
		child.walk(visit)
	}
	if n.variable != nil {
		n.variable.walk(visit)
	}
}

func (n *node) child(segment string) *node {
	if n.literal == nil {
		n.literal = map[string]*node{}
	}
	if n.literal[segment] == nil {
		n.literal[segment] = &node{}
	}
	return n.literal[segment]
}

// find walks down along path, which is "" or begins with "/", and puts the
// still encoded variables into values from the given count on. known tells that
// the path exists with some method.
func (n *node) find(method, path string, values *[maxVariables]string, count int) (l *leaf, known bool) {
	if path == "" {
		return n.leaves[method], n.leaves != nil
	}
	segment, rest := path[1:], ""
	if i := strings.IndexByte(segment, '/'); i >= 0 {
		segment, rest = segment[:i], segment[i:]
	}
	if child := n.literal[segment]; child != nil {
		if l, known = child.find(method, rest, values, count); l != nil {
			return l, true
		}
	}
	if n.variable == nil || segment == "" || count == maxVariables {
		return nil, known
	}
	values[count] = segment
	l, also := n.variable.find(method, rest, values, count+1)
	return l, known || also
}
