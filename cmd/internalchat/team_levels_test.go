package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

const (
	productPath       = "/_matrix/client/unstable/br.com.conversalabs/v1"
	notificationsType = "br.com.conversalabs.notifications"
)

// inNotifications is the path of what is chosen for a room's notifications.
func inNotifications(room string) string { return productPath + inRoom(room) + "/notifications" }

// mustHaveChosen demands what GET says of a room's notifications.
func (a *asker) mustHaveChosen(t testing.TB, room, want string) {
	t.Helper()
	mustBe(t, "what is chosen", a.must(t, http.MethodGet, inNotifications(room), "").Raw, want)
}

// chosen is what GET answers.
func chosen(level string, muted bool, until int64, breaks bool) string {
	end := "null"
	if until != 0 {
		end = fmt.Sprint(until)
	}
	return fmt.Sprintf(`{"level":%q,"muted":%v,"muted_until":%s,"mentions_break_mute":%v}`, level, muted, end, breaks)
}

// ruleOf gives the conditions and actions of a push rule that is on, "" if there is none.
func (a *asker) ruleOf(t testing.TB, kind, id string) string {
	t.Helper()
	r := rule(a.must(t, http.MethodGet, "/pushrules/", "").Get("global"), kind, id)
	if !r.Exists() || !r.Get("enabled").Bool() {
		return ""
	}
	said := ""
	for _, c := range r.Get("conditions").Array() {
		said += fmt.Sprintf("%s %s %s; ", c.Get("kind").Str, c.Get("key").Str, c.Get("pattern").Str+c.Get("value").Str)
	}
	return said + r.Get("actions").Raw
}

// mustHaveRules demands the rules of a room: the override rules of the room and of the
// mentions in it, and the room rule.
func (a *asker) mustHaveRules(t testing.TB, room, override, mentions, ofRoom string) {
	t.Helper()
	mustBe(t, "the override rule", a.ruleOf(t, "override", room), override)
	mustBe(t, "the override rule for mentions", a.ruleOf(t, "override", "br.com.conversalabs.mentions."+room), mentions)
	mustBe(t, "the room rule", a.ruleOf(t, "room", room), ofRoom)
}

// counts are a room's unread counts by /sync, "notifications/highlights".
func (a *asker) counts(t testing.TB, room string) string {
	t.Helper()
	unread := joined(a.mustSync(t), room).Get("unread_notifications")
	return fmt.Sprintf("%d/%d", unread.Get("notification_count").Int(), unread.Get("highlight_count").Int())
}

// kept is what the room account data says, from an initial /sync.
func (a *asker) kept(t testing.TB, room string) string {
	t.Helper()
	return ofType(joined(a.mustSync(t), room).Get("account_data.events"), notificationsType).Get("content").Raw
}

// channel is a room of the team with Ana, Bia and its maker, who all have read it.
type channel struct {
	boss, ana, bia *asker
	room           string
}

func mustHaveChannel(t testing.TB, hs *homeserver) *channel {
	t.Helper()
	c := &channel{boss: hs.mustRegister(t, "boss"), ana: hs.mustRegister(t, "ana"), bia: hs.mustRegister(t, "bia")}
	c.room = c.boss.mustCreate(t, `{"preset":"public_chat","name":"kitchen"}`)
	c.ana.mustJoin(t, c.room)
	c.bia.mustJoin(t, c.room)
	return c
}

// mustRing has Bia say something and mention Ana, and demands what Ana is told of it.
func (c *channel) mustRing(t testing.TB, what, want string) {
	t.Helper()
	c.ana.mustRead(t, c.room, c.bia.mustSay(t, c.room, "olá"))
	mustBe(t, what+": before", c.ana.counts(t, c.room), "0/0")
	c.bia.mustSay(t, c.room, "água")
	c.bia.mustSend(t, c.room, "m.room.message", `{"msgtype":"m.text","body":"look","m.mentions":{"user_ids":[%q]}}`, c.ana.id)
	mustBe(t, what, c.ana.counts(t, c.room), want)
}

