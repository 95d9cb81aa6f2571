package httpapi

import (
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// accountVariable is the path variable that says which account a machine asks
// about.
const accountVariable = "account"

// ErrNoAccount is said of an account that does not exist, and of one that a
// machine token is not good for.
var ErrNoAccount = refusal.NotFound("There is no such account.")

// identifyMachine finds who asks with a machine token. Wrong ones count against the
// address they come from.
func (r *Request) identifyMachine(token string) (err error) {
	if err := r.api.rates.Check(LoginAddress, "", r.addressKey()); err != nil {
		return err
	}
	r.Machine, err = r.api.machines(r.Context(), token)
	if refusal.As(err) != nil {
		if limited := r.api.rates.Take(LoginAddress, "", r.addressKey()); limited != nil {
			return limited
		}
	}
	return err
}

// admitMachine makes the checks of a Machine route.
func (r *Request) admitMachine(route *Route) error {
	if err := r.admitContent(route); err != nil {
		return err
	}
	r.Account = tenant.All
	for i, name := range r.names {
		if name == accountVariable {
			r.Account = tenant.ID(r.values[i])
		}
	}
	if !r.Machine.May(r.Account) || r.Account != tenant.All && !r.Account.Valid() {
		return ErrNoAccount
	}
	r.Caller = tenant.Caller{Account: r.Account, Machine: r.Machine.Name, Address: r.ClientIP()}
	return nil
}
