package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/tidwall/gjson"
	"golang.org/x/text/language"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// The types of global account data that are the product's. Whoever writes them, the
// user's client, the product's own endpoints or ConversaLabs, it is the same thing.
const (
	// BellType is how a user's bell stands: {"unread","latest"?}. The server alone
	// writes it.
	BellType = "br.com.conversalabs.bell"
	// NotificationPreferencesType holds [NotificationPreferences].
	NotificationPreferencesType = "br.com.conversalabs.notification_preferences"
	// PreferencesType holds [Preferences].
	PreferencesType = "br.com.conversalabs.preferences"
)

// Channels are the ways on which somebody is told of one type of thing.
type Channels struct {
	Bell  bool `json:"bell"`
	Email bool `json:"email"`
	Push  bool `json:"push"`
}

// QuietHours is when nothing is to be heard of by e-mail or push; the bell goes on.
// End is on the next day where it is not after Start.
type QuietHours struct {
	Start    string   `json:"start"`              // HH:MM
	End      string   `json:"end"`                // HH:MM
	Days     []string `json:"days,omitempty"`     // mon to sun, of Start; none: every day
	Timezone string   `json:"timezone,omitempty"` // IANA; "": the user's, or else the account's
}

// NotificationPreferences is what a user wants to be told of, and how.
type NotificationPreferences struct {
	Mention       Channels    `json:"mention"`
	DirectMessage Channels    `json:"direct_message"`
	Announcement  Channels    `json:"announcement"`
	QuietHours    *QuietHours `json:"quiet_hours,omitempty"`
}

// Preferences are what a user has chosen for the product's clients.
type Preferences struct {
	SendKey string `json:"send_key,omitempty"` // enter or ctrl_enter; "": not chosen
	Locale  string `json:"locale,omitempty"`   // BCP 47; "": not chosen
}

// Send keys.
const (
	SendByEnter     = "enter"
	SendByCtrlEnter = "ctrl_enter"
)

var (
	errPreferences = refusal.BadJSON("Notification preferences are an object that has, under mention, direct_message and announcement, objects with bell, email and push, each true or false.")
	errQuietHours  = refusal.BadJSON("Quiet hours are an object with start and end as HH:MM, which differ, and perhaps days, a list of mon, tue, wed, thu, fri, sat and sun, and timezone, such as America/Sao_Paulo.")
	errSendKey     = refusal.BadJSON("The send key must be enter or ctrl_enter.")
	errLocale      = refusal.BadJSON("The locale must be a language tag, such as pt-BR.")
)

// unset is how preferences are where a user has not said anything: the bell rings and
// push rules push; e-mail has to be asked for.
var unset = Channels{Bell: true, Push: true}

// ReadNotificationPreferences gives what content says, nil for nothing, with what it
// does not say as it is by default. It refuses what is not of the shape; other keys
// are for others.
func ReadNotificationPreferences(content []byte) (NotificationPreferences, error) {
	p := NotificationPreferences{Mention: unset, DirectMessage: unset, Announcement: unset}
	if len(content) == 0 {
		return p, nil
	}
	said := gjson.ParseBytes(content)
	for kind, channels := range map[string]*Channels{
		"mention": &p.Mention, "direct_message": &p.DirectMessage, "announcement": &p.Announcement,
	} {
		if !channels.take(said.Get(kind)) {
			return p, errPreferences
		}
	}
	quiet := said.Get("quiet_hours")
	if !quiet.Exists() || quiet.Type == gjson.Null {
		return p, nil
	}
	p.QuietHours = &QuietHours{}
	if jsonv2.Unmarshal([]byte(quiet.Raw), p.QuietHours) != nil || !p.QuietHours.good() {
		return p, errQuietHours
	}
	return p, nil
}

