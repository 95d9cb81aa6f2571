package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config"
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
	Presence   *bool
	Previews   *bool
	Space      *bool
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
	policy, presence, previews, space := roomPolicyFlag(), onOffFlag(), onOffFlag(), onOffFlag()
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
		if presence.value != "" {
			change.Presence = new(presence.value == "on")
		}
		if previews.value != "" {
			change.Previews = new(previews.value == "on")
		}
		if space.value != "" {
			change.Space = new(space.value == "on")
		}
		if change == (accountChange{}) {
			return usagef("nothing to change; give --name, --room-policy, --presence, --url-previews or --space")
		}
		return setAccount(ctx, cfg, p.terminal, account, change)
	})
	c.Flags().StringVar(&name, "name", "", "Display `name`")
	c.Flags().Var(policy, "room-policy", "Rules for its rooms")
	c.Flags().Var(presence, "presence", "Whether people see who is there")
	c.Flags().Var(previews, "url-previews", "Whether the server reads pages that people link to")
	c.Flags().Var(space, "space", "Whether it has a space of its name with its channels")
	return c
}

func roomPolicyFlag() *choiceFlag {
	return &choiceFlag{values: []string{string(config.RoomPolicyTeam), string(config.RoomPolicyMatrix)}}
}

func onOffFlag() *choiceFlag { return &choiceFlag{values: []string{"on", "off"}} }

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func accountID(word string) (tenant.ID, error) {
	account := tenant.ID(word)
	if !account.Valid() {
		return "", usagef("%q is not an account ID: want 1 to 64 of a-z, 0-9 and -, not starting with -", word)
	}
	return account, nil
}

func createAccount(ctx context.Context, cfg *config.Config, t terminal, made newAccount) error {
	return withHouse(ctx, cfg, t, func(h *house) error {
		err := h.accounts.CreateAccount(ctx, accounts.Account{
			ID: made.ID, ServerName: made.ServerName,
			Settings: accounts.Settings{Name: made.Name, RoomPolicy: accounts.RoomPolicy(made.RoomPolicy)},
		})
		if err != nil {
			return err
		}
		t.printf("Account %s was made. Its server name is %s, for good.\n", made.ID, made.ServerName)
		return nil
	})
}

func listAccounts(ctx context.Context, cfg *config.Config, t terminal) error {
	return withHouse(ctx, cfg, t, func(h *house) error {
		all, err := h.accounts.Accounts(ctx)
		if err != nil {
			return err
		}
		rows := [][]string{{"ID", "SERVER NAME", "ROOM POLICY", "NAME"}}
		for _, a := range all {
			rows = append(rows, []string{string(a.ID), a.ServerName, string(a.Settings.RoomPolicy), a.Settings.Name})
		}
		return t.table(rows)
	})
}

func showAccount(ctx context.Context, cfg *config.Config, t terminal, account tenant.ID) error {
	return withHouse(ctx, cfg, t, func(h *house) error {
		a, err := h.account(ctx, account)
		if err != nil {
			return err
		}
		users, err := h.accounts.Users(ctx, account)
		if err != nil {
			return err
		}
		return t.table([][]string{
			{"ID", string(a.ID)},
			{"Server name", a.ServerName},
			{"Name", a.Settings.Name},
			{"Room policy", string(a.Settings.RoomPolicy)},
			{"Presence", onOff(!a.Settings.PresenceOff)},
			{"URL previews", onOff(a.Settings.URLPreviews)},
			{"Space", onOff(a.Settings.Space)},
			{"Users", strconv.Itoa(len(users))},
			{"Created", time.UnixMilli(a.Created).UTC().Format(time.RFC3339)},
		})
	})
}

func setAccount(ctx context.Context, cfg *config.Config, t terminal, account tenant.ID, change accountChange) error {
	return withHouse(ctx, cfg, t, func(h *house) error {
		if _, err := h.account(ctx, account); err != nil {
			return err
		}
		return h.accounts.ChangeAccount(ctx, operator(account), func(s *accounts.Settings) error {
			if change.Name != nil {
				s.Name = *change.Name
			}
			if change.RoomPolicy != nil {
				s.RoomPolicy = accounts.RoomPolicy(*change.RoomPolicy)
			}
			if change.Presence != nil {
				s.PresenceOff = !*change.Presence
			}
			if change.Previews != nil {
				s.URLPreviews = *change.Previews
			}
			if change.Space != nil {
				s.Space = *change.Space
			}
			return nil
		})
	})
}
