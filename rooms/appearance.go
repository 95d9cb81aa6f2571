package rooms

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/icon"
)

// Pictures keep what the server paints as media of the account.
type Pictures interface {
	// Keep keeps content as an upload of the owner's, and gives its mxc URI.
	Keep(ctx context.Context, account tenant.ID, owner id.UserID, name, contentType string, r io.Reader) (id.ContentURIString, error)
}

// Appearance is what a channel looks like in lists: a picture, or an icon on a colour,
// or neither.
type Appearance struct {
	AvatarURL id.ContentURIString
	Icon      string // one of [icon.Names]
	Color     string // #RRGGBB
}

// generatedKey is the key in an avatar's info that tells that the server painted it.
const generatedKey = "br.com.conversalabs.generated"

// What is refused of appearances.
var (
	errAppearance   = refusal.Invalid("A channel has either a picture (avatar_url) or an icon with a colour (icon and color).")
	errAvatarURL    = refusal.Invalid("The picture of a channel must be an mxc:// address of at most 255 bytes.")
	errIcon         = refusal.Invalid("There is no such icon. The list of all icons tells which there are.")
	errColor        = refusal.Invalid("A colour is # and six hexadecimal digits, like #2563EB.")
	errPicturesHere = refusal.New(http.StatusNotImplemented, "M_UNRECOGNIZED", "This server cannot paint icons.")
)

func (a Appearance) check() error {
	painted := a.Icon != "" || a.Color != ""
	switch {
	case painted && a.AvatarURL != "", (a.Icon == "") != (a.Color == ""):
		return errAppearance
	case a.Icon != "" && !icon.Known(a.Icon):
		return errIcon
	case a.AvatarURL != "":
		if uri, err := a.AvatarURL.Parse(); err != nil || !uri.IsValid() || len(a.AvatarURL) > 255 {
			return errAvatarURL
		}
	}
	if _, err := icon.ParseColor(a.Color); painted && err != nil {
		return errColor
	}
	return nil
}

// SetAppearance gives a channel a picture, or an icon on a colour, which is painted so
// that every client shows it, for its owners and admins and administrators of the
// account. The zero Appearance takes away what there is.
func (s *Service) SetAppearance(ctx context.Context, caller tenant.Caller, room id.RoomID, a Appearance) error {
	if err := a.check(); err != nil {
		return err
	}
	same := false
	err := s.store.View(ctx, caller.Account, func(v View) error {
		r, err := v.Room(room)
		if err != nil {
			return err
		}
		if err := mayShape(r, caller.User, caller.Administrator()); err != nil {
			return err
		}
		same = r.looks(a)
		return nil
	})
	if err != nil || same {
		return err
	}
	avatar, err := s.avatar(ctx, caller, a)
	if err != nil {
		return err
	}
	return s.loneAct(ctx, caller, func(tx Tx) error {
		w, err := s.openToShape(tx, caller, room)
		if err != nil {
			return err
		}
		why := service{server: caller.Server, actor: caller.User}
		if err := w.serveState(why, "m.room.avatar", avatar.bytes()); err != nil {
			return err
		}
		if err := w.setChannel(why, func(c *Channel) { c.Icon, c.Color = a.Icon, a.Color }); err != nil {
			return err
		}
		if w.room.Joined(caller.User) && w.room.PowerLevels().User(caller.User) >= AdminLevel {
			return nil
		}
		return tx.Audit(auditAppearance, string(room), nil)
	})
}

// looks tells whether the room looks so already.
func (r *Room) looks(a Appearance) bool {
	if channel := r.Channel(); channel.Icon != a.Icon || channel.Color != a.Color {
		return false
	}
	if a.Icon == "" {
		return publicRoom(r).AvatarURL == string(a.AvatarURL)
	}
	avatar := r.Event("m.room.avatar", "")
	return avatar != nil && gjson.GetBytes(avatar.Content, "info."+valuePath(generatedKey)).Bool()
}

// avatar gives the content of m.room.avatar for an appearance. What has to be painted
// is kept as the caller's.
func (s *Service) avatar(ctx context.Context, caller tenant.Caller, a Appearance) (object, error) {
	switch {
	case a.AvatarURL != "":
		return object{}.with("url", a.AvatarURL), nil
	case a.Icon == "":
		return object{}, nil
	case s.pictures == nil:
		return nil, errPicturesHere
	}
	picture, err := icon.Paint(a.Icon, a.Color)
	if err != nil {
		return nil, err
	}
	const contentType = "image/png"
	url, err := s.pictures.Keep(ctx, caller.Account, caller.User, a.Icon+".png", contentType, bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	return object{}.with("url", url).with("info", map[string]any{
		"mimetype": contentType, "size": len(picture), "w": icon.Size, "h": icon.Size, generatedKey: true,
	}), nil
}

// followAvatar drops icon and colour of a channel whose picture a member has changed.
func (w *writing) followAvatar(p part) error {
	channel := w.room.Channel()
	if p.served || p.kind != "m.room.avatar" || channel.Icon == "" && channel.Color == "" {
		return nil
	}
	return w.setChannel(service{server: p.sender.Homeserver(), actor: p.sender}, func(c *Channel) { c.Icon, c.Color = "", "" })
}
