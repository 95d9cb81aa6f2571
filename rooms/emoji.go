package rooms

import (
	"context"
	"encoding/json"
	"regexp"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// The account's emoji are an image pack of its space (section "Image packs"), which
// every client that knows image packs shows: under the specification's names, and under
// those from before it that many clients still look for.

var (
	emojiTypes      = []string{"m.room.image_pack", "im.ponies.room_emotes"}
	emojiRoomsTypes = []string{"m.image_pack.rooms", "im.ponies.emote_rooms"}
)

// Emoji is one of the account's own emoji.
type Emoji struct {
	URL  id.ContentURIString `json:"url"`            // mxc
	Body string              `json:"body,omitempty"` // what it shows, in words
}

const (
	maxEmoji     = 250
	maxEmojiBody = 100 // bytes
)

var shortcodePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

// What is refused of emoji.
var (
	errShortcode  = refusal.Invalid("The name of an emoji has 1 to 100 letters, digits, - and _.")
	errEmojiURL   = refusal.Invalid("The picture of an emoji must be an mxc:// address of at most 255 bytes.")
	errEmojiBody  = refusal.Invalid("What an emoji shows must be said in at most %d bytes.", maxEmojiBody)
	errNoEmoji    = refusal.NotFound("There is no such emoji.")
	errManyEmoji  = refusal.Forbidden("An account can have %d emoji at most. Remove one first.", maxEmoji)
	errEmojiSpace = refusal.Forbidden("Emoji belong to the account's space, and this account has none. It can be switched on in ConversaLabs.")
)

// imagePack is the content of m.room.image_pack.
type imagePack struct {
	Images map[string]Emoji `json:"images"`
	Pack   struct {
		Usage []string `json:"usage"`
	} `json:"pack"`
}

func (r *Room) emoji() map[string]Emoji {
	pack := imagePack{}
	if e := r.Event(emojiTypes[0], ""); e != nil && json.Unmarshal(e.Content, &pack) == nil && pack.Images != nil {
		return pack.Images
	}
	return map[string]Emoji{}
}

// Emoji gives the account's own emoji by their names.
func (s *Service) Emoji(ctx context.Context, account tenant.ID) (map[string]Emoji, error) {
	room, err := spaceID(s.store.Item(ctx, account, stream.AccountSpace, "", "", ""))
	if err != nil || room == "" {
		return map[string]Emoji{}, err
	}
	var all map[string]Emoji
	err = s.store.View(ctx, account, func(v View) error {
		r, err := v.Room(room)
		if err == nil {
			all = r.emoji()
		}
		return err
	})
	return all, err
}

// EmojiNamed gives one of the account's own emoji, or 404.
func (s *Service) EmojiNamed(ctx context.Context, account tenant.ID, shortcode string) (Emoji, error) {
	all, err := s.Emoji(ctx, account)
	if err != nil {
		return Emoji{}, err
	}
	emoji, exists := all[shortcode]
	if !exists {
		return Emoji{}, errNoEmoji
	}
	return emoji, nil
}

// SetEmoji adds an emoji to the account's own, or puts it in the place of the one of
// this name. For administrators.
func (s *Service) SetEmoji(ctx context.Context, caller tenant.Caller, shortcode string, emoji Emoji) error {
	uri, err := emoji.URL.Parse()
	switch {
	case !shortcodePattern.MatchString(shortcode):
		return errShortcode
	case err != nil || !uri.IsValid() || len(emoji.URL) > 255:
		return errEmojiURL
	case len(emoji.Body) > maxEmojiBody:
		return errEmojiBody
	}
	return s.changeEmoji(ctx, caller, shortcode, auditEmoji, func(all map[string]Emoji) error {
		if _, exists := all[shortcode]; !exists && len(all) >= maxEmoji {
			return errManyEmoji
		}
		all[shortcode] = emoji
		return nil
	})
}

// RemoveEmoji removes an emoji from the account's own, for administrators. Messages
// that have it keep it.
func (s *Service) RemoveEmoji(ctx context.Context, caller tenant.Caller, shortcode string) error {
	return s.changeEmoji(ctx, caller, shortcode, auditNoEmoji, func(all map[string]Emoji) error {
		if _, exists := all[shortcode]; !exists {
			return errNoEmoji
		}
		delete(all, shortcode)
		return nil
	})
}

func (s *Service) changeEmoji(ctx context.Context, caller tenant.Caller, shortcode string, action Action, change func(map[string]Emoji) error) error {
	policy, err := s.policies.RoomPolicy(ctx, caller.Account)
	if err != nil {
		return err
	}
	born, err := s.birth(caller.Server)
	if err != nil {
		return err
	}
	return s.loneAct(ctx, caller, func(tx Tx) error {
		if administrator, err := tx.Administrator(caller.User); err != nil {
			return err
		} else if !administrator {
			return errAdministrator
		}
		w, err := s.space(tx)
		if err != nil {
			return err
		}
		pack := imagePack{Images: map[string]Emoji{}}
		if w != nil {
			pack.Images = w.room.emoji()
		}
		if err := change(pack.Images); err != nil {
			return err
		}
		if policy.Space == "" {
			return errEmojiSpace
		}
		if w == nil {
			if w, err = s.makeSpace(tx, policy, born); err != nil {
				return err
			}
			// Whoever follows the directory brings everybody in.
			if err := tx.Publish(w.room.ID, false); err != nil {
				return err
			}
		}
		if err := w.setEmoji(service{server: caller.Server, actor: caller.User}, pack); err != nil {
			return err
		}
		return tx.Audit(action, shortcode, nil)
	})
}

func (w *writing) setEmoji(why service, pack imagePack) error {
	pack.Pack.Usage = []string{"emoticon"}
	content, err := json.Marshal(pack)
	if err != nil {
		return err
	}
	for _, kind := range emojiTypes {
		if err := w.serveState(why, kind, content); err != nil {
			return err
		}
	}
	return nil
}

// withEmojiRoom gives the content of m.image_pack.rooms with a room's pack among those
// that a user has in all rooms, or nil when it is there.
func withEmojiRoom(content []byte, room id.RoomID) []byte {
	all, rooms, packs := object{}, object{}, object{}
	// The user's own, of any shape: what cannot be read is made anew.
	_ = json.Unmarshal(content, &all)
	_ = json.Unmarshal(all["rooms"], &rooms)
	_ = json.Unmarshal(rooms[string(room)], &packs)
	if _, enabled := packs[""]; enabled {
		return nil
	}
	for _, o := range []*object{&all, &rooms, &packs} {
		if *o == nil { // it was null
			*o = object{}
		}
	}
	packs[""] = json.RawMessage(`{}`)
	rooms[string(room)] = packs.bytes()
	all["rooms"] = rooms.bytes()
	return all.bytes()
}
