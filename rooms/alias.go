package rooms

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// errNoAlias is the refusal for an alias that points nowhere.
func errNoAlias() error { return refusal.NotFound("There is no room with this address.") }

var (
	errAddresses = refusal.Forbidden("Only owners and admins of this channel can give it addresses.").Because("requires_channel_admin")
	errDirectory = refusal.Forbidden("Public channels and announcements stand in the directory, private channels and direct messages do not.")
)

// checkAlias refuses what is no alias of the account's server.
func checkAlias(alias id.RoomAlias, server string) error {
	if !event.ValidRoomAlias(alias) {
		return refusal.Invalid("%s is not a room address. It should look like #name:%s.", string(alias), server)
	}
	if !strings.HasSuffix(string(alias), ":"+server) {
		return refusal.Invalid("Room addresses here end in :%s.", server)
	}
	return nil
}

// Resolve gives the room an alias points to. The address of a private channel of the
// team leads nobody there who is not in it.
func (s *Service) Resolve(ctx context.Context, caller tenant.Caller, alias id.RoomAlias) (id.RoomID, error) {
	room, err := s.aliasOf(ctx, caller.Account, alias)
	if err != nil {
		return "", err
	}
	hidden := false
	err = s.store.View(ctx, caller.Account, func(v View) error {
		r, err := v.Room(room)
		hidden = r != nil && r.Kind() == Private && !r.Joined(caller.User)
		return err
	})
	if err == nil && hidden {
		return "", errNoAlias()
	}
	return room, err
}

// aliasOf gives the room an alias points to, whoever asks.
func (s *Service) aliasOf(ctx context.Context, account tenant.ID, alias id.RoomAlias) (id.RoomID, error) {
	if !event.ValidRoomAlias(alias) {
		return "", refusal.Invalid("%s is not a room address.", string(alias))
	}
	room, _, err := s.store.AliasOf(ctx, account, alias)
	if err != nil {
		return "", err
	}
	if room == "" && s.makers != nil && s.makers.MakeAlias(ctx, account, alias) {
		if room, _, err = s.store.AliasOf(ctx, account, alias); err != nil {
			return "", err
		}
	}
	if room == "" {
		return "", errNoAlias()
	}
	return room, nil
}

// AddAlias makes an alias point to a room that the caller is in.
func (s *Service) AddAlias(ctx context.Context, caller tenant.Caller, alias id.RoomAlias, room id.RoomID) error {
	if err := checkAlias(alias, caller.Server); err != nil {
		return err
	}
	return s.loneAct(ctx, caller, func(tx Tx) error {
		w, err := s.open(tx, room)
		if err != nil {
			return err
		}
		if !w.room.Joined(caller.User) {
			return errNotHere()
		}
		switch kind := w.room.Kind(); {
		case kind == Direct:
			return errDirectAddress
		case kind != "" && !w.mayManageAliases(caller.User):
			return errAddresses
		}
		taken, _, err := tx.Alias(alias)
		if err != nil {
			return err
		}
		if taken != "" {
			return refusal.New(http.StatusConflict, "M_UNKNOWN", "The address %s is taken.", string(alias))
		}
		if err := tx.CheckAlias(alias); err != nil {
			return err
		}
		have, err := tx.Aliases(room)
		if err != nil {
			return err
		}
		if s.limits.AliasesPerRoom > 0 && len(have) >= s.limits.AliasesPerRoom {
			return refusal.Forbidden("A room can have %d addresses at most.", s.limits.AliasesPerRoom)
		}
		tx.SetAlias(alias, room, caller.User)
		return nil
	})
}

