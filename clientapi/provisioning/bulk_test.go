package provisioning_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// bulk makes a bulk of operations, each "METHOD path" and a body or "".
func bulk(operations ...string) string {
	var all []string
	for i := 0; i < len(operations); i += 2 {
		method, path, _ := strings.Cut(operations[i], " ")
		one := fmt.Sprintf(`{"method":%q,"path":%q}`, method, path)
		if operations[i+1] != "" {
			one = with(one, "body", operations[i+1])
		}
		all = append(all, one)
	}
	return `{"operations":[` + strings.Join(all, ",") + `]}`
}

// Each operation of a bulk is answered as the single one would be, in order.
func TestBulk(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.must(http.MethodPut, "/users/1", userJSON(5))
		operations := []string{
			"PUT users/42", userJSON(1),
			"PUT users/42", userJSON(2, "display_name", `"Bia"`),
			"PUT users/42", userJSON(3, "display_name", `"Ana Lima"`), // as it was at first
			"PUT users/42", userJSON(1), // late
			"PUT users/1", userJSON(4), // late
			"PUT users/43", userJSON(1, "nick", `"x"`),
			"PUT users/44", userJSON(1, "localpart", `"u42"`),
			"PUT teams/7", `{"name":"Sales","members":["42","43"],"version":1}`,
			"PUT users/1", userJSON(6, "active", "false"),
			"DELETE users/42?mode=erase&version=9", "",
			"DELETE users/nobody", "",
			"DELETE teams/8", "",
			"PUT teams/8", `{"name":"Care","members":[],"version":3}`,
			"DELETE teams/8?version=4", "",
			"PUT teams/8", `{"name":"Care","members":[],"version":3}`, // late
			"PATCH users/42", "",
			"PUT users/42/availability", `{"availability":"online"}`,
			"PUT https://other.test/users/42", userJSON(9),
			"PUT users/45", "",
		}
		got := h.must(http.MethodPost, "/bulk", bulk(operations...)).Get("results")
		want := []string{
			`200 "Ana Lima"`, `200 "Bia"`, `200 "Ana Lima"`, `409 3`, `409 5`, `400 M_BAD_JSON`, `400 M_USER_IN_USE`, `200 "Sales"`,
			`200 false`, `200 ""`, `404 M_NOT_FOUND`, `404 M_NOT_FOUND`, `200 "Care"`, `200 {}`, `409 4`,
			`400 M_INVALID_PARAM`, `400 M_INVALID_PARAM`, `400 M_INVALID_PARAM`, `400 M_NOT_JSON`,
		}
		if len(got.Array()) != len(want) {
			t.Fatalf("got %d results, want %d", len(got.Array()), len(want))
		}
		for i, result := range got.Array() {
			body := result.Get("body")
			short := body.Raw
			switch {
			case result.Get("status").Int() == http.StatusConflict:
				short = body.Get("version").Raw
			case body.Get("errcode").Exists():
				short = body.Get("errcode").Str
			case body.Get("user_id").Str == "1":
				short = body.Get("active").Raw
			case body.Get("display_name").Exists():
				short = body.Get("display_name").Raw
			case body.Get("name").Exists():
				short = body.Get("name").Raw
			}
			if short = result.Get("status").Raw + " " + short; short != want[i] {
				t.Errorf("%s: got %s (%s), want %s", operations[2*i], short, result.Raw, want[i])
			}
		}
		for _, nobody := range []string{"43", "44", "45"} {
			h.mustRefuse(http.MethodGet, "/users/"+nobody, "", http.StatusNotFound, "M_NOT_FOUND", "")
		}
		if got := h.must(http.MethodGet, "/teams", "").Raw; got != `{"teams":[{"team_id":"7","name":"Sales","members":["42","43"],"version":1}]}` {
			t.Errorf("got the teams %s", got)
		}
		h.mustRefuse(http.MethodGet, "/teams/8", "", http.StatusNotFound, "M_NOT_FOUND", "team")
		// What an operation does the next one sees, in the profile too.
		h.must(http.MethodPut, "/users/50", userJSON(1))
		h.must(http.MethodPost, "/bulk", bulk("PUT users/50", userJSON(2, "display_name", `"Bia"`), "PUT users/50", userJSON(3)))
		token := h.mustLogIn("50").Get("access_token").Str
		if _, got := h.client(token, http.MethodGet, "/profile/@u50:acme.chat.test/displayname", ""); got.Get("displayname").Str != "Ana Lima" {
			t.Errorf("got the profile %s, want the last name", got.Raw)
		}
	})
}

func TestBulkLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqltest.SQLite(t))
	if got := h.must(http.MethodPost, "/bulk", `{"operations":[]}`).Raw; got != `{"results":[]}` {
		t.Errorf("got %s", got)
	}
	one := `{"method":"DELETE","path":"users/x"}`
	h.must(http.MethodPost, "/bulk", `{"operations":[`+strings.Repeat(one+",", 999)+one+`]}`)
	h.mustRefuse(http.MethodPost, "/bulk", `{"operations":[`+strings.Repeat(one+",", 1000)+one+`]}`, http.StatusBadRequest, "M_INVALID_PARAM", "1,000")
	h.mustRefuse(http.MethodPost, "/bulk", `{}`, http.StatusBadRequest, "M_MISSING_PARAM", "operations")
	h.mustRefuse(http.MethodPost, "/bulk", `{"operations":[],"atomic":true}`, http.StatusBadRequest, "M_BAD_JSON", "atomic")
	h.mustRefuse(http.MethodPost, "/bulk", `{"operations":[`+strings.Repeat(" ", 8<<20)+`]}`, http.StatusRequestEntityTooLarge, "M_TOO_LARGE", "")
}

// A bulk that asks about a large team again and again is not answered with it each time.
func TestBulkAnswersAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqltest.SQLite(t))
	var ids []string
	for i := range 15_000 {
		ids = append(ids, `"`+strings.Repeat("m", 58)+itoa(10_000+i)+`"`)
	}
	members := strings.Join(ids, ",")
	h.must(http.MethodPut, "/teams/t", `{"name":"All","members":[`+members+`],"version":2}`)
	for _, c := range []struct{ version, brief string }{{"2", `{"version":2}`}, {"1", ""}} {
		one := `{"method":"PUT","path":"teams/t","body":{"name":"All","members":[],"version":` + c.version + `}}`
		answer := h.must(http.MethodPost, "/bulk", `{"operations":[`+strings.Repeat(one+",", 199)+one+`]}`)
		results := answer.Get("results").Array()
		if len(results) != 200 || len(answer.Raw) > 24<<20 {
			t.Fatalf("version %s: got %d results in %d bytes", c.version, len(results), len(answer.Raw))
		}
		last := results[199].Get("body")
		if c.brief != "" && last.Raw != c.brief || c.brief == "" && (last.Get("current").Exists() || last.Get("version").Int() != 2) {
			t.Errorf("version %s: got %.200s at the end", c.version, last.Raw)
		}
	}
}

func TestDrift(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for i := range 5 {
			h.must(http.MethodPut, "/users/"+itoa(i), userJSON(i+1, "notification_preferences", `{"b":1.0,"a":"é"}`))
		}
		for _, team := range []string{"a", "b", "gone"} {
			h.must(http.MethodPut, "/teams/"+team, `{"name":"Sales","members":[],"version":1}`)
		}
		h.must(http.MethodDelete, "/teams/gone", "")
		whole := h.must(http.MethodGet, "/drift", "")
		entries := whole.Get("entries").Array()
		if len(entries) != 8 || whole.Get("next").Exists() {
			t.Fatalf("got %s, want the account, five users and two teams", whole.Raw)
		}
		for _, e := range entries {
			path := map[string]string{"account": "", "user": "/users/" + e.Get("id").Str, "team": "/teams/" + e.Get("id").Str}[e.Get("type").Str]
			is := h.must(http.MethodGet, path, "")
			canonical := jsontext.Value(is.Raw)
			if err := canonical.Canonicalize(); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(canonical)
			if e.Get("hash").Str != hex.EncodeToString(sum[:]) || e.Get("version").Int() != is.Get("version").Int() {
				t.Errorf("%s: got %s, want the hash of %s", path, e.Raw, is.Raw)
			}
		}
		// Page by page it is the same, whatever the size of the pages.
		for _, limit := range []int{1, 2, 3, 5, 6, 7, 8, 9} {
			var paged []string
			for from, pages := "", 0; ; pages++ {
				page := h.must(http.MethodGet, "/drift?limit="+itoa(limit)+from, "")
				for _, e := range page.Get("entries").Array() {
					paged = append(paged, e.Raw)
				}
				if from = page.Get("next").Str; from == "" || pages > 20 {
					break
				}
				from = "&from=" + from
			}
			if got := "[" + strings.Join(paged, ",") + "]"; got != whole.Get("entries").Raw {
				t.Errorf("in pages of %d: got %s, want %s", limit, got, whole.Get("entries").Raw)
			}
		}
		h.must(http.MethodPut, "/users/3", userJSON(9))
		changed := h.must(http.MethodGet, "/drift", "").Get("entries").Array()
		for i, e := range changed {
			if same := e.Raw == entries[i].Raw; same == (e.Get("type").Str == "user" && e.Get("id").Str == "3") {
				t.Errorf("after a change of user 3: got %s, was %s", e.Raw, entries[i].Raw)
			}
		}
		h.mustRefuse(http.MethodGet, "/drift?from=x", "", http.StatusBadRequest, "M_INVALID_PARAM", "from")
		h.mustRefuse(http.MethodGet, "/drift?limit=x", "", http.StatusBadRequest, "M_INVALID_PARAM", "limit")
	})
}

