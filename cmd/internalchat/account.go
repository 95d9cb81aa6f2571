package main

import (
	"context"
	"errors"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config"
	"github.com/spf13/cobra"
)

// newAccount is what "account create" makes. Name may be empty; the server
// name and the policy are set.
type newAccount struct {
	ID         tenant.ID
	Name       string
	ServerName string
	RoomPolicy config.RoomPolicy
}

// accountChange is what "account set" changes; nil leaves a thing as it is.
type accountChange struct {
	Name       *string
	RoomPolicy *config.RoomPolicy
	Enabled    *bool
}

func (p *program) accountCommands() *cobra.Command {
	return group("account", "Manage accounts: create, list, show, set",
		p.accountCreate(), p.accountList(), p.accountShow(), p.accountSet())
}

func (p *program) accountCreate() *cobra.Command {
	var name, serverName string
	policy := roomPolicyFlag()
	c := &cobra.Command{Use: "create ID", Short: "Create an account", Args: words("ID")}
	c = p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, args []string) error {
		account, err := accountID(args[0])
		if err != nil {
			return err
		}
		made := newAccount{ID: account, Name: name, ServerName: serverName, RoomPolicy: cfg.RoomPolicy}
		if made.ServerName == "" {
			if cfg.BaseDomain == "" {
				return usagef("give the account a --server-name, or set base_domain in the configuration")
			}
			made.ServerName = string(account) + "." + cfg.BaseDomain
		}
		if err := config.CheckServerName(made.ServerName); err != nil {
			return usagef("--server-name: %q: %w", made.ServerName, err)
		}
		if policy.value != "" {
			made.RoomPolicy = config.RoomPolicy(policy.value)
		}
		return createAccount(ctx, cfg, p.terminal, made)
	})
	c.Flags().StringVar(&serverName, "server-name", "", "Matrix server `name` (default ID.BASE_DOMAIN)")
	c.Flags().StringVar(&name, "name", "", "Display `name`")
	c.Flags().Var(policy, "room-policy", "Rules for its rooms (default the configured one)")
	return c
}

func (p *program) accountList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the accounts", Args: words()}
	return p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, _ []string) error {
		return listAccounts(ctx, cfg, p.terminal)
	})
}

func (p *program) accountShow() *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show an account", Args: words("ID")}
	return p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, args []string) error {
		account, err := accountID(args[0])
		if err != nil {
			return err
		}
		return showAccount(ctx, cfg, p.terminal, account)
	})
}

func (p *program) accountSet() *cobra.Command {
	var name string
	policy, enabled := roomPolicyFlag(), &choiceFlag{values: []string{"on", "off"}}
	c := &cobra.Command{Use: "set ID", Short: "Change an account", Args: words("ID")}
	c = p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, args []string) error {
		account, err := accountID(args[0])
		if err != nil {
			return err
		}
		var change accountChange
		if c.Flags().Changed("name") {
			change.Name = &name
		}
		if policy.value != "" {
			change.RoomPolicy = new(config.RoomPolicy(policy.value))
		}
		if enabled.value != "" {
			change.Enabled = new(enabled.value == "on")
		}
		if change == (accountChange{}) {
			return usagef("nothing to change; give --name, --room-policy or --enabled")
		}
		return setAccount(ctx, cfg, p.terminal, account, change)
	})
	c.Flags().StringVar(&name, "name", "", "Display `name`")
	c.Flags().Var(policy, "room-policy", "Rules for its rooms")
	c.Flags().Var(enabled, "enabled", "Whether its users can use it")
	return c
}

func roomPolicyFlag() *choiceFlag {
	return &choiceFlag{values: []string{string(config.RoomPolicyTeam), string(config.RoomPolicyMatrix)}}
}

func accountID(word string) (tenant.ID, error) {
	account := tenant.ID(word)
	if !account.Valid() {
		return "", usagef("%q is not an account ID: want 1 to 64 of a-z, 0-9 and -, not starting with -", word)
	}
	return account, nil
}

func createAccount(_ context.Context, _ *config.Config, _ terminal, _ newAccount) error {
	return errors.New("not wired yet")
}

func listAccounts(_ context.Context, _ *config.Config, _ terminal) error {
	return errors.New("not wired yet")
}

func showAccount(_ context.Context, _ *config.Config, _ terminal, _ tenant.ID) error {
	return errors.New("not wired yet")
}

func setAccount(_ context.Context, _ *config.Config, _ terminal, _ tenant.ID, _ accountChange) error {
	return errors.New("not wired yet")
}
