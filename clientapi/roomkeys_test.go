package clientapi_test

import (
	"fmt"
	"net/http"
	"testing"
)

const backupData = `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"public_key":"k"}}`

func backedUpKey(first, forwarded int, verified bool, data string) string {
	return fmt.Sprintf(`{"first_message_index":%d,"forwarded_count":%d,"is_verified":%t,"session_data":{"d":%q}}`,
		first, forwarded, verified, data)
}

func TestKeyBackup(t *testing.T) {
	t.Parallel()
	f := newKeyFixture(t)
	const version = "/room_keys/version"
	f.mustRefuse("ana/PHONE", http.MethodGet, version, "", 404, "M_NOT_FOUND")
	f.mustRefuse("ana/PHONE", http.MethodPost, version, `{"algorithm":"x"}`, 400, "M_BAD_JSON")
	if got := f.mustPost("ana/PHONE", version, backupData).Raw; got != `{"version":"1"}` {
		t.Fatalf("got %s, want version 1", got)
	}
	one, all := "/room_keys/keys/!r:x/s%2F1?version=1", "/room_keys/keys?version=1"
	f.must("ana/PHONE", http.MethodPut, one, backedUpKey(5, 1, false, "first"))
	if got, want := f.must("ana/PHONE", http.MethodGet, all, "").Raw, `{"rooms":{"!r:x":{"sessions":{"s/1":`+backedUpKey(5, 1, false, "first")+`}}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	f.mustRefuse("bia/PHONE", http.MethodGet, all, "", 404, "M_NOT_FOUND")
	f.mustRefuse("ana/PHONE", http.MethodPut, all, `{"rooms":{"!r:x":{"sessions":{"s":{}}}}}`, 400, "M_BAD_JSON")
	f.mustRefuse("ana/PHONE", http.MethodGet, "/room_keys/keys", "", 400, "M_MISSING_PARAM")
	f.mustRefuse("ana/PHONE", http.MethodGet, "/room_keys/keys/!r:x/none?version=1", "", 404, "M_NOT_FOUND")
	if got := f.must("ana/PHONE", http.MethodGet, "/room_keys/keys/!other:x?version=1", "").Raw; got != `{"sessions":{}}` {
		t.Errorf("a room without keys: got %s", got)
	}
	before := f.must("ana/PHONE", http.MethodGet, version, "")
	if got := before.Get("count").Int(); got != 1 {
		t.Errorf("count: got %d, want 1", got)
	}
	f.must("ana/PHONE", http.MethodDelete, one, "")
	after := f.must("ana/PHONE", http.MethodGet, version, "")
	if after.Get("count").Int() != 0 || after.Get("etag").Str == before.Get("etag").Str {
		t.Errorf("after deleting: got %s, want no keys and another etag", after.Raw)
	}

	f.must("ana/PHONE", http.MethodPut, version+"/1", `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"new":1},"version":"1"}`)
	f.mustRefuse("ana/PHONE", http.MethodPut, version+"/1", `{"algorithm":"other","auth_data":{}}`, 400, "M_INVALID_PARAM")
	f.mustRefuse("ana/PHONE", http.MethodPut, version+"/1", `{"algorithm":"other","auth_data":{},"version":"2"}`, 400, "M_INVALID_PARAM")
	f.mustRefuse("ana/PHONE", http.MethodGet, version+"/x", "", 404, "M_NOT_FOUND")
	if got := f.must("ana/PHONE", http.MethodGet, version, "").Get("auth_data").Raw; got != `{"new":1}` {
		t.Errorf("auth data: got %s", got)
	}
	f.mustPost("ana/PHONE", version, backupData)
	f.mustRefuse("ana/PHONE", http.MethodPut, one, backedUpKey(1, 1, true, "x"), 403, "M_WRONG_ROOM_KEYS_VERSION")
	f.must("ana/PHONE", http.MethodDelete, version+"/2", "")
	f.mustRefuse("ana/PHONE", http.MethodDelete, version+"/2", "", 404, "M_NOT_FOUND")
	if got := f.mustPost("ana/PHONE", version, backupData).Raw; got != `{"version":"3"}` {
		t.Errorf("after a deleted version: got %s, want version 3", got)
	}
}

// TestBetterKeyStays puts two keys of one session, in both orders.
func TestBetterKeyStays(t *testing.T) {
	t.Parallel()
	f := newKeyFixture(t)
	f.mustPost("ana/PHONE", "/room_keys/version", backupData)
	for i, c := range []struct{ better, worse string }{
		{backedUpKey(9, 9, true, "better"), backedUpKey(0, 0, false, "worse")},
		{backedUpKey(1, 9, false, "better"), backedUpKey(2, 0, false, "worse")},
		{backedUpKey(1, 1, true, "better"), backedUpKey(1, 2, true, "worse")},
	} {
		for order, keys := range map[string][]string{"up": {c.worse, c.better}, "down": {c.better, c.worse}} {
			path := fmt.Sprintf("/room_keys/keys/!r:x/%s%d?version=1", order, i)
			for _, key := range keys {
				f.must("ana/PHONE", http.MethodPut, path, key)
			}
			if got := f.must("ana/PHONE", http.MethodGet, path, "").Raw; got != c.better {
				t.Errorf("%d %s: got %s, want %s", i, order, got, c.better)
			}
		}
	}
	same := "/room_keys/keys/!r:x/same?version=1"
	f.must("ana/PHONE", http.MethodPut, same, backedUpKey(1, 1, true, "first"))
	f.must("ana/PHONE", http.MethodPut, same, backedUpKey(1, 1, true, "second"))
	if got := f.must("ana/PHONE", http.MethodGet, same, "").Get("session_data.d").Str; got != "first" {
		t.Errorf("of equals got %q, want the first", got)
	}
}
