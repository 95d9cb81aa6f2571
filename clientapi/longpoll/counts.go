package longpoll

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/stream"
)

// counted remembers how many one-time keys devices have left. Every answer tells
// it, because clients take an answer without it for "none left" and upload new
// ones; a poll must not cost a reading for that.
type counted struct {
	mu sync.Mutex // guards by
	by map[deviceKey]keyCounts
}

type keyCounts struct {
	counts    map[id.KeyAlgorithm]int
	fallbacks []id.KeyAlgorithm
	at        stream.Position // the counts are those of here, or of later
}

func (c *counted) last(device deviceKey) (keyCounts, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.by[device]
	return known, ok
}

func (c *counted) remember(device deviceKey, known keyCounts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[deviceKey]keyCounts{}
	}
	c.by[device] = known
}

// readKeyCounts tells how many one-time keys the caller's device has left.
func (s *Service) readKeyCounts(ctx context.Context, caller tenant.Caller, c *changes) error {
	if s.KeyCounts == nil {
		return nil
	}
	device := deviceKey{caller.Account, caller.User, caller.Device}
	known, ok := s.counted.last(device)
	if !ok || !c.tail || c.keys || known.at < c.since {
		counts, fallbacks, err := s.KeyCounts(ctx, device.account, device.user, device.device)
		if err != nil {
			return fmt.Errorf("count one-time keys: %w", err)
		}
		known = keyCounts{counts: map[id.KeyAlgorithm]int{id.KeyAlgorithmSignedCurve25519: 0}, fallbacks: fallbacks}
		maps.Copy(known.counts, counts)
	}
	known.at = c.to.Position
	s.counted.remember(device, known)
	c.counts, c.fallbacks = known.counts, known.fallbacks
	// Where the tail does not reach, they are no reason to wake anybody.
	c.countsNew = c.keys || c.initial
	return nil
}
