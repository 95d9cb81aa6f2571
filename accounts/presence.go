package accounts

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Presences are whether people are there, as they show it to everybody in the
// account (section "Presence"). An account may have switched it off: then nothing
// is kept, and nobody is shown anything.
type Presences struct {
	store PresenceStore
	now   func() time.Time
	life  time.Duration

	mu     sync.Mutex // guards people
	people map[person]*sight
}

// NewPresences makes the service. Who is not seen for a life (60 s if 0) becomes
// offline; see [Presences.Run].
func NewPresences(store PresenceStore, now func() time.Time, life time.Duration) *Presences {
	return &Presences{store: store, now: now, life: cmp.Or(life, time.Minute), people: map[person]*sight{}}
}

// PresenceStore keeps what [Presences] serves: of every user the item of the
// stream, and, of those who are not offline, when they were last seen. Those
// times are shared by all nodes and are in no stream.
type PresenceStore interface {
	// Item gives the content under a key, nil when there is none.
	Item(ctx context.Context, account tenant.ID, kind stream.Kind, user id.UserID, room id.RoomID, key string) ([]byte, error)
	// User gives a user as the database has them, or nil.
	User(ctx context.Context, account tenant.ID, user id.UserID) (*User, error)
	// Settings gives an account's settings at the local head, from memory.
	Settings(ctx context.Context, account tenant.ID) (Settings, error)
	// ChangePresence changes the caller's presence, as one act. change gets the
	// content at the head, nil when there is none, may run several times, and gives
	// nil when there is nothing to change. In an account whose presence is off it is
	// not asked.
	ChangePresence(ctx context.Context, caller tenant.Caller, change func([]byte) (*PresenceChange, error)) error
	// SeePresent notes when people were seen. It leaves out who is offline, and is
	// not an act: nobody is told.
	SeePresent(ctx context.Context, seen []Attendance) error
	// Overdue gives at most limit people of all accounts who are not offline and
	// were not seen after before (ms), the longest overdue first.
	Overdue(ctx context.Context, before int64, limit int) ([]Attendance, error)
	// Depart is the end, as one act, of the presence of those of the users who were
	// still not seen after before (ms). offline gets the content and when the user
	// was last active (ms), and gives the new one, or nil when they are offline
	// already.
	Depart(ctx context.Context, account tenant.ID, users []id.UserID, before int64, offline func(content []byte, active int64) ([]byte, error)) error
}

// PresenceChange is what becomes of a user's presence.
type PresenceChange struct {
	Content []byte // JSON
	There   bool   // not offline
	// Seen and Active are as in [Attendance].
	Seen, Active int64
}

// Attendance is when a user was there.
type Attendance struct {
	Account tenant.ID
	User    id.UserID
	Seen    int64 // ms, when they last made a request or waited in a poll
	Active  int64 // ms, when they last did more than to poll; 0: not known
}

// Presence is what a user shows, as it is kept. What begins with LastActive is at
// its end: see [Presences.Content].
type Presence struct {
	Presence   string  `json:"presence"` // online, unavailable or offline
	Status     *string `json:"status_msg,omitempty"`
	LastActive int64   `json:"last_active_ts,omitempty"` // ms; 0: not known
}

const (
	online  = "online"
	offline = "offline"
)

var presences = []string{online, "unavailable", offline}

// maxStatus is how long a status message may be, in bytes.
const maxStatus = 1024

var (
	errPresence     = refusal.BadJSON("A presence must be online, unavailable or offline.")
	errStatus       = refusal.Invalid("A status message may have at most 1,024 bytes.")
	errStrangersOwn = refusal.NotFound("This user does not exist, or shows you no presence.")
)

// Shown tells whether an account shows presence to anybody.
func (p *Presences) Shown(ctx context.Context, account tenant.ID) (bool, error) {
	settings, err := p.store.Settings(ctx, account)
	return !settings.PresenceOff, err
}

// Presence gives a user's presence as clients read it: offline for who has never
// set any. Who is no user of the account is M_NOT_FOUND.
func (p *Presences) Presence(ctx context.Context, account tenant.ID, user id.UserID) (json.RawMessage, error) {
	shown, err := p.Shown(ctx, account)
	if err != nil {
		return nil, err
	}
	if shown {
		content, err := p.store.Item(ctx, account, stream.Presence, user, "", "")
		if err != nil {
			return nil, err
		}
		if content != nil {
			return p.Content(account, user, content), nil
		}
	}
	known, err := p.store.User(ctx, account, user)
	if err != nil {
		return nil, err
	}
	if known == nil {
		return nil, errStrangersOwn
	}
	return json.RawMessage(`{"presence":"offline"}`), nil
}

