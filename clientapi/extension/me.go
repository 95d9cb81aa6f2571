package extension

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

func (s *Server) meRoutes(api *httpapi.API) {
	api.Handle(http.MethodGet, prefix+"/me", api.User(s.me, httpapi.Locked()))
}

// me handles GET …/me: whether the caller may use the module, or why not, and who
// they are. It answers those too who are locked out of everything else.
func (s *Server) me(r *httpapi.Request) (any, error) {
	user, err := s.accounts.User(r.Context(), r.Account, r.Caller.User)
	if err != nil {
		return nil, err
	}
	type me struct {
		Enabled       bool        `json:"enabled"`
		Reason        tenant.Lock `json:"reason,omitempty"` // why not enabled
		UserID        id.UserID   `json:"user_id"`
		Account       tenant.ID   `json:"account_id"`
		External      string      `json:"conversalabs_user_id,omitempty"`
		Role          tenant.Role `json:"role"`
		Permissions   []string    `json:"permissions,omitempty"` // of the role custom
		Administrator bool        `json:"administrator"`
		Suspended     bool        `json:"suspended"`
	}
	answer := me{
		Enabled: r.Caller.Lock == "", Reason: r.Caller.Lock, UserID: r.Caller.User, Account: r.Account,
		Role: r.Caller.Role, Administrator: r.Caller.Administrator(), Suspended: r.Caller.Suspended,
	}
	if user != nil {
		answer.External = user.External
		if user.Record != nil {
			answer.Permissions = user.Record.Permissions
		}
	}
	return answer, nil
}
