package provisioning

import (
	"net/url"
	"strconv"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

// team is the representation of a team. What is a pointer must be given.
type team struct {
	ID      string    `json:"team_id"` // of answers
	Name    *string   `json:"name"`
	Members *[]string `json:"members"`
	Version *int64    `json:"version"`
}

func representTeam(t *accounts.Team) team {
	members := list(t.Record.Members)
	return team{ID: t.ID, Name: &t.Record.Name, Members: &members, Version: &t.Version}
}

// change reads what is said of a team.
func (t *team) change(id string) (*accounts.TeamChange, error) {
	c := &checks{err: checkID(id)}
	record := accounts.TeamRecord{Name: given(c, "name", t.Name), Members: given(c, "members", t.Members)}
	change := &accounts.TeamChange{ID: id, Version: c.version(t.Version), Record: record}
	c.fixed("team_id", t.ID, id)
	c.name("name", record.Name)
	c.ids("members", record.Members, maxMembers)
	return change, c.err
}

// putTeam handles PUT /_conversalabs/v1/accounts/{account}/teams/{team}.
func (s *Server) putTeam(r *httpapi.Request) (any, error) {
	var body team
	if err := r.DecodeKnown(&body); err != nil {
		return nil, err
	}
	change, err := body.change(r.Var("team"))
	if err != nil {
		return nil, err
	}
	return s.one(r, accounts.Provision{Team: change})
}

// deleteTeam handles DELETE /_conversalabs/v1/accounts/{account}/teams/{team}.
func (s *Server) deleteTeam(r *httpapi.Request) (any, error) {
	change, err := deletion(r.Var("team"), r.URL.Query())
	if err != nil {
		return nil, err
	}
	return s.one(r, accounts.Provision{Team: change})
}

func deletion(id string, query url.Values) (*accounts.TeamChange, error) {
	version, err := queryVersion(query)
	return &accounts.TeamChange{ID: id, Version: version, Delete: true}, err
}

// getTeam handles GET /_conversalabs/v1/accounts/{account}/teams/{team}.
func (s *Server) getTeam(r *httpapi.Request) (any, error) {
	t, err := s.accounts.Team(r.Context(), r.Account, r.Var("team"))
	if err != nil {
		return nil, err
	}
	return representTeam(t), nil
}

// listTeams handles GET /_conversalabs/v1/accounts/{account}/teams.
func (s *Server) listTeams(r *httpapi.Request) (any, error) {
	limit, err := pageLimit(r)
	if err != nil {
		return nil, err
	}
	teams, err := s.accounts.Teams(r.Context(), r.Account, r.Query("from"), limit+1)
	if err != nil {
		return nil, err
	}
	page := struct {
		Teams []team `json:"teams"`
		Next  string `json:"next,omitempty"`
	}{Teams: []team{}}
	if len(teams) > limit {
		teams = teams[:limit]
		page.Next = teams[limit-1].ID
	}
	for i := range teams {
		page.Teams = append(page.Teams, representTeam(&teams[i]))
	}
	return page, nil
}

// pageLimit is how many entries a page is to have: 100 unless asked for.
func pageLimit(r *httpapi.Request) (int, error) {
	limit, err := r.Int("limit", 100, 1000)
	return max(limit, 1), err
}

// queryVersion reads the version of what has no body, 0 when there is none.
func queryVersion(query url.Values) (int64, error) {
	text := query.Get("version")
	if text == "" {
		return 0, nil
	}
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || version < 1 || version > maxVersion {
		return 0, errVersion
	}
	return version, nil
}
