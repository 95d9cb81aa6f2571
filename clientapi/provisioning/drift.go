package provisioning

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// entry says in what state an entity is: the SHA-256 of what GET answers for it, as
// canonical JSON (RFC 8785).
type entry struct {
	Type    string `json:"type"` // account, user or team
	ID      string `json:"id"`
	Version int64  `json:"version"`
	Hash    string `json:"hash"` // hex
}

func entryOf(kind, id string, version int64, representation any) (entry, error) {
	text, err := json.Marshal(representation)
	if err != nil {
		return entry{}, err
	}
	canonical := jsontext.Value(text)
	if err := canonical.Canonicalize(); err != nil {
		return entry{}, fmt.Errorf("canonical form of %s %s: %w", kind, id, err)
	}
	sum := sha256.Sum256(canonical)
	return entry{kind, id, version, hex.EncodeToString(sum[:])}, nil
}

// drift is a page of entries. Next is where the next one begins: users/ID or
// teams/ID, behind that one.
type drift struct {
	Entries []entry `json:"entries"`
	Next    string  `json:"next,omitempty"`
}

func (d *drift) add(kind, id string, version int64, representation any) error {
	e, err := entryOf(kind, id, version, representation)
	d.Entries = append(d.Entries, e)
	return err
}

// getDrift handles GET /_conversalabs/v1/accounts/{account}/drift: the account, its
// users, its teams.
func (s *Server) getDrift(r *httpapi.Request) (any, error) {
	limit, err := r.Int("limit", 1000, 10_000)
	if err != nil {
		return nil, err
	}
	limit = max(limit, 1)
	page := &drift{Entries: []entry{}}
	kind, after, _ := strings.Cut(r.Query("from"), "/")
	switch kind {
	case "":
		if err := s.driftAccount(r, page); err != nil {
			return nil, err
		}
		fallthrough
	case "users":
		if err := s.driftUsers(r, page, after, limit); err != nil || page.Next != "" {
			return page, err
		}
		after = ""
	case "teams":
	default:
		return nil, refusal.Invalid("The parameter %s must be what \"next\" of the page before says.", "from")
	}
	return page, s.driftTeams(r, page, after, limit)
}

func (s *Server) driftAccount(r *httpapi.Request, page *drift) error {
	a, err := s.account(r)
	if err != nil {
		return err
	}
	return page.add("account", string(a.ID), a.Settings.Version, representAccount(a))
}

// driftUsers adds users until the page is full.
func (s *Server) driftUsers(r *httpapi.Request, page *drift, after string, limit int) error {
	users, err := s.accounts.ProvisionedUsers(r.Context(), r.Account, after, limit)
	if err != nil {
		return err
	}
	for i := range users {
		if len(page.Entries) == limit {
			break
		}
		after = users[i].External
		if err := page.add("user", after, users[i].Version, representUser(&users[i])); err != nil {
			return err
		}
	}
	if len(page.Entries) == limit {
		page.Next = "users/" + after
	}
	return nil
}

// driftTeams adds teams until the page is full.
func (s *Server) driftTeams(r *httpapi.Request, page *drift, after string, limit int) error {
	teams, err := s.accounts.Teams(r.Context(), r.Account, after, limit)
	if err != nil {
		return err
	}
	for i := range teams {
		if len(page.Entries) == limit {
			page.Next = "teams/" + after
			break
		}
		after = teams[i].ID
		if err := page.add("team", after, teams[i].Version, representTeam(&teams[i])); err != nil {
			return err
		}
	}
	if len(teams) == limit && len(page.Entries) == limit {
		page.Next = "teams/" + after
	}
	return nil
}
