package clientapi_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/rooms/push"
)

func newSyncFixture(t *testing.T) *keyFixture {
	t.Helper()
	f := newKeyFixture(t)
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	clientapi.SyncRoutes(f.API, longpoll.New(longpoll.Options{Rooms: f.rooms, Store: f.store, Unread: push.NewUnread(f.store, f.store), Now: now}))
	return f
}

func TestSyncRefusesBadParameters(t *testing.T) {
	f := newSyncFixture(t)
	for query, errcode := range map[string]string{
		"since=x":                   "M_INVALID_PARAM",
		"since=s1_1_1":              "M_INVALID_PARAM",
		"since=s1_-1_0_0":           "M_INVALID_PARAM",
		"timeout=-1":                "M_INVALID_PARAM",
		"timeout=x":                 "M_INVALID_PARAM",
		"full_state=1":              "M_INVALID_PARAM",
		"use_state_after=yes":       "M_INVALID_PARAM",
		"set_presence=busy":         "M_INVALID_PARAM",
		"filter=unknown":            "M_INVALID_PARAM",
		"filter=%7B":                "M_NOT_JSON",
		"filter=%7B%22room%22:1%7D": "M_BAD_JSON",
	} {
		f.mustRefuse("ana/PHONE", http.MethodGet, "/sync?"+query, "", http.StatusBadRequest, errcode)
	}
	f.mustRefuse("", http.MethodGet, "/sync", "", http.StatusUnauthorized, "M_MISSING_TOKEN")
}

func TestSyncWithFilters(t *testing.T) {
	f := newSyncFixture(t)
	filter := `{"room":{"timeline":{"limit":3}}}`
	filterID := f.mustPost("ana/PHONE", "/user/"+string(keyAna)+"/filter", filter).Get("filter_id").Str
	if got := f.must("ana/PHONE", http.MethodGet, "/user/"+string(keyAna)+"/filter/"+filterID, "").Raw; got != filter {
		t.Errorf("stored filter: got %s, want %s", got, filter)
	}
	for _, named := range []string{filterID, url.QueryEscape(filter)} {
		answer := f.must("ana/PHONE", http.MethodGet, "/sync?filter="+named, "")
		next := answer.Get("next_batch").Str
		again := f.must("ana/PHONE", http.MethodGet, "/sync?timeout=0&since="+next+"&filter="+named, "")
		if len(again.Map()) != 1 {
			t.Errorf("sync with nothing new: got %s, want next_batch alone", again.Raw)
		}
	}
}

func TestFiltersOfOthers(t *testing.T) {
	f := newSyncFixture(t)
	path := "/user/" + string(keyAna) + "/filter"
	filterID := f.mustPost("ana/PHONE", path, `{}`).Get("filter_id").Str
	f.mustRefuse("bia/PHONE", http.MethodGet, path+"/"+filterID, "", http.StatusForbidden, "M_FORBIDDEN")
	f.mustRefuse("bia/PHONE", http.MethodPost, path, `{}`, http.StatusForbidden, "M_FORBIDDEN")
	f.mustRefuse("eve/PHONE", http.MethodGet, path+"/"+filterID, "", http.StatusForbidden, "M_FORBIDDEN")
	f.mustRefuse("bia/PHONE", http.MethodGet, "/user/"+string(keyBia)+"/filter/"+filterID, "", http.StatusNotFound, "M_NOT_FOUND")
	f.mustRefuse("ana/PHONE", http.MethodPost, path, `{"room":{"timeline":{"rooms":["not_a_room_id"]}}}`, http.StatusBadRequest, "M_INVALID_PARAM")
	f.mustRefuse("ana/PHONE", http.MethodPost, path, `[]`, http.StatusBadRequest, "M_BAD_JSON")
}