func (a *asker) mustRead(t testing.TB, room, event string) {
	t.Helper()
	a.must(t, http.MethodPost, inRoom(room)+"/receipt/m.read/"+url.PathEscape(event), `{}`)
}

func (a *asker) choose(t testing.TB, room, body string, args ...any) gjson.Result {
	t.Helper()
	return a.must(t, http.MethodPut, inNotifications(room), body, args...)
}

const (
	loud    = `["notify",{"set_tweak":"sound","value":"default"}]`
	mention = `["notify",{"set_tweak":"sound","value":"default"},{"set_tweak":"highlight"}]`
)

// silence is the override rule by which Element mutes a room.
func silence(room string) string {
	return "event_match room_id " + room + "; []"
}

// breaking is the rule by which mentions break a mute.
func breaking(room, user string) string {
	return "event_match room_id " + room + `; event_property_contains content.m\.mentions.user_ids ` + user + "; " + mention
}

func TestLevelsAndMutes(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		hs := &homeserver{url: in.mustStart(t, "--server-name", "hs1", "--registration", "open").url}
		parts(checks{
			"Levels": checkLevels, "Mutes": checkMutes, "Element": checkElement, "Element while muted": checkElementWhileMuted,
			"Account data": checkNotificationsData, "Refusals": checkNotificationRefusals, "Upgrade": checkMuteIsCarried,
			"Leaving": checkLevelAfterLeaving,
		})(t, hs)
	})
}

// checkLevels sets each level, and sees its rules, in Element's forms, and what rings.
func checkLevels(t *testing.T, hs *homeserver) {
	c := mustHaveChannel(t, hs)
	ana, room := c.ana, c.room
	ana.mustHaveChosen(t, room, chosen("default", false, 0, false))
	for _, l := range []struct{ level, override, ofRoom, rings string }{
		{"everything", "", loud, "2/1"},
		{"mentions", "", "[]", "1/1"},
		{"nothing", silence(room), "", "0/0"},
		{"default", "", "", "2/1"},
	} {
		mustBe(t, l.level, ana.choose(t, room, `{"level":%q}`, l.level).Raw, chosen(l.level, false, 0, false))
		ana.mustHaveChosen(t, room, chosen(l.level, false, 0, false))
		ana.mustHaveRules(t, room, l.override, "", l.ofRoom)
		mustBe(t, "what is kept", ana.kept(t, room), chosen(l.level, false, 0, false))
		c.mustRing(t, l.level, l.rings)
	}
	ana.choose(t, room, `{"level":"nothing","mentions_break_mute":true}`)
	ana.mustHaveRules(t, room, silence(room), breaking(room, ana.id), "")
	c.mustRing(t, "nothing but mentions that break it", "1/1")
	ana.choose(t, room, `{"level":"mentions"}`)
	ana.mustHaveRules(t, room, "", "", "[]")
	ana.mustHaveChosen(t, room, chosen("mentions", false, 0, true))
	c.bia.mustHaveChosen(t, room, chosen("default", false, 0, false))
}

// checkMutes mutes and unmutes: the level stays what it was, the badge is empty, and
// one poll is told of all of it at once.
func checkMutes(t *testing.T, hs *homeserver) {
	c := mustHaveChannel(t, hs)
	ana, room := c.ana, c.room
	ana.choose(t, room, `{"level":"everything"}`)
	c.bia.mustSay(t, room, "before")
	ana.since = ana.mustSync(t).Get("next_batch").Str
	ana.choose(t, room, `{"muted":true}`)
	answer := ana.mustSyncUntil(t, "the mute", func(answer gjson.Result) bool { return pushRules(answer).Exists() })
	mustBe(t, "the mute, in the same answer", ofType(joined(answer, room).Get("account_data.events"), notificationsType).Get("content").Raw,
		chosen("everything", true, 0, false))
	mustBe(t, "the badge, in the same answer", joined(answer, room).Get("unread_notifications.notification_count").Raw, "0")
	ana.mustHaveRules(t, room, silence(room), "", loud)
	ana.mustHaveChosen(t, room, chosen("everything", true, 0, false))
	c.mustRing(t, "muted", "0/0")

	ana.choose(t, room, `{"mentions_break_mute":true}`)
	c.mustRing(t, "muted but for mentions", "1/1")
	ana.mustHaveRules(t, room, silence(room), breaking(room, ana.id), loud)
	ana.choose(t, room, `{"level":"mentions"}`)
	ana.mustHaveChosen(t, room, chosen("mentions", true, 0, true))
	mustBe(t, "unmuted", ana.choose(t, room, `{"muted":false}`).Raw, chosen("mentions", false, 0, true))
	ana.mustHaveRules(t, room, "", "", "[]")
	c.mustRing(t, "unmuted", "1/1")

	ana.choose(t, room, `{"level":"nothing","muted":true}`)
	ana.mustHaveChosen(t, room, chosen("nothing", true, 0, true))
	ana.choose(t, room, `{"muted":false}`)
	ana.mustHaveChosen(t, room, chosen("nothing", false, 0, true))
	ana.mustHaveRules(t, room, silence(room), breaking(room, ana.id), "")
}

