package oauth

import (
	"context"
	"net/http"
	"regexp"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Paths of the endpoints, and of the pages that people see, below Asking.Base.
const (
	path = "/_matrix/client/unstable/br.com.conversalabs/v1/oauth"

	RegisterPath  = path + "/register"
	AuthorizePath = path + "/authorize"
	TokenPath     = path + "/token"
	RevokePath    = path + "/revoke"
	DevicesPath   = path + "/device_authorization"
	ConsentPath   = path + "/consent" // ?request=NAME
	LinkPath      = path + "/device"  // ?user_code=CODE
)

// Asking is whom a request asks, and from where.
type Asking struct {
	Account   tenant.ID
	Base      string // the address of the account's server, without a slash at its end
	IP        string
	UserAgent string
	Report    func(error) // is told of faults; ServeHTTP needs it
}

type askingKey struct{}

// ServeHTTP answers requests to AuthorizePath, TokenPath and DevicesPath, whose form
// has been read. Faults are reported and answered as server_error.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request, asking Asking) {
	s.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), askingKey{}, asking)))
}

func (s *Service) routes() http.Handler {
	return op.RegisterServer(server{service: s}, op.Endpoints{
		Authorization: op.NewEndpoint(AuthorizePath), Token: op.NewEndpoint(TokenPath), DeviceAuthorization: op.NewEndpoint(DevicesPath),
	}, op.WithServerCORSOptions(nil))
}

// server is what the library calls once it has read and checked a request. Its errors
// are the library's.
type server struct {
	op.UnimplementedServer
	service *Service
}

func asking(ctx context.Context) Asking {
	a, _ := ctx.Value(askingKey{}).(Asking)
	return a
}

// fault reports what is a bug, and says nothing of it.
func fault(ctx context.Context, err error) error {
	asking(ctx).Report(err)
	return oidc.ErrServerError().WithDescription("Something went wrong on the server. Please try again later.")
}

// client finds a client of the account.
func (s server) client(ctx context.Context, id string) (op.Client, error) {
	found, err := s.service.store.Client(ctx, asking(ctx).Account, id)
	if err != nil {
		return nil, fault(ctx, err)
	}
	if found == nil {
		return nil, op.NewStatusError(oidc.ErrInvalidClient().WithDescription("There is no such client."), http.StatusUnauthorized)
	}
	return party{found}, nil
}

// VerifyClient finds the client that asks. All are public: a secret is not looked at.
func (s server) VerifyClient(ctx context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	return s.client(ctx, r.Data.ClientID)
}

// VerifyAuthRequest finds the client that sends somebody to sign in.
func (s server) VerifyAuthRequest(ctx context.Context, r *op.Request[oidc.AuthRequest]) (*op.ClientRequest[oidc.AuthRequest], error) {
	client, err := s.client(ctx, r.Data.ClientID)
	if err != nil {
		return nil, err
	}
	return &op.ClientRequest[oidc.AuthRequest]{Request: r, Client: client}, nil
}

