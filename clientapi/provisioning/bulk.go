package provisioning

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// maxOperations is how many operations a bulk may have.
const maxOperations = 1000

var errOperation = refusal.Invalid("An operation of a bulk is PUT or DELETE, on users/ID or teams/ID.")

// operation is one request in a bulk: its path is below that of the account.
type operation struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"`
}

// outcome is what an operation would have been answered by itself.
type outcome struct {
	Status int `json:"status"`
	Body   any `json:"body"`
}

// one does one change.
func (s *Server) one(r *httpapi.Request, change accounts.Provision) (any, error) {
	done, err := s.accounts.Provision(r.Context(), r.Caller, change)
	if err != nil {
		return nil, err
	}
	return answer(change, done[0], true)
}

// answer gives what a change is answered with: what is so, or, unless it is wanted
// whole, its version. What is refused as outdated comes with it too.
func answer(change accounts.Provision, done accounts.Provisioned, whole bool) (any, error) {
	var current any
	var version int64
	switch {
	case done.User != nil:
		current, version = representUser(done.User), done.User.Version
	case done.Team != nil && !done.Team.Deleted:
		current, version = representTeam(done.Team), done.Team.Version
	case done.Team != nil:
		version = done.Team.Version
	}
	if !whole {
		current = nil
	}
	if done.Err != nil {
		return nil, outdated(done.Err, current, version)
	}
	if change.Team != nil && done.Team.Deleted {
		return nil, nil
	}
	if !whole {
		return map[string]int64{"version": version}, nil
	}
	return current, nil
}

// outdated adds to the refusal of an outdated version what is so; other errors stay.
func outdated(err error, current any, version int64) error {
	refused := refusal.As(err)
	if refused == nil || refused.Status != http.StatusConflict || refused.Reason != accounts.ErrOutdated.Reason {
		return err
	}
	refused = refused.With("version", version)
	if current != nil {
		refused = refused.With("current", current)
	}
	return refused
}

// bulkAnswer is about how many bytes of teams' members a bulk is answered with. What
// stands behind that is answered with versions alone, however often a bulk asks about a
// large team.
const bulkAnswer = 8 << 20

// postBulk handles POST /_conversalabs/v1/accounts/{account}/bulk.
func (s *Server) postBulk(r *httpapi.Request) (any, error) {
	var body struct {
		Operations *[]operation `json:"operations"`
	}
	if err := r.DecodeKnown(&body); err != nil {
		return nil, err
	}
	c := &checks{}
	operations := given(c, "operations", body.Operations)
	c.entries("operations", len(operations), maxOperations)
	if c.err != nil {
		return nil, c.err
	}
	outcomes := make([]outcome, len(operations))
	var changes []accounts.Provision
	var places []int // of the changes among the operations
	for i, o := range operations {
		change, err := o.change(r.Server)
		if err != nil {
			if outcomes[i], err = refused(r, err); err != nil {
				return nil, err
			}
			continue
		}
		changes, places = append(changes, change), append(places, i)
	}
	done, err := s.accounts.Provision(r.Context(), r.Caller, changes...)
	if err != nil {
		return nil, err
	}
	left := bulkAnswer
	for k, i := range places {
		body, err := answer(changes[k], done[k], left > 0)
		switch {
		case err != nil:
			if outcomes[i], err = refused(r, err); err != nil {
				return nil, err
			}
		case body == nil:
			outcomes[i] = outcome{http.StatusOK, struct{}{}}
		default:
			outcomes[i] = outcome{http.StatusOK, body}
		}
		if team := done[k].Team; team != nil {
			for _, member := range team.Record.Members {
				left -= len(member)
			}
		}
	}
	return map[string][]outcome{"results": outcomes}, nil
}

// refused gives a refusal as an outcome. Another error is that of all.
func refused(r *httpapi.Request, err error) (outcome, error) {
	f := refusal.As(err)
	if f == nil {
		return outcome{}, err
	}
	return outcome{f.Status, r.Refused(f)}, nil
}

// change reads an operation.
func (o *operation) change(server string) (change accounts.Provision, err error) {
	u, err := url.Parse(o.Path)
	if err != nil || u.Scheme != "" || u.Host != "" {
		return change, errOperation
	}
	kind, id, _ := strings.Cut(u.Path, "/")
	switch {
	case id == "" || strings.Contains(id, "/"):
		err = errOperation
	case o.Method == http.MethodPut && kind == "users":
		var body user
		if err = httpapi.UnmarshalKnown(o.Body, &body); err == nil {
			change.User, err = body.change(id, server)
		}
	case o.Method == http.MethodPut && kind == "teams":
		var body team
		if err = httpapi.UnmarshalKnown(o.Body, &body); err == nil {
			change.Team, err = body.change(id)
		}
	case o.Method == http.MethodDelete && kind == "users":
		change.User, err = removal(id, u.Query())
	case o.Method == http.MethodDelete && kind == "teams":
		change.Team, err = deletion(id, u.Query())
	default:
		err = errOperation
	}
	return change, err
}
