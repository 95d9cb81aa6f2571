package extension

import (
	"net/http"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

func (s *Server) preferenceRoutes(api *httpapi.API) {
	api.Handle(http.MethodGet, prefix+"/notification_preferences", api.User(s.notificationPreferences))
	api.Handle(http.MethodPut, prefix+"/notification_preferences", api.Act(s.putData(accounts.NotificationPreferencesType)))
	api.Handle(http.MethodGet, prefix+"/preferences", api.User(s.preferences))
	api.Handle(http.MethodPut, prefix+"/preferences", api.Act(s.putData(accounts.PreferencesType)))
}

// notificationPreferences handles GET …/notification_preferences → {mention: {bell,
// email, push}, direct_message: {…}, announcement: {…}, quiet_hours?: {start, end,
// days?, timezone?}}: all of it, what was never said as it is by default.
func (s *Server) notificationPreferences(r *httpapi.Request) (any, error) {
	return s.data.NotificationPreferences(r.Context(), r.Account, r.Caller.User)
}

// preferences handles GET …/preferences → {send_key?, locale?}: what was chosen.
func (s *Server) preferences(r *httpapi.Request) (any, error) {
	return s.data.Preferences(r.Context(), r.Account, r.Caller.User)
}

// putData handles PUT of the same two, with the shape of their answers, all of it
// optional → {}. It takes the place of what was there, and is the same as to put the
// account data of this type.
func (s *Server) putData(kind string) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		content, err := r.Object()
		if err != nil {
			return nil, err
		}
		return nil, s.data.SetAccountData(r.Context(), r.Caller, "", kind, content)
	}
}
