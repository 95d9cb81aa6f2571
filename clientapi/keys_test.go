package clientapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/stream"
)

func streamToken(v rooms.View) string {
	return stream.Token{Epoch: v.Epoch(), Position: v.Head()}.String()
}

// in reads a member of an answer by its names, which may hold anything.
func in(r gjson.Result, names ...string) gjson.Result {
	for _, name := range names {
		r = r.Map()[name]
	}
	return r
}

func TestUploadKeys(t *testing.T) {
	t.Parallel()
	f := newKeyFixture(t)
	phone := newSigner(t, "PHONE")
	answer := f.mustPost("ana/PHONE", "/keys/upload", text(t, object{
		"device_keys":   phone.device(t, keyAna),
		"one_time_keys": object{"signed_curve25519:a": object{"key": "a"}, "curve25519:b": "plain"},
	}))
	if got, want := answer.Raw, `{"one_time_key_counts":{"curve25519":1,"signed_curve25519":1}}`; got != want {
		t.Errorf("counts: got %s, want %s", got, want)
	}
	found := f.mustPost("bia/PHONE", "/keys/query", `{"device_keys":{"@ana:acme.test":[],"@nobody:acme.test":[]}}`)
	device := in(found, "device_keys", string(keyAna), "PHONE")
	if got := in(device, "keys", "ed25519:PHONE").Str; got != phone.public() {
		t.Errorf("got the key %q, want %q", got, phone.public())
	}
	if got := in(device, "unsigned", "device_display_name").Str; got != "ana's phone" {
		t.Errorf("got the name %q", got)
	}
	if in(found, "device_keys", "@nobody:acme.test").Exists() {
		t.Error("an unknown user is in the answer")
	}
	if got := f.mustPost("bia/PHONE", "/keys/query", `{"device_keys":{"@ana:acme.test":["LAPTOP"]}}`); in(got, "device_keys", string(keyAna), "PHONE").Exists() {
		t.Error("a device that was not asked for is in the answer")
	}
	claim := `{"one_time_keys":{"@ana:acme.test":{"PHONE":"signed_curve25519"}}}`
	if got, want := f.mustPost("eve/PHONE", "/keys/claim", claim).Raw, `{"failures":{},"one_time_keys":{}}`; got != want {
		t.Errorf("claim from another account: got %s, want %s", got, want)
	}
	want := `{"failures":{},"one_time_keys":{"@ana:acme.test":{"PHONE":{"signed_curve25519:a":{"key":"a"}}}}}`
	if got := f.mustPost("bia/PHONE", "/keys/claim", claim).Raw; got != want {
		t.Errorf("claim: got %s, want %s", got, want)
	}
	if got := in(f.mustPost("eve/PHONE", "/keys/query", `{"device_keys":{"@ana:acme.test":[]}}`), "device_keys").Raw; got != `{}` {
		t.Errorf("query from another account: got %s, want {}", got)
	}
}

