package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// OnboardingStore is the part of [Store] that knows who is in which team, as the
// database has it.
type OnboardingStore interface {
	// TeamsOf gives the teams of ConversaLabs that a user is in, by their IDs.
	TeamsOf(ctx context.Context, account tenant.ID, user id.UserID) ([]string, error)
}

// What administrators do to channels and emoji, in the audit.
const (
	auditDefault    Action = "channel.default"    // details: default
	auditTeam       Action = "channel.team"       // details: team_id
	auditAppearance Action = "channel.appearance" //
	auditEmoji      Action = "emoji.set"          //
	auditNoEmoji    Action = "emoji.removed"      //
)
