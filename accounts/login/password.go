package login

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Hash makes the form in which a new password is kept, if it is long enough and
// not too long (M_WEAK_PASSWORD).
func (s *Service) Hash(ctx context.Context, password string) (string, error) {
	if err := s.CheckNew(password); err != nil {
		return "", err
	}
	done, err := s.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	hash, err := argon2id.CreateHash(password, s.params)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// CheckNew tells whether a password may be set.
func (s *Service) CheckNew(password string) error {
	switch {
	case password == "":
		return errNoPassword
	case len(password) < s.shortest:
		return refusal.New(http.StatusBadRequest, "M_WEAK_PASSWORD", "This password is too short: it must have at least %d characters.", s.shortest)
	case len(password) > s.longest:
		return refusal.New(http.StatusBadRequest, "M_WEAK_PASSWORD", "This password is too long: it may have at most %d bytes.", s.longest)
	}
	return nil
}

// turn waits until a processor is free for hashing, which takes much memory and
// time. The returned function gives it back.
func (s *Service) turn(ctx context.Context) (done func(), err error) {
	select {
	case s.hashing <- struct{}{}:
		return func() { <-s.hashing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// impossible makes a hash that no password has, and that costs as much to check
// as others.
func impossible(p *argon2id.Params) string {
	zeros := func(n uint32) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.Memory, p.Iterations, p.Parallelism, zeros(p.SaltLength), zeros(p.KeyLength))
}
