package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// openIDRoutes registers section "OpenID" of the client-server specification, and
// the one endpoint of the server-server specification that it leads to: who is
// given such a token asks there whose it is.
func (s *Server) openIDRoutes(api *httpapi.API) {
	api.Client(http.MethodPost, "/user/{user}/openid/request_token", api.User(s.requestOpenID))
	api.Handle(http.MethodGet, "/_matrix/federation/v1/openid/userinfo", api.Open(s.openIDUserInfo))
}

// requestOpenID handles POST /_matrix/client/v3/user/{userId}/openid/request_token.
func (s *Server) requestOpenID(r *httpapi.Request) (any, error) {
	if err := own(r); err != nil {
		return nil, err
	}
	token, err := s.accounts.MintOpenID(r.Context(), r.Caller)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"access_token": token, "token_type": "Bearer",
		"matrix_server_name": r.Server, "expires_in": int(accounts.OpenIDLife.Seconds()),
	}, nil
}

// openIDUserInfo handles GET /_matrix/federation/v1/openid/userinfo.
func (s *Server) openIDUserInfo(r *httpapi.Request) (any, error) {
	token := r.Query("access_token")
	if token == "" {
		return nil, refusal.New(http.StatusUnauthorized, "M_MISSING_TOKEN", "Please give an OpenID token: the request has no \"access_token\".")
	}
	user, err := s.accounts.OpenIDUser(r.Context(), token)
	if err != nil {
		return nil, err
	}
	return map[string]id.UserID{"sub": user}, nil
}
