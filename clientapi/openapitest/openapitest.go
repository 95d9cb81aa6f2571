// Package openapitest holds what a server answers to the OpenAPI 3.1 document that
// describes it. It is for tests alone. Its one rule: an exchange that the document
// does not know is a mistake of one of the two.
package openapitest

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"
)

// Document is an OpenAPI document, whose schemas are JSON Schema 2020-12 as they
// stand.
type Document struct {
	Text string

	mu       sync.Mutex // guards both
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by their places in the document
}

// Load reads a document.
func Load(file string) (*Document, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	d := &Document{Text: string(text), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	return d, d.compiler.AddResource("openapi.json", document)
}

// Operations lists the document's operations ("GET /path/{name}"), sorted.
func (d *Document) Operations() []string {
	var all []string
	for path, operations := range gjson.Get(d.Text, "paths").Map() {
		for method := range operations.Map() {
			if method != "parameters" {
				all = append(all, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(all)
	return all
}

// Exchange is a request and its answer.
type Exchange struct {
	Method, Path string // the path as it was sent, escaped
	Query        url.Values
	Body         string
	Status       int
	Type         string // of the answer
	Answer       string
}

// Check holds an exchange to the document: the answer always, the request when it was
// accepted.
func (d *Document) Check(e Exchange) error {
	path, method := d.pathOf(e.Path), strings.ToLower(e.Method)
	operation, _ := d.at("paths", path, method)
	status := strconv.Itoa(e.Status)
	if e.Status >= 500 {
		status = "5XX"
	}
	response, at := d.at("paths", path, method, "responses", status)
	if !operation.Exists() || !response.Exists() {
		return fmt.Errorf("%s %s: the document knows no answer %d to %q: %s", e.Method, e.Path, e.Status, path, e.Answer)
	}
	kind, _, _ := strings.Cut(e.Type, ";")
	if kind == "" {
		kind = "application/json"
	}
	if !response.Get("content").Get(gjson.Escape(kind)).Exists() {
		return fmt.Errorf("%s %s: the document knows no answer %d of the type %s", e.Method, e.Path, e.Status, kind)
	}
	var wrong []error
	if kind == "application/json" {
		if err := d.check(at+place("content", kind, "schema"), e.Answer); err != nil {
			wrong = append(wrong, fmt.Errorf("%s %s: the answer %d %s is not what the document says: %w", e.Method, e.Path, e.Status, e.Answer, err))
		}
	}
	if e.Status >= 300 {
		return errors.Join(wrong...)
	}
	return errors.Join(append(wrong, d.checkRequest(e, path, operation)...)...)
}

// checkRequest holds a request that was accepted to its operation.
func (d *Document) checkRequest(e Exchange, path string, operation gjson.Result) (wrong []error) {
	for name := range e.Query {
		if !slices.Contains(d.parameters(operation), name) {
			wrong = append(wrong, fmt.Errorf("%s %s: the document knows no parameter %s", e.Method, e.Path, name))
		}
	}
	switch wanted := operation.Get("requestBody"); {
	case e.Body == "" && wanted.Get("required").Bool(), e.Body != "" && e.Body != "{}" && !wanted.Exists():
		wrong = append(wrong, fmt.Errorf("%s %s with the body %q was accepted, and the document says otherwise", e.Method, e.Path, e.Body))
	case e.Body != "" && wanted.Exists():
		_, at := d.at("paths", path, strings.ToLower(e.Method), "requestBody", "content", "application/json", "schema")
		if err := d.check(at, e.Body); err != nil {
			wrong = append(wrong, fmt.Errorf("%s %s %s was accepted, and the document says: %w", e.Method, e.Path, e.Body, err))
		}
	}
	return wrong
}

// parameters gives the names of an operation's parameters.
func (d *Document) parameters(operation gjson.Result) (names []string) {
	for _, p := range operation.Get("parameters").Array() {
		if ref := p.Get("$ref").Str; ref != "" {
			p, _ = d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		names = append(names, p.Get("name").Str)
	}
	return names
}

// check holds a JSON text to the schema at a place of the document.
func (d *Document) check(place, text string) error {
	d.mu.Lock()
	schema := d.schemas[place]
	if schema == nil {
		var err error
		if schema, err = d.compiler.Compile("openapi.json#" + place); err != nil {
			d.mu.Unlock()
			return err
		}
		d.schemas[place] = schema
	}
	d.mu.Unlock()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

var escapes = strings.NewReplacer("~", "~0", "/", "~1")

// place makes a JSON pointer of keys.
func place(keys ...string) string {
	var all strings.Builder
	for _, key := range keys {
		all.WriteString("/" + escapes.Replace(key))
	}
	return all.String()
}

// at gives what stands at a place, with the references to components followed, and
// that place.
func (d *Document) at(keys ...string) (gjson.Result, string) {
	value := gjson.Parse(d.Text)
	var at []string
	for _, key := range keys {
		value = value.Get(gjson.Escape(key))
		at = append(at, key)
		if ref := value.Get("$ref").Str; ref != "" {
			at = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
			value = gjson.Parse(d.Text)
			for _, key := range at {
				value = value.Get(gjson.Escape(key))
			}
		}
	}
	return value, place(at...)
}

var variable = regexp.MustCompile(`\\\{[a-z_]+\\\}`)

// pathOf gives the path of the document that a request's path is one of. Where several
// are, the one with the fewest variables.
func (d *Document) pathOf(path string) string {
	best := ""
	for template := range gjson.Get(d.Text, "paths").Map() {
		pattern := variable.ReplaceAllString(regexp.QuoteMeta(template), `[^/]+`)
		fewer := best == "" || strings.Count(template, "{") < strings.Count(best, "{")
		if fewer && regexp.MustCompile("^"+pattern+"$").MatchString(path) {
			best = template
		}
	}
	return best
}
