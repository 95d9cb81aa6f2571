package clientapi

import (
	"encoding/json"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// loginRoutes registers section "Legacy API" of the client-server specification:
// login, refresh, logout.
func (s *Server) loginRoutes(api *httpapi.API) {
	api.Client(http.MethodGet, "/login", api.Open(s.loginFlows))
	api.Client(http.MethodPost, "/login", api.Open(s.logIn))
	api.Client(http.MethodPost, "/refresh", api.Open(s.refresh))
	api.Versions(http.MethodPost, "/login/get_token", api.User(s.getLoginToken, httpapi.Limit(httpapi.LoginUser)), "v1", "unstable/org.matrix.msc3882")
	api.Client(http.MethodPost, "/logout", api.Act(s.logOut, httpapi.Locked(), httpapi.AnyRoom()))
	api.Client(http.MethodPost, "/logout/all", api.Act(s.logOutEverywhere, httpapi.Locked()))
}

// loginFlows handles GET /_matrix/client/v3/login.
func (s *Server) loginFlows(r *httpapi.Request) (any, error) {
	flows, err := s.login.Flows(r.Context(), r.Account)
	return map[string][]login.Flow{"flows": flows}, err
}

// getLoginToken handles POST /_matrix/client/v1/login/get_token. It asks for a
// confirmation every time: whoever holds the token is let in.
func (s *Server) getLoginToken(r *httpapi.Request) (any, error) {
	var body struct {
		Auth json.RawMessage `json:"auth"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	if err := s.interactive.Confirm(r, body.Auth); err != nil {
		return nil, err
	}
	token, err := s.accounts.MintLoginToken(r.Context(), r.Account, r.Caller.User)
	if err != nil {
		return nil, err
	}
	return map[string]any{"login_token": token, "expires_in_ms": accounts.LoginTokenLife.Milliseconds()}, nil
}

// device is what a client says of itself when it signs in.
type device struct {
	ID      id.DeviceID `json:"device_id"`
	Name    string      `json:"initial_device_display_name"`
	Refresh bool        `json:"refresh_token"`
}

func (d device) signIn(r *httpapi.Request) accounts.SignIn {
	return accounts.SignIn{Device: d.ID, DisplayName: d.Name, Refresh: d.Refresh, IP: r.ClientIP(), UserAgent: r.UserAgent()}
}

// signedIn is the answer to a login and to a registration, which differ only in
// what may be absent.
type signedIn struct {
	mautrix.RespRegister
	HomeServer string `json:"home_server"` // deprecated, yet asked for
}

func answerSignedIn(in *accounts.SignedIn) signedIn {
	return signedIn{
		RespRegister: mautrix.RespRegister{
			UserID: in.User, DeviceID: in.Device, AccessToken: in.AccessToken,
			RefreshToken: in.RefreshToken, ExpiresInMS: in.ExpiresIn,
		},
		HomeServer: in.User.Homeserver(),
	}
}

// logIn handles POST /_matrix/client/v3/login.
func (s *Server) logIn(r *httpapi.Request) (any, error) {
	var body struct {
		device
		Type       mautrix.AuthType  `json:"type"`
		Identifier *login.Identifier `json:"identifier"`
		User       string            `json:"user"`
		Password   string            `json:"password"`
		Token      string            `json:"token"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	in, err := s.login.Login(r.Context(), login.Request{
		Account: r.Account, Server: r.Server, Type: body.Type, Identifier: body.Identifier, User: body.User,
		Password: body.Password, Token: body.Token, AccessToken: r.Token(), SignIn: body.signIn(r),
	})
	if err != nil {
		return nil, err
	}
	return answerSignedIn(in), nil
}

// refresh handles POST /_matrix/client/v3/refresh.
func (s *Server) refresh(r *httpapi.Request) (any, error) {
	var body struct {
		Token string `json:"refresh_token"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Token == "" {
		return nil, refusal.Missing("Please give a refresh token: the request has no \"refresh_token\".")
	}
	in, err := s.accounts.Refresh(r.Context(), body.Token)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"access_token": in.AccessToken, "refresh_token": in.RefreshToken, "expires_in_ms": in.ExpiresIn,
	}, nil
}

// logOut handles POST /_matrix/client/v3/logout.
func (s *Server) logOut(r *httpapi.Request) (any, error) {
	return nil, s.accounts.End(r.Context(), r.Caller)
}

// logOutEverywhere handles POST /_matrix/client/v3/logout/all.
func (s *Server) logOutEverywhere(r *httpapi.Request) (any, error) {
	return nil, s.accounts.EndAll(r.Context(), r.Caller, r.Caller.User)
}
