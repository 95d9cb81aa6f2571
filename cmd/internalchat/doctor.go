package main

import (
	"context"
	"errors"

	"github.com/conversalabs/internalchat/config"
)

// doctor checks what the server needs and says what to do about what it lacks.
// That the configuration is right is known when it is called.
func doctor(_ context.Context, _ *config.Config, _ terminal) error {
	return errors.New("not wired yet")
}