// take takes in what is said of some channels, and tells whether that is of the shape.
func (c *Channels) take(said gjson.Result) bool {
	if said.Exists() && !said.IsObject() {
		return false
	}
	for channel, on := range map[string]*bool{"bell": &c.Bell, "email": &c.Email, "push": &c.Push} {
		if value := said.Get(channel); value.IsBool() {
			*on = value.Bool()
		} else if value.Exists() {
			return false
		}
	}
	return true
}

var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

func (q *QuietHours) good() bool {
	for _, at := range []string{q.Start, q.End} {
		if _, err := time.Parse("15:04", at); err != nil || len(at) != len("15:04") {
			return false
		}
	}
	for i, day := range q.Days {
		if !slices.Contains(weekdays, day) || slices.Contains(q.Days[:i], day) {
			return false
		}
	}
	_, err := time.LoadLocation(q.Timezone)
	return err == nil && q.Timezone != "Local" && q.Start != q.End
}

// ReadPreferences gives what content says, nil for nothing. It refuses what is not of
// the shape; other keys are for others.
func ReadPreferences(content []byte) (Preferences, error) {
	var p Preferences
	if len(content) == 0 {
		return p, nil
	}
	var said struct {
		SendKey json.RawMessage `json:"send_key"`
		Locale  json.RawMessage `json:"locale"`
	}
	if jsonv2.Unmarshal(content, &said) != nil {
		return p, errDataObject
	}
	if said.SendKey != nil {
		if jsonv2.Unmarshal(said.SendKey, &p.SendKey) != nil || p.SendKey != SendByEnter && p.SendKey != SendByCtrlEnter {
			return p, errSendKey
		}
	}
	if said.Locale != nil {
		if jsonv2.Unmarshal(said.Locale, &p.Locale) != nil {
			return p, errLocale
		}
		if _, err := language.Parse(p.Locale); err != nil {
			return p, errLocale
		}
	}
	return p, nil
}

// NotificationPreferences gives what a user wants to be told of.
func (d *Data) NotificationPreferences(ctx context.Context, account tenant.ID, user id.UserID) (NotificationPreferences, error) {
	content, err := d.store.Item(ctx, account, stream.AccountData, user, "", NotificationPreferencesType)
	if err != nil {
		return NotificationPreferences{}, err
	}
	p, err := ReadNotificationPreferences(content)
	if err != nil { // of before it was looked at
		p, err = ReadNotificationPreferences(nil)
	}
	return p, err
}

// Preferences gives what a user has chosen.
func (d *Data) Preferences(ctx context.Context, account tenant.ID, user id.UserID) (Preferences, error) {
	content, err := d.store.Item(ctx, account, stream.AccountData, user, "", PreferencesType)
	if err != nil {
		return Preferences{}, err
	}
	p, err := ReadPreferences(content)
	if err != nil { // of before it was looked at
		p = Preferences{}
	}
	return p, nil
}

// SaidPreferences gives what a user has chosen, as content, after a change of
// ConversaLabs' from present, nil if there was none, and whether that changes it: what
// the user has chosen since stays, unless ConversaLabs has another word on it. kept is
// asked for the content of now when it is needed.
func SaidPreferences(present, after *User, kept func() ([]byte, error)) ([]byte, bool, error) {
	var before Record
	if present != nil {
		before = *present.Record
	}
	said := map[string]string{}
	if before.Locale != after.Record.Locale {
		said["locale"] = after.Record.Locale
	}
	if before.SendKey != after.Record.SendKey {
		said["send_key"] = after.Record.SendKey
	}
	if len(said) == 0 {
		return nil, false, nil
	}
	content, err := kept()
	if err != nil {
		return nil, false, err
	}
	all := map[string]json.RawMessage{}
	if len(content) > 0 && json.Unmarshal(content, &all) != nil {
		all = map[string]json.RawMessage{}
	}
	for key, value := range said {
		if all[key] = quoted(value); value == "" {
			delete(all, key)
		}
	}
	content, err = json.Marshal(all)
	if err != nil {
		return nil, false, fmt.Errorf("encode preferences: %w", err)
	}
	return content, true, nil
}
