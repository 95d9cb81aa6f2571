package main

import (
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	endpointPattern = regexp.MustCompile("`((?:GET|POST|PUT|DELETE)[A-Z ]*) (/[^`]*)`")
	variablePattern = regexp.MustCompile(`\{[a-z]+\}`)
)

// endpoints gives the method and path of all endpoints in a text.
func endpoints(text string) (all [][2]string) {
	for _, match := range endpointPattern.FindAllStringSubmatch(text, -1) {
		path := variablePattern.ReplaceAllString(match[2], "x")
		if !strings.HasPrefix(path, "/_") && !strings.HasPrefix(path, "/.well-known/") {
			path = "/_matrix/client/v3" + path
		}
		for method := range strings.FieldsSeq(match[1]) {
			all = append(all, [2]string{method, path})
		}
	}
	return all
}

// TestProtocolPage holds docs/protocol.md to the server: what it lists is
// served, and what it says is not there is not.
func TestProtocolPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	served, missing, found := strings.Cut(string(page), "\n## Not there yet\n")
	if !found || len(endpoints(served)) < 50 || len(endpoints(missing)) < 3 {
		t.Fatalf("got %d endpoints that are there and %d that are not", len(endpoints(served)), len(endpoints(missing)))
	}
	h := mustSetUp(t, map[string]string{"data": t.TempDir(), "public-url": "https://home.test"})
	defer h.close()
	api := h.api()
	for _, list := range []struct {
		text string
		want bool
	}{{served, true}, {missing, false}} {
		for _, endpoint := range endpoints(list.text) {
			answer := httptest.NewRecorder()
			api.ServeHTTP(answer, httptest.NewRequest(endpoint[0], endpoint[1], strings.NewReader("{}")))
			if got := !strings.Contains(answer.Body.String(), "M_UNRECOGNIZED"); got != list.want {
				t.Errorf("%s %s: got served=%t, and the page says %t: %d %s",
					endpoint[0], endpoint[1], got, list.want, answer.Code, answer.Body)
			}
		}
	}
}