// element does what Element does to set a room's notifications.
func (a *asker) element(t testing.TB, method, kind, room, body string) {
	t.Helper()
	a.must(t, method, "/pushrules/global/"+kind+"/"+url.PathEscape(room), body)
}

func elementMute(room string) string {
	return fmt.Sprintf(`{"conditions":[{"kind":"event_match","key":"room_id","pattern":%q}],"actions":["dont_notify"]}`, room)
}

// checkElement sets levels as Element does, and reads them by the product's path.
func checkElement(t *testing.T, hs *homeserver) {
	c := mustHaveChannel(t, hs)
	ana, room := c.ana, c.room
	say := func(level string) {
		t.Helper()
		ana.mustHaveChosen(t, room, chosen(level, false, 0, false))
		mustBe(t, "what is kept", ana.kept(t, room), chosen(level, false, 0, false))
	}
	ana.element(t, http.MethodPut, "room", room, `{"actions":`+loud+`}`)
	say("everything")
	ana.element(t, http.MethodPut, "room", room, `{"actions":["dont_notify"]}`)
	say("mentions")
	ana.element(t, http.MethodDelete, "room", room, "")
	ana.element(t, http.MethodPut, "override", room, elementMute(room))
	say("nothing")
	ana.element(t, http.MethodDelete, "override", room, "")
	say("default")
	// Another name for the same, switched on and off.
	ana.element(t, http.MethodPut, "override", "quiet", elementMute(room))
	say("nothing")
	ana.must(t, http.MethodPut, "/pushrules/global/override/quiet/enabled", `{"enabled":false}`)
	say("default")
	ana.must(t, http.MethodPut, "/pushrules/global/override/quiet/enabled", `{"enabled":true}`)
	ana.choose(t, room, `{"level":"everything"}`)
	say("everything")
	mustBe(t, "the rule by another name", ana.ruleOf(t, "override", "quiet"), "")
	// A room that one has nothing to do with leaves no data.
	ana.element(t, http.MethodPut, "room", "!elsewhere:hs1", `{"actions":[]}`)
	ana.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet,
		"/user/"+ana.id+"/rooms/"+url.PathEscape("!elsewhere:hs1")+"/account_data/"+notificationsType, "")
}

// checkElementWhileMuted has Element change rules under a mute.
func checkElementWhileMuted(t *testing.T, hs *homeserver) {
	c := mustHaveChannel(t, hs)
	ana, room := c.ana, c.room
	until := time.Now().Add(time.Hour).UnixMilli()
	ana.choose(t, room, `{"level":"everything","muted":true,"muted_until":%d,"mentions_break_mute":true}`, until)
	// "Mentions & keywords" there is two requests at once, in either order.
	ana.element(t, http.MethodPut, "room", room, `{"actions":[]}`)
	ana.mustHaveChosen(t, room, chosen("mentions", true, until, true))
	ana.element(t, http.MethodDelete, "override", room, "")
	ana.mustHaveChosen(t, room, chosen("mentions", false, 0, true))
	ana.mustHaveRules(t, room, "", "", "[]")
	mustBe(t, "what is kept", ana.kept(t, room), chosen("mentions", false, 0, true))
	// "Off" there is the level nothing, which mentions break too.
	ana.element(t, http.MethodPut, "override", room, elementMute(room))
	ana.mustHaveChosen(t, room, chosen("nothing", false, 0, true))
	ana.mustHaveRules(t, room, silence(room), breaking(room, ana.id), "[]")
	c.mustRing(t, "off but for mentions", "1/1")
}

