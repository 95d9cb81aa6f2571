package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/clientapi/openapitest"
)

// TestProductDocument demands that each route of the product's own API is in its
// document, and that all that is there is a route.
func TestProductDocument(t *testing.T) {
	t.Parallel()
	document, err := openapitest.Load("../../clientapi/extension/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	h := mustSetUp(t, map[string]string{"data": t.TempDir()})
	defer h.close()
	snake := strings.NewReplacer(
		"{roomID}", "{room_id}", "{userID}", "{user_id}", "{eventID}", "{event_id}", "{tokenID}", "{token_id}",
		"{webhookID}", "{webhook_id}", "{cardType}", "{card_type}", "{cardID}", "{card_id}",
	)
	var routes []string
	api := h.api()
	api.Routes(func(method, template string) {
		// The pages by which people sign in are browsers'.
		pages := strings.HasPrefix(template, product+"/oauth/") || strings.HasPrefix(template, product+"/sso/")
		if strings.HasPrefix(template, product+"/") && !pages {
			routes = append(routes, method+" "+snake.Replace(template))
		}
	})
	slices.Sort(routes)
	if diff := cmp.Diff(routes, document.Operations()); diff != "" {
		t.Errorf("the routes (-) are not what the document has (+):\n%s", diff)
	}
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, product+"/openapi.json", nil))
	if got := answer.Body.String(); gjson.Get(got, "openapi").Str != "3.1.0" || got != document.Text {
		t.Error("the server serves another document")
	}
}