func TestKeysRefused(t *testing.T) {
	t.Parallel()
	f := newKeyFixture(t)
	const upload, query, claim = "/keys/upload", "/keys/query", "/keys/claim"
	foreign := newSigner(t, "LAPTOP").device(t, keyAna)
	for _, c := range []struct {
		path, body string
		status     int
		errcode    string
	}{
		{upload, text(t, object{"device_keys": foreign}), 400, "M_INVALID_PARAM"},
		{upload, text(t, object{"device_keys": newSigner(t, "PHONE").device(t, keyBia)}), 400, "M_INVALID_PARAM"},
		{upload, `{"device_keys":{"user_id":"@ana:acme.test","device_id":"PHONE"}}`, 400, "M_BAD_JSON"},
		{upload, `{"device_keys":{"user_id":"@ana:acme.test","device_id":"PHONE","algorithms":[],"keys":{"ed25519:LAPTOP":"k"}}}`, 400, "M_BAD_JSON"},
		{upload, `{"device_keys":{"user_id":"@ana:acme.test","device_id":"PHONE","algorithms":[],"keys":["k"]}}`, 400, "M_BAD_JSON"},
		{upload, `{"device_keys":[]}`, 400, "M_BAD_JSON"},
		{upload, `{"one_time_keys":{"noname":{"key":"k"}}}`, 400, "M_BAD_JSON"},
		{upload, `{"one_time_keys":{"a:b":1}}`, 400, "M_BAD_JSON"},
		{upload, `{"one_time_keys":{"a:b":"` + strings.Repeat("k", 8<<10) + `"}}`, 413, "M_TOO_LARGE"},
		{query, `{"device_keys":{"@ana:acme.test":{"PHONE":[]}}}`, 400, "M_BAD_JSON"},
		{query, `{}`, 400, "M_BAD_JSON"},
		{claim, `{"one_time_keys":{"@ana:acme.test":["PHONE"]}}`, 400, "M_BAD_JSON"},
		{claim, `{}`, 400, "M_BAD_JSON"},
	} {
		f.mustRefuse("ana/PHONE", http.MethodPost, c.path, c.body, c.status, c.errcode)
	}
	f.mustRefuse("ana", http.MethodPost, upload, `{}`, 400, "M_INVALID_PARAM")
	f.mustRefuse("ana/PHONE", http.MethodGet, "/keys/changes", "", 400, "M_MISSING_PARAM")
	f.mustRefuse("ana/PHONE", http.MethodGet, "/keys/changes?from=x&to=y", "", 400, "M_INVALID_PARAM")
	send := "/sendToDevice/m.test/1"
	f.mustRefuse("ana/PHONE", http.MethodPut, send, `{}`, 400, "M_BAD_JSON")
	f.mustRefuse("ana/PHONE", http.MethodPut, send, `{"messages":{"@bia:acme.test":{"*":"x"}}}`, 400, "M_BAD_JSON")
	f.mustRefuse("ana/PHONE", http.MethodPut, send, `{"messages":{"@bia:acme.test":{"*":{"x":"`+strings.Repeat("x", 64<<10)+`"}}}}`, 413, "M_TOO_LARGE")
}

// TestCrossSigningRefusalIsTheSame asks often: what is wrong twice is refused for
// the first of the reasons, in the order of the specification's keys.
func TestCrossSigningRefusalIsTheSame(t *testing.T) {
	t.Parallel()
	f := newKeyFixture(t)
	upload := text(t, object{
		"master_key":       newSigner(t, "").crossSigning(keyBia, "master"),
		"self_signing_key": newSigner(t, "").crossSigning(keyAna, "master"),
		"user_signing_key": object{"user_id": keyAna, "usage": []string{"user_signing"}, "keys": object{}},
	})
	for range 20 {
		f.mustRefuse("ana/PHONE", http.MethodPost, "/keys/device_signing/upload", upload, 400, "M_INVALID_PARAM")
	}
}

