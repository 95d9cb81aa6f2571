package longpoll_test

import (
	"testing"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestStoredFilters(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.options.FiltersMax = 2
		h.restart()
		text := `{"room":{"timeline":{"limit":7}}}`
		first, err := h.PutFilter(t.Context(), caller(ana), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.PutFilter(t.Context(), caller(ana), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "ID of the same filter", again, first)
		stored, err := h.StoredFilter(t.Context(), caller(ana), first)
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "stored", string(stored), text)
		filter, err := h.Filter(t.Context(), caller(ana), first)
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "limit", filter.Room.Timeline.Limit(20, 100), 7)
		for _, id := range []string{first, "unknown"} {
			if _, err := h.Filter(t.Context(), caller(bea), id); !refusal.Is(err, "M_INVALID_PARAM") {
				t.Errorf("another user's sync with filter %s: got %v, want a refusal", id, err)
			}
		}
		if _, err := h.PutFilter(t.Context(), caller(ana), []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
		if _, err := h.PutFilter(t.Context(), caller(ana), []byte(`{"room":{}}`)); !refusal.Is(err, "M_LIMIT_EXCEEDED") {
			t.Errorf("one filter too many: got %v, want a refusal", err)
		}
		if _, err := h.PutFilter(t.Context(), caller(ana), []byte(text)); err != nil {
			t.Errorf("a filter that is there already: %v", err)
		}
	})
}

func TestInlineFilters(t *testing.T) {
	h := sqliteHouse(t)
	for text, code := range map[string]string{
		`{`: "M_NOT_JSON", `{"room":[]}`: "M_BAD_JSON", `{"room":{"rooms":["x"]}}`: "M_INVALID_PARAM", `{"a":1,"a":2}`: "M_NOT_JSON",
	} {
		if _, err := h.Filter(t.Context(), caller(ana), text); !refusal.Is(err, code) {
			t.Errorf("%s: got %v, want %s", text, err, code)
		}
	}
}