// checkNotificationsData writes the room account data itself.
func checkNotificationsData(t *testing.T, hs *homeserver) {
	c := mustHaveChannel(t, hs)
	ana, room := c.ana, c.room
	data := "/user/" + ana.id + inRoom(room) + "/account_data/" + notificationsType
	ana.must(t, http.MethodPut, data, `{"level":"mentions","muted":true}`)
	ana.mustHaveRules(t, room, silence(room), "", "[]")
	mustBe(t, "the data", ana.must(t, http.MethodGet, data, "").Raw, chosen("mentions", true, 0, false))
	ana.mustBeRefused(t, http.StatusBadRequest, "M_INVALID_PARAM", http.MethodPut, data, `{"level":"loud"}`)
	c.boss.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut,
		"/user/"+c.boss.id+inRoom("!none:hs1")+"/account_data/"+notificationsType, `{"muted":true}`)
	ana.must(t, http.MethodDelete, "/_matrix/client/unstable/org.matrix.msc3391"+data, "")
	ana.mustHaveRules(t, room, "", "", "")
	ana.mustHaveChosen(t, room, chosen("default", false, 0, false))
	ana.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, data, "")
}

func checkNotificationRefusals(t *testing.T, hs *homeserver) {
	c := mustHaveChannel(t, hs)
	stranger := hs.mustRegister(t, "stranger")
	for _, room := range []string{c.room, "!none:hs1", "nonsense"} {
		got := stranger.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodGet, inNotifications(room), "")
		put := stranger.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, inNotifications(room), `{"muted":true}`)
		mustBe(t, "the sentences", got.Get("error").Str+put.Get("error").Str, "You are not in this room.You are not in this room.")
	}
	for _, body := range []string{
		`{"level":"loud"}`, `{"muted":true,"muted_until":1}`, `{"muted":true,"muted_until":0}`, `{"muted_until":99999999999999}`,
		`{"muted":false,"muted_until":99999999999999}`,
	} {
		c.ana.mustBeRefused(t, http.StatusBadRequest, "M_INVALID_PARAM", http.MethodPut, inNotifications(c.room), body)
	}
	c.ana.mustBeRefused(t, http.StatusBadRequest, "M_BAD_JSON", http.MethodPut, inNotifications(c.room), `{"muted":"yes"}`)
	c.ana.mustHaveChosen(t, c.room, chosen("default", false, 0, false))
	c.ana.must(t, http.MethodPut, inNotifications(c.room), `{"muted":true,"muted_until":null}`)
}

// checkMuteIsCarried upgrades a room: what was chosen is chosen in the new one, and the
// mute ends in both.
func checkMuteIsCarried(t *testing.T, hs *homeserver) {
	c := mustHaveChannel(t, hs)
	ana := c.ana
	until := time.Now().Add(time.Hour).UnixMilli()
	ana.choose(t, c.room, `{"level":"mentions","muted":true,"muted_until":%d,"mentions_break_mute":true}`, until)
	next := c.boss.must(t, http.MethodPost, inRoom(c.room)+"/upgrade", `{"new_version":"11"}`).Get("replacement_room").Str
	ana.mustJoin(t, next)
	ana.mustHaveChosen(t, next, chosen("mentions", true, until, true))
	ana.mustHaveRules(t, next, silence(next), breaking(next, ana.id), "[]")
	ana.choose(t, next, `{"muted":true,"muted_until":%d}`, time.Now().Add(100*time.Millisecond).UnixMilli())
	ana.since = ana.mustSync(t).Get("next_batch").Str
	ana.mustSyncUntil(t, "the end of the mute", func(gjson.Result) bool { return ana.ruleOf(t, "override", next) == "" })
	ana.mustHaveChosen(t, next, chosen("mentions", false, 0, true))
	ana.mustHaveChosen(t, c.room, chosen("mentions", true, until, true))
}

