package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/appservice"
	"github.com/conversalabs/internalchat/accounts/cards"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/config"
	"github.com/conversalabs/internalchat/config/outbound"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/bell"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/rooms/search"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// databaseFile is the embedded database in the data folder.
const databaseFile = "internalchat.db"

// house is what the server and the subcommands share: the data, and what may be
// done with it.
type house struct {
	cfg       *config.Config
	log       *logrus.Logger
	db        *sqldb.DB
	store     *storage.Store
	accounts  *accounts.Service
	rooms     *rooms.Service
	levels    *push.Levels
	presences *accounts.Presences
	outside   *outbound.Client // calls whom the operator and the accounts have named
	pages     *outbound.Client // reads what anybody links to
	search    *search.Service  // nil unless the stream is followed
	bell      *bell.Service    // nil unless the stream is followed
	data      *accounts.Data
	services  *appservice.Client
	cards     *cards.Resolver
	media     *media.Service
}

func newLogger(cfg *config.Config, t terminal) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(t.err)
	if cfg.LogFormat == config.LogJSON {
		log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano})
	}
	return log
}

// openHouse opens the data, brings its schema up to date, and makes the default
// account if there is none. Close it.
func openHouse(ctx context.Context, cfg *config.Config, log *logrus.Logger) (*house, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	options := databaseOptions(cfg)
	options.Report = func(err error) { log.WithError(err).Warn("the database does not wake this process") }
	db, err := sqldb.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		db.Close()
		return nil, err
	}
	h := &house{cfg: cfg, log: log, db: db, store: storage.Open(storage.Options{DB: db, Log: log, Now: time.Now})}
	h.outside = outbound.New(outbound.Options{Networks: cfg.OutboundNetworks, UserAgent: "internalchat"})
	h.pages = outbound.New(outbound.Options{Networks: cfg.PreviewNetworks, UserAgent: "internalchat"})
	h.services = appservice.NewClient(appservice.ClientOptions{
		Services: h.store.AppServices, Now: time.Now, Networks: cfg.OutboundNetworks, UserAgent: "internalchat",
	})
	h.cards = cards.New(cards.Options{
		Networks: cfg.OutboundNetworks, UserAgent: "internalchat", Now: time.Now,
		Report: func(account tenant.ID, err error) {
			log.WithField("account", account).WithError(err).Warn("the system that knows the items to be shared does not answer as it should")
		},
	})
	h.rooms = rooms.New(rooms.Options{
		Store: h.store, Policies: policies{h}, Now: time.Now, Random: rand.Reader,
		Limits: rooms.Limits{
			MembersPerRoom: cfg.Limits.RoomMembers, RoomsPerUser: cfg.Limits.UserRooms,
			AliasesPerRoom: cfg.Limits.RoomAliases, TimelineMax: cfg.Limits.SyncTimeline, PageMax: cfg.Limits.Page,
			NameBytes: cfg.Limits.RoomNameBytes, TopicBytes: cfg.Limits.TopicBytes,
			DelayedEvents: cfg.Limits.DelayedEvents, DelayMax: cfg.Limits.DelayedEventWait,
		},
		CarryRules: push.Carry, JoinRules: push.Announce, Makers: h.services, Pictures: pictures{h}, AckBell: rooms.RingAcknowledge,
	})
	h.levels = push.NewLevels(h.store, time.Now)
	h.accounts = accounts.New(accounts.Options{
		Store: h.store, Now: time.Now, Random: rand.Reader, MaxDevices: cfg.Limits.Devices,
		MachineToken: cfg.MachineToken.Reveal(),
	})
	h.data = accounts.NewData(h.store, time.Now, accounts.DataLimits{
		Bytes: cfg.Limits.AccountDataBytes, LargeBytes: cfg.Limits.AccountDataLargeBytes, Types: cfg.Limits.AccountDataTypes,
		Tags: cfg.Limits.RoomTags, Pushers: cfg.Limits.Pushers,
	})
	h.presences = accounts.NewPresences(h.store, time.Now, cfg.Limits.PresenceTimeout)
	err = h.openMedia()
	if err == nil {
		err = h.defaultAccount(ctx)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// databaseOptions say where the data is.
func databaseOptions(cfg *config.Config) sqldb.Options {
	o := sqldb.Options{
		URL: cfg.Database.Reveal(), ListenURL: cfg.DatabaseListen.Reveal(),
		Acquire: cfg.Limits.DatabaseAcquire, Statement: cfg.Limits.DatabaseStatement, Lock: cfg.Limits.DatabaseLock,
	}
	if o.URL == "" {
		o.Path = filepath.Join(cfg.Data, databaseFile)
	}
	return o
}

func (h *house) close() {
	if err := h.accounts.Flush(context.Background()); err != nil {
		h.log.WithError(err).Warn("not saved when devices were last seen")
	}
	h.services.Close()
	h.store.Close()
	h.db.Close()
	h.outside.Close()
	h.pages.Close()
	h.cards.Close()
}

// withHouse runs a subcommand on the data, beside a running server if there is
// one. What is refused there is the person's mistake.
func withHouse(ctx context.Context, cfg *config.Config, t terminal, do func(*house) error) error {
	h, err := openHouse(ctx, cfg, newLogger(cfg, t))
	if err != nil {
		return err
	}
	defer h.close()
	err = do(h)
	if refused := refusal.As(err); refused != nil {
		sentence, _ := refused.In("en")
		return errors.New(sentence)
	}
	return err
}

// defaultAccount makes the account that everything begins with.
func (h *house) defaultAccount(ctx context.Context) error {
	account, err := h.accounts.Account(ctx, tenant.Default)
	if err != nil {
		return err
	}
	wanted := h.cfg.ServerName
	if account == nil {
		made := h.accounts.CreateAccount(ctx, accounts.Account{
			ID: tenant.Default, ServerName: cmp.Or(wanted, "localhost"),
			Settings: accounts.Settings{RoomPolicy: accounts.RoomPolicy(h.cfg.RoomPolicy)},
		})
		if made == nil {
			return nil
		}
		// Another process that started at the same moment may have been first.
		if account, err = h.accounts.Account(ctx, tenant.Default); err != nil || account == nil {
			return made
		}
	}
	if wanted != "" && account.ServerName != wanted {
		return usagef("the server name is %s since the first start and cannot become %s: user IDs and room addresses contain it. "+
			"Start without it, or with another data folder", account.ServerName, wanted)
	}
	return nil
}

// account gives an account that must exist.
func (h *house) account(ctx context.Context, account tenant.ID) (*accounts.Account, error) {
	a, err := h.accounts.Account(ctx, account)
	if err == nil && a == nil {
		err = usagef("there is no account %s", account)
	}
	return a, err
}

// passwordOr gives the password, or a new random one to be printed.
func (h *house) passwordOr(given config.Secret) (password string, made bool, err error) {
	if given != "" {
		return given.Reveal(), false, nil
	}
	password = rand.Text()
	return password, true, nil
}

// logins makes the service that checks and hashes passwords. rates may be nil.
func (h *house) logins(rates *httpapi.Limiter) *login.Service {
	return login.New(login.Options{
		Accounts: h.accounts, Now: time.Now, Random: rand.Reader, Client: h.outside, Rates: rates,
		Report: func(account tenant.ID, err error) {
			h.log.WithField("account", account).WithError(err).Warn("a way to sign in does not work")
		},
		OpenRegistration: h.cfg.Registration == config.RegistrationOpen,
		PasswordMin:      h.cfg.Limits.PasswordMin, PasswordMax: h.cfg.Limits.PasswordMax,
	})
}

func (h *house) createUser(ctx context.Context, account tenant.ID, user accounts.NewUser, password string) (id.UserID, error) {
	hashed, err := h.logins(nil).Hash(ctx, password)
	if err != nil {
		return "", err
	}
	user.Password = hashed
	return h.accounts.CreateUser(ctx, operator(account), user)
}

// operator is who acts at the command line.
func operator(account tenant.ID) tenant.Caller {
	return tenant.Caller{Account: account, Machine: accounts.CommandLine}
}

// printf writes to the terminal; whoever does not read it has chosen so.
func (t terminal) printf(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format, args...) }

// table writes rows in columns.
func (t terminal) table(rows [][]string) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				_, _ = fmt.Fprint(w, "\t")
			}
			_, _ = fmt.Fprint(w, cell)
		}
		_, _ = fmt.Fprintln(w)
	}
	return w.Flush()
}
