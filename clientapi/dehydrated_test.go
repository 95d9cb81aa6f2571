package clientapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

const dehydratedPath = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"

// mustDehydrate gives Ana a dehydrated device.
func (f *dataFixture) mustDehydrate(device signer) {
	f.t.Helper()
	answer := f.read(step{method: put, path: dehydratedPath, body: text(f.t, object{
		"device_id": device.name, "device_data": object{"algorithm": "x", "pickle": device.name},
		"initial_device_display_name": "sleeper", "device_keys": device.device(f.t, keyAna),
		"one_time_keys": object{"signed_curve25519:a": object{"key": device.name}},
		"fallback_keys": object{"signed_curve25519:f": object{"key": "f"}},
	})})
	if got, want := answer.Raw, `{"device_id":"`+device.name+`"}`; got != want {
		f.t.Errorf("got %s, want %s", got, want)
	}
}

func TestDehydratedDevice(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	f.play(
		step{method: get, path: dehydratedPath, status: 404, want: "M_NOT_FOUND"},
		step{method: remove, path: dehydratedPath, status: 404, want: "M_NOT_FOUND"},
	)
	first, second := newSigner(t, "FIRST"), newSigner(t, "SECOND")
	f.mustDehydrate(first)
	f.mustDehydrate(second)
	found := f.read(step{as: "bia", method: post, path: "/keys/query", body: `{"device_keys":{"USER":[]}}`})
	if in(found, "device_keys", string(keyAna), "FIRST").Exists() || !in(found, "device_keys", string(keyAna), "SECOND").Exists() {
		t.Errorf("got %s, want the keys of the second device alone", found.Raw)
	}
	claim := step{as: "bia", method: post, path: "/keys/claim", body: `{"one_time_keys":{"USER":{"SECOND":"signed_curve25519"}}}`}
	if got := in(f.read(claim), "one_time_keys", string(keyAna), "SECOND", "signed_curve25519:a", "key").Str; got != "SECOND" {
		t.Errorf("claimed %q", got)
	}
	f.play(
		step{
			method: get, path: dehydratedPath, status: http.StatusOK,
			want: `{"device_id":"SECOND","device_data":{"algorithm":"x","pickle":"SECOND"}}`,
		},
		step{as: "bia", method: get, path: dehydratedPath, status: 404, want: "M_NOT_FOUND"},
		step{as: "bia", method: post, path: dehydratedPath + "/SECOND/events", body: `{}`, status: 404, want: "M_NOT_FOUND"},
		step{method: post, path: dehydratedPath + "/FIRST/events", body: `{}`, status: 404, want: "M_NOT_FOUND"},
		step{method: post, path: dehydratedPath + "/SECOND/events", body: `{"next_batch":"x"}`, status: 400, want: "M_INVALID_PARAM"},
	)
	f.mustReadDehydrated()
	f.play(
		step{method: remove, path: dehydratedPath, status: 200, want: `{"device_id":"SECOND"}`},
		step{method: get, path: dehydratedPath, status: 404, want: "M_NOT_FOUND"},
	)
	if found := f.read(step{as: "bia", method: post, path: "/keys/query", body: `{"device_keys":{"USER":[]}}`}); in(found, "device_keys", string(keyAna), "SECOND").Exists() {
		t.Errorf("got %s, want no keys of a device that has ended", found.Raw)
	}
}

// mustReadDehydrated demands that what is sent to the device is read in order,
// again until it is acknowledged, and then no more.
func (f *dataFixture) mustReadDehydrated() {
	f.t.Helper()
	const events = dehydratedPath + "/SECOND/events"
	for i := range 101 {
		f.read(step{
			as: "bia", method: put, path: fmt.Sprintf("/sendToDevice/m.test/%d", i),
			body: fmt.Sprintf(`{"messages":{"USER":{"SECOND":{"n":%d}}}}`, i),
		})
	}
	var answer gjson.Result
	for range 2 {
		answer = f.read(step{method: post, path: events, body: `{}`})
		if n := len(answer.Get("events").Array()); n != 100 || answer.Get("events.99.content.n").Int() != 99 {
			f.t.Fatalf("got %d events, want the first 100", n)
		}
	}
	for _, want := range []int{1, 0, 0} {
		answer = f.read(step{method: post, path: events, body: `{"next_batch":"` + answer.Get("next_batch").Str + `"}`})
		if n := len(answer.Get("events").Array()); n != want {
			f.t.Errorf("got %d events, want %d", n, want)
		}
	}
	if n := len(f.read(step{method: post, path: events}).Get("events").Array()); n != 0 {
		f.t.Errorf("got %d events, want those deleted that were acknowledged", n)
	}
}

func TestDehydrationIsRefused(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	device := newSigner(t, "SLEEPER")
	good := func() object {
		return object{"device_id": "SLEEPER", "device_data": object{}, "device_keys": device.device(t, keyAna)}
	}
	for name, c := range map[string]struct {
		key     string
		value   any
		status  int
		errcode string
	}{
		"no ID":               {"device_id", "", 400, "M_INVALID_PARAM"},
		"another ID":          {"device_id", "OTHER", 400, "M_INVALID_PARAM"},
		"no data":             {"device_data", nil, 400, "M_BAD_JSON"},
		"large data":          {"device_data", object{"x": strings.Repeat("x", 64<<10)}, 413, "M_TOO_LARGE"},
		"no keys":             {"device_keys", nil, 400, "M_MISSING_PARAM"},
		"keys of another":     {"device_keys", device.device(t, keyBia), 400, "M_INVALID_PARAM"},
		"malformed claimable": {"one_time_keys", object{"x": object{}}, 400, "M_BAD_JSON"},
	} {
		body := good()
		body[c.key] = c.value
		if code, answer := f.send(step{method: put, path: dehydratedPath, body: text(t, body)}); code != c.status || answer.Get("errcode").Str != c.errcode {
			t.Errorf("%s: got %d %s, want %d %s", name, code, answer.Raw, c.status, c.errcode)
		}
	}
	body := good()
	phone := newSigner(t, "PHONE")
	body["device_id"], body["device_keys"] = "PHONE", phone.device(t, keyAna)
	f.play(
		step{method: put, path: dehydratedPath, body: text(t, body), status: 400, want: "M_INVALID_PARAM"},
		step{method: get, path: dehydratedPath, status: 404, want: "M_NOT_FOUND"},
	)
}
