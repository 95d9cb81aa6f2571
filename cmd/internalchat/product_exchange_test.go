package main_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/clientapi/openapitest"
)

// productPrefix is what the paths of the product's own API begin with.
const productPrefix = "/_matrix/client/unstable/br.com.conversalabs/v1/"

var theDocument = sync.OnceValues(func() (*openapitest.Document, error) {
	return openapitest.Load("../../clientapi/extension/openapi.json")
})

// mustKeep holds an exchange by the product's own API to its document.
func mustKeep(t testing.TB, method, path, body string, answer *http.Response, said string) {
	t.Helper()
	if !strings.HasPrefix(path, productPrefix) || gjson.Get(said, "errcode").Str == "M_UNRECOGNIZED" {
		return
	}
	document, err := theDocument()
	if err != nil {
		t.Fatal(err)
	}
	path, queries, _ := strings.Cut(path, "?")
	query, err := url.ParseQuery(queries)
	if err != nil {
		t.Fatal(err)
	}
	err = document.Check(openapitest.Exchange{
		Method: method, Path: path, Query: query, Body: body,
		Status: answer.StatusCode, Type: answer.Header.Get("Content-Type"), Answer: said,
	})
	if err != nil {
		t.Error(err)
	}
}
