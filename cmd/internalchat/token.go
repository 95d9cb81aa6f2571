package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config"
)

func (p *program) tokenCommands() *cobra.Command {
	return group("token", "Manage machine tokens, by which other systems ask: create, list, revoke",
		p.tokenCreate(), p.tokenList(), p.tokenRevoke())
}

func (p *program) tokenCreate() *cobra.Command {
	var account string
	c := &cobra.Command{
		Use: "create NAME", Short: "Create a machine token", Args: words("NAME"),
		Long: "Create a token by which another system provisions accounts. It is printed once.\n" +
			"NAME tells it apart in the list and in the audit.",
	}
	c = p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, args []string) error {
		scope := tenant.All
		if account != "" {
			var err error
			if scope, err = accountID(account); err != nil {
				return err
			}
		}
		return withHouse(ctx, cfg, p.terminal, func(h *house) error {
			secret, err := h.accounts.CreateMachineToken(ctx, args[0], scope)
			if err != nil {
				return err
			}
			p.printf("Token (shown this once): %s\n", secret)
			return nil
		})
	})
	c.Flags().StringVar(&account, "account", "", "The only account that it is good for, by `ID` (default all accounts)")
	return c
}

func (p *program) tokenList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the machine tokens", Args: words()}
	return p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, _ []string) error {
		return withHouse(ctx, cfg, p.terminal, func(h *house) error {
			tokens, err := h.accounts.MachineTokens(ctx)
			if err != nil {
				return err
			}
			rows := [][]string{{"NAME", "ACCOUNT", "CREATED"}}
			for _, t := range tokens {
				rows = append(rows, []string{t.Name, string(t.Scope), time.UnixMilli(t.Created).UTC().Format(time.RFC3339)})
			}
			return p.table(rows)
		})
	})
}

func (p *program) tokenRevoke() *cobra.Command {
	c := &cobra.Command{Use: "revoke NAME", Short: "End a machine token at once", Args: words("NAME")}
	return p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, args []string) error {
		return withHouse(ctx, cfg, p.terminal, func(h *house) error {
			return h.accounts.RevokeMachineToken(ctx, args[0])
		})
	})
}
