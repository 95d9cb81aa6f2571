package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config"
)

// userName names a user of an account: the localpart of the user ID.
type userName struct {
	Account   tenant.ID
	Localpart string
}

// newUser is what "user create" makes. An empty password means: make one and
// print it once.
type newUser struct {
	userName
	Role        tenant.Role
	DisplayName string
	Password    config.Secret
}

func (p *program) userCommands() *cobra.Command {
	return group("user", "Manage users: create, list, set-password, deactivate",
		p.userCreate(), p.userList(), p.userSetPassword(), p.userDeactivate())
}

func (p *program) userCreate() *cobra.Command {
	var displayName, account string
	var fromStdin bool
	role := &choiceFlag{string(tenant.Agent), []string{string(tenant.Agent), string(tenant.Administrator)}}
	c := &cobra.Command{
		Use: "create NAME", Short: "Create a user", Args: words("NAME"),
		Long: "Create a user of an account. NAME is the part of the user ID between @ and the colon.\n" +
			"Without --password-stdin a password is made and printed once.",
	}
	c = p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, args []string) error {
		name, err := parseUser(account, args[0])
		if err != nil {
			return err
		}
		password, err := p.password(fromStdin)
		if err != nil {
			return err
		}
		return createUser(ctx, cfg, p.terminal, newUser{name, tenant.Role(role.value), displayName, password})
	})
	accountFlag(c.Flags(), &account)
	c.Flags().Var(role, "role", "What the user is in the account")
	c.Flags().StringVar(&displayName, "display-name", "", "Display `name` (default NAME)")
	passwordFlag(c.Flags(), &fromStdin)
	return c
}

func (p *program) userList() *cobra.Command {
	var account string
	c := &cobra.Command{Use: "list", Short: "List the users of an account", Args: words()}
	c = p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, _ []string) error {
		known, err := accountID(account)
		if err != nil {
			return err
		}
		return listUsers(ctx, cfg, p.terminal, known)
	})
	accountFlag(c.Flags(), &account)
	return c
}

func (p *program) userSetPassword() *cobra.Command {
	var account string
	var fromStdin bool
	c := &cobra.Command{
		Use: "set-password NAME", Short: "Give a user a new password", Args: words("NAME"),
		Long: "Give a user a new password. Without --password-stdin one is made and printed once.",
	}
	c = p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, args []string) error {
		name, err := parseUser(account, args[0])
		if err != nil {
			return err
		}
		password, err := p.password(fromStdin)
		if err != nil {
			return err
		}
		return setPassword(ctx, cfg, p.terminal, name, password)
	})
	accountFlag(c.Flags(), &account)
	passwordFlag(c.Flags(), &fromStdin)
	return c
}

func (p *program) userDeactivate() *cobra.Command {
	var account string
	c := &cobra.Command{
		Use: "deactivate NAME", Short: "End a user's sessions and access for good", Args: words("NAME"),
		Long: "End a user's sessions and access for good, at once. That they leave their rooms, and who owns a room\n" +
			"after them, is the server's work: it does it when it hears of this, or at its next start.",
	}
	c = p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, args []string) error {
		name, err := parseUser(account, args[0])
		if err != nil {
			return err
		}
		return deactivateUser(ctx, cfg, p.terminal, name)
	})
	accountFlag(c.Flags(), &account)
	return c
}

func accountFlag(flags *pflag.FlagSet, account *string) {
	flags.StringVar(account, "account", string(tenant.Default), "Account, by its `ID`")
}

func passwordFlag(flags *pflag.FlagSet, fromStdin *bool) {
	flags.BoolVar(fromStdin, "password-stdin", false, "Read the password from the first line of the input")
}

var localpartPattern = regexp.MustCompile(`^[a-z0-9._=/+-]{1,200}$`)

func parseUser(account, localpart string) (userName, error) {
	known, err := accountID(account)
	if err != nil {
		return userName{}, err
	}
	if !localpartPattern.MatchString(localpart) {
		return userName{}, usagef("%q is not a user name: want a-z, 0-9 and ._=/+- only, without @ and server name", localpart)
	}
	return userName{known, localpart}, nil
}

// password reads a password from the input, or gives an empty one. Passwords
// are no arguments, because other users of the machine can see those.
func (p *program) password(fromStdin bool) (config.Secret, error) {
	if !fromStdin {
		return "", nil
	}
	line, err := bufio.NewReader(io.LimitReader(p.in, 64<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usagef("--password-stdin: the input holds no password")
	}
	return config.Secret(line), nil
}

func createUser(ctx context.Context, cfg *config.Config, t terminal, made newUser) error {
	return withHouse(ctx, cfg, t, func(h *house) error {
		if _, err := h.account(ctx, made.Account); err != nil {
			return err
		}
		password, printed, err := h.passwordOr(made.Password)
		if err != nil {
			return err
		}
		user, err := h.createUser(ctx, made.Account, accounts.NewUser{
			Name: made.Localpart, Role: made.Role, DisplayName: cmp.Or(made.DisplayName, made.Localpart),
		}, password)
		if err != nil {
			return err
		}
		t.printf("User %s was made.\n", user)
		if printed {
			t.printf("Password (shown this once): %s\n", password)
		}
		return nil
	})
}

func listUsers(ctx context.Context, cfg *config.Config, t terminal, account tenant.ID) error {
	return withHouse(ctx, cfg, t, func(h *house) error {
		if _, err := h.account(ctx, account); err != nil {
			return err
		}
		users, err := h.accounts.Users(ctx, account)
		if err != nil {
			return err
		}
		rows := [][]string{{"USER", "ROLE", "STATE"}}
		for _, u := range users {
			state := "active"
			if u.Deactivated {
				state = "deactivated"
			}
			rows = append(rows, []string{string(u.ID), string(u.Role), state})
		}
		return t.table(rows)
	})
}

func setPassword(ctx context.Context, cfg *config.Config, t terminal, name userName, given config.Secret) error {
	return withHouse(ctx, cfg, t, func(h *house) error {
		account, err := h.account(ctx, name.Account)
		if err != nil {
			return err
		}
		password, printed, err := h.passwordOr(given)
		if err != nil {
			return err
		}
		hashed, err := h.logins(nil).Hash(ctx, password)
		if err != nil {
			return err
		}
		caller := operator(name.Account)
		if err := h.accounts.SetPassword(ctx, caller, name.id(account.ServerName), hashed, true); err != nil {
			return err
		}
		t.printf("The password was set. All sessions of the user have ended.\n")
		if printed {
			t.printf("Password (shown this once): %s\n", password)
		}
		return nil
	})
}

func deactivateUser(ctx context.Context, cfg *config.Config, t terminal, name userName) error {
	return withHouse(ctx, cfg, t, func(h *house) error {
		account, err := h.account(ctx, name.Account)
		if err != nil {
			return err
		}
		user := name.id(account.ServerName)
		if err := h.accounts.Deactivate(ctx, operator(name.Account), user); err != nil {
			return err
		}
		t.printf("User %s was deactivated. All their sessions have ended.\n"+
			"They leave their rooms as soon as a server runs: one that runs now sees to it in a moment.\n", user)
		return nil
	})
}

// id gives the Matrix user ID.
func (n userName) id(server string) id.UserID { return id.NewUserID(n.Localpart, server) }
