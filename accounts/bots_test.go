package accounts_test

import (
	"net/http"
	"strings"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

func TestBots(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin := f.mustAdministrator("admin")
		bot, err := f.CreateBot(ctx, admin, "deploy", "Deploy")
		must(f.t, err)
		all, _, err := f.CreateBotToken(ctx, admin, bot, "ci", nil)
		must(f.t, err)
		some, token, err := f.CreateBotToken(ctx, admin, bot, "one room", []id.RoomID{"!a:acme.test", "!b:acme.test"})
		must(f.t, err)
		if got := f.mustAccept(all); got.Role != tenant.Bot || got.Rooms != "" || got.User != bot {
			f.t.Errorf("got %+v, want the bot in all rooms", got)
		}
		caller := f.mustAccept(some)
		if !caller.Rooms.Allow("!b:acme.test") || caller.Rooms.Allow("!c:acme.test") {
			f.t.Errorf("got the rooms %q", caller.Rooms)
		}
		f.pass(1000)
		must(f.t, f.Seen(ctx, caller, "192.0.2.1", "curl"))
		tokens, err := f.BotTokens(ctx, "acme", bot)
		must(f.t, err)
		if len(tokens) != 2 {
			f.t.Fatalf("got %+v, want two tokens", tokens)
		}
		for _, got := range tokens {
			if used := got.LastSeen != 0; used != (got.ID == token) || got.CreatedBy != string(admin.User) {
				f.t.Errorf("got %+v", got)
			}
		}
		bots, err := f.Bots(ctx, "acme")
		must(f.t, err)
		if len(bots) != 1 || bots[0].User != bot || bots[0].DisplayName != "Deploy" {
			f.t.Errorf("got %+v", bots)
		}
		must(f.t, f.EndBotToken(ctx, admin, bot, token))
		f.mustEnd(some, false)
		f.mustAccept(all)
		mustRefuse(f.t, f.EndBotToken(ctx, admin, bot, token), accounts.ErrNoBotToken)
		must(f.t, f.EndBot(ctx, admin, bot))
		f.mustEnd(all, false)
		if bots, err := f.Bots(ctx, "acme"); err != nil || len(bots) != 0 {
			f.t.Errorf("got %+v, %v after its end", bots, err)
		}
	})
}

func TestBotsAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin := f.mustAdministrator("admin")
		bia := f.mustUser("bia")
		agent := f.mustAccept(f.mustStart(bia, accounts.SignIn{Device: "PHONE"}).AccessToken)
		bot, err := f.CreateBot(ctx, admin, "deploy", "")
		must(f.t, err)
		token := func(caller tenant.Caller, bot id.UserID, name string, rooms ...id.RoomID) error {
			_, _, err := f.CreateBotToken(ctx, caller, bot, name, rooms)
			return err
		}
		_, err = f.CreateBot(ctx, admin, "", "")
		mustRefuse(f.t, err, accounts.ErrUserName)
		_, err = f.CreateBot(ctx, admin, "deploy", "")
		mustRefuse(f.t, err, accounts.ErrUserInUse)
		mustRefuse(f.t, token(agent, bot, "mine"), accounts.ErrNotAdministrator)
		mustRefuse(f.t, f.EndBot(ctx, agent, bot), accounts.ErrNotAdministrator)
		mustRefuse(f.t, token(admin, bia, "not a bot's"), accounts.ErrNoBot)
		mustRefuse(f.t, f.EndBot(ctx, admin, bia), accounts.ErrNoBot)
		mustRefuse(f.t, token(admin, "@nobody:acme.test", "x"), accounts.ErrNoBot)
		mustBe(f.t, token(admin, bot, ""), http.StatusBadRequest, "M_MISSING_PARAM")
		mustBe(f.t, token(admin, bot, strings.Repeat("x", 257)), http.StatusBadRequest, "M_MISSING_PARAM")
		mustBe(f.t, token(admin, bot, "x", "#alias:acme.test"), http.StatusBadRequest, "M_INVALID_PARAM")
		mustBe(f.t, token(admin, bot, "x", "!a b"), http.StatusBadRequest, "M_INVALID_PARAM")
		mustBe(f.t, token(admin, bot, "x", make([]id.RoomID, 101)...), http.StatusBadRequest, "M_INVALID_PARAM")
		if tokens, err := f.BotTokens(ctx, "acme", bot); err != nil || len(tokens) != 0 {
			f.t.Errorf("got %+v, %v after refusals", tokens, err)
		}
	})
}
