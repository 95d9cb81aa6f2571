package rooms_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestProfileFields(t *testing.T) {
	quoted := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		for _, c := range []struct{ field, value, refused string }{
			{"displayname", quoted(256), ""},
			{"displayname", quoted(257), "M_INVALID_PARAM"},
			{"displayname", `7`, "M_BAD_JSON"},
			{"avatar_url", `"mxc://acme.example/x"`, ""},
			{"avatar_url", `"https://acme.example/x"`, "M_INVALID_PARAM"},
			{"avatar_url", `"//acme.example/x"`, "M_INVALID_PARAM"},
			{"avatar_url", `"LemurLover"`, ""},
			{"m.tz", `"America/Sao_Paulo"`, ""},
			{"m.tz", `{}`, "M_BAD_JSON"},
			{"com.example.pronouns", `["she","her"]`, ""},
			{"com.example.nothing", `null`, ""},
			{"com.example.large", quoted(64 << 10), "M_PROFILE_TOO_LARGE"},
			{"name", `"x"`, "M_INVALID_PARAM"},
			{"Com.example", `"x"`, "M_INVALID_PARAM"},
			{"com." + strings.Repeat("x", 252), `"x"`, "M_KEY_TOO_LARGE"},
			{"br.com.conversalabs.role", `"administrator"`, "M_FORBIDDEN"},
		} {
			err := o.SetProfile(t.Context(), by(ana), c.field, json.RawMessage(c.value))
			if c.refused != "" {
				mustBe(t, err, c.refused)
			} else if err != nil {
				t.Errorf("%s: %v", c.field, err)
			}
		}
		for _, emptied := range []string{"displayname", "avatar_url"} {
			o.must(o.SetProfile(t.Context(), by(ana), emptied, json.RawMessage(`""`)))
		}
		o.must(o.SetProfile(t.Context(), by(ana), "m.tz", json.RawMessage(`null`)))
		o.must(o.SetProfile(t.Context(), by(ana), "com.example.absent", nil))
		profile, err := o.Profile(t.Context(), "acme", ana)
		o.must(err)
		want := map[string]json.RawMessage{
			"com.example.pronouns": json.RawMessage(`["she","her"]`), "com.example.nothing": json.RawMessage(`null`),
		}
		if diff := cmp.Diff(profile, want); diff != "" {
			t.Errorf("profile (-got +want):\n%s", diff)
		}
	})
}
