package accounts

import (
	"cmp"
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Action names what was done.
type Action string

// The actions. Those in rooms are in package rooms.
const (
	LoginGranted    Action = "login.granted"    // details: device_id
	LoginRefused    Action = "login.refused"    // details: errcode; no target where there is no such user
	DevicesEnded    Action = "devices.ended"    // details: device_ids
	TokenCreated    Action = "token.created"    // details: kind, and name where there is one
	TokenChanged    Action = "token.changed"    // details: kind, name
	TokenRevoked    Action = "token.revoked"    // details: kind, name
	UserCreated     Action = "user.created"     // details: role
	UserChanged     Action = "user.changed"     // details: version, and role where it changed
	UserDeactivated Action = "user.deactivated" // for good or until they are activated again
	UserActivated   Action = "user.activated"   //
	UserErased      Action = "user.erased"      //
	PasswordChanged Action = "password.changed" //
	StandingChanged Action = "standing.changed" // details: locked or suspended
	AccountCreated  Action = "account.created"  //
	AccountChanged  Action = "account.changed"  // details: version and fields, never their values
	TeamChanged     Action = "team.changed"     // details: version
	TeamDeleted     Action = "team.deleted"     //
	AuditExported   Action = "audit.exported"   //

	AcknowledgementsExported Action = "acknowledgements.exported" // details: event_id
)

// AuditEntry tells that something was done, and never what people have written.
type AuditEntry struct {
	ID      string         `json:"id"` // in the order of time
	Time    int64          `json:"ts"` // ms
	Action  Action         `json:"action"`
	Actor   string         `json:"actor"`             // a user ID, machine:NAME, appservice:ID, or server
	User    id.UserID      `json:"user_id,omitempty"` // in whose name, unless that is the actor
	Target  string         `json:"target,omitempty"`  // to whom or what
	Address string         `json:"address,omitempty"` // IP that the request came from
	Details map[string]any `json:"details,omitempty"`
}

// AuditQuery asks for entries, newest first. What is empty asks for all.
type AuditQuery struct {
	Action Action
	Actor  string
	Target string
	Since  int64  // ms, inclusive
	Until  int64  // ms, exclusive; 0: now
	Before string // an entry's ID: only older ones
	Limit  int
}

// AuditStore keeps what was done, for good.
type AuditStore interface {
	// Record adds an entry of what was no act: a refusal. Its ID and time are set
	// here.
	Record(ctx context.Context, account tenant.ID, entry AuditEntry) error
	// Audit gives entries, newest first.
	Audit(ctx context.Context, account tenant.ID, query AuditQuery) ([]AuditEntry, error)
}

const maxAuditPage = 1000

var errAuditFrom = refusal.Invalid("This is no place in the audit: give next_batch of an earlier answer.")

// Audit gives entries, newest first, at most 1,000, and where the next page begins:
// "" where there is none.
func (s *Service) Audit(ctx context.Context, account tenant.ID, query AuditQuery) (page []AuditEntry, next string, err error) {
	if query.Before != "" && len(query.Before) != auditIDLength {
		return nil, "", errAuditFrom
	}
	query.Limit = min(cmp.Or(query.Limit, 100), maxAuditPage)
	limit := query.Limit
	query.Limit++
	page, err = s.store.Audit(ctx, account, query)
	if err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, nil
}

// auditIDLength is 12 digits of time and 16 of chance, in hex.
const auditIDLength = 28

// Record adds an entry of what was no act.
func (s *Service) Record(ctx context.Context, account tenant.ID, entry AuditEntry) error {
	return s.store.Record(ctx, account, entry)
}