// Content gives a kept presence as clients read it: with last_active_ago and
// currently_active in the place of last_active_ts. It is made for every reader, so
// it works on the bytes: last_active_ts is written last, and what a status message
// says cannot look like it, because there its quotes would be escaped. What people
// do after they have said that they are offline is not told.
func (p *Presences) Content(account tenant.ID, user id.UserID, kept []byte) []byte {
	rest, ts, found := bytes.Cut(kept, []byte(`,"last_active_ts":`))
	if !found {
		return kept
	}
	active, err := strconv.ParseInt(string(bytes.TrimSuffix(ts, []byte("}"))), 10, 64)
	if err != nil {
		return kept
	}
	if !bytes.HasPrefix(rest, []byte(`{"presence":"offline"`)) {
		active = max(active, p.lastActive(account, user))
	}
	ago := max(p.now().UnixMilli()-active, 0)
	content := append(bytes.Clone(rest), `,"last_active_ago":`...)
	content = strconv.AppendInt(content, ago, 10)
	if bytes.HasPrefix(rest, []byte(`{"presence":"online"`)) {
		content = append(content, `,"currently_active":`...)
		content = strconv.AppendBool(content, ago < p.life.Milliseconds())
	}
	return append(content, '}')
}

// SetPresence sets the caller's presence and status message.
func (p *Presences) SetPresence(ctx context.Context, caller tenant.Caller, presence string, status *string) error {
	if !slices.Contains(presences, presence) {
		return errPresence
	}
	if status != nil && len(*status) > maxStatus {
		return errStatus
	}
	now := p.now().UnixMilli()
	return p.change(ctx, caller, func(Presence) Presence {
		return Presence{Presence: presence, Status: status, LastActive: now}
	})
}

// Attend tells that the caller begins to poll as online or unavailable ("" is
// online); leave tells that the poll is over. The status message stays, and
// nothing is written where nothing changes. A change that allow does not let pass
// waits for a later poll. Who polls as offline leaves no trace.
func (p *Presences) Attend(ctx context.Context, caller tenant.Caller, presence string, allow func() bool) (leave func(), err error) {
	presence = cmp.Or(presence, online)
	if !slices.Contains(presences, presence) {
		return nil, errPresence
	}
	shown, err := p.Shown(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	if presence == offline || !shown {
		return func() {}, nil
	}
	leave = p.enter(caller)
	if err := p.appear(ctx, caller, presence, allow); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

func (p *Presences) appear(ctx context.Context, caller tenant.Caller, presence string, allow func() bool) error {
	content, err := p.store.Item(ctx, caller.Account, stream.Presence, caller.User, "", "")
	if err != nil {
		return err
	}
	kept, err := readPresence(content)
	if err != nil || kept.Presence == presence || !allow() {
		return err
	}
	now := p.now().UnixMilli()
	return p.change(ctx, caller, func(kept Presence) Presence {
		if presence == online || kept.Presence == "" || kept.Presence == offline {
			kept.LastActive = now
		} else {
			kept.LastActive = max(kept.LastActive, p.lastActive(caller.Account, caller.User))
		}
		kept.Presence = presence
		return kept
	})
}

// change writes what to makes of the caller's presence, unless it says the same.
func (p *Presences) change(ctx context.Context, caller tenant.Caller, to func(Presence) Presence) error {
	return p.store.ChangePresence(ctx, caller, func(content []byte) (*PresenceChange, error) {
		kept, err := readPresence(content)
		if err != nil {
			return nil, err
		}
		next := to(kept)
		if content != nil && next.Presence == kept.Presence && same(next.Status, kept.Status) {
			return nil, nil
		}
		written, err := json.Marshal(next)
		return &PresenceChange{
			Content: written, There: next.Presence != offline, Seen: p.now().UnixMilli(), Active: next.LastActive,
		}, err
	})
}

func same(x, y *string) bool { return x == y || x != nil && y != nil && *x == *y }

// readPresence reads what is kept, the zero value of nothing.
func readPresence(content []byte) (Presence, error) {
	var p Presence
	if len(content) == 0 {
		return p, nil
	}
	err := json.Unmarshal(content, &p)
	return p, err
}

// Offline gives a kept presence as that of somebody who is offline and was last
// active at a time, in ms.
func Offline(kept []byte, active int64) ([]byte, error) {
	p, err := readPresence(kept)
	if err != nil {
		return nil, err
	}
	p.Presence, p.LastActive = offline, max(p.LastActive, active)
	return json.Marshal(p)
}
