package clientapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const (
	slidingPath = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
	stablePath  = "/_matrix/client/v4/sync"
)

// Each path takes its parameters where its form has them, and nowhere else.
func TestSlidingParameters(t *testing.T) {
	f := newSyncFixture(t)
	post := http.MethodPost
	for _, path := range []string{slidingPath, stablePath} {
		first := f.must("ana/PHONE", post, path, `{"lists":{"l":{"timeline_limit":1}}}`)
		pos := first.Get("pos").Str
		if pos == "" || first.Get("lists.l.count").Int() != 0 {
			t.Errorf("%s: got %s, want a pos and an empty list", path, first.Raw)
		}
		f.must("ana/PHONE", post, path, "")
		inQuery, inBody := path+"?%s=%s", `{%q:%s}`
		for _, c := range []struct{ name, value, code string }{
			{"pos", "x", "M_UNKNOWN_POS"},
			{"pos", pos, ""},
			{"timeout", "0", ""},
			{"timeout", "-1", "M_INVALID_PARAM"},
			{"set_presence", "busy", "M_INVALID_PARAM"},
			{"set_presence", "offline", ""},
			{"set_presence", "unavailable", ""},
		} {
			value := c.value
			if c.name != "timeout" {
				value = fmt.Sprintf("%q", value)
			}
			query, body := fmt.Sprintf(inQuery, c.name, c.value), fmt.Sprintf(inBody, c.name, value)
			own, other := [2]string{query, `{}`}, [2]string{path, body}
			if path == stablePath {
				own, other = other, own
			}
			f.must("ana/PHONE", post, other[0], other[1])
			if c.code == "" {
				f.must("ana/PHONE", post, own[0], own[1])
			} else {
				f.mustRefuse("ana/PHONE", post, own[0], own[1], http.StatusBadRequest, c.code)
			}
		}
		f.mustRefuse("ana/PHONE", post, path, `[]`, http.StatusBadRequest, "M_BAD_JSON")
		f.mustRefuse("ana/PHONE", post, path, `{"lists":{"l":{"timeline_limit":[]}}}`, http.StatusBadRequest, "M_BAD_JSON")
		f.mustRefuse("", post, path, `{}`, http.StatusUnauthorized, "M_MISSING_TOKEN")
	}
	f.mustRefuse("ana/PHONE", post, slidingPath+"?timeout=x", `{}`, http.StatusBadRequest, "M_INVALID_PARAM")
	f.mustRefuse("ana/PHONE", post, stablePath, `{"timeout":"x"}`, http.StatusBadRequest, "M_BAD_JSON")
}

// A required_state of the other path's form is refused.
func TestSlidingRequiredState(t *testing.T) {
	f := newSyncFixture(t)
	pairs, object := `[["m.room.name",""],["m.room.member","$ME"]]`, `{"include":[{"type":"m.room.name"}],"lazy_members":true}`
	for _, c := range []struct{ path, good, bad string }{{slidingPath, pairs, object}, {stablePath, object, pairs}} {
		for _, body := range []string{`{"lists":{"l":{"timeline_limit":1,"required_state":STATE}}}`, `{"room_subscriptions":{"!a:b":{"timeline_limit":1,"required_state":STATE}}}`} {
			f.must("ana/PHONE", http.MethodPost, c.path, strings.ReplaceAll(body, "STATE", c.good))
			f.mustRefuse("ana/PHONE", http.MethodPost, c.path, strings.ReplaceAll(body, "STATE", c.bad), http.StatusBadRequest, "M_BAD_JSON")
		}
	}
}