var (
	challengePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)       // of SHA-256
	verifierPattern  = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`) // RFC 7636, section 4.1
)

var errScope = func() error {
	return oidc.ErrInvalidScope().WithDescription("The scope must have %s and one of %sDEVICE_ID.", apiScope, deviceScope)
}

// Authorize keeps what a client asks for, and sends the browser to the page where its
// user decides (client-server API, "Authorisation code flow").
func (s server) Authorize(ctx context.Context, r *op.ClientRequest[oidc.AuthRequest]) (*op.Redirect, error) {
	ask := r.Data
	device, ok := deviceOf(ask.Scopes)
	switch {
	case ask.RequestParam != "":
		return nil, oidc.ErrRequestNotSupported()
	case ask.ResponseMode != "" && ask.ResponseMode != oidc.ResponseModeQuery && ask.ResponseMode != oidc.ResponseModeFragment:
		ask.ResponseMode = ""
		return nil, oidc.ErrInvalidRequest().WithDescription("The response_mode must be query or fragment.")
	case slices.Contains(ask.Prompt, oidc.PromptNone):
		return nil, oidc.ErrLoginRequired()
	case ask.CodeChallengeMethod != oidc.CodeChallengeMethodS256 || !challengePattern.MatchString(ask.CodeChallenge):
		return nil, oidc.ErrInvalidRequest().WithDescription("A code_challenge is required, with the code_challenge_method S256.")
	case !ok:
		return nil, errScope()
	}
	name, err := s.service.secret()
	if err != nil {
		return nil, fault(ctx, err)
	}
	browser, err := s.service.secret()
	if err != nil {
		return nil, fault(ctx, err)
	}
	asked := asking(ctx)
	err = s.service.keepGrant(ctx, asked.Account, Grant{
		ID: accounts.Hash(name), Client: r.Client.GetID(), Browser: accounts.Hash(browser),
		Asked: Request{
			Device: device, Scopes: granted(ask.Scopes), Redirect: ask.RedirectURI, State: ask.State,
			Mode: string(ask.ResponseMode), Challenge: ask.CodeChallenge,
		},
	})
	if err != nil {
		return nil, fault(ctx, err)
	}
	to := op.NewRedirect(asked.Base + ConsentPath + "?request=" + name)
	to.Header.Set("Set-Cookie", Cookie(asked.Base, name, browser).String())
	return to, nil
}

// errGrant is said of every code that is not good, whatever is wrong with it.
func errGrant() error {
	return oidc.ErrInvalidGrant().WithDescription("The code is not valid, it has expired, or it was used before.")
}

// CodeExchange gives a session for a code. Coming with it a second time ends the
// device's session (RFC 6749, section 4.1.2), if it is the client that comes.
func (s server) CodeExchange(ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	grant, err := s.grant(ctx, r.Data.Code, r.Client)
	if err != nil {
		return nil, err
	}
	challenge := &oidc.CodeChallenge{Challenge: grant.Asked.Challenge, Method: oidc.CodeChallengeMethodS256}
	if grant.Asked.Redirect == "" || grant.Asked.Redirect != r.Data.RedirectURI ||
		!verifierPattern.MatchString(r.Data.CodeVerifier) || !oidc.VerifyCodeChallenge(challenge, r.Data.CodeVerifier) {
		return nil, errGrant()
	}
	if grant.Stage == Granted {
		in, err := s.begin(ctx, grant, r.Client)
		if in != nil || !refused(err) {
			return in, err
		}
		// It may be that another request has just used it.
		if grant, err = s.grant(ctx, r.Data.Code, r.Client); err != nil {
			return nil, err
		}
	}
	if grant.Stage == Used {
		if err := s.end(ctx, grant); err != nil {
			return nil, fault(ctx, err)
		}
	}
	return nil, errGrant()
}

// grant finds what a client comes with a code for.
func (s server) grant(ctx context.Context, code string, client op.Client) (*Grant, error) {
	grant, err := s.service.store.GrantByCode(ctx, asking(ctx).Account, accounts.Hash(code))
	if err != nil {
		return nil, fault(ctx, err)
	}
	if grant == nil || grant.Client != client.GetID() {
		return nil, errGrant()
	}
	return grant, nil
}

// begin starts the session that was granted.
func (s server) begin(ctx context.Context, grant *Grant, client op.Client) (*op.Response, error) {
	asked := asking(ctx)
	name := ""
	if p, ok := client.(party); ok {
		name = p.Name
	}
	in, err := s.service.accounts.StartGranted(ctx, asked.Account,
		accounts.Granted{User: grant.User, Code: grant.Code, Password: grant.Password, Client: grant.Client},
		accounts.SignIn{Device: grant.Asked.Device, DisplayName: name, Refresh: true, IP: asked.IP, UserAgent: asked.UserAgent})
	if err != nil {
		return nil, refuse(ctx, err)
	}
	return tokens(in, grant.Asked.Scopes), nil
}

// end signs out the device that a code was good for.
func (s server) end(ctx context.Context, grant *Grant) error {
	asked := asking(ctx)
	caller := tenant.Caller{Account: asked.Account, User: grant.User, Address: asked.IP}
	return s.service.accounts.EndDevices(ctx, caller, grant.Asked.Device)
}

func tokens(in *accounts.SignedIn, scopes []string) *op.Response {
	return op.NewResponse(oidc.AccessTokenResponse{
		AccessToken: in.AccessToken, TokenType: oidc.BearerToken, RefreshToken: in.RefreshToken,
		ExpiresIn: uint64(max(in.ExpiresIn, 0)) / 1000, Scope: scopes,
	})
}

// refuse makes of a refusal what a client understands. One that is locked out keeps
// its tokens for when its user is let in again: it does not hear invalid_grant.
func refuse(ctx context.Context, err error) error {
	r := refusal.As(err)
	if r == nil {
		return fault(ctx, err)
	}
	sentence, _ := r.In("en")
	if r.Code == "M_USER_LOCKED" {
		return op.NewStatusError(oidc.ErrAccessDenied().WithDescription("%s", sentence), http.StatusForbidden)
	}
	return oidc.ErrInvalidGrant().WithDescription("%s", sentence)
}

// refused tells that a grant was not good, as it may be in the middle of two requests.
func refused(err error) bool {
	return oidc.DefaultToServerError(err, "").ErrorType == oidc.InvalidGrant
}

// RefreshToken gives new tokens for a refresh token (client-server API, "Token refresh
// flow").
func (s server) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	in, err := s.service.accounts.RefreshGranted(ctx, asking(ctx).Account, r.Data.RefreshToken, r.Client.GetID())
	if err != nil {
		return nil, refuse(ctx, err)
	}
	return tokens(in, []string{apiScope, deviceScope + string(in.Device)}), nil
}
