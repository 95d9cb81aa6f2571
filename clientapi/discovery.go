package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func (s *Server) routesDiscovery(api *httpapi.API) {
	api.Handle(http.MethodGet, "/_matrix/client/versions", api.Open(s.versions))
	api.Handle(http.MethodGet, "/.well-known/matrix/client", api.Open(s.wellKnown))
	api.Client(http.MethodGet, "/capabilities", api.User(s.capabilities, httpapi.AnyRoom()))
}

// specVersions are the versions of the specification that clients may rely on.
var specVersions = []string{
	"v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12",
	"v1.13", "v1.14", "v1.15", "v1.16",
}

// unstableFeatures are what clients ask for by a name of its own, beside the
// versions: whether it is here, and what it is.
var unstableFeatures = []struct {
	name string
	here bool
}{
	{"org.matrix.e2e_cross_signing", true},            // keys/device_signing and keys/signatures
	{"org.matrix.msc2285.stable", true},               // receipts of m.read.private
	{"org.matrix.msc3391", true},                      // DELETE of account data
	{"org.matrix.msc3771", true},                      // receipts carry a thread_id
	{"org.matrix.msc3773", true},                      // unread counts of threads in /sync
	{"org.matrix.msc3814", true},                      // dehydrated devices
	{"org.matrix.msc3827.stable", true},               // filter of room types in /publicRooms
	{"org.matrix.msc3952_intentional_mentions", true}, // push rules for m.mentions
	{"uk.half-shot.msc2666.query_mutual_rooms", true}, // rooms shared with another user
	{"org.matrix.msc4140", true},                      // delayed events
	{"org.matrix.msc4140.stable", true},               // the same by their final paths and names
	{"org.matrix.msc4486", true},                      // the list of delayed events
	{"org.matrix.msc3026.busy_presence", false},       // there are three kinds of presence, busy is none
	{"org.matrix.msc3440.stable", true},               // threads by /relations
	{"org.matrix.msc3856.stable", true},               // the list of a room's threads
	{"org.matrix.msc3874", true},                      // filter of types of relations
	{"org.matrix.msc3882", true},                      // login/get_token
	{"org.matrix.msc3916.stable", true},               // media with a token
	{"org.matrix.msc3981", true},                      // /relations with recurse
	{"org.matrix.msc4108", false},                     // login by QR code
	{"org.matrix.msc4222", true},                      // state_after in /sync
	{"org.matrix.simplified_msc3575", true},           // sliding sync
	{"uk.tcpip.msc4133", true},                        // profile fields of any name
	{"uk.tcpip.msc4133.stable", true},                 // the same by its final path
	{"br.com.conversalabs.internal_chat.v1", false},   // the product's extensions
}

// versions handles GET /_matrix/client/versions.
func (s *Server) versions(*httpapi.Request) (any, error) {
	features := map[string]bool{}
	for _, feature := range unstableFeatures {
		if feature.here {
			features[feature.name] = true
		}
	}
	return map[string]any{"versions": specVersions, "unstable_features": features}, nil
}

// wellKnown handles GET /.well-known/matrix/client. Rooms are never encrypted,
// and Element is told not to offer it.
func (s *Server) wellKnown(*httpapi.Request) (any, error) {
	if s.publicURL == "" {
		return nil, refusal.NotFound("This server does not know the address under which clients reach it.")
	}
	return map[string]any{
		"m.homeserver":    map[string]string{"base_url": s.publicURL},
		"io.element.e2ee": map[string]bool{"default": false, "force_disable": true},
	}, nil
}

// capability is one that is there or not.
type capability struct {
	Enabled bool `json:"enabled"`
}

// capabilities handles GET /_matrix/client/v3/capabilities.
func (s *Server) capabilities(r *httpapi.Request) (any, error) {
	policy, err := s.policies.RoomPolicy(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	available := map[id.RoomVersion]string{}
	for _, version := range policy.Versions {
		available[version] = "stable"
	}
	passwords, err := s.login.Passwords(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	yes, no := capability{true}, capability{false}
	mostDelayed, longestDelay := s.rooms.DelayLimits()
	delayed := map[string]int64{"max_delay_ms": longestDelay.Milliseconds(), "max_scheduled": int64(mostDelayed)}
	capabilities := map[string]any{
		"m.room_versions":                   map[string]any{"default": policy.Default, "available": available},
		"m.change_password":                 capability{passwords},
		"m.set_displayname":                 yes,
		"m.set_avatar_url":                  yes,
		"m.profile_fields":                  yes,
		"m.3pid_changes":                    no,
		"m.get_login_token":                 yes,
		"m.forget_forced_upon_leave":        no,
		"m.delayed_events":                  delayed,
		"org.matrix.msc4140.delayed_events": delayed,
	}
	if r.Caller.Administrator() {
		capabilities["m.account_moderation"] = map[string]bool{"lock": true, "suspend": true}
	}
	return map[string]any{"capabilities": capabilities}, nil
}