// checkLevelAfterLeaving leaves a room, of which nothing rings then, and comes back.
func checkLevelAfterLeaving(t *testing.T, hs *homeserver) {
	c := mustHaveChannel(t, hs)
	ana := c.ana
	ana.choose(t, c.room, `{"level":"everything"}`)
	ana.mustLeave(t, c.room)
	c.bia.mustSend(t, c.room, "m.room.message", `{"msgtype":"m.text","body":"look","m.mentions":{"user_ids":[%q]}}`, ana.id)
	mustBe(t, "what rings", ana.must(t, http.MethodGet, "/notifications", "").Get("notifications").Raw, "[]")
	ana.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, inNotifications(c.room), `{"level":"nothing"}`)
	ana.mustJoin(t, c.room)
	ana.mustHaveChosen(t, c.room, chosen("everything", false, 0, false))
	c.mustRing(t, "after coming back", "2/1")
}

// TestMutesEndByThemselves mutes for a while, loses the server as in a power cut, and
// finds the mutes at their end: the one that was due meanwhile, and the one that was not.
func TestMutesEndByThemselves(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t, "--server-name", "hs1", "--registration", "open")
		hs := &homeserver{url: s.url}
		meanwhile, later := mustHaveChannel(t, hs), mustHaveChannel(t, hs)
		for c, wait := range map[*channel]time.Duration{meanwhile: 200 * time.Millisecond, later: 3 * time.Second} {
			until := time.Now().Add(wait).UnixMilli()
			c.ana.choose(t, c.room, `{"level":"everything","muted":true,"muted_until":%d}`, until)
			c.ana.since = c.ana.mustSync(t).Get("next_batch").Str
		}
		s.kill(t)
		hs.url = in.mustStart(t, "--server-name", "hs1", "--registration", "open").url
		for _, c := range []*channel{meanwhile, later} {
			c.ana.mustEndMute(t, c.room)
			c.mustRing(t, "when the mute is over", "2/1")
		}
	})
}

// mustEndMute waits, by polls, until a mute is over, and demands that one answer tells
// all of it.
func (a *asker) mustEndMute(t testing.TB, room string) {
	t.Helper()
	// An answer may have the one already and not yet the other.
	ended, kept := false, ""
	a.mustSyncUntil(t, "the end of the mute", func(answer gjson.Result) bool {
		if rules := pushRules(answer); rules.Exists() {
			ended = !rule(rules, "override", room).Exists()
		}
		if data := ofType(joined(answer, room).Get("account_data.events"), notificationsType); data.Exists() {
			kept = data.Get("content").Raw
		}
		return ended && kept == chosen("everything", false, 0, false)
	})
	a.mustHaveRules(t, room, "", "", loud)
}

// TestMutesOfTwoNodes sets a mute on one node, and is told of its end on the other, once.
func TestMutesOfTwoNodes(t *testing.T) {
	t.Parallel()
	in, one, two, _ := nodes(t)
	in.mustHaveUser(t, "ana", "correct horse")
	ana := &asker{hs: &homeserver{url: one.url}, name: "ana", password: "correct horse"}
	ana = ana.mustLogIn(t, "")
	room := ana.mustCreate(t, `{"preset":"public_chat","name":"kitchen"}`)
	ana.choose(t, room, `{"level":"everything","muted":true,"muted_until":%d}`, time.Now().Add(time.Second).UnixMilli())
	ana.hs = &homeserver{url: two.url}
	ana.since = ana.mustSync(t).Get("next_batch").Str
	ana.mustEndMute(t, room)
	// Whatever the other node's timer has done since comes before this.
	ana.choose(t, room, `{"mentions_break_mute":true}`)
	again := ana.mustSync(t, "since", ana.since)
	if pushRules(again).Exists() {
		t.Errorf("the mute ended twice: %s", again.Raw)
	}
}
