package clientapi_test

import (
	"net/http"
	"testing"
)

const slidingPath = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"

// Both paths serve, each with its names, and take their parameters out of the
// query as out of the body.
func TestSlidingSync(t *testing.T) {
	f := newSyncFixture(t)
	for _, path := range []string{slidingPath, "/_matrix/client/v4/sync"} {
		first := f.must("ana/PHONE", http.MethodPost, path, `{"lists":{"l":{"timeline_limit":1}}}`)
		pos := first.Get("pos").Str
		if pos == "" || first.Get("lists.l.count").Int() != 0 {
			t.Errorf("%s: got %s, want a pos and an empty list", path, first.Raw)
		}
		f.must("ana/PHONE", http.MethodPost, path+"?timeout=0&set_presence=offline&pos="+pos, `{}`)
		f.must("ana/PHONE", http.MethodPost, path, `{"pos":"`+pos+`","timeout":0,"set_presence":"unavailable"}`)
		f.must("ana/PHONE", http.MethodPost, path, "")
		f.mustRefuse("ana/PHONE", http.MethodPost, path+"?pos=x", `{}`, http.StatusBadRequest, "M_UNKNOWN_POS")
		f.mustRefuse("ana/PHONE", http.MethodPost, path+"?timeout=x", `{}`, http.StatusBadRequest, "M_INVALID_PARAM")
		f.mustRefuse("ana/PHONE", http.MethodPost, path+"?set_presence=busy", `{}`, http.StatusBadRequest, "M_INVALID_PARAM")
		f.mustRefuse("ana/PHONE", http.MethodPost, path, `[]`, http.StatusBadRequest, "M_BAD_JSON")
		f.mustRefuse("ana/PHONE", http.MethodPost, path, `{"lists":{"l":{"timeline_limit":[]}}}`, http.StatusBadRequest, "M_BAD_JSON")
		f.mustRefuse("", http.MethodPost, path, `{}`, http.StatusUnauthorized, "M_MISSING_TOKEN")
	}
}
