package clientapi_test

import (
	"fmt"
	"testing"
)

func TestPushRules(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	const (
		global = "/pushrules/global/"
		mine   = global + "content/cake"
		rule   = `{"rule_id":"cake","default":false,"enabled":true,"actions":["notify"],"pattern":"cake*lie"}`
	)
	f.play(
		step{method: get, path: mine, status: 404, want: "M_NOT_FOUND"},
		step{method: put, path: mine, body: `{"pattern":"cake*lie","actions":["notify","dont_notify"]}`, status: 200, want: `{}`},
		step{method: get, path: mine, status: 200, want: rule},
		step{method: get, path: "/_matrix/client/r0" + mine, status: 200, want: rule},
		step{method: get, path: mine + "/enabled", status: 200, want: `{"enabled":true}`},
		step{method: put, path: mine + "/enabled", body: `{"enabled":false}`, status: 200, want: `{}`},
		step{method: get, path: mine + "/enabled", status: 200, want: `{"enabled":false}`},
		step{method: put, path: mine + "/actions", body: `{"actions":[]}`, status: 200, want: `{}`},
		step{method: get, path: mine + "/actions", status: 200, want: `{"actions":[]}`},
		step{as: "bia", method: get, path: mine, status: 404, want: "M_NOT_FOUND"},

		step{method: put, path: global + "override/.m.rule.master/enabled", body: `{"enabled":true}`, status: 200, want: `{}`},
		step{method: get, path: global + "override/.m.rule.master/enabled", status: 200, want: `{"enabled":true}`},

		step{method: put, path: global + "room/!a:acme.test", body: `{"actions":[]}`, status: 200, want: `{}`},
		step{method: put, path: global + "room/!b:acme.test?after=!a:acme.test", body: `{"actions":[]}`, status: 200, want: `{}`},
		step{method: put, path: global + "room/!c:acme.test?before=!b:acme.test", body: `{"actions":[]}`, status: 200, want: `{}`},
		step{method: put, path: global + "room/!d:acme.test?before=!none:acme.test", body: `{"actions":[]}`, status: 400, want: "M_UNKNOWN"},

		step{method: get, path: global + "sideways/cake", status: 404, want: "M_NOT_FOUND"},
		step{method: get, path: global + "sideways/", status: 404, want: "M_NOT_FOUND"},
		step{method: put, path: global + "sideways/cake", body: `{"actions":[]}`, status: 404, want: "M_NOT_FOUND"},
		step{method: get, path: global + "override/none/actions", status: 404, want: "M_NOT_FOUND"},
		step{method: put, path: global + "override/.mine", body: `{"actions":[]}`, status: 400, want: "M_INVALID_PARAM"},
		step{method: put, path: global + "override/a%2Fb", body: `{"actions":[]}`, status: 400, want: "M_INVALID_PARAM"},
		step{method: put, path: mine, body: `{"actions":[]}`, status: 400, want: "M_MISSING_PARAM"},
		step{method: put, path: mine + "/enabled", body: `{}`, status: 400, want: "M_MISSING_PARAM"},
		step{method: put, path: mine + "/enabled", body: `{"enabled":"no"}`, status: 400, want: "M_BAD_JSON"},
		step{method: remove, path: global + "override/.m.rule.master", status: 400, want: "M_INVALID_PARAM"},
		step{method: get, path: "/pushrules/", status: 401, want: "M_MISSING_TOKEN", as: nobody},

		step{method: remove, path: mine, status: 200, want: `{}`},
		step{method: remove, path: mine, status: 404, want: "M_NOT_FOUND"},
	)
	all := f.read(step{method: get, path: "/pushrules/"})
	if got, want := all.Get("global.room.#.rule_id").Raw, `["!a:acme.test","!c:acme.test","!b:acme.test"]`; got != want {
		t.Errorf("the order of rules: got %s, want %s", got, want)
	}
	if got := all.Get(`global.override.#(rule_id==".m.rule.is_user_mention").actions`).Raw; got == "" {
		t.Error("the rule for mentions is missing")
	}
	if got := f.read(step{method: get, path: global}).Raw; got != all.Get("global").Raw {
		t.Errorf("global: got %s, want %s", got, all.Get("global").Raw)
	}
	if got := f.read(step{method: get, path: global + "room/"}).Raw; got != all.Get("global.room").Raw {
		t.Errorf("rules of rooms: got %s, want %s", got, all.Get("global.room").Raw)
	}
	if got := f.read(step{method: get, path: "/user/USER/account_data/m.push_rules"}).Raw; got != all.Raw {
		t.Errorf("account data: got %s, want %s", got, all.Raw)
	}
}

