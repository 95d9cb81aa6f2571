package clientapi_test

import (
	"strings"
	"testing"
)

func TestAccountData(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	const data = "/user/USER/account_data/"
	long := func(bytes int) string { return `{"a":"` + strings.Repeat("x", bytes-8) + `"}` }
	direct := func(bytes int) string { return `{"@a:b":["!` + strings.Repeat("x", bytes-14) + `"]}` }
	f.play(
		step{method: get, path: data + "x", status: 404, want: "M_NOT_FOUND"},
		step{method: put, path: data + "x", body: ` {"b":1.50,"a":[1e400]} `, status: 200, want: `{}`},
		step{method: get, path: data + "x", status: 200, want: `{"b":1.50,"a":[1e400]}`},
		step{method: put, path: data + "x", body: `{}`, status: 200, want: `{}`},
		step{method: get, path: data + "x", status: 200, want: `{}`},

		step{method: put, path: data + "x", body: `[]`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: data + "x", body: `{`, status: 400, want: "M_NOT_JSON"},
		step{method: put, path: data + "x", status: 400, want: "M_NOT_JSON"},
		step{method: put, path: data + "m.push_rules", body: `{}`, status: 405, want: "M_BAD_JSON"},
		step{method: put, path: data + "m.fully_read", body: `{}`, status: 405, want: "M_BAD_JSON"},
		step{method: put, path: data + strings.Repeat("x", 256), body: `{}`, status: 400, want: "M_INVALID_PARAM"},
		step{as: "bia", method: put, path: data + "x", body: `{}`, status: 403, want: "M_FORBIDDEN"},
		step{as: "bia", method: get, path: data + "x", status: 403, want: "M_FORBIDDEN"},
		step{as: "eve", method: get, path: data + "x", status: 403, want: "M_FORBIDDEN"},
		step{as: nobody, method: get, path: data + "x", status: 401, want: "M_MISSING_TOKEN"},

		step{method: put, path: data + "x", body: long(99), status: 200, want: `{}`},
		step{method: put, path: data + "x", body: long(100), status: 200, want: `{}`},
		step{method: put, path: data + "x", body: long(101), status: 413, want: "M_TOO_LARGE"},
		step{method: put, path: data + "m.direct", body: direct(200), status: 200, want: `{}`},
		step{method: put, path: data + "m.direct", body: direct(201), status: 413, want: "M_TOO_LARGE"},
		step{method: put, path: data + "m.direct", body: `{"@bia:acme.test":{}}`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: data + "m.direct", body: `{"@bia:acme.test":[1]}`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: data + "m.direct", body: `{"@bia:acme.test":["#room:acme.test"]}`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: data + "m.direct", body: `{"bia":["!room:acme.test"]}`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: data + "m.direct", body: `{"@bia:acme.test":["!room:acme.test"]}`, status: 200, want: `{}`},
		step{method: put, path: data + "third", body: `{}`, status: 200, want: `{}`},
		step{method: put, path: data + "fourth", body: `{}`, status: 403, want: "M_FORBIDDEN"},
		step{method: put, path: data + "third", body: `{"again":true}`, status: 200, want: `{}`},
	)
}

func TestAccountDataIsRemoved(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	const (
		data     = "/user/USER/account_data/"
		unstable = "/_matrix/client/unstable/org.matrix.msc3391" + data
	)
	f.play(
		step{method: put, path: data + "x", body: `{"a":1}`, status: 200, want: `{}`},
		step{method: remove, path: data + "x", status: 405, want: "M_UNRECOGNIZED"},
		step{as: "bia", method: remove, path: unstable + "x", status: 403, want: "M_FORBIDDEN"},
		step{method: remove, path: unstable + "m.push_rules", status: 405, want: "M_BAD_JSON"},
		step{method: remove, path: unstable + "x", status: 200, want: `{}`},
		step{method: remove, path: unstable + "x", status: 200, want: `{}`},
		step{method: get, path: "/_matrix/client/r0" + data + "x", status: 404, want: "M_NOT_FOUND"},
	)
}