func TestLists(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, id := range []string{"1", "10", "2", "A", "b"} { // in the order of bytes
			h.must(http.MethodPut, "/users/"+id, userJSON(1, "localpart", `"x`+id+`"`))
			h.must(http.MethodPut, "/teams/"+id, `{"name":"Sales","members":[],"version":1}`)
		}
		for kind, field := range map[string]string{"users": "user_id", "teams": "team_id"} {
			for _, limit := range []string{"1", "2", "5", "6"} {
				var got []string
				for from := ""; ; {
					page := h.must(http.MethodGet, "/"+kind+"?limit="+limit+from, "")
					for _, e := range page.Get(kind).Array() {
						got = append(got, e.Get(field).Str)
					}
					if from = page.Get("next").Str; from == "" {
						break
					}
					from = "&from=" + from
				}
				if strings.Join(got, " ") != "1 10 2 A b" {
					t.Errorf("%s by %s: got %v", kind, limit, got)
				}
			}
		}
	})
}

// TestTenThousandUsers prints how long it takes to provision them.
func TestTenThousandUsers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	h := newHouse(t, sqltest.SQLite(t))
	const users = 10_000
	began := time.Now()
	for first := 0; first < users; first += 1000 {
		var all []string
		for i := first; i < first+1000; i++ {
			all = append(all, "PUT users/"+itoa(i), fmt.Sprintf(
				`{"display_name":"Person %d","email":"person%d@acme.example","role":"agent","internal_chat":true,"active":true,`+
					`"timezone":"America/Sao_Paulo","teams":["1","2"],"notification_preferences":{"mention":{"bell":true}},"version":1}`, i, i))
		}
		_, answer := h.ask(http.MethodPost, "/bulk", bulk(all...))
		if n := strings.Count(answer.Get("results.#.status").Raw, "200"); n != 1000 {
			t.Fatalf("got %d users of 1,000: %.300s", n, answer.Raw)
		}
	}
	t.Logf("provisioned %d users in %v", users, time.Since(began).Round(time.Millisecond))
	began = time.Now()
	entries := h.must(http.MethodGet, "/drift?limit=10000", "").Get("entries.#")
	t.Logf("compared %d entities in %v", entries.Int(), time.Since(began).Round(time.Millisecond))
	if entries.Int() != 10_000 {
		t.Errorf("got a page of %d", entries.Int())
	}
}

// A machine token of one account learns nothing of another one.
func TestForeignAccounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const foreign, random = "/_conversalabs/v1/accounts/beta", "/_conversalabs/v1/accounts/gama"
		if code, answer := h.send(h.all, http.MethodPut, foreign, accountJSON(1)); code != http.StatusOK {
			t.Fatalf("got %d %s", code, answer)
		}
		h.send(h.all, http.MethodPut, foreign+"/users/42", userJSON(1))
		h.send(h.all, http.MethodPut, foreign+"/teams/7", `{"name":"x","members":[],"version":1}`)
		compared := 0
		variable := strings.NewReplacer("{user}", "42", "{team}", "7")
		h.Routes(func(method, template string) {
			path, ours := strings.CutPrefix(variable.Replace(template), "/_conversalabs/v1/accounts/{account}")
			if !ours {
				return
			}
			compared++
			for _, body := range []string{"", "{}", userJSON(9), accountJSON(9), "not JSON"} {
				code, got := h.send(h.one, method, foreign+path, body)
				_, want := h.send(h.one, method, random+path, body)
				if got != want || code != http.StatusNotFound || gjson.Get(got, "errcode").Str != "M_NOT_FOUND" {
					t.Errorf("%s %s %s: got %d %s, and of an account that nobody has %s", method, path, body, code, got, want)
				}
				if path == "" && method == http.MethodPut {
					continue // makes the account
				}
				if _, got := h.send(h.all, method, random+path, body); got != want {
					t.Errorf("%s %s %s with a token of all accounts: got %s, want %s", method, path, body, got, want)
				}
			}
			if code, answer := h.send("", method, foreign+path, ""); code != http.StatusUnauthorized {
				t.Errorf("%s %s without a token: got %d %s", method, path, code, answer)
			}
		})
		if compared < 13 {
			t.Errorf("compared only %d routes", compared)
		}
		if code, answer := h.send(h.one, http.MethodGet, acme, ""); code != http.StatusOK {
			t.Errorf("one's own account: got %d %s", code, answer)
		}
		if got, _ := h.send(h.mustLogInAs("42"), http.MethodGet, acme, ""); got != http.StatusUnauthorized {
			t.Errorf("with a user's token: got %d", got)
		}
	})
}

func (h *house) mustLogInAs(user string) string {
	h.t.Helper()
	h.must(http.MethodPut, "/users/"+user, userJSON(1))
	return h.mustLogIn(user).Get("access_token").Str
}