// RemoveAlias takes an alias away. Its maker may, and who may set the room's
// canonical alias, and account administrators. Where the room's canonical alias
// names it, and the caller may change that, it goes from there too.
func (s *Service) RemoveAlias(ctx context.Context, caller tenant.Caller, alias id.RoomAlias) error {
	if err := checkAlias(alias, caller.Server); err != nil {
		return err
	}
	return s.loneAct(ctx, caller, func(tx Tx) error {
		roomID, creator, err := tx.Alias(alias)
		if err != nil {
			return err
		}
		if roomID == "" {
			return errNoAlias()
		}
		w, err := s.open(tx, roomID)
		if err != nil {
			return err
		}
		powerful := w.mayManageAliases(caller.User)
		if creator != caller.User && !powerful && !caller.Administrator() {
			return refusal.Forbidden("Only who made this address, or who manages the room, can remove it.")
		}
		tx.SetAlias(alias, "", "")
		if !powerful {
			return nil
		}
		return w.dropCanonicalAlias(caller.User, alias)
	})
}

func (w *writing) mayManageAliases(user id.UserID) bool {
	levels := w.room.PowerLevels()
	return w.room.Joined(user) && levels.User(user) >= levels.Event("m.room.canonical_alias", true)
}

// canonicalAlias is the content of m.room.canonical_alias that we read.
type canonicalAlias struct {
	Alias      id.RoomAlias   `json:"alias,omitempty"`
	AltAliases []id.RoomAlias `json:"alt_aliases,omitempty"`
}

func (w *writing) canonicalAlias() canonicalAlias {
	var current canonicalAlias
	if e := w.room.Event("m.room.canonical_alias", ""); e != nil {
		_ = json.Unmarshal(e.Content, &current) // unreadable: none
	}
	return current
}

func (w *writing) dropCanonicalAlias(by id.UserID, alias id.RoomAlias) error {
	current := w.canonicalAlias()
	changed := current.Alias == alias || slices.Contains(current.AltAliases, alias)
	if !changed {
		return nil
	}
	if current.Alias == alias {
		current.Alias = ""
	}
	current.AltAliases = slices.DeleteFunc(current.AltAliases, func(a id.RoomAlias) bool { return a == alias })
	content, err := json.Marshal(current)
	if err != nil {
		return err
	}
	_, err = w.setState(by, "m.room.canonical_alias", "", content)
	return err
}

// setCanonicalAlias is SetState for m.room.canonical_alias: what it adds must be
// aliases that point to the room.
func (s *Service) setCanonicalAlias(ctx context.Context, caller tenant.Caller, c StateChange) (id.EventID, error) {
	var next canonicalAlias
	if err := json.Unmarshal(c.Content, &next); err != nil {
		return "", refusal.BadJSON("A canonical alias is text, and alternative aliases are a list of texts.")
	}
	return s.store.Act(ctx, Act{Caller: caller, Lone: true, Do: func(tx Tx) (id.EventID, error) {
		w, err := s.open(tx, c.Room)
		if err != nil {
			return "", err
		}
		current := w.canonicalAlias()
		named := next.AltAliases
		if next.Alias != "" {
			named = append(slices.Clip(named), next.Alias)
		}
		for _, alias := range named {
			if !event.ValidRoomAlias(alias) {
				return "", refusal.Invalid("%s is not a room address.", string(alias))
			}
			// What is there already may stay, whether it still leads here or not.
			if alias == current.Alias || slices.Contains(current.AltAliases, alias) {
				continue
			}
			room, _, err := tx.Alias(alias)
			if err != nil {
				return "", err
			}
			if room != c.Room {
				return "", refusal.New(http.StatusBadRequest, "M_BAD_ALIAS", "The address %s does not lead to this room.", string(alias))
			}
		}
		return s.putState(tx, caller, c)
	}})
}

// Publish puts a room into the account's directory, or takes it out. It needs
// the power to set the room's canonical alias, or an account administrator who
// is in the room.
func (s *Service) Publish(ctx context.Context, caller tenant.Caller, room id.RoomID, published bool) error {
	return s.act(ctx, caller, func(tx Tx) error {
		w, err := s.open(tx, room)
		if err != nil {
			return err
		}
		if !w.room.Joined(caller.User) {
			return errNotHere()
		}
		if !w.mayManageAliases(caller.User) && !caller.Administrator() {
			return refusal.Forbidden("Only who manages this room can put it into the directory.")
		}
		if w.room.Published == published {
			return nil
		}
		if w.room.Kind() != "" {
			return errDirectory
		}
		return tx.Publish(room, published)
	})
}