// TestCrossSigning goes the way of a client: its first keys, signatures both
// ways, and a reset.
func TestCrossSigning(t *testing.T) {
	t.Parallel()
	f := newKeyFixture(t)
	const signing = "/keys/device_signing/upload"
	device, master, self, user := newSigner(t, "PHONE"), newSigner(t, ""), newSigner(t, ""), newSigner(t, "")
	keys := device.device(t, keyAna)
	f.mustPost("ana/PHONE", "/keys/upload", text(t, object{"device_keys": keys}))
	f.mustRefuse("ana/PHONE", http.MethodPost, signing, ``, 401, "")
	f.mustRefuse("ana/PHONE", http.MethodPost, signing, `{}`, 401, "")

	masterKey := master.crossSigning(keyAna, "master")
	selfKey := self.crossSigning(keyAna, "self_signing")
	upload := object{
		"master_key":       masterKey,
		"self_signing_key": master.sign(t, keyAna, selfKey),
		"user_signing_key": master.sign(t, keyAna, user.crossSigning(keyAna, "user_signing")),
	}
	wrong := object{"master_key": masterKey, "self_signing_key": user.sign(t, keyAna, selfKey)}
	f.mustRefuse("ana/PHONE", http.MethodPost, signing, text(t, wrong), 400, "M_INVALID_SIGNATURE")
	f.mustRefuse("ana/PHONE", http.MethodPost, signing, text(t, object{"self_signing_key": upload["self_signing_key"]}), 400, "M_MISSING_PARAM")
	f.mustRefuse("ana/PHONE", http.MethodPost, signing, `{"master_key":{"user_id":"@ana:acme.test","usage":["master"],"keys":{"ed25519:x":"x"}}}`, 400, "M_BAD_JSON")
	f.mustPost("ana/PHONE", signing, text(t, upload)) // the first: nobody is asked
	f.mustPost("ana/PHONE", signing, text(t, upload)) // the same once more

	// The device is signed by the self-signing key, the master key by the device.
	failures := f.mustPost("ana/PHONE", "/keys/signatures/upload", text(t, object{string(keyAna): object{
		"PHONE":         self.sign(t, keyAna, keys),
		master.public(): device.sign(t, keyAna, masterKey),
		"LAPTOP":        self.sign(t, keyAna, keys),
	}}))
	if got, want := in(failures, "failures", string(keyAna)).Map(), 1; len(got) != want || in(failures, "failures", string(keyAna), "LAPTOP", "errcode").Str != "M_NOT_FOUND" {
		t.Errorf("failures: got %s, want the laptop alone", failures.Raw)
	}
	forged := f.mustPost("ana/PHONE", "/keys/signatures/upload", text(t, object{string(keyAna): object{"PHONE": user.sign(t, keyAna, keys)}}))
	if got := in(forged, "failures", string(keyAna), "PHONE", "errcode").Str; got != "M_INVALID_SIGNATURE" {
		t.Errorf("a signature by the wrong key: got %s, want M_INVALID_SIGNATURE", forged.Raw)
	}
	f.mustPost("ana/PHONE", "/keys/upload", text(t, object{"device_keys": keys})) // must not lose the signature
	own := f.mustPost("ana/PHONE", "/keys/query", `{"device_keys":{"@ana:acme.test":[]}}`)
	if got := in(own, "device_keys", string(keyAna), "PHONE", "signatures", string(keyAna)).Map(); len(got) != 2 {
		t.Errorf("signatures of the device: got %v, want two", got)
	}
	if !in(own, "master_keys", string(keyAna), "signatures", string(keyAna), "ed25519:PHONE").Exists() {
		t.Error("the device's signature of the master key is missing")
	}
	if !in(own, "user_signing_keys", string(keyAna)).Exists() {
		t.Error("the own user-signing key is missing")
	}

	reset := text(t, object{"master_key": newSigner(t, "").crossSigning(keyAna, "master")})
	f.mustRefuse("ana/PHONE", http.MethodPost, signing, reset, 401, "")
	f.mustPost("ana/PHONE", signing, strings.TrimSuffix(reset, "}")+`,"auth":"it is me"}`)
	found := f.mustPost("bia/PHONE", "/keys/query", `{"device_keys":{"@ana:acme.test":[]}}`)
	if in(found, "user_signing_keys", string(keyAna)).Exists() {
		t.Error("another user's user-signing key is shown")
	}
	if in(found, "master_keys", string(keyAna), "keys", "ed25519:"+master.public()).Exists() {
		t.Error("the master key was not replaced")
	}
}

// TestSignOther has bia sign ana's master key: only bia sees that.
func TestSignOther(t *testing.T) {
	t.Parallel()
	f := newKeyFixture(t)
	anaMaster, master, user := newSigner(t, ""), newSigner(t, ""), newSigner(t, "")
	anaKey := anaMaster.crossSigning(keyAna, "master")
	f.mustPost("ana/PHONE", "/keys/device_signing/upload", text(t, object{"master_key": anaKey}))
	f.mustPost("bia/PHONE", "/keys/device_signing/upload", text(t, object{
		"master_key":       master.crossSigning(keyBia, "master"),
		"user_signing_key": master.sign(t, keyBia, user.crossSigning(keyBia, "user_signing")),
	}))
	f.mustRoom(keyAna, keyBia)
	before := f.token("acme")
	forged := text(t, object{string(keyAna): object{anaMaster.public(): master.sign(t, keyBia, anaKey)}})
	refused := f.mustPost("bia/PHONE", "/keys/signatures/upload", forged)
	if got := in(refused, "failures", string(keyAna), anaMaster.public(), "errcode").Str; got != "M_INVALID_SIGNATURE" {
		t.Errorf("a signature by another key: got %s, want M_INVALID_SIGNATURE", refused.Raw)
	}
	signed := text(t, object{string(keyAna): object{anaMaster.public(): user.sign(t, keyBia, anaKey)}})
	if got := f.mustPost("bia/PHONE", "/keys/signatures/upload", signed).Raw; got != `{"failures":{}}` {
		t.Fatalf("failures: got %s, want none", got)
	}
	for token, want := range map[string]bool{"bia/PHONE": true, "ana/PHONE": false} {
		found := f.mustPost(token, "/keys/query", `{"device_keys":{"@ana:acme.test":[]}}`)
		if got := in(found, "master_keys", string(keyAna), "signatures", string(keyBia)).Exists(); got != want {
			t.Errorf("%s sees the signature: got %v, want %v", token, got, want)
		}
		changed := f.must(token, http.MethodGet, "/keys/changes?from="+before+"&to="+before, "").Get("changed").Raw
		if got := changed == `["@ana:acme.test"]`; got != want {
			t.Errorf("%s hears of it: got %s", token, changed)
		}
	}
	reset := object{"master_key": newSigner(t, "").crossSigning(keyAna, "master"), "auth": "it is me"}
	f.mustPost("ana/PHONE", "/keys/device_signing/upload", text(t, reset))
	found := f.mustPost("bia/PHONE", "/keys/query", `{"device_keys":{"@ana:acme.test":[]}}`)
	if in(found, "master_keys", string(keyAna), "signatures").Exists() {
		t.Error("the new master key has the old one's signature")
	}
	if got := f.mustPost("eve/PHONE", "/keys/signatures/upload", signed); in(got, "failures", string(keyAna), anaMaster.public(), "errcode").Str != "M_NOT_FOUND" {
		t.Errorf("signing from another account: got %s, want M_NOT_FOUND", got.Raw)
	}
}

