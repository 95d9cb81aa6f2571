package login

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config/outbound"
)

const (
	// keysFresh is for how long fetched keys are taken without asking again.
	keysFresh = 10 * time.Minute
	// keysHold is for how long they are good while they cannot be fetched again.
	keysHold = time.Hour
	// keysRetry is how long it takes between two fetches at least, whoever comes
	// with a key that nobody knows.
	keysRetry = 30 * time.Second
	// keysWait is how long a fetch may take.
	keysWait = 5 * time.Second
	// maxKeySet is how large a set may be, in bytes, and maxKeys how many keys of it
	// are looked at.
	maxKeySet = 256 << 10
	maxKeys   = 50
)

// keySets are the keys that accounts publish (RFC 7517), as they were fetched last.
type keySets struct {
	client *outbound.Client
	now    func() time.Time

	mu   sync.Mutex // guards sets
	sets map[tenant.ID]*keySet
}

// keySet are the keys of one account.
type keySet struct {
	mu      sync.Mutex // guards all below, and is held while the keys are fetched: who comes meanwhile waits for them
	url     string
	keys    []key
	fetched time.Time
	tried   time.Time
}

// keys gives the keys at an address. They are fetched when they are old, and when
// none has the wanted ID, because keys are changed before their time. An error says
// why they could not be fetched; the keys may be there all the same.
func (k *keySets) keys(ctx context.Context, account tenant.ID, url, id string) ([]key, error) {
	set := k.of(account)
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.url != url {
		set.url, set.keys, set.fetched, set.tried = url, nil, time.Time{}, time.Time{}
	}
	now := k.now()
	known := id == "" || slices.ContainsFunc(set.keys, func(k key) bool { return k.id == id })
	if known && now.Sub(set.fetched) < keysFresh {
		return set.keys, nil
	}
	var failed error
	if now.Sub(set.tried) >= keysRetry {
		set.tried = now
		var keys []key
		if keys, failed = k.fetch(ctx, url); failed == nil {
			set.keys, set.fetched = keys, now
		}
	}
	if now.Sub(set.fetched) >= keysHold {
		return nil, failed
	}
	return set.keys, failed
}

func (k *keySets) of(account tenant.ID) *keySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sets[account] == nil {
		k.sets[account] = &keySet{}
	}
	return k.sets[account]
}

// fetch reads a set. It goes on when the request that asked for it is given up,
// since others wait for it too.
func (k *keySets) fetch(ctx context.Context, url string) ([]key, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysWait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := k.client.Do(ctx, request, maxKeySet)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("the answer's status is %d", answer.Status)
	}
	return readKeys(answer.Body)
}

// readKeys reads a set. Keys of other kinds and for other uses are passed over.
func readKeys(text []byte) ([]key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("decode keys: %w", err)
	}
	var keys []key
	for _, one := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var jwk jose.JSONWebKey
		if jwk.UnmarshalJSON(one) != nil {
			continue
		}
		if k, err := publicKey(jwk); err == nil {
			keys = append(keys, k)
		}
	}
	return keys, nil
}
