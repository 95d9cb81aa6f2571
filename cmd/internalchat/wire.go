package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/oauth"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/clientapi/extension"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/clientapi/provisioning"
	"github.com/conversalabs/internalchat/clientapi/webhooks"
	"github.com/conversalabs/internalchat/config"
	"github.com/conversalabs/internalchat/mediaapi"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
)

// policies tells rooms which policy an account has chosen.
type policies struct{ *house }

func (p policies) RoomPolicy(ctx context.Context, account tenant.ID) (rooms.Policy, error) {
	a, err := p.accounts.Account(ctx, account)
	if err != nil {
		return rooms.Policy{}, err
	}
	if a == nil {
		return rooms.TeamPolicy, nil
	}
	if a.Settings.RoomPolicy == accounts.MatrixPolicy {
		policy := rooms.MatrixPolicy
		policy.Server = a.ServerName
		return policy, nil
	}
	policy, who := rooms.TeamPolicy, a.Settings.WhoCanCreate
	policy.Server = a.ServerName
	if a.Settings.Space {
		policy.Space = cmp.Or(a.Settings.Name, a.ServerName)
	}
	policy.Creators = map[rooms.Kind]rooms.Creators{
		rooms.Public:       rooms.Creators(cmp.Or(who.Public, accounts.AgentsCreate)),
		rooms.Private:      rooms.Creators(cmp.Or(who.Private, accounts.AgentsCreate)),
		rooms.Announcement: rooms.Creators(cmp.Or(who.Announcement, accounts.AdministratorsCreate)),
	}
	return policy, nil
}

// presences lets polls change presence as often as requests may.
type presences struct {
	*accounts.Presences
	rates *httpapi.Limiter
}

// Attend implements longpoll.Presences.
func (p presences) Attend(ctx context.Context, caller tenant.Caller, presence string) (leave func(), err error) {
	return p.Presences.Attend(ctx, caller, presence, func() bool {
		return caller.Unlimited || p.rates.Take(httpapi.Presence, caller.Account, string(caller.User)) == nil
	})
}

// api wires everything that is served together.
func (h *house) api() *httpapi.API {
	limits := h.cfg.Limits
	api := httpapi.New(httpapi.Options{
		Auth: h.accounts, Machines: h.accounts.Machine, Masquerade: h.accounts.Masquerade, Seen: h.accounts.Seen, Active: h.presences.Active,
		Log: h.log, Now: time.Now, Random: rand.Reader,
		Limits: httpapi.Limits{
			Body: limits.BodyBytes, URL: limits.URLBytes, BodyTime: limits.BodyTimeout, Rates: rates(h.cfg.Rates),
		},
		RateLimits: h.cfg.RateLimits, TrustedProxies: h.cfg.TrustedProxies,
	})
	keys := accounts.NewKeys(h.store)
	unread := push.NewUnread(h.store, h.store)
	polls := longpoll.New(longpoll.Options{
		Rooms: h.rooms, Store: h.store, Unread: unread, Now: time.Now, Check: h.accounts.Check,
		PushRules: func(ctx context.Context, account tenant.ID, user id.UserID) (json.RawMessage, error) {
			rules, err := h.levels.Rules(ctx, account, user)
			if err != nil {
				return nil, err
			}
			return rules.JSON(), nil
		},
		KeyCounts:  keys.Counts,
		Presences:  presences{h.presences, api.Rates()},
		MaxTimeout: limits.SyncTimeout, TimelineMax: limits.SyncTimeline, FiltersMax: limits.Filters,
	})
	var authorisation *oauth.Service
	if h.cfg.OAuth {
		authorisation = oauth.New(oauth.Options{Accounts: h.accounts, Store: h.store, Now: time.Now, Random: rand.Reader})
	}
	server := clientapi.New(clientapi.Options{
		OAuth:    authorisation,
		Accounts: h.accounts, Login: h.logins(api.Rates()), Keys: keys, Data: h.data, Presences: h.presences, Rooms: h.rooms, Sync: polls, Search: h.search, Unread: unread, Levels: h.levels, Services: h.services,
		Policies: policies{h}, Now: time.Now, PublicURL: h.cfg.PublicURL,
		CreationBytes: limits.CreateRoomBodyBytes, KeysBytes: limits.KeysBodyBytes,
	})
	server.Routes(api)
	provisioning.New(provisioning.Options{
		Accounts: h.accounts, Presences: h.presences, BaseDomain: h.cfg.BaseDomain, RoomPolicy: accounts.RoomPolicy(h.cfg.RoomPolicy),
	}).Routes(api)
	extension.New(extension.Options{
		Accounts: h.accounts,
		Rooms:    h.rooms,
		Unread:   unread,
		Levels:   h.levels,
		Cards:    h.cards,
		HooksURL: h.cfg.PublicURL + webhooks.Path,
		Data:     h.data,
		Bell:     h.bell,
	}).Routes(api)
	webhooks.New(h.rooms).Routes(api)
	mediaapi.New(mediaapi.Options{
		Media: h.media, Previews: h.previews, Own: h.ownHost, Outside: h.pages, Now: time.Now,
	}).Routes(api)
	return api
}

// startTimers starts what the server does by itself. The function it gives ends
// that and waits for it.
func (h *house) startTimers(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var timers sync.WaitGroup
	timers.Go(func() {
		h.rooms.RunDelayed(ctx, time.After, func(err error) {
			h.log.WithError(err).Error("delayed events were not sent or not forgotten; it will be tried again")
		})
	})
	timers.Go(func() {
		h.data.RunReminders(ctx, time.After, func(err error) {
			h.log.WithError(err).Error("somebody was not reminded of a note; it will be tried again")
		})
	})
	timers.Go(func() {
		h.rooms.RunAckReminders(ctx, time.After, func(err error) {
			h.log.WithError(err).Error("some were not reminded of what they are to acknowledge; it will be tried again")
		})
	})
	timers.Go(func() {
		h.presences.Run(ctx, time.After, func(err error) {
			h.log.WithError(err).Error("it was not noted who is there; that will be tried again")
		})
	})
	timers.Go(func() {
		h.levels.Run(ctx, time.After, func(err error) {
			h.log.WithError(err).Error("mutes did not end in time; it will be tried again")
		})
	})
	timers.Go(func() {
		h.media.Run(ctx, time.After, h.accountIDs, func(err error) {
			h.log.WithError(err).Error("files that have no use any more were not all removed; that will be tried again")
		})
	})
	return func() {
		cancel()
		timers.Wait()
	}
}

// rates are the configured rates by class of request.
func rates(r config.Rates) httpapi.Rates {
	rate := func(r config.Rate) httpapi.Rate { return httpapi.Rate(r) }
	return httpapi.Rates{
		httpapi.Messages: rate(r.UserMessages), httpapi.BotMessages: rate(r.BotMessages),
		httpapi.AccountMessages: rate(r.AccountMessages), httpapi.LoginUser: rate(r.Logins),
		httpapi.LoginFailed: rate(r.FailedLogins), httpapi.LoginAddress: rate(r.AddressLogins),
		httpapi.OAuth: rate(r.OAuth), httpapi.Joins: rate(r.Joins), httpapi.Creation: rate(r.RoomCreation),
		httpapi.Search: rate(r.Search), httpapi.Cards: rate(r.Cards), httpapi.Media: rate(r.Media),
		httpapi.Presence: rate(r.Presence),
	}
}