// Changes at the same time do not lose each other.
func TestPushRulesAtOnce(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	const changes = 20
	codes := make(chan int)
	for i := range changes {
		go func() {
			code, _ := f.send(step{method: put, path: fmt.Sprint("/pushrules/global/sender/@", i, ":acme.test"), body: `{"actions":[]}`})
			codes <- code
		}()
	}
	for range changes {
		if code := <-codes; code != 200 {
			t.Errorf("got %d, want 200", code)
		}
	}
	if got := f.read(step{method: get, path: "/pushrules/"}).Get("global.sender.#").Int(); got != changes {
		t.Errorf("got %d rules, want %d", got, changes)
	}
}

func TestPushers(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	pusher := func(app, key, more string) string {
		return `{"pushkey":"` + key + `","kind":"http","app_id":"` + app + `","app_display_name":"App","device_display_name":"Phone",` +
			`"lang":"en","data":{"url":"https://push.example/_matrix/push/v1/notify","x":1.0}` + more + `}`
	}
	const tagged = `{"pushkey":"1","kind":"http","app_id":"app","app_display_name":"App","device_display_name":"Phone",` +
		`"profile_tag":"tag","lang":"en","data":{"url":"https://push.example/_matrix/push/v1/notify","x":1.0}}`
	set := func(as, body string, status int, want string) step {
		return step{as: as, method: post, path: "/pushers/set", body: body, status: status, want: want}
	}
	f.play(
		step{method: get, path: "/pushers", status: 200, want: `{"pushers":[]}`},
		set("", pusher("app", "1", ""), 200, `{}`),
		step{method: get, path: "/pushers", status: 200, want: `{"pushers":[` + pusher("app", "1", "") + `]}`},
		set("", pusher("app", "1", `,"profile_tag":"tag"`), 200, `{}`),
		set("", pusher("app", "2", ""), 200, `{}`),
		set("", pusher("app", "3", ""), 403, "M_FORBIDDEN"),
		step{as: "bia", method: get, path: "/pushers", status: 200, want: `{"pushers":[]}`},

		set("bia", pusher("app", "1", `,"append":true`), 200, `{}`),
		step{method: get, path: "/pushers", status: 200, want: `{"pushers":[` + tagged + `,` + pusher("app", "2", "") + `]}`},
		set("bia", pusher("app", "2", ""), 200, `{}`),
		step{method: get, path: "/pushers", status: 200, want: "*"},
		set("eve", pusher("app", "1", ""), 200, `{}`), // another account's are out of reach

		set("", `{"kind":null,"app_id":"app","pushkey":"none"}`, 200, `{}`),
		set("", `{"kind":null,"app_id":"app"}`, 400, "M_MISSING_PARAM"),
		set("", `{"app_id":"app","pushkey":"1"}`, 400, "M_MISSING_PARAM"),
		set("", `{"kind":"http","app_id":"app","pushkey":"1"}`, 400, "M_MISSING_PARAM"),
		set("", `{"kind":5,"app_id":"app","pushkey":"1"}`, 400, "M_BAD_JSON"),
		set("", `{"kind":"email","app_id":"m.email","pushkey":"a@example.com"}`, 400, "M_INVALID_PARAM"),
		set("", pusher("app|1", "1", ""), 400, "M_INVALID_PARAM"),
	)
	f.play(
		step{method: get, path: "/pushers", status: 200, want: `{"pushers":[` + tagged + `]}`},
		set("", `{"kind":null,"app_id":"app","pushkey":"1"}`, 200, `{}`),
		step{method: get, path: "/pushers", status: 200, want: `{"pushers":[]}`},
	)
	if got := f.read(step{as: "eve", method: get, path: "/pushers"}).Get("pushers.#").Int(); got != 1 {
		t.Errorf("got %d pushers in another account, want 1", got)
	}
	for _, url := range []string{"http://push.example/_matrix/push/v1/notify", "https://push.example/", "https://a:b@push.example/_matrix/push/v1/notify", ""} {
		body := `{"pushkey":"1","kind":"http","app_id":"a","app_display_name":"A","device_display_name":"P","lang":"en","data":{"url":"` + url + `"}}`
		if code, answer := f.send(set("", body, 0, "")); code != 400 {
			t.Errorf("gateway %q: got %d %s, want 400", url, code, answer.Raw)
		}
	}
}
