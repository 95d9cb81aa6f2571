package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/conversalabs/internalchat/config"
)

// configuration tells what in the options deserves a second look.
func (e *examiner) configuration() {
	c := e.cfg
	if c.File == "" {
		e.add(fine, "configuration", "no file; flags, variables and defaults alone")
	} else {
		e.secretFile("configuration", c.File)
	}
	if c.MachineTokenFile != "" {
		e.secretFile("machine token", c.MachineTokenFile)
	}
	switch {
	case c.PublicURL == "" && loopback(c.Listen):
		e.add(fine, "public URL", "not set; clients on this machine alone reach the server")
	case c.PublicURL == "":
		e.add(warning, "public URL", "not set, and the server listens for other machines: clients are sent to %s; set --public-url", c.Listen)
	case strings.HasPrefix(c.PublicURL, "http://") && !loopback(strings.TrimPrefix(c.PublicURL, "http://")):
		e.add(warning, "public URL", "%s is not encrypted: passwords and messages can be read on the way; use https", c.PublicURL)
	default:
		e.add(fine, "public URL", "%s", c.PublicURL)
	}
	if c.Registration == config.RegistrationOpen {
		e.add(warning, "registration", "open: whoever reaches the server can make a user; set --registration closed unless this is a test")
	}
	if !c.RateLimits {
		e.add(warning, "rate limits", "off: passwords can be guessed without end; set --rate-limits on unless this is a benchmark")
	}
}

// secretFile looks at who may read a file that holds, or may hold, secrets.
func (e *examiner) secretFile(subject, file string) {
	switch info, err := os.Stat(file); {
	case err != nil:
		e.add(problem, subject, "%v", err)
	case info.Mode().Perm()&0o007 != 0:
		e.add(warning, subject, "every user of this machine may open %s, which is a place for secrets; run chmod o= %s", file, file)
	default:
		e.add(fine, subject, "%s", file)
	}
}

// loopback tells whether an address, with or without a port, is of this machine
// alone.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

// server tells whether a server holds the data folder.
func (e *examiner) server(ctx context.Context) (running bool) {
	file := filepath.Join(e.cfg.Data, lockFile)
	if _, err := os.Stat(file); err != nil {
		e.add(fine, "server", "not running on this data folder") // the folder's own check says more
		return false
	}
	// It is held for a moment only, and shared, so that two of these get along.
	lock := flock.New(file, flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if err != nil {
		e.add(problem, "server", "cannot look at the lock of the data folder: %v; run this as the user that the server runs as", err)
		return false
	}
	if free {
		_ = lock.Unlock()
		e.add(fine, "server", "not running on this data folder")
		return false
	}
	switch said, err := e.askHealth(ctx); {
	case err != nil:
		e.add(fine, "server", "running on this data folder; nothing answers at %s, so it starts, stops or listens elsewhere", e.cfg.Listen)
	case said != "ok":
		e.add(warning, "server", "running on this data folder; /health at %s says: %s", e.cfg.Listen, said)
	default:
		e.add(fine, "server", "running on this data folder, and /health at %s is ok", e.cfg.Listen)
	}
	return true
}

// askHealth asks the server at the configured address how it is.
func (e *examiner) askHealth(ctx context.Context) (said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	host, port, err := net.SplitHostPort(e.cfg.Listen)
	if err != nil {
		return "", err
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/health", nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 200))
	if err == nil && answer.StatusCode != http.StatusOK && len(text) == 0 {
		text = fmt.Append(nil, answer.Status)
	}
	return strings.TrimSpace(string(text)), err
}

// listening tries the address that a server which does not run yet will want.
func (e *examiner) listening(ctx context.Context, running bool) {
	if running {
		return
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", e.cfg.Listen)
	if err != nil {
		e.add(problem, "address", "%v; end what listens there, or choose another address with --listen", err)
		return
	}
	_ = listener.Close()
	e.add(fine, "address", "%s is free", e.cfg.Listen)
}
