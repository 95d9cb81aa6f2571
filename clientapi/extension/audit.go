package extension

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

func (s *Server) auditRoutes(api *httpapi.API) {
	api.Handle(http.MethodGet, prefix+"/admin/audit", api.Administrator(s.audit))
}

// forever is the largest time that a query may name, in ms.
const forever = 1 << 47

// audit handles GET …/admin/audit: what was done in the account, newest first. The
// parameters action, actor, target, since and until (ms) choose; limit and from
// page. With format=ndjson all of it comes, an entry a line.
func (s *Server) audit(r *httpapi.Request) (any, error) {
	query := accounts.AuditQuery{
		Action: accounts.Action(r.Query("action")), Actor: r.Query("actor"), Target: r.Query("target"), Before: r.Query("from"),
	}
	var err error
	if query.Limit, err = r.Int("limit", 100, 1000); err != nil {
		return nil, err
	}
	since, err := r.Int("since", 0, forever)
	if err != nil {
		return nil, err
	}
	until, err := r.Int("until", 0, forever)
	if err != nil {
		return nil, err
	}
	query.Since, query.Until = int64(since), int64(until)
	format, err := r.Choice("format", "json", "ndjson")
	if err != nil {
		return nil, err
	}
	if format == "ndjson" {
		return s.exportAudit(r, query)
	}
	page, next, err := s.accounts.Audit(r.Context(), r.Account, query)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"entries": append([]accounts.AuditEntry{}, page...)}
	if next != "" {
		answer["next_batch"] = next
	}
	return answer, nil
}

// exportAudit writes all entries, which is itself recorded first.
func (s *Server) exportAudit(r *httpapi.Request, query accounts.AuditQuery) (any, error) {
	account := r.Account
	query.Limit = 1000
	page, next, err := s.accounts.Audit(r.Context(), account, query)
	if err != nil {
		return nil, err
	}
	err = s.accounts.Record(r.Context(), account, accounts.AuditEntry{
		Action: accounts.AuditExported, Actor: r.Caller.Actor(), User: r.Caller.For(), Address: r.Caller.Address,
	})
	if err != nil {
		return nil, err
	}
	return httpapi.Stream(func(w http.ResponseWriter, req *http.Request) error {
		h := w.Header()
		h.Set("Content-Type", "application/x-ndjson")
		h.Set("Content-Disposition", `attachment; filename="audit.ndjson"`)
		h.Set("Cache-Control", "no-store")
		lines := json.NewEncoder(w)
		for {
			for _, entry := range page {
				if err := lines.Encode(entry); err != nil {
					return fmt.Errorf("write the audit: %w", err)
				}
			}
			if next == "" {
				return nil
			}
			query.Before = next
			if page, next, err = s.accounts.Audit(req.Context(), account, query); err != nil {
				return err
			}
		}
	}), nil
}
