package clientapi

import (
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// thirdPartyRoutes registers what concerns other networks and identifiers: nobody
// adds e-mail addresses or telephone numbers here, and there are no bridges.
func (s *Server) thirdPartyRoutes(api *httpapi.API) {
	api.Client(http.MethodGet, "/account/3pid", api.User(s.threepids))
	for _, path := range []string{"", "/add", "/bind", "/delete", "/unbind"} {
		api.Client(http.MethodPost, "/account/3pid"+path, api.User(refuse(errThreepids)))
	}
	for _, path := range []string{"/account/3pid", "/account/password", "/register"} {
		api.Client(http.MethodPost, path+"/email/requestToken", api.Open(refuse(errThreepidDenied)))
		api.Client(http.MethodPost, path+"/msisdn/requestToken", api.Open(refuse(errThreepidDenied)))
	}
	api.Versions(http.MethodGet, "/register/m.login.registration_token/validity", api.Open(refuse(errRegistrationToken)), "v1")

	for _, path := range []string{
		"/thirdparty/protocol/{protocol}", "/thirdparty/location", "/thirdparty/location/{protocol}",
		"/thirdparty/user", "/thirdparty/user/{protocol}",
	} {
		api.Client(http.MethodGet, path, api.User(refuse(errNoBridge)))
	}
}

var (
	errThreepids         = refusal.Forbidden("Your e-mail addresses and telephone numbers cannot be changed here.")
	errThreepidDenied    = refusal.New(http.StatusForbidden, "M_THREEPID_DENIED", "This server sends no messages to e-mail addresses or telephone numbers.")
	errRegistrationToken = refusal.Forbidden("This server has no registration by tokens.")
	errNoBridge          = refusal.NotFound("This server has no bridges to other networks.")
)

// refuse makes the handler that always refuses.
func refuse(with *refusal.Refusal) httpapi.Handler {
	return func(*httpapi.Request) (any, error) { return nil, with }
}

// threepids handles GET /_matrix/client/v3/account/3pid: the e-mail address that
// ConversaLabs has of the user, which nobody changes here.
func (s *Server) threepids(r *httpapi.Request) (any, error) {
	user, err := s.accounts.User(r.Context(), r.Account, r.Caller.User)
	if err != nil {
		return nil, err
	}
	type threepid struct {
		Medium    string `json:"medium"`
		Address   string `json:"address"`
		Validated int64  `json:"validated_at"` // ms
		Added     int64  `json:"added_at"`     // ms
	}
	all := []threepid{}
	if user != nil && user.Record != nil && user.Record.Email != "" {
		all = append(all, threepid{"email", user.Record.Email, user.Created, user.Created})
	}
	return map[string][]threepid{"threepids": all}, nil
}
