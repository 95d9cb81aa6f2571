package clientapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/clientapi"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	answer := f.read(step{as: nobody, method: get, path: "/_matrix/client/versions"})
	var versions mautrix.RespVersions
	if err := json.Unmarshal([]byte(answer.Raw), &versions); err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []mautrix.SpecVersion{mautrix.SpecV11, mautrix.SpecV12, mautrix.SpecV17, mautrix.SpecV111} {
		if !versions.Contains(wanted) {
			t.Errorf("%s is missing in %s", wanted, answer.Raw)
		}
	}
	for name, here := range versions.UnstableFeatures {
		if !here || !slices.Contains(clientapi.UnstableFeatures(), name) {
			t.Errorf("got %s: %v, want only what is there", name, here)
		}
	}
	if !versions.UnstableFeatures["org.matrix.msc2285.stable"] {
		t.Error("private receipts are not announced")
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	f.play(
		step{
			as: nobody, method: get, path: "/.well-known/matrix/client", status: 200,
			want: `{"io.element.e2ee":{"default":false,"force_disable":true},"m.homeserver":{"base_url":"https://chat.acme.test"}}`,
		},
		step{as: nobody, method: get, path: "/capabilities", status: 401, want: "M_MISSING_TOKEN"},
		step{method: get, path: "/voip/turnServer", status: 200, want: `{}`},
		step{method: get, path: "/thirdparty/protocols", status: 200, want: `{}`},
	)
	capabilities := f.read(step{method: get, path: "/capabilities"}).Get("capabilities")
	for path, want := range map[string]string{
		`m\.room_versions.default`:      `"11"`,
		`m\.room_versions.available.10`: `"stable"`,
		`m\.change_password.enabled`:    `true`,

		`m\.delayed_events`:                    `{"max_delay_ms":2592000000,"max_scheduled":100}`,
		`org\.matrix\.msc4140\.delayed_events`: `{"max_delay_ms":2592000000,"max_scheduled":100}`,
		`m\.3pid_changes.enabled`:              `false`,
		`m\.get_login_token.enabled`:           `true`,
	} {
		if got := capabilities.Get(path).Raw; got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestPresence(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	const status = "/presence/USER/status"
	f.play(
		step{as: "bia", method: get, path: status, status: 200, want: `{"presence":"offline"}`},
		step{method: put, path: status, body: `{"presence":"online","status_msg":"lunch"}`, status: 200, want: `{}`},
		step{as: "bia", method: get, path: status, status: 200, want: `{"presence":"online","status_msg":"lunch","last_active_ago":0,"currently_active":true}`},
		step{method: put, path: status, body: `{"presence":"unavailable","status_msg":null}`, status: 200, want: `{}`},
		step{as: "bia", method: get, path: status, status: 200, want: `{"presence":"unavailable","last_active_ago":0}`},

		step{method: put, path: status, body: `{"presence":"busy"}`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: status, body: `{}`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: status, body: `{"presence":"online","status_msg":"` + strings.Repeat("x", 1025) + `"}`, status: 400, want: "M_INVALID_PARAM"},
		step{as: "bia", method: put, path: status, body: `{"presence":"online"}`, status: 403, want: "M_FORBIDDEN"},
		// Another account's user, and one who is not there.
		step{as: "eve", method: get, path: status, status: 404, want: "M_NOT_FOUND"},
		step{as: "eve", method: get, path: "/presence/@none:acme.test/status", status: 404, want: "M_NOT_FOUND"},
		step{as: "bia", method: get, path: status, status: 200, want: `{"presence":"unavailable","last_active_ago":0}`},
	)
}

func TestUserDirectory(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	if err := f.rooms.SetProfile(t.Context(), caller(keyAna), "displayname", json.RawMessage(`"Ana Luísa ÁVILA"`)); err != nil {
		t.Fatal(err)
	}
	if err := f.rooms.SetProfile(t.Context(), caller(keyBia), "avatar_url", json.RawMessage(`"mxc://acme.test/bia"`)); err != nil {
		t.Fatal(err)
	}
	const (
		search = "/user_directory/search"
		ana    = `{"user_id":"@ana:acme.test","display_name":"Ana Luísa ÁVILA"}`
		bia    = `{"user_id":"@bia:acme.test","avatar_url":"mxc://acme.test/bia"}`
		none   = `{"limited":false,"results":[]}`
	)
	only := func(user string) string { return `{"limited":false,"results":[` + user + `]}` }
	f.play(
		step{method: post, path: search, body: `{"search_term":"avila"}`, status: 200, want: only(ana)},
		step{method: post, path: search, body: `{"search_term":"LUÍSA av"}`, status: 200, want: only(ana)},
		step{method: post, path: search, body: `{"search_term":"uis"}`, status: 200, want: only(ana)},
		step{method: post, path: search, body: `{"search_term":"@bia:acme.test"}`, status: 200, want: only(bia)},
		step{method: post, path: search, body: `{"search_term":"Bia"}`, status: 200, want: only(bia)},
		step{method: post, path: search, body: `{"search_term":"","limit":1}`, status: 200, want: `{"limited":true,"results":[` + bia + `]}`},
		step{method: post, path: search, body: `{"search_term":"zé"}`, status: 200, want: none},
		step{method: post, path: search, body: `{"search_term":"eve"}`, status: 200, want: none},
		step{as: "eve", method: post, path: search, body: `{"search_term":"ana"}`, status: 200, want: none},

		step{method: post, path: search, body: `{}`, status: 400, want: "M_MISSING_PARAM"},
		step{method: post, path: search, body: `{"search_term":1}`, status: 400, want: "M_BAD_JSON"},
		step{method: post, path: search, body: `{"search_term":"a","limit":-1}`, status: 400, want: "M_INVALID_PARAM"},
		step{as: nobody, method: post, path: search, body: `{"search_term":"a"}`, status: 401, want: "M_MISSING_TOKEN"},
	)
}
