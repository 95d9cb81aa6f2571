package provisioning_test

import (
	"net/http"
	"strings"
	"testing"
)

// What ConversaLabs says of people is what their colleagues' clients find, and what
// their own client is told.
func TestClientsSeeWhatIsSaid(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.must(http.MethodPut, "/users/1", userJSON(1, "display_name", `"João Conceição"`, "email", `"joao.c@acme.example"`, "locale", `"es"`))
		h.must(http.MethodPut, "/users/2", userJSON(1, "display_name", `"Bia"`))
		h.must(http.MethodPut, "/users/3", userJSON(1, "display_name", `"Joana"`, "active", "false", "email", `"joana@acme.example"`))
		bia := h.mustLogIn("2").Get("access_token").Str
		for term, found := range map[string]bool{
			"joao": true, "CONCEICAO": true, "conce": true, "joao.c@acme": true, "JOAO.C@ACME.EXAMPLE": true, "u1": true, "@u1:": true,
			"joana": false, "joana@acme.example": false, "pedro": false,
		} {
			code, answer := h.client(bia, http.MethodPost, "/user_directory/search", `{"search_term":"`+term+`"}`)
			if got := answer.Get("results.#").Int() == 1; code != http.StatusOK || got != found {
				t.Errorf("%q: got %d %s, want found=%t", term, code, answer.Raw, found)
			}
			if strings.Contains(answer.Raw, "acme.example") {
				t.Errorf("%q: an e-mail address is told: %s", term, answer.Raw)
			}
		}
		joao := h.mustLogIn("1").Get("access_token").Str
		code, answer := h.client(joao, http.MethodGet, "/account/3pid", "")
		if got := answer.Get("threepids.0"); code != http.StatusOK || answer.Get("threepids.#").Int() != 1 ||
			got.Get("medium").Str != "email" || got.Get("address").Str != "joao.c@acme.example" {
			t.Errorf("third-party IDs: got %d %s", code, answer.Raw)
		}
		if code, answer := h.client(bia, http.MethodGet, "/account/3pid", ""); code != http.StatusOK || answer.Get("threepids").Raw != "[]" {
			t.Errorf("third-party IDs of who has none: got %d %s", code, answer.Raw)
		}
		if _, refused := h.client(joao, http.MethodPost, "/account/3pid/add", "{}"); !strings.HasPrefix(refused.Get("error").Str, "Sus direcciones") {
			t.Errorf("got %s, want a sentence in the user's language", refused.Raw)
		}
	})
}
