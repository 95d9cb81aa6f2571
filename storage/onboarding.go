package storage

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

func (v *view) UserSince(user id.UserID) (int64, error) {
	u, err := v.user(user)
	if u == nil || err != nil {
		return 0, err
	}
	return u.Created, nil
}

// TeamsOf implements rooms.OnboardingStore.
func (s *Store) TeamsOf(ctx context.Context, account tenant.ID, user id.UserID) ([]string, error) {
	u, err := s.User(ctx, account, user)
	if err != nil || u == nil || u.External == "" {
		return nil, err
	}
	var teams []string
	for after := ""; ; {
		page, err := s.Teams(ctx, account, after, teamsPage)
		if err != nil {
			return nil, err
		}
		for _, team := range page {
			if team.Record.Has(u.External) {
				teams = append(teams, team.ID)
			}
		}
		if len(page) < teamsPage {
			return teams, nil
		}
		after = page[teamsPage-1].ID
	}
}

const teamsPage = 500
