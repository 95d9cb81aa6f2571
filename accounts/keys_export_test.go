package accounts

import (
	"encoding/json"

	"maunium.net/go/mautrix/id"
)

// HandleSigned does with an object what requests can have done with it.
func HandleSigned(raw json.RawMessage, user id.UserID, key id.KeyID, public string) (valid bool, err error) {
	s, err := parseSigned(raw)
	if err != nil {
		return false, nil
	}
	if _, err := s.signedBy(s.Signatures); err != nil {
		return false, err
	}
	return s.same(s) && s.verify(user, key, public), nil
}
