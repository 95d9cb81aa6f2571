package accounts

import (
	"context"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Bot is a user that is a program.
type Bot struct {
	User        id.UserID
	DisplayName string
	Created     int64 // ms
}

// BotToken is one of a bot's access tokens, without its secret. It does not expire.
type BotToken struct {
	ID        id.DeviceID // its device
	Name      string
	Rooms     tenant.Rooms // it is good for
	Created   int64        // ms
	CreatedBy string       // who made it, as in the audit
	LastSeen  int64        // ms, when it was last used; 0: never
}

// BotStore keeps the tokens of bots.
type BotStore interface {
	// Bots lists the bots of an account that are active, by ID.
	Bots(ctx context.Context, account tenant.ID) ([]Bot, error)
	// CreateBotToken gives a bot a token, whose SHA-256 is session.Token. It is
	// refused with [ErrNoBot] and [ErrTooManyDevices].
	CreateBotToken(ctx context.Context, caller tenant.Caller, session NewSession, rooms tenant.Rooms) error
	// BotTokens lists a bot's tokens, by ID.
	BotTokens(ctx context.Context, account tenant.ID, bot id.UserID) ([]BotToken, error)
	// EndBotToken ends a token at once. One that is not there is [ErrNoBotToken].
	EndBotToken(ctx context.Context, caller tenant.Caller, bot id.UserID, token id.DeviceID) error
	// EndBot ends a bot and all its tokens for good. Who is no bot is [ErrNoBot].
	EndBot(ctx context.Context, caller tenant.Caller, bot id.UserID) error
}

// What is refused of bots.
var (
	ErrNoBot      = refusal.NotFound("There is no such bot.")
	ErrNoBotToken = refusal.NotFound("This bot has no such token.")
	errBotName    = refusal.Missing("A token needs a name of at most 256 bytes, so that it can be told from others.")
	errBotRooms   = refusal.Invalid("A token is good for at most 100 rooms, each named by its ID, or for all.")
)

const maxBotRooms = 100

// CreateBot makes a bot, for an administrator. Its name becomes part of its ID.
func (s *Service) CreateBot(ctx context.Context, caller tenant.Caller, name, displayName string) (id.UserID, error) {
	if name == "" {
		return "", ErrUserName
	}
	return s.CreateUser(ctx, caller, NewUser{Name: name, Role: tenant.Bot, DisplayName: displayName})
}

// Bots lists the bots of an account, by ID.
func (s *Service) Bots(ctx context.Context, account tenant.ID) ([]Bot, error) {
	return s.store.Bots(ctx, account)
}

// CreateBotToken gives a bot another token and tells its secret, this once.
func (s *Service) CreateBotToken(ctx context.Context, caller tenant.Caller, bot id.UserID, name string, rooms []id.RoomID) (secret string, token id.DeviceID, err error) {
	if name == "" || len(name) > maxDisplayName {
		return "", "", errBotName
	}
	if len(rooms) > maxBotRooms || slices.ContainsFunc(rooms, func(room id.RoomID) bool {
		return !strings.HasPrefix(string(room), "!") || strings.ContainsAny(string(room), " \x00") || len(room) > maxUserID
	}) {
		return "", "", errBotRooms
	}
	session, signedIn, err := s.newSession(caller.Account, bot, SignIn{DisplayName: name})
	if err != nil {
		return "", "", err
	}
	err = s.store.CreateBotToken(ctx, caller, session, tenant.RoomsOf(rooms))
	return signedIn.AccessToken, session.Device, err
}

// BotTokens lists a bot's tokens, by ID. Who is no bot has none.
func (s *Service) BotTokens(ctx context.Context, account tenant.ID, bot id.UserID) ([]BotToken, error) {
	tokens, err := s.store.BotTokens(ctx, account, bot)
	if err != nil {
		return nil, err
	}
	for i, token := range tokens {
		device := Device{User: bot, ID: token.ID, LastSeen: token.LastSeen}
		s.seen.bringIn(account, &device)
		tokens[i].LastSeen = device.LastSeen
	}
	return tokens, nil
}

// EndBotToken ends a bot's token at once, on every node.
func (s *Service) EndBotToken(ctx context.Context, caller tenant.Caller, bot id.UserID, token id.DeviceID) error {
	return s.store.EndBotToken(ctx, caller, bot, token)
}

// EndBot ends a bot and all its tokens for good.
func (s *Service) EndBot(ctx context.Context, caller tenant.Caller, bot id.UserID) error {
	return s.store.EndBot(ctx, caller, bot)
}