// mustRoom makes a room of the first user that the others join.
func (f *keyFixture) mustRoom(users ...id.UserID) id.RoomID {
	f.t.Helper()
	room, _, err := f.rooms.Create(f.t.Context(), acmeCaller(users[0]), rooms.Creation{Preset: "public_chat"})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, user := range users[1:] {
		if err := f.rooms.Join(f.t.Context(), acmeCaller(user), rooms.Move{Room: room}); err != nil {
			f.t.Fatal(err)
		}
	}
	return room
}

func acmeCaller(user id.UserID) tenant.Caller {
	return tenant.Caller{Account: "acme", Server: "acme.test", User: user, Device: "PHONE"}
}

func TestKeyChanges(t *testing.T) {
	t.Parallel()
	f := newKeyFixture(t)
	// Each answer is asked of a server that has it in memory, and of one that has
	// just started.
	want := func(what, since, changed, left string) {
		t.Helper()
		for name, f := range map[string]*keyFixture{"in memory": f, "restarted": openKeyFixture(t, f.db)} {
			got := f.must("bia/PHONE", http.MethodGet, "/keys/changes?from="+since+"&to="+since, "").Raw
			if diff := cmp.Diff(got, fmt.Sprintf(`{"changed":[%s],"left":[%s]}`, changed, left)); diff != "" {
				t.Errorf("%s, %s (-got +want):\n%s", what, name, diff)
			}
		}
	}
	const anaQuoted, biaQuoted = `"@ana:acme.test"`, `"@bia:acme.test"`
	upload := func(user id.UserID, key string) {
		t.Helper()
		f.mustPost(user.Localpart()+"/PHONE", "/keys/upload", fmt.Sprintf(
			`{"device_keys":{"user_id":%q,"device_id":"PHONE","algorithms":[],"keys":{"ed25519:PHONE":%q}}}`, user, key))
	}
	start := f.token("acme")
	upload(keyAna, "a stranger's")
	want("no room together", start, "", "")
	upload(keyBia, "one's own")
	want("one's own keys", start, biaQuoted, "")

	start = f.token("acme")
	room := f.mustRoom(keyBia, keyAna)
	want("a room together", start, anaQuoted, "")
	start = f.token("acme")
	want("nothing", start, "", "")
	upload(keyAna, "new")
	want("new keys", start, anaQuoted, "")
	upload(keyAna, "new")
	start = f.token("acme")
	upload(keyAna, "new")
	want("the same keys", start, "", "")
	if err := f.rooms.Leave(t.Context(), acmeCaller(keyAna), rooms.Move{Room: room}); err != nil {
		t.Fatal(err)
	}
	want("no longer together", start, "", anaQuoted)
	start = f.token("acme")
	if err := f.rooms.Join(t.Context(), acmeCaller(keyAna), rooms.Move{Room: room}); err != nil {
		t.Fatal(err)
	}
	want("together again", start, anaQuoted, "")
	start = f.token("acme")
	if err := f.rooms.Leave(t.Context(), acmeCaller(keyBia), rooms.Move{Room: room}); err != nil {
		t.Fatal(err)
	}
	want("gone oneself", start, "", anaQuoted)
	want("a token of another history", "s9_1_0_0", biaQuoted, "")
}
