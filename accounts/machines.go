package accounts

import (
	"context"
	"crypto/subtle"
	"fmt"
	"regexp"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// MachineToken lets another system ask for an account, or for all. Its secret is
// shown once.
type MachineToken struct {
	Name    string    // unique among all machine tokens
	Scope   tenant.ID // the account, or [tenant.All]
	Created int64     // ms
	Token   string    // SHA-256 of the secret, hex
}

// MachineStore keeps machine tokens, which belong to no account's stream.
type MachineStore interface {
	// CreateMachineToken adds a token. A name that is taken is
	// [ErrMachineNameInUse].
	CreateMachineToken(ctx context.Context, token MachineToken) error
	// MachineToken gives the token of this hash as the database has it, or nil.
	MachineToken(ctx context.Context, token string) (*MachineToken, error)
	// MachineTokens lists all tokens, by name.
	MachineTokens(ctx context.Context) ([]MachineToken, error)
	// RevokeMachineToken removes a token by its name, or is [ErrNoMachineToken].
	RevokeMachineToken(ctx context.Context, name string) error
}

// What is refused of machine tokens.
var (
	ErrMachineNameInUse = refusal.Invalid("There is a machine token of this name already.")
	ErrMachineName      = refusal.Invalid("The name of a machine token has 1 to 64 of a-z, A-Z, 0-9, ., _ and -.")
	ErrNoMachineToken   = refusal.NotFound("There is no machine token of this name.")
)

var machineNamePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// CommandLine is the machine in whose name the operator acts at the command line.
const CommandLine = "command-line"

// configuredMachine is who comes with the token of the configuration.
var configuredMachine = tenant.Machine{Name: "configuration", Scope: tenant.All}

// CreateMachineToken makes a token and gives its secret. An account that does not
// exist yet may be its scope.
func (s *Service) CreateMachineToken(ctx context.Context, name string, scope tenant.ID) (string, error) {
	if !machineNamePattern.MatchString(name) || name == configuredMachine.Name || name == CommandLine {
		return "", ErrMachineName
	}
	if scope != tenant.All && !scope.Valid() {
		return "", ErrAccountID
	}
	secret, err := s.mint(machineToken, scope)
	if err != nil {
		return "", err
	}
	token := MachineToken{Name: name, Scope: scope, Created: s.timestamp(), Token: Hash(secret)}
	return secret, s.store.CreateMachineToken(ctx, token)
}

// MachineTokens lists all machine tokens, by name.
func (s *Service) MachineTokens(ctx context.Context) ([]MachineToken, error) {
	return s.store.MachineTokens(ctx)
}

// RevokeMachineToken ends a token at once, on every node.
func (s *Service) RevokeMachineToken(ctx context.Context, name string) error {
	return s.store.RevokeMachineToken(ctx, name)
}

// Machine finds who asks with a machine token: M_UNKNOWN_TOKEN if nobody may.
func (s *Service) Machine(ctx context.Context, secret string) (tenant.Machine, error) {
	hash := Hash(secret)
	if s.machine != "" && subtle.ConstantTimeCompare([]byte(hash), []byte(s.machine)) == 1 {
		return configuredMachine, nil
	}
	token, err := s.store.MachineToken(ctx, hash)
	if err != nil {
		return tenant.Machine{}, fmt.Errorf("find machine token: %w", err)
	}
	if token == nil || subtle.ConstantTimeCompare([]byte(hash), []byte(token.Token)) != 1 {
		return tenant.Machine{}, refusal.UnknownToken(false)
	}
	return tenant.Machine{Name: token.Name, Scope: token.Scope}, nil
}
