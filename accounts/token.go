package accounts

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// tokenKind is the part of a secret that says what it is good for.
type tokenKind string

const (
	accessToken  tokenKind = "at"
	refreshToken tokenKind = "rt"
	loginToken   tokenKind = "lt"
	openIDToken  tokenKind = "oi"
	machineToken tokenKind = "mt"
	// What people come back with from a page elsewhere, and the session of a request
	// that waits for a confirmation.
	stateToken        tokenKind = "st"
	confirmationToken tokenKind = "co"
	webhookToken      tokenKind = "wh"
)

// secretBytes is how much of a secret is random.
const secretBytes = 32

// mint makes a secret, ic_<kind>_<account>_<random>, which carries its account
// in clear so that nothing is looked up across accounts.
func (s *Service) mint(kind tokenKind, account tenant.ID) (string, error) {
	secret, err := s.secret(secretBytes)
	if err != nil {
		return "", err
	}
	return "ic_" + string(kind) + "_" + string(account) + "_" + secret, nil
}

func (s *Service) secret(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// accountOf reads the account from a secret of this kind. That it is well-formed
// says nothing about whether it was ever given to anybody.
func accountOf(token string, kind tokenKind) (tenant.ID, bool) {
	rest, ours := strings.CutPrefix(token, "ic_"+string(kind)+"_")
	account, secret, _ := strings.Cut(rest, "_")
	// An account ID has no underscore, so the first one ends it.
	if !ours || len(secret) != base64.RawURLEncoding.EncodedLen(secretBytes) || !tenant.ID(account).Valid() {
		return "", false
	}
	return tenant.ID(account), true
}

// Hash is the form in which a secret is stored: SHA-256 in hex. A fast hash is
// enough for 32 random bytes.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