func TestAccountDataOfRooms(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	f.name("ROOM", string(f.mustRoom()))
	const data = "/user/USER/rooms/ROOM/account_data/"
	f.play(
		step{method: put, path: data + "x", body: `{"a":1}`, status: 200, want: `{}`},
		step{method: get, path: data + "x", status: 200, want: `{"a":1}`},
		step{method: get, path: "/user/USER/account_data/x", status: 404, want: "M_NOT_FOUND"},
		step{method: put, path: data + "m.fully_read", body: `{}`, status: 405, want: "M_BAD_JSON"},
		step{as: "bia", method: get, path: data + "x", status: 403, want: "M_FORBIDDEN"},
		step{method: put, path: "/user/USER/rooms/room/account_data/x", body: `{}`, status: 400, want: "M_INVALID_PARAM"},
		step{method: get, path: "/user/USER/rooms/@room:acme.test/account_data/x", status: 400, want: "M_INVALID_PARAM"},
		// A room that is not there, and one that is but not for Bia.
		step{method: put, path: "/user/USER/rooms/!none:acme.test/account_data/x", body: `{}`, status: 403, want: "M_FORBIDDEN"},
		step{as: "bia", method: put, path: "/user/@bia:acme.test/rooms/ROOM/account_data/x", body: `{}`, status: 403, want: "M_FORBIDDEN"},
		step{as: "bia", method: get, path: "/user/@bia:acme.test/rooms/ROOM/account_data/x", status: 404, want: "M_NOT_FOUND"},
		step{method: get, path: "/user/USER/rooms/!none:acme.test/account_data/x", status: 404, want: "M_NOT_FOUND"},
	)
}

func TestTags(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	f.name("ROOM", string(f.mustRoom()))
	const tags = "/user/USER/rooms/ROOM/tags"
	const data = "/user/USER/rooms/ROOM/account_data/m.tag"
	f.play(
		step{method: get, path: tags, status: 200, want: `{"tags":{}}`},
		step{method: remove, path: tags + "/u.work", status: 200, want: `{}`},
		step{method: get, path: data, status: 404, want: "M_NOT_FOUND"},
		step{method: put, path: tags + "/u.work", body: `{"order":0.250}`, status: 200, want: `{}`},
		step{method: put, path: tags + "/m.favourite", body: `{}`, status: 200, want: `{}`},
		step{method: get, path: tags, status: 200, want: `{"tags":{"m.favourite":{},"u.work":{"order":0.250}}}`},
		step{method: get, path: data, status: 200, want: `{"tags":{"m.favourite":{},"u.work":{"order":0.250}}}`},

		step{method: put, path: tags + "/u.third", body: `{}`, status: 403, want: "M_FORBIDDEN"},
		step{method: put, path: tags + "/u.work", body: `{"order":-1e99,"by":"me"}`, status: 200, want: `{}`},
		step{method: put, path: tags + "/u.work", body: `{"order":"0.5"}`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: tags + "/u.work", body: `[]`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: tags + "/" + strings.Repeat("x", 256), body: `{}`, status: 400, want: "M_INVALID_PARAM"},
		step{as: "bia", method: put, path: tags + "/u.work", body: `{}`, status: 403, want: "M_FORBIDDEN"},
		step{as: "bia", method: get, path: tags, status: 403, want: "M_FORBIDDEN"},
		step{method: put, path: "/user/USER/rooms/!none:acme.test/tags/u.work", body: `{}`, status: 403, want: "M_FORBIDDEN"},

		step{method: remove, path: tags + "/m.favourite", status: 200, want: `{}`},
		step{method: get, path: tags, status: 200, want: `{"tags":{"u.work":{"order":-1e99,"by":"me"}}}`},
		step{method: remove, path: tags + "/u.work", status: 200, want: `{}`},
		step{method: get, path: data, status: 200, want: `{"tags":{}}`},

		step{method: put, path: data, body: `{"tags":[]}`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: data, body: `{"tags":{"a":{},"b":{},"c":{}}}`, status: 403, want: "M_FORBIDDEN"},
		step{method: put, path: data, body: `{"tags":{"a":{}}}`, status: 200, want: `{}`},
		step{method: get, path: tags, status: 200, want: `{"tags":{"a":{}}}`},
	)
}
