package extension

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

// acknowledge handles POST …/rooms/{roomID}/events/{eventID}/ack →
// {acknowledged_ts}: the caller has read a message that asks to be acknowledged. Once
// more, it gives the first time (ms). A message that does not ask is M_INVALID_PARAM.
func (s *Server) acknowledge(r *httpapi.Request) (any, error) {
	at, err := s.rooms.Acknowledge(r.Context(), r.Caller, id.RoomID(r.Var("roomID")), id.EventID(r.Var("eventID")))
	if err != nil {
		return nil, err
	}
	return map[string]int64{"acknowledged_ts": at}, nil
}

// acknowledgements handles GET …/rooms/{roomID}/events/{eventID}/acks → {required:
// true, due_ts?, own: {acknowledged, ts?}, counts: {acknowledged, outstanding},
// acknowledged?: [{user_id, displayname?, ts}], outstanding?: [{user_id, displayname?}],
// next_batch?}. The lists are for the owner and the admins of the room and for who sent
// the message; they are pages by user ID, limit (100, at most 1,000) people in both
// together, from is next_batch of the page before. Times are in ms. With format=csv the
// owner and the admins get all of it as a file of name, user_id and acknowledged_at (ISO
// 8601, UTC; empty where it is outstanding).
func (s *Server) acknowledgements(r *httpapi.Request) (any, error) {
	format, err := r.Choice("format", "json", "csv")
	if err != nil {
		return nil, err
	}
	room, eventID := id.RoomID(r.Var("roomID")), id.EventID(r.Var("eventID"))
	if format == "csv" {
		return s.exportAcknowledgements(r, room, eventID)
	}
	page, err := peoplePage(r)
	if err != nil {
		return nil, err
	}
	found, err := s.rooms.Acknowledgements(r.Context(), r.Caller, room, eventID, page)
	if err != nil {
		return nil, err
	}
	type person struct {
		User        id.UserID `json:"user_id"`
		DisplayName string    `json:"displayname,omitempty"`
		Time        int64     `json:"ts,omitempty"` // ms
	}
	own := map[string]any{"acknowledged": found.Own > 0}
	if found.Own > 0 {
		own["ts"] = found.Own
	}
	answer := map[string]any{
		"required": true, "own": own,
		"counts": map[string]int{"acknowledged": found.Acknowledged, "outstanding": found.Outstanding},
	}
	if found.Due > 0 {
		answer["due_ts"] = found.Due
	}
	if !found.Detailed {
		return answer, nil
	}
	given, outstanding := []person{}, []person{}
	for _, p := range found.People {
		if p.Time > 0 {
			given = append(given, person(p))
		} else {
			outstanding = append(outstanding, person(p))
		}
	}
	answer["acknowledged"], answer["outstanding"] = given, outstanding
	if found.Next != "" {
		answer["next_batch"] = found.Next
	}
	return answer, nil
}

// exportAcknowledgements writes all of it as a file, which is recorded first.
func (s *Server) exportAcknowledgements(r *httpapi.Request, room id.RoomID, eventID id.EventID) (any, error) {
	all, err := s.rooms.ExportAcknowledgements(r.Context(), r.Caller, room, eventID)
	if err != nil {
		return nil, err
	}
	err = s.accounts.Record(r.Context(), r.Account, accounts.AuditEntry{
		Action: accounts.AcknowledgementsExported, Actor: r.Caller.Actor(), User: r.Caller.For(), Target: string(room),
		Address: r.Caller.Address, Details: map[string]any{"event_id": eventID},
	})
	if err != nil {
		return nil, err
	}
	return httpapi.Stream(func(w http.ResponseWriter, _ *http.Request) error {
		h := w.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="acknowledgements.csv"`)
		h.Set("Cache-Control", "no-store")
		return writeAcknowledgements(csv.NewWriter(w), all)
	}), nil
}

func writeAcknowledgements(out *csv.Writer, all []rooms.AckStatus) error {
	rows := [][]string{{"name", "user_id", "acknowledged_at"}}
	for _, p := range all {
		at := ""
		if p.Time > 0 {
			at = time.UnixMilli(p.Time).UTC().Format(time.RFC3339)
		}
		rows = append(rows, []string{cell(p.DisplayName), cell(string(p.User)), at})
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write acknowledgements: %w", err)
	}
	return nil
}

// cell keeps a text from being taken for a formula by who opens the file in a
// spreadsheet.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
