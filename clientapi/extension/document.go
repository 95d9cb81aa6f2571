package extension

import (
	_ "embed"
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

//go:embed openapi.json
var document []byte

func (s *Server) documentRoutes(api *httpapi.API) {
	api.Handle(http.MethodGet, prefix+"/openapi.json", api.Open(openAPI))
}

// openAPI handles GET …/openapi.json: all of this as an OpenAPI 3.1 document.
func openAPI(*httpapi.Request) (any, error) { return httpapi.Raw(document), nil }
