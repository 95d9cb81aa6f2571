package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// Whoever may write a link has the server read a page: what the operator has let it
// call for other ends, and its own host however it is written, are none.
func TestPreviewsReachNoNetworkOfTheOperator(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		var asked atomic.Int64
		page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<title>Secret</title>")
		}))
		defer page.Close()
		_, port, _ := strings.Cut(strings.TrimPrefix(page.URL, "http://"), ":")
		running := in.mustStart(t, "--registration", "open", "--outbound-networks", "127.0.0.0/8,::1/128", "--public-url", "http://Localhost:8008")
		in.mustRun(t, "", "account", "set", "default", "--url-previews", "on")
		user := (&homeserver{url: running.url}).mustRegister(t, "user")
		preview := "/_matrix/client/v1/media/preview_url?url="
		user.mustBeRefused(t, http.StatusBadGateway, "M_UNKNOWN", http.MethodGet, preview+url.QueryEscape(page.URL), "")
		for _, own := range []string{"localhost", "LOCALHOST.", "localHost"} {
			mustBe(t, own, user.must(t, http.MethodGet, preview+url.QueryEscape("http://"+own+":"+port+"/"), "").Raw, "{}")
		}
		mustBe(t, "requests", asked.Load(), 0)
	})
}
