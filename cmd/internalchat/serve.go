package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/sirupsen/logrus"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/config"
)

// serve runs the server until ctx ends, and then stops it in order.
func serve(ctx context.Context, cfg *config.Config, t terminal) error {
	log := newLogger(cfg, t)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	address := "http://" + listener.Addr().String()
	if cfg.PublicURL == "" {
		cfg.PublicURL = address
	}
	gate := &gate{}
	server := httpapi.Server(gate, log)
	server.ReadHeaderTimeout, server.IdleTimeout = cfg.Limits.HeaderTimeout, cfg.Limits.IdleTimeout
	server.MaxHeaderBytes = cfg.Limits.HeaderBytes
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	defer func() { _ = server.Close() }()

	// Before the data is touched: a second server must not bring a schema up to
	// date under the first.
	unlock, err := lockData(cfg.Data)
	if err != nil {
		return err
	}
	defer unlock()
	h, err := openHouse(ctx, cfg, log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer h.close()
	if !cfg.RateLimits {
		log.Warn("rate limits are off: this is for benchmarks and conformance suites alone")
	}
	if err := h.administrator(ctx, t); err != nil {
		return unlessStopped(ctx, err)
	}
	defer h.startTimers(ctx)()
	unfollow, err := h.follow(ctx)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer unfollow()
	defer h.deliver()()
	gate.behind.Store(&behind{api: h.api(), ping: h.store.Ping})
	t.printf("internalchat is ready at %s\n", address)
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	return h.stop(server, gate, log)
}

// unlessStopped drops the error of a start that was told to stop.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// stop refuses what is new, ends the long polls, and lets what is being answered
// finish.
func (h *house) stop(server *http.Server, gate *gate, log *logrus.Logger) error {
	log.Info("stopping")
	gate.stopping.Store(true)
	h.store.EndPolls()
	ctx, cancel := context.WithTimeout(context.Background(), h.cfg.Limits.ShutdownGrace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close()
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("stop: %w", err)
		}
		log.Warn("some requests were cut: they took longer than the grace at the end")
	}
	return nil
}

// lockFile is held by the server that runs on a data folder.
const lockFile = "internalchat.lock"

// lockData keeps a second server off the data folder, which it makes.
func lockData(data string) (unlock func(), err error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	lock := flock.New(filepath.Join(data, lockFile), flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if !held {
		return nil, fmt.Errorf("another server runs on the data folder %s; stop it, or choose another folder with --data", data)
	}
	return func() { _ = lock.Unlock() }, nil
}

// administrator makes the first user of an installation that has none, and
// prints the password, which is never seen again.
func (h *house) administrator(ctx context.Context, t terminal) error {
	users, err := h.accounts.Users(ctx, tenant.Default)
	if err != nil || len(users) > 0 {
		return err
	}
	password := rand.Text()
	user, err := h.createUser(ctx, tenant.Default, accounts.NewUser{
		Name: "admin", Role: tenant.Administrator, DisplayName: "Administrator",
	}, password)
	if errors.Is(err, accounts.ErrUserInUse) {
		return nil // another node that started at the same moment has made it, and says so
	}
	if err != nil {
		return fmt.Errorf("make the administrator: %w", err)
	}
	t.printf("Administrator: %s\nPassword (shown this once): %s\n", user, password)
	return nil
}

// gate answers /health, and lets other requests in once there is something
// behind it.
type gate struct {
	behind   atomic.Pointer[behind] // nil while the server starts
	stopping atomic.Bool
}

type behind struct {
	api  http.Handler
	ping func(context.Context) error
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	behind := g.behind.Load()
	switch {
	case r.URL.Path == "/health":
		g.health(w, r, behind)
	case behind == nil:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"errcode":"M_UNKNOWN","error":"The server is starting. Please try again in a moment."}`))
	default:
		behind.api.ServeHTTP(w, r)
	}
}

// healthTime is how long the database may take to answer for /health.
const healthTime = 2 * time.Second

func (g *gate) health(w http.ResponseWriter, r *http.Request, behind *behind) {
	ctx, cancel := context.WithTimeout(r.Context(), healthTime)
	defer cancel()
	status, text := http.StatusOK, "ok\n"
	switch {
	case behind == nil:
		status, text = http.StatusServiceUnavailable, "starting\n"
	case g.stopping.Load():
		status, text = http.StatusServiceUnavailable, "stopping\n"
	case behind.ping(ctx) != nil:
		status, text = http.StatusServiceUnavailable, "the database does not answer\n"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}
