package main

import (
	"net/http"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// The configured limits of delayed events are told and held to.
func TestLimitsOfDelayedEvents(t *testing.T) {
	t.Parallel()
	f := newAPIFixture(t, "INTERNALCHAT_LIMITS_DELAYED_EVENTS=1", "INTERNALCHAT_LIMITS_DELAYED_EVENT_WAIT=1m")
	ana := f.mustUser(tenant.Default, "ana", "PHONE")
	told := f.must(ana, http.MethodGet, "/_matrix/client/v3/capabilities", "").Get(`capabilities.m\.delayed_events`)
	if want := `{"max_delay_ms":60000,"max_scheduled":1}`; told.Raw != want {
		t.Errorf("capability: got %s, want %s", told.Raw, want)
	}
	room := f.must(ana, http.MethodPost, "/_matrix/client/v3/createRoom", "{}").Get("room_id").Str
	for _, step := range []struct {
		transaction, delay string
		want               string
	}{{"1", "60001", "M_DELAY_TOO_LARGE"}, {"2", "60000", ""}, {"3", "1000", "M_LIMIT_EXCEEDED"}} {
		_, answer := f.ask(ana, http.MethodPut, "/_matrix/client/v3/rooms/"+room+"/delayed_event/m.x/"+step.transaction,
			`{"delay_ms":`+step.delay+`,"content":{}}`)
		if got := gjson.Get(answer, "errcode").Str; got != step.want {
			t.Errorf("%s ms: got %s, want errcode %q", step.delay, answer, step.want)
		}
	}
}
