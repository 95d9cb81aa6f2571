package main

import (
	"context"
	"errors"

	"github.com/conversalabs/internalchat/config"
)

// serve runs the server until ctx ends, and then stops it in order.
func serve(_ context.Context, _ *config.Config, _ terminal) error {
	return errors.New("not wired yet")
}
