package clientapi

import (
	"encoding/json"
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/push"
)

func (s *Server) routesPushRules(api *httpapi.API) {
	const rule = "/pushrules/global/{kind}/{rule}"
	for path, h := range map[string]httpapi.Handler{
		"/pushrules/":               s.pushRules,
		"/pushrules/global/":        s.pushRulesGlobal,
		"/pushrules/global/{kind}":  s.pushRulesOfKind,
		"/pushrules/global/{kind}/": s.pushRulesOfKind,
		rule:                        s.pushRule,
		rule + "/enabled":           s.pushRuleEnabled,
		rule + "/actions":           s.pushRuleActions,
	} {
		api.Client(http.MethodGet, path, api.User(h))
	}
	api.Client(http.MethodPut, rule, api.Act(s.putPushRule))
	api.Client(http.MethodDelete, rule, api.Act(s.deletePushRule))
	api.Client(http.MethodPut, rule+"/enabled", api.Act(s.setPushRuleEnabled))
	api.Client(http.MethodPut, rule+"/actions", api.Act(s.setPushRuleActions))
}

// ownRules gives the caller's push rules.
func (s *Server) ownRules(r *httpapi.Request) (push.Ruleset, error) {
	return s.levels.Rules(r.Context(), r.Account, r.Caller.User)
}

// changeRules changes the caller's push rules as they are when it is their turn.
func (s *Server) changeRules(r *httpapi.Request, change func(push.Ruleset) (push.Ruleset, error)) error {
	return s.levels.ChangeRules(r.Context(), r.Caller, change)
}

// named gives the kind and the rule that a path names.
func named(r *httpapi.Request) (push.Kind, string) { return push.Kind(r.Var("kind")), r.Var("rule") }

// pushRules handles GET /_matrix/client/v3/pushrules/.
func (s *Server) pushRules(r *httpapi.Request) (any, error) {
	rules, err := s.ownRules(r)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(rules.JSON()), nil
}

// pushRulesGlobal handles GET /_matrix/client/v3/pushrules/global/.
func (s *Server) pushRulesGlobal(r *httpapi.Request) (any, error) {
	rules, err := s.ownRules(r)
	if err != nil {
		return nil, err
	}
	return rules.Global(), nil
}

// pushRulesOfKind handles GET /_matrix/client/v3/pushrules/global/{kind}/, which
// older clients ask.
func (s *Server) pushRulesOfKind(r *httpapi.Request) (any, error) {
	rules, err := s.ownRules(r)
	if err != nil {
		return nil, err
	}
	var kinds map[string]json.RawMessage
	if err := json.Unmarshal(rules.Global(), &kinds); err != nil {
		return nil, err
	}
	list, known := kinds[r.Var("kind")]
	if !known {
		_, err := rules.Rule(push.Kind(r.Var("kind")), "")
		return nil, err
	}
	return list, nil
}

// pushRule handles GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}.
func (s *Server) pushRule(r *httpapi.Request) (any, error) {
	rules, err := s.ownRules(r)
	if err != nil {
		return nil, err
	}
	return rules.Rule(named(r))
}

// putPushRule handles PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}.
func (s *Server) putPushRule(r *httpapi.Request) (any, error) {
	body, err := r.Object()
	if err != nil {
		return nil, err
	}
	kind, rule := named(r)
	return nil, s.changeRules(r, func(rules push.Ruleset) (push.Ruleset, error) {
		return rules.Put(kind, rule, body, r.Query("before"), r.Query("after"))
	})
}

// deletePushRule handles DELETE
// /_matrix/client/v3/pushrules/global/{kind}/{ruleId}.
func (s *Server) deletePushRule(r *httpapi.Request) (any, error) {
	return nil, s.changeRules(r, func(rules push.Ruleset) (push.Ruleset, error) { return rules.Delete(named(r)) })
}

// pushRuleEnabled handles GET
// /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled.
func (s *Server) pushRuleEnabled(r *httpapi.Request) (any, error) {
	rules, err := s.ownRules(r)
	if err != nil {
		return nil, err
	}
	rule, err := rules.Rule(named(r))
	return map[string]any{"enabled": rule.Enabled}, err
}

// setPushRuleEnabled handles PUT of the same path.
func (s *Server) setPushRuleEnabled(r *httpapi.Request) (any, error) {
	var body struct {
		Enabled *bool `json:"enabled"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Enabled == nil {
		return nil, refusal.Missing("The request needs \"enabled\": whether the push rule is on.")
	}
	kind, rule := named(r)
	return nil, s.changeRules(r, func(rules push.Ruleset) (push.Ruleset, error) {
		return rules.SetEnabled(kind, rule, *body.Enabled)
	})
}

// pushRuleActions handles GET
// /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions.
func (s *Server) pushRuleActions(r *httpapi.Request) (any, error) {
	rules, err := s.ownRules(r)
	if err != nil {
		return nil, err
	}
	rule, err := rules.Rule(named(r))
	return map[string]any{"actions": rule.Actions}, err
}

// setPushRuleActions handles PUT of the same path.
func (s *Server) setPushRuleActions(r *httpapi.Request) (any, error) {
	var body struct {
		Actions json.RawMessage `json:"actions"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	kind, rule := named(r)
	return nil, s.changeRules(r, func(rules push.Ruleset) (push.Ruleset, error) {
		return rules.SetActions(kind, rule, body.Actions)
	})
}
