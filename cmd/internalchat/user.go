package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
		id, err := accountID(account)
		if err != nil {
			return err
		}
		return listUsers(ctx, cfg, p.terminal, id)
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
	c := &cobra.Command{Use: "deactivate NAME", Short: "End a user's sessions and access for good", Args: words("NAME")}
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
	id, err := accountID(account)
	if err != nil {
		return userName{}, err
	}
	if !localpartPattern.MatchString(localpart) {
		return userName{}, usagef("%q is not a user name: want a-z, 0-9 and ._=/+- only, without @ and server name", localpart)
	}
	return userName{id, localpart}, nil
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

func createUser(_ context.Context, _ *config.Config, _ terminal, _ newUser) error {
	return errors.New("not wired yet")
}

func listUsers(_ context.Context, _ *config.Config, _ terminal, _ tenant.ID) error {
	return errors.New("not wired yet")
}

func setPassword(_ context.Context, _ *config.Config, _ terminal, _ userName, _ config.Secret) error {
	return errors.New("not wired yet")
}

func deactivateUser(_ context.Context, _ *config.Config, _ terminal, _ userName) error {
	return errors.New("not wired yet")
}
