package accounts

import (
	"context"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// flushEvery is how often sightings are written at most: all of them at once,
// never one a request.
const flushEvery = 5 * time.Minute

// maxSightings bounds the memory that sightings take between two writes.
const maxSightings = 100_000

type deviceKey struct {
	account tenant.ID
	user    id.UserID
	device  id.DeviceID
}

// sightings are devices seen since they were last written.
type sightings struct {
	mu      sync.Mutex // guards all
	pending map[deviceKey]Sighting
	flushed time.Time // when they were last written
}

// maxAgent is how much is kept of what a client calls itself, in bytes.
const maxAgent = 255

func cutAgent(agent string) string {
	return strings.ToValidUTF8(agent[:min(len(agent), maxAgent)], "")
}

// Seen notes that a caller's device was seen at an address, and what the client
// called itself. Every few minutes
// one of its calls writes what all of them have noted.
func (s *Service) Seen(ctx context.Context, caller tenant.Caller, ip, agent string) error {
	if caller.Device == "" { // of an application service
		return nil
	}
	now := s.now()
	if !s.seen.add(caller, ip, cutAgent(agent), now) {
		return nil
	}
	// What others have noted must not be lost because this request is cut off.
	return s.Flush(context.WithoutCancel(ctx))
}

// Flush writes the sightings that have not been written yet.
func (s *Service) Flush(ctx context.Context) error {
	seen := s.seen.take(s.now())
	if len(seen) == 0 {
		return nil
	}
	return s.store.SeeDevices(ctx, seen)
}

// add keeps a sighting and tells whether it is time to write.
func (l *sightings) add(caller tenant.Caller, ip, agent string, now time.Time) (flush bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending == nil {
		l.pending = map[deviceKey]Sighting{}
	}
	l.pending[deviceKey{caller.Account, caller.User, caller.Device}] = Sighting{
		Account: caller.Account, User: caller.User, Device: caller.Device, IP: ip, Agent: agent, At: now.UnixMilli(),
	}
	return now.Sub(l.flushed) >= flushEvery || len(l.pending) >= maxSightings
}

// take gives all that is pending to one caller, who writes it.
func (l *sightings) take(now time.Time) []Sighting {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Sighting, 0, len(l.pending))
	for _, sighting := range l.pending {
		all = append(all, sighting)
	}
	l.pending, l.flushed = nil, now
	return all
}

// bringIn shows a sighting that has not been written yet.
func (l *sightings) bringIn(account tenant.ID, device *Device) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if sighting, ok := l.pending[deviceKey{account, device.User, device.ID}]; ok && sighting.At > device.LastSeen {
		device.LastSeen, device.LastSeenIP, device.UserAgent = sighting.At, sighting.IP, sighting.Agent
	}
}
