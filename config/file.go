package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// addFile reads the YAML file.
func (s settings) addFile(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return readable(err)
	}
	return s.addYAML(file, content)
}

// addYAML reads options from YAML. It walks the syntax tree instead of decoding
// into structs, so that each value keeps its line, numbers keep their spelling
// ("0123" as a token) and nothing is guessed.
func (s settings) addYAML(file string, content []byte) error {
	if !utf8.Valid(content) {
		return fmt.Errorf("%s: the file is not UTF-8 text", file)
	}
	tree, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey()) // entry refuses them
	if err != nil {
		return syntaxError(file, err)
	}
	r := yamlReader{file: file, into: s, keys: map[string]bool{}, sections: map[string]bool{}, lines: map[string]int{}}
	for _, o := range Options() {
		if o.noYAML {
			continue
		}
		r.keys[o.Key] = true
		if section, _, nested := strings.Cut(o.Key, "."); nested {
			r.sections[section] = true
		}
	}
	seen := false
	for _, doc := range tree.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType:
		case seen:
			r.refuse(doc.Body, "", "only one YAML document may stand in the file")
		default:
			seen = true
			r.mapping("", doc.Body)
		}
	}
	return errors.Join(r.errs...)
}

// syntaxError keeps of a YAML error the line and the reason. Its full text
// repeats the source, and with it secrets.
func syntaxError(file string, err error) error {
	yamlErr, ok := errors.AsType[yaml.Error](err)
	if !ok || yamlErr.GetToken() == nil {
		return fmt.Errorf("%s: this is not YAML", file)
	}
	return fmt.Errorf("%s:%d: this is not YAML: %s", file, yamlErr.GetToken().Position.Line, yamlErr.GetMessage())
}

type yamlReader struct {
	file     string
	into     settings
	keys     map[string]bool // options
	sections map[string]bool // keys with a mapping below
	lines    map[string]int  // where a key was seen
	errs     []error
}

func (r *yamlReader) place(node ast.Node, key string) string {
	place := fmt.Sprintf("%s:%d", r.file, node.GetToken().Position.Line)
	if key == "" {
		return place
	}
	return place + ": " + key
}

func (r *yamlReader) refuse(node ast.Node, key, why string) {
	r.errs = append(r.errs, fmt.Errorf("%s: %s", r.place(node, key), why))
}

// mapping reads the whole file (section "") or one nested mapping.
func (r *yamlReader) mapping(section string, node ast.Node) {
	var entries []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	default:
		r.refuse(node, section, "want lines of the form key: value here")
		return
	}
	for _, entry := range entries {
		r.entry(section, entry)
	}
}

func (r *yamlReader) entry(section string, entry *ast.MappingValueNode) {
	name, ok := entry.Key.(*ast.StringNode)
	if !ok {
		r.refuse(entry.Key, section, "keys are plain words")
		return
	}
	key := name.Value
	if section != "" {
		key = section + "." + key
	}
	if line, twice := r.lines[key]; twice {
		r.refuse(name, key, fmt.Sprintf("stands in line %d already", line))
		return
	}
	r.lines[key] = name.GetToken().Position.Line
	switch {
	case section == "" && r.sections[name.Value]:
		if entry.Value.Type() != ast.NullType {
			r.mapping(name.Value, entry.Value)
		}
	case key == "config":
		r.refuse(name, key, "a file cannot name another one")
	case !r.keys[key] || section == "" && strings.Contains(key, "."):
		r.refuse(name, key, "there is no such option"+suggest(key, func(o Option) string { return o.Key }))
	default:
		if value, ok := r.value(key, entry.Value); ok {
			r.into.add(key, setting{value, fromFile, r.place(name, key)})
		}
	}
}

// value gives a scalar, or the scalars of a list joined by commas.
func (r *yamlReader) value(key string, node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	case *ast.NullNode:
		r.refuse(node, key, `has no value; remove the line, or write ""`)
		return "", false
	case *ast.SequenceNode:
		return r.list(key, n)
	}
	r.refuse(node, key, "want a plain value here")
	return "", false
}

func (r *yamlReader) list(key string, node *ast.SequenceNode) (string, bool) {
	if key != "trusted_proxies" && key != "outbound_networks" && key != "preview_networks" {
		r.refuse(node, key, "want one value, not a list")
		return "", false
	}
	items := make([]string, len(node.Values))
	for i, item := range node.Values {
		text, ok := item.(*ast.StringNode)
		if !ok || text.Value == "" {
			r.refuse(item, key, "want a list of networks, such as 10.0.0.0/8")
			return "", false
		}
		items[i] = text.Value
	}
	return strings.Join(items, ","), true
}
