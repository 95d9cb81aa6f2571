package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/tidwall/gjson"
)

// mustUploadDevice uploads the keys of a session's device, which are made up.
func (a *asker) mustUploadDevice(t testing.TB) (keys string) {
	t.Helper()
	keys = deviceKeys(a.id, a.device)
	a.must(t, http.MethodPost, "/keys/upload", `{"device_keys":%s}`, keys)
	return keys
}

// deviceKeys are made up for a device.
func deviceKeys(user, device string) string {
	return fmt.Sprintf(`{"user_id":%[1]q,"device_id":%[2]q,"algorithms":["m.olm.v1.curve25519-aes-sha2","m.megolm.v1.aes-sha2"],
		"keys":{"curve25519:%[2]s":"3C5BFWi2Y8MaVvjM8M22DBmh24PmgR0nPvJOIArzgyI","ed25519:%[2]s":"lEuiRJBit0IG6nUf5pUzWTUEsRVVe/HJkoKuEww9ULI"},
		"signatures":{%[1]q:{"ed25519:%[2]s":"dSO80A01XiigH3uBiDVx/EjzaoycHcjq9lfQX0uWsqxl2giMIiSPR8a4d291W1ihKJL/a+myXS367WT6NAIcBA"}}}`, user, device)
}

// oneTimeKeys are made up, each with its number in its name and its key.
func oneTimeKeys(numbers ...int) string {
	keys := ""
	for _, n := range numbers {
		if keys != "" {
			keys += ","
		}
		keys += fmt.Sprintf(`"signed_curve25519:%d":{"key":"key%d"}`, n, n)
	}
	return `{"one_time_keys":{` + keys + `}}`
}

