package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/config"
)

func (p *program) botCommands() *cobra.Command {
	return group("bot", "Manage bots and their tokens: create, list, token, tokens, revoke, delete",
		p.botCreate(), p.botList(), p.botToken(), p.botTokens(), p.botRevoke(), p.botDelete())
}

// botCommand is a command about one account's bots, the first word of which, if it
// has any, is a bot's name.
func (p *program) botCommand(c *cobra.Command, do func(ctx context.Context, h *house, name userName, args []string) error) *cobra.Command {
	var account string
	c = p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, args []string) error {
		name := userName{}
		var err error
		if len(args) > 0 {
			name, err = parseUser(account, args[0])
		} else {
			name.Account, err = accountID(account)
		}
		if err != nil {
			return err
		}
		return withHouse(ctx, cfg, p.terminal, func(h *house) error {
			if _, err := h.account(ctx, name.Account); err != nil {
				return err
			}
			return do(ctx, h, name, args)
		})
	})
	accountFlag(c.Flags(), &account)
	return c
}

// bot gives the user ID of a bot by its name.
func (h *house) bot(ctx context.Context, name userName) (id.UserID, error) {
	server, err := h.accounts.ServerName(ctx, name.Account)
	return name.id(server), err
}

func (p *program) botCreate() *cobra.Command {
	var displayName string
	c := &cobra.Command{Use: "create NAME", Short: "Create a bot", Args: words("NAME")}
	c.Flags().StringVar(&displayName, "display-name", "", "Display `name` (default NAME)")
	return p.botCommand(c, func(ctx context.Context, h *house, name userName, _ []string) error {
		bot, err := h.accounts.CreateBot(ctx, operator(name.Account), name.Localpart, cmp.Or(displayName, name.Localpart))
		if err != nil {
			return err
		}
		p.printf("Bot %s was made. Give it a token with \"bot token %s TOKEN\".\n", bot, name.Localpart)
		return nil
	})
}

func (p *program) botList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the bots of an account", Args: words()}
	return p.botCommand(c, func(ctx context.Context, h *house, name userName, _ []string) error {
		bots, err := h.accounts.Bots(ctx, name.Account)
		if err != nil {
			return err
		}
		rows := [][]string{{"BOT", "NAME"}}
		for _, bot := range bots {
			rows = append(rows, []string{string(bot.User), bot.DisplayName})
		}
		return p.table(rows)
	})
}

func (p *program) botToken() *cobra.Command {
	var rooms []string
	c := &cobra.Command{
		Use: "token BOT TOKEN", Short: "Give a bot another token", Args: words("BOT", "TOKEN"),
		Long: "Give a bot another token, which does not expire. It is printed once. TOKEN is its name in lists.",
	}
	c.Flags().StringSliceVar(&rooms, "room", nil, "A room, by its `ID`, that it is good for; may be repeated (default all rooms)")
	return p.botCommand(c, func(ctx context.Context, h *house, name userName, args []string) error {
		bot, err := h.bot(ctx, name)
		if err != nil {
			return err
		}
		list := make([]id.RoomID, len(rooms))
		for i, room := range rooms {
			list[i] = id.RoomID(room)
		}
		secret, token, err := h.accounts.CreateBotToken(ctx, operator(name.Account), bot, args[1], list)
		if err != nil {
			return err
		}
		p.printf("Token %s (shown this once): %s\n", token, secret)
		return nil
	})
}

func (p *program) botTokens() *cobra.Command {
	c := &cobra.Command{Use: "tokens BOT", Short: "List a bot's tokens", Args: words("BOT")}
	return p.botCommand(c, func(ctx context.Context, h *house, name userName, _ []string) error {
		bot, err := h.bot(ctx, name)
		if err != nil {
			return err
		}
		tokens, err := h.accounts.BotTokens(ctx, name.Account, bot)
		if err != nil {
			return err
		}
		rows := [][]string{{"TOKEN", "NAME", "LAST USED", "ROOMS"}}
		for _, token := range tokens {
			rows = append(rows, []string{string(token.ID), token.Name, lastUsed(token), cmp.Or(strings.ReplaceAll(string(token.Rooms), " ", ","), "all")})
		}
		return p.table(rows)
	})
}

func lastUsed(token accounts.BotToken) string {
	if token.LastSeen == 0 {
		return "never"
	}
	return time.UnixMilli(token.LastSeen).UTC().Format(time.RFC3339)
}

func (p *program) botRevoke() *cobra.Command {
	c := &cobra.Command{Use: "revoke BOT TOKEN", Short: "End a bot's token at once, by the ID that the list shows", Args: words("BOT", "TOKEN")}
	return p.botCommand(c, func(ctx context.Context, h *house, name userName, args []string) error {
		bot, err := h.bot(ctx, name)
		if err != nil {
			return err
		}
		return h.accounts.EndBotToken(ctx, operator(name.Account), bot, id.DeviceID(args[1]))
	})
}

func (p *program) botDelete() *cobra.Command {
	c := &cobra.Command{Use: "delete BOT", Short: "End a bot and all its tokens for good", Args: words("BOT")}
	return p.botCommand(c, func(ctx context.Context, h *house, name userName, _ []string) error {
		bot, err := h.bot(ctx, name)
		if err != nil {
			return err
		}
		return h.accounts.EndBot(ctx, operator(name.Account), bot)
	})
}
