package sqldb

import (
	"context"
	"errors"
)

func openSQLite(ctx context.Context, o Options) (backend, error) {
	return nil, errors.New("not there yet")
}
