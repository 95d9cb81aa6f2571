package provisioning_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// contract is openapi.json, whose schemas are JSON Schema 2020-12 as they stand.
type contract struct {
	text     string
	mu       sync.Mutex // guards both
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by their places in the document
}

var theContract = sync.OnceValues(func() (*contract, error) {
	text, err := os.ReadFile("openapi.json")
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := &contract{text: string(text), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource("openapi.json", document)
})

func mustContract(t testing.TB) *contract {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// check holds a JSON text to the schema at a place of the document.
func (c *contract) check(place, text string) error {
	c.mu.Lock()
	schema := c.schemas[place]
	if schema == nil {
		var err error
		if schema, err = c.compiler.Compile("openapi.json#" + place); err != nil {
			c.mu.Unlock()
			return err
		}
		c.schemas[place] = schema
	}
	c.mu.Unlock()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

var escapes = strings.NewReplacer("~", "~0", "/", "~1")

// place makes a JSON pointer of keys.
func place(keys ...string) string {
	all := ""
	for _, key := range keys {
		all += "/" + escapes.Replace(key)
	}
	return all
}

// at gives what stands at a place, with the references to components followed, and
// that place.
func (c *contract) at(keys ...string) (gjson.Result, string) {
	value := gjson.Parse(c.text)
	var at []string
	for _, key := range keys {
		value = value.Get(gjson.Escape(key))
		at = append(at, key)
		if ref := value.Get("$ref").Str; ref != "" {
			at = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
			value = gjson.Parse(c.text)
			for _, key := range at {
				value = value.Get(gjson.Escape(key))
			}
		}
	}
	return value, place(at...)
}

// pathOf gives the path of the document that a request's path is one of.
func (c *contract) pathOf(path string) string {
	for template := range gjson.Get(c.text, "paths").Map() {
		pattern := regexp.MustCompile(`\\\{[a-z_]+\\\}`).ReplaceAllString(regexp.QuoteMeta(template), `[^/]+`)
		if regexp.MustCompile("^" + pattern + "$").MatchString(path) {
			return template
		}
	}
	return ""
}

// mustKeep holds an exchange to the contract: the answer always, the request when
// it was accepted.
func mustKeep(t testing.TB, r *http.Request, body string, w *httptest.ResponseRecorder) {
	t.Helper()
	c := mustContract(t)
	path, method := c.pathOf(r.URL.EscapedPath()), strings.ToLower(r.Method)
	operation, _ := c.at("paths", path, method)
	status := strconv.Itoa(w.Code)
	if w.Code >= 500 {
		status = "5XX"
	}
	response, at := c.at("paths", path, method, "responses", status)
	if !operation.Exists() || !response.Exists() {
		t.Errorf("%s %s: openapi.json knows no answer %d to %q: %s", r.Method, r.URL.Path, w.Code, path, w.Body)
		return
	}
	if err := c.check(at+place("content", "application/json", "schema"), w.Body.String()); err != nil {
		t.Errorf("%s %s: the answer %d %s is not what openapi.json says: %v", r.Method, r.URL.Path, w.Code, w.Body, err)
	}
	if w.Code != http.StatusOK {
		return
	}
	for name := range r.URL.Query() {
		if !slices.Contains(strings.Fields(strings.Trim(fmt.Sprint(operation.Get("parameters.#.name").Value()), "[]")), name) {
			t.Errorf("%s %s: openapi.json knows no parameter %s", r.Method, r.URL.Path, name)
		}
	}
	switch wanted := operation.Get("requestBody"); {
	case body == "" && wanted.Get("required").Bool(), body != "" && !wanted.Exists():
		t.Errorf("%s %s with the body %q was accepted, and openapi.json says otherwise", r.Method, r.URL.Path, body)
	case body != "":
		at := place("paths", path, method, "requestBody", "content", "application/json", "schema")
		if err := c.check(at, body); err != nil {
			t.Errorf("%s %s %s was accepted, and openapi.json says: %v", r.Method, r.URL.Path, body, err)
		}
	}
}

// Every route is in the document, and everything in the document is a route.
func TestDocumentAndRoutes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqltest.SQLite(t))
	c := mustContract(t)
	var routes, documented []string
	variable := strings.NewReplacer("{account}", "{account_id}", "{user}", "{user_id}", "{team}", "{team_id}")
	h.Routes(func(method, template string) {
		if strings.HasPrefix(template, "/_conversalabs/") {
			routes = append(routes, method+" "+variable.Replace(template))
		}
	})
	for path, operations := range gjson.Get(c.text, "paths").Map() {
		for method := range operations.Map() {
			if method != "parameters" {
				documented = append(documented, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(routes)
	slices.Sort(documented)
	if !slices.Equal(routes, documented) || len(routes) < 15 {
		t.Errorf("got the routes\n%s\nand the document has\n%s", strings.Join(routes, "\n"), strings.Join(documented, "\n"))
	}
	if _, got := h.send("", http.MethodGet, "/_conversalabs/v1/openapi.json", ""); got != c.text {
		t.Error("the server serves another document")
	}
	if got := gjson.Get(c.text, "openapi").Str; got != "3.1.0" {
		t.Errorf("got a document of OpenAPI %s, want 3.1.0", got)
	}
}
