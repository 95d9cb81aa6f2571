package extension

import (
	"cmp"
	"net/http"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
)

func (s *Server) sidebarRoutes(api *httpapi.API) {
	api.Handle(http.MethodGet, prefix+"/rooms", api.User(s.sidebar, httpapi.AnyRoom(), httpapi.Poll()))
}

// sidebarRoom is a room in the sidebar.
type sidebarRoom struct {
	Room      id.RoomID  `json:"room_id"`
	Kind      rooms.Kind `json:"kind,omitempty"`
	Name      string     `json:"name,omitempty"`
	AvatarURL string     `json:"avatar_url,omitempty"`
	Icon      string     `json:"icon,omitempty"`
	Color     string     `json:"color,omitempty"`
	Topic     string     `json:"topic,omitempty"`
	Role      rooms.Role `json:"role"`
	MayPost   bool       `json:"may_post"`
	Archived  bool       `json:"archived"`
	Mandatory bool       `json:"mandatory"`
	// Level and Muted are what the caller has chosen.
	Level    push.Level         `json:"level"`
	Muted    bool               `json:"muted"`
	Unread   int                `json:"unread"`
	Mentions int                `json:"mentions"`
	Peer     *rooms.Peer        `json:"peer,omitempty"`
	Last     *rooms.LastMessage `json:"last_message,omitempty"`
	Active   int64              `json:"last_active_ts"` // ms
}

// sidebar handles GET …/rooms → {rooms: [{room_id, kind?, name?, avatar_url?, icon?,
// color?, topic?, role, may_post, archived, mandatory, level, muted, unread, mentions,
// peer?, last_message?, last_active_ts}]}: the channels, announcements and direct
// messages that the caller is in, those where something was said last first. kind is
// public, private, announcement or dm, and absent in accounts whose rooms have none; role
// is owner, admin, poster or member; level is everything, mentions, nothing or default;
// unread and mentions are counts, at most 1,000; peer, of a dm, is {user_id,
// displayname?, avatar_url?, active}, and gives the room its name and picture;
// last_message is {event_id, sender, ts, type, msgtype?, preview}, the preview at most 140
// characters in one line. Times are in ms. A token for some rooms gives those.
func (s *Server) sidebar(r *httpapi.Request) (any, error) {
	var scenes []push.Scene
	entries, err := s.rooms.Sidebar(r.Context(), r.Caller, func(v rooms.View, i int, room *rooms.Room) error {
		scene, err := s.unread.Scene(v, r.Caller, room)
		scenes = append(scenes[:i], scene)
		return err
	})
	if err != nil {
		return nil, err
	}
	counts, err := s.unread.Count(r.Context(), r.Caller, scenes)
	if err != nil {
		return nil, err
	}
	of := make([]id.RoomID, len(entries))
	for i := range entries {
		of[i] = entries[i].Room
	}
	chosen, err := s.levels.All(r.Context(), r.Caller, of)
	if err != nil {
		return nil, err
	}
	all := make([]sidebarRoom, len(entries))
	for i, e := range entries {
		all[i] = sidebarRoom{
			Room: e.Room, Kind: e.Kind, Name: e.Name, AvatarURL: e.AvatarURL, Icon: e.Channel.Icon, Color: e.Channel.Color,
			Topic: e.Topic, Role: e.Role, MayPost: e.MayPost, Archived: e.Archived, Mandatory: e.Channel.Mandatory,
			Level: chosen[i].Level, Muted: chosen[i].Muted, Unread: counts[i].Notify, Mentions: counts[i].Highlight, Peer: e.Peer, Last: e.Last, Active: e.Active,
		}
	}
	slices.SortStableFunc(all, func(x, y sidebarRoom) int { return cmp.Compare(y.Active, x.Active) })
	return map[string]any{"rooms": all}, nil
}
