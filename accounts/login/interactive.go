package login

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Auth is what a client sends to confirm a request (client-server API,
// "User-interactive authentication API").
type Auth struct {
	Type       mautrix.AuthType `json:"type"`
	Session    string           `json:"session"`
	Identifier *Identifier      `json:"identifier"`
	User       string           `json:"user"`
	Password   string           `json:"password"`
}

var (
	errStage      = refusal.New(http.StatusUnauthorized, "M_UNRECOGNIZED", "This request cannot be confirmed in this way.")
	errStageLogin = refusal.New(http.StatusUnauthorized, "M_FORBIDDEN", "The user name or the password is wrong.")
	errStageOwner = refusal.Forbidden("Please confirm this with your own user name and password.")
)

// Confirm demands that the caller proves again who they are, by their password.
// Without a proof, or with a wrong one, the error is the 401 that says what to
// send; the proof of being somebody else is M_FORBIDDEN. A confirmation is one
// stage and comes with the request it confirms, so nothing is kept between
// requests, and the session's name means nothing.
func (s *Service) Confirm(ctx context.Context, caller tenant.Caller, ip string, auth *Auth) error {
	if err := s.stage(auth, mautrix.AuthTypePassword); err != nil {
		return err
	}
	name, err := userName(auth.Identifier, auth.User)
	if err != nil {
		return err
	}
	if name != "" {
		account, user, err := s.accounts.ParseUser(ctx, caller.Account, caller.Server, name)
		if err != nil {
			return err
		}
		if account != caller.Account || user != caller.User {
			return errStageOwner
		}
	}
	_, err = s.check(ctx, attempt{caller.Account, caller.User, auth.Password, ip})
	if errors.Is(err, accounts.ErrLogin) {
		return s.question(errStageLogin, auth, mautrix.AuthTypePassword)
	}
	return err
}

// stage tells whether auth is of one of the stages; if not, the error is the 401
// that lists them.
func (s *Service) stage(auth *Auth, stages ...mautrix.AuthType) error {
	switch {
	case auth == nil || auth.Type == "":
		return s.question(refusal.New(http.StatusUnauthorized, "", ""), auth, stages...)
	case !slices.Contains(stages, auth.Type):
		return s.question(errStage, auth, stages...)
	}
	return nil
}

// question adds to a refusal how the request can be confirmed: by any one of the
// stages.
func (s *Service) question(r *refusal.Refusal, auth *Auth, stages ...mautrix.AuthType) error {
	flows := make([]mautrix.UIAFlow, len(stages))
	for i, stage := range stages {
		flows[i] = mautrix.UIAFlow{Stages: []mautrix.AuthType{stage}}
	}
	session := ""
	if auth != nil {
		session = auth.Session
	}
	if session == "" {
		var b [18]byte
		if _, err := io.ReadFull(s.random, b[:]); err != nil {
			return fmt.Errorf("read randomness: %w", err)
		}
		session = base64.RawURLEncoding.EncodeToString(b[:])
	}
	return r.With("flows", flows).With("params", struct{}{}).With("session", session).With("completed", []string{})
}