var keysChecks = checks{
	"E2EKeyBackupReplaceRoomKeyRules": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		version := alice.must(t, http.MethodPost, "/room_keys/version",
			`{"algorithm":"m.megolm_backup.v1","auth_data":{"public_key":"abcdefg","signatures":{}}}`).Get("version").Str
		type key struct {
			verified         bool
			first, forwarded int
		}
		put := func(path string, k key) {
			alice.must(t, http.MethodPut, path, `{"is_verified":%t,"first_message_index":%d,"forwarded_count":%d,
				"session_data":{"ciphertext":"x","mac":"y","ephemeral":"z"}}`, k.verified, k.first, k.forwarded)
		}
		kept := key{first: 10, forwarded: 5}
		for i, test := range []struct{ then, want key }{
			{key{true, 10, 5}, key{true, 10, 5}},
			{key{true, 20, 8}, key{true, 20, 8}}, // verified goes before all
			{key{false, 5, 5}, key{false, 5, 5}},
			{key{false, 11, 5}, kept},
			{key{false, 10, 4}, key{false, 10, 4}},
			{key{false, 10, 6}, kept},
			{key{false, 10, 5}, kept},
			{key{false, 15, 2}, kept}, // the first index goes before the count
			{key{false, 8, 9}, key{false, 8, 9}},
		} {
			path := fmt.Sprintf("/room_keys/keys/%s/session%d?version=%s", url.PathEscape("!foo:hs1"), i, version)
			put(path, kept)
			put(path, test.then)
			got := alice.must(t, http.MethodGet, path, "")
			mustBe(t, fmt.Sprintf("the key after %+v", test.then), [3]any{got.Get("is_verified").Bool(), got.Get("first_message_index").Int(), got.Get("forwarded_count").Int()},
				[3]any{test.want.verified, int64(test.want.first), int64(test.want.forwarded)})
		}
		path := "/room_keys/keys/" + url.PathEscape("!foo:hs1") + "/verified?version=" + version
		put(path, key{true, 10, 5})
		put(path, key{false, 1, 1})
		mustBe(t, "the verified key stays", alice.must(t, http.MethodGet, path, "").Get("is_verified").Bool(), true)
	},
	"KeyChangesLocal": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		bob.mustUploadDevice(t)
		alice.since = alice.mustSync(t).Get("next_batch").Str
		from := alice.since
		bob.mustLogIn(t, "").mustUploadDevice(t)
		answer := alice.mustSyncUntil(t, "Bob's new device", func(answer gjson.Result) bool {
			return slices.Contains(strs(answer.Get("device_lists.changed")), bob.id)
		})
		to := answer.Get("next_batch").Str
		for _, version := range []string{"v3", "r0"} {
			changes := alice.must(t, http.MethodGet, "/_matrix/client/"+version+"/keys/changes?"+query("from", from, "to", to), "")
			mustBe(t, "who changed", slices.Contains(strs(changes.Get("changed")), bob.id), true)
			mustBe(t, "who left", strs(changes.Get("left")), nil)
		}
		mustBe(t, "Bob's devices", len(member(alice.must(t, http.MethodPost, "/keys/query", `{"device_keys":{%q:[]}}`, bob.id).Get("device_keys"), bob.id).Map()), 2)
	},
	"UploadKey": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		uploaded := alice.must(t, http.MethodPost, "/keys/upload", `{"device_keys":%s,"one_time_keys":{"signed_curve25519:AAAAHQ":{"key":"x"}}}`, deviceKeys(alice.id, alice.device))
		mustBe(t, "the count", uploaded.Get("one_time_key_counts.signed_curve25519").Raw, "1")

		for _, devices := range []string{`[]`, fmt.Sprintf(`[%q]`, alice.device)} {
			found := member(alice.must(t, http.MethodPost, "/keys/query", `{"device_keys":{%q:%s}}`, alice.id, devices).Get("device_keys"), alice.id)
			got := member(found, alice.device)
			want := gjson.Parse(deviceKeys(alice.id, alice.device))
			for _, part := range []string{"keys", "signatures", "algorithms", "user_id", "device_id"} {
				mustBe(t, part, got.Get(part+"|@ugly|@pretty:{\"sortKeys\":true}").Raw, want.Get(part+"|@ugly|@pretty:{\"sortKeys\":true}").Raw)
			}
		}
		none := alice.must(t, http.MethodPost, "/keys/query", `{"device_keys":{%q:[]}}`, bob.id)
		mustBe(t, "the keys of who has none", member(none.Get("device_keys"), bob.id).Raw, "{}")
		mustBe(t, "the keys of a device that is not there", len(member(alice.must(t, http.MethodPost, "/keys/query",
			`{"device_keys":{%q:["NOWHERE"]}}`, alice.id).Get("device_keys"), alice.id).Map()), 0)

		claimed := bob.must(t, http.MethodPost, "/keys/claim", `{"one_time_keys":{%q:{%q:"signed_curve25519"}}}`, alice.id, alice.device)
		mustBe(t, "the claimed key", member(member(claimed.Get("one_time_keys"), alice.id), alice.device).Get("signed_curve25519:AAAAHQ.key").Str, "x")
		again := bob.must(t, http.MethodPost, "/keys/claim", `{"one_time_keys":{%q:{%q:"signed_curve25519"}}}`, alice.id, alice.device)
		mustBe(t, "the keys claimed again", again.Get("one_time_keys").Raw, "{}")
		bob.mustBeRefused(t, http.StatusBadRequest, "M_BAD_JSON", http.MethodPost, "/keys/upload",
			`{"device_keys":{"user_id":%q,"device_id":%q},"one_time_keys":{"signed_curve25519:A":{"key":"x"}}}`, bob.id, bob.device)

		for what, body := range map[string]string{
			"another user":   `{"device_keys":` + deviceKeys(bob.id, alice.device) + `}`,
			"another device": `{"device_keys":` + deviceKeys(alice.id, "OTHER") + `}`,
			"no object":      `{"device_keys":"x"}`,
			"a wrong name":   `{"one_time_keys":{"invalid":{"key":"x"}}}`,
			"a wrong key":    `{"one_time_keys":{"signed_curve25519:A":7}}`,
			"a list":         `{"one_time_keys":[]}`,
		} {
			code, answer := alice.ask(t, http.MethodPost, "/keys/upload", "%s", body)
			if code != http.StatusBadRequest {
				t.Errorf("%s: got %d %s, want 400", what, code, answer.Raw)
			}
		}
	},
	"KeyClaimOrdering": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		alice.must(t, http.MethodPost, "/keys/upload", "%s", oneTimeKeys(5, 3))
		alice.must(t, http.MethodPost, "/keys/upload", "%s", oneTimeKeys(4, 1))
		alice.must(t, http.MethodPost, "/keys/upload", "%s", oneTimeKeys(2))
		var got []string
		for range 5 {
			claimed := alice.must(t, http.MethodPost, "/keys/claim", `{"one_time_keys":{%q:{%q:"signed_curve25519"}}}`, alice.id, alice.device)
			for name := range member(member(claimed.Get("one_time_keys"), alice.id), alice.device).Map() {
				got = append(got, name)
			}
		}
		// Within one upload, an object has no order.
		if len(got) == 5 {
			slices.Sort(got[:2])
			slices.Sort(got[2:4])
		}
		mustBe(t, "the keys", got, []string{"signed_curve25519:3", "signed_curve25519:5", "signed_curve25519:1", "signed_curve25519:4", "signed_curve25519:2"})
	},
	"UploadKeyIdempotency": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		for range 2 {
			uploaded := alice.must(t, http.MethodPost, "/keys/upload", "%s", oneTimeKeys(1, 2))
			mustBe(t, "the count", uploaded.Get("one_time_key_counts.signed_curve25519").Raw, "2")
		}
		alice.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPost, "/keys/upload", `{"one_time_keys":{"signed_curve25519:1":{"key":"another"}}}`)
	},
	"UploadKeyIdempotencyOverlap": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		for _, upload := range []struct{ keys, count string }{{oneTimeKeys(1, 2), "2"}, {oneTimeKeys(2, 3), "3"}} {
			uploaded := alice.must(t, http.MethodPost, "/keys/upload", "%s", upload.keys)
			mustBe(t, "the count", uploaded.Get("one_time_key_counts.signed_curve25519").Raw, upload.count)
		}
	},
	"KeysQueryWithDeviceIDAsObjectFails": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		for _, devices := range []string{`{"device_id":{}}`, `{}`, `[{}]`, `"x"`, `{"0":"x"}`} {
			alice.mustBeRefused(t, http.StatusBadRequest, "M_BAD_JSON", http.MethodPost, "/keys/query", `{"device_keys":{%q:%s}}`, alice.id, devices)
		}
	},
}

var toDeviceChecks = checks{
	"ToDeviceMessages": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		second := bob.mustLogIn(t, "")
		path := "/sendToDevice/my.test.type/txn"
		body := fmt.Sprintf(`{"messages":{%q:{%q:{"key":"bob"}},%q:{"*":{"key":"charlie"}}}}`, bob.id, bob.device, charlie.id)
		alice.must(t, http.MethodPut, path, "%s", body)
		alice.must(t, http.MethodPut, path, "%s", body) // once for all
		for reader, text := range map[*asker]string{bob: "bob", charlie: "charlie"} {
			answer := reader.mustSync(t)
			mustBe(t, "the messages", len(answer.Get("to_device.events").Array()), 1)
			message := answer.Get("to_device.events.0")
			mustBe(t, "the text", message.Get("content.key").Str, text)
			mustBe(t, "the type", message.Get("type").Str, "my.test.type")
			mustBe(t, "the sender", message.Get("sender").Str, alice.id)
			again := reader.mustSync(t, "since", answer.Get("next_batch").Str)
			mustBe(t, "the messages after that", len(again.Get("to_device.events").Array()), 0)
		}
		mustBe(t, "the messages to another device", len(second.mustSync(t).Get("to_device.events").Array()), 0)
	},
}
