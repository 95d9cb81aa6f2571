package oauth

import (
	"regexp"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"
)

// The scopes (client-server API, "Scope"), and as they were called before (MSC2967).
const (
	apiScope       = "urn:matrix:client:api:*"
	apiScopeBefore = "urn:matrix:org.matrix.msc2967.client:api:*"

	deviceScope       = "urn:matrix:client:device:"
	deviceScopeBefore = "urn:matrix:org.matrix.msc2967.client:device:"
)

// devicePattern are the device IDs that a scope may carry.
var devicePattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,255}$`)

// known tells whether a scope is one of Matrix's.
func known(scope string) bool {
	_, names := deviceIn(scope)
	return names || isAPI(scope)
}

func isAPI(scope string) bool { return scope == apiScope || scope == apiScopeBefore }

// deviceIn gives the device that a scope names.
func deviceIn(scope string) (device string, names bool) {
	if device, names = strings.CutPrefix(scope, deviceScope); names {
		return device, true
	}
	return strings.CutPrefix(scope, deviceScopeBefore)
}

// granted leaves of scopes those that are granted: who is told of openid would wait for
// an ID token.
func granted(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return !known(scope) })
}

// deviceOf gives the device that scopes are for: they must be the whole API on one
// device, possibly by both names. Scopes that are not Matrix's are not judged.
func deviceOf(scopes []string) (id.DeviceID, bool) {
	device, api := "", false
	for _, scope := range scopes {
		named, names := deviceIn(scope)
		switch {
		case isAPI(scope):
			api = true
		case !names:
		case !devicePattern.MatchString(named) || device != "" && named != device:
			return "", false
		default:
			device = named
		}
	}
	return id.DeviceID(device), api && device != ""
}
