package longpoll

import (
	"context"
	"fmt"
	"strings"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

// Filter gives the filter that a request names: JSON, the ID of a stored one, or
// "" for none. What is neither is 400 (see [rooms.ParseFilter]), an ID that the
// caller has no filter of too.
func (s *Service) Filter(ctx context.Context, caller tenant.Caller, named string) (*rooms.Filter, error) {
	if named == "" {
		return &rooms.Filter{}, nil
	}
	if strings.HasPrefix(named, "{") {
		text, err := httpapi.Object([]byte(named))
		if err != nil {
			return nil, err
		}
		return rooms.ParseFilter(text)
	}
	text, err := s.StoredFilter(ctx, caller, named)
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, refusal.Invalid("You have no filter of this ID: %s.", named)
	}
	return rooms.ParseFilter(text)
}

// StoredFilter gives the JSON of the caller's filter of this ID, or nil.
func (s *Service) StoredFilter(ctx context.Context, caller tenant.Caller, filter string) ([]byte, error) {
	text, err := s.Store.Filter(ctx, caller.Account, caller.User, filter)
	if err != nil {
		return nil, fmt.Errorf("read filter: %w", err)
	}
	return text, nil
}

// PutFilter keeps a filter, a JSON object, and gives its ID. What is no filter is
// refused as by [rooms.ParseFilter].
func (s *Service) PutFilter(ctx context.Context, caller tenant.Caller, text []byte) (string, error) {
	if _, err := rooms.ParseFilter(text); err != nil {
		return "", err
	}
	filter, err := s.Store.PutFilter(ctx, caller.Account, caller.User, text, s.FiltersMax)
	if err != nil {
		return "", fmt.Errorf("keep filter: %w", err)
	}
	return filter, nil
}
