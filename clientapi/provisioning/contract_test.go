package provisioning_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/clientapi/openapitest"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

var theContract = sync.OnceValues(func() (*openapitest.Document, error) { return openapitest.Load("openapi.json") })

func mustContract(t testing.TB) *openapitest.Document {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mustKeep holds an exchange to openapi.json.
func mustKeep(t testing.TB, r *http.Request, body string, w *httptest.ResponseRecorder) {
	t.Helper()
	err := mustContract(t).Check(openapitest.Exchange{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Body: body,
		Status: w.Code, Type: w.Header().Get("Content-Type"), Answer: w.Body.String(),
	})
	if err != nil {
		t.Error(err)
	}
}

// Every route is in the document, and everything in the document is a route.
func TestDocumentAndRoutes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqltest.SQLite(t))
	c := mustContract(t)
	var routes []string
	variable := strings.NewReplacer("{account}", "{account_id}", "{user}", "{user_id}", "{team}", "{team_id}")
	h.Routes(func(method, template string) {
		if strings.HasPrefix(template, "/_conversalabs/") {
			routes = append(routes, method+" "+variable.Replace(template))
		}
	})
	documented := c.Operations()
	slices.Sort(routes)
	if !slices.Equal(routes, documented) || len(routes) < 15 {
		t.Errorf("got the routes\n%s\nand the document has\n%s", strings.Join(routes, "\n"), strings.Join(documented, "\n"))
	}
	if _, got := h.send("", http.MethodGet, "/_conversalabs/v1/openapi.json", ""); got != c.Text {
		t.Error("the server serves another document")
	}
	if got := gjson.Get(c.Text, "openapi").Str; got != "3.1.0" {
		t.Errorf("got a document of OpenAPI %s, want 3.1.0", got)
	}
}
