package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/appservice"
	"github.com/conversalabs/internalchat/config"
)

func (p *program) appServiceCommands() *cobra.Command {
	return group("appservice", "Manage application services (bridges, bots): add, list, show, remove",
		p.appServiceAdd(), p.appServiceList(), p.appServiceShow(), p.appServiceRemove())
}

// appServiceCommand is a command about one account's application services.
func (p *program) appServiceCommand(c *cobra.Command, do func(ctx context.Context, h *house, account *accounts.Account, args []string) error) *cobra.Command {
	var named string
	c = p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, args []string) error {
		account, err := accountID(named)
		if err != nil {
			return err
		}
		return withHouse(ctx, cfg, p.terminal, func(h *house) error {
			a, err := h.account(ctx, account)
			if err != nil {
				return err
			}
			return do(ctx, h, a, args)
		})
	})
	accountFlag(c.Flags(), &named)
	return c
}

func (p *program) appServiceAdd() *cobra.Command {
	c := &cobra.Command{
		Use: "add FILE", Short: "Add an application service", Args: words("FILE"),
		Long: "Add an application service by its registration, a YAML file; - is the standard input.\n" +
			"A running server begins to send to it within a second.",
	}
	return p.appServiceCommand(c, func(ctx context.Context, h *house, account *accounts.Account, args []string) error {
		registration, err := readRegistration(args[0], p.in)
		if err != nil {
			return err
		}
		service, err := appservice.Parse(registration, account.ServerName)
		if err != nil {
			return usagef("%s: %w", args[0], err)
		}
		if err := h.accounts.AddAppService(ctx, operator(account.ID), service); err != nil {
			return err
		}
		p.printf("Application service %s was added. It acts as %s.\n", service.ID, service.Sender)
		return nil
	})
}

// maxRegistration is more than a registration may have, in bytes.
const maxRegistration = 2 << 20

func readRegistration(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(in, maxRegistration))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read registration: %w", err)
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxRegistration))
}

func (p *program) appServiceList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the application services of an account", Args: words()}
	return p.appServiceCommand(c, func(ctx context.Context, h *house, account *accounts.Account, _ []string) error {
		all, err := h.accounts.AppServices(ctx, account.ID)
		if err != nil {
			return err
		}
		rows := [][]string{{"ID", "USER", "URL"}}
		for _, a := range all {
			rows = append(rows, []string{a.ID, string(a.Sender), cmp.Or(a.URL, "none")})
		}
		return p.table(rows)
	})
}

func (p *program) appServiceShow() *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show an application service, without its tokens", Args: words("ID")}
	return p.appServiceCommand(c, func(ctx context.Context, h *house, account *accounts.Account, args []string) error {
		a, err := h.accounts.AppService(ctx, account.ID, args[0])
		if err != nil {
			return err
		}
		rows := [][]string{
			{"ID", a.ID},
			{"User", string(a.Sender)},
			{"URL", cmp.Or(a.URL, "none")},
			{"Rate limited", strconv.FormatBool(a.RateLimited)},
			{"Receipts and presence", strconv.FormatBool(a.Ephemeral)},
		}
		for _, kind := range []struct {
			name string
			all  accounts.Namespaces
		}{{"Users", a.Users}, {"Rooms", a.Rooms}, {"Aliases", a.Aliases}} {
			for _, n := range kind.all {
				pattern := n.Pattern
				if n.Exclusive {
					pattern += " (exclusive)"
				}
				rows = append(rows, []string{kind.name, pattern})
			}
		}
		return p.table(rows)
	})
}

func (p *program) appServiceRemove() *cobra.Command {
	c := &cobra.Command{Use: "remove ID", Short: "Remove an application service at once; its users stay", Args: words("ID")}
	return p.appServiceCommand(c, func(ctx context.Context, h *house, account *accounts.Account, args []string) error {
		return h.accounts.RemoveAppService(ctx, operator(account.ID), args[0])
	})
}

// deliver starts to send to application services, as follow does for what follows the
// stream. Call stop before the house closes.
func (h *house) deliver() (stop func()) {
	return appservice.Start(appservice.Options{
		Stream: h.store, Typing: h.rooms.Typing(), Client: h.services, DB: h.db, Log: h.log, Now: time.Now,
	}).Close
}
