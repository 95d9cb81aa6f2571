package extension

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

// noteBody is how large a request with a note may be, in bytes. What is kept may have
// less: it is account data.
const noteBody = 1 << 20

func (s *Server) noteRoutes(api *httpapi.API) {
	const note = prefix + "/rooms/{roomID}/note"
	api.Handle(http.MethodGet, note, api.User(s.note))
	api.Handle(http.MethodPut, note, api.Act(s.setNote, httpapi.Body(noteBody)))
	api.Handle(http.MethodDelete, note, api.Act(s.deleteNote))
}

// note handles GET …/rooms/{roomID}/note → {body, updated_ts, remind_at?} (ms): the
// caller's own note on the room, 404 M_NOT_FOUND where there is none.
func (s *Server) note(r *httpapi.Request) (any, error) {
	return s.data.Note(r.Context(), r.Account, r.Caller.User, id.RoomID(r.Var("roomID")))
}

// setNote handles PUT …/rooms/{roomID}/note {body, remind_at?} → {}, which is the same
// as to put the account data br.com.conversalabs.note. At remind_at (ms, in the future)
// the caller's bell rings, unless they have left the room by then.
func (s *Server) setNote(r *httpapi.Request) (any, error) {
	content, err := r.Object()
	if err != nil {
		return nil, err
	}
	return nil, s.data.SetNote(r.Context(), r.Caller, id.RoomID(r.Var("roomID")), content)
}

// deleteNote handles DELETE …/rooms/{roomID}/note → {}, also where there is none.
func (s *Server) deleteNote(r *httpapi.Request) (any, error) {
	return nil, s.data.DeleteNote(r.Context(), r.Caller, id.RoomID(r.Var("roomID")))
}
