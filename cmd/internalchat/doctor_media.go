package main

import (
	"context"
	"time"

	"github.com/conversalabs/internalchat/config"
	"github.com/conversalabs/internalchat/mediaapi/media/clamd"
)

// media looks at the bucket and the scanner, where there are some.
func (e *examiner) media(ctx context.Context) {
	if c := e.cfg.Media.S3; c.Endpoint != "" {
		if err := e.checkBucket(ctx); err != nil {
			e.add(problem, "bucket", "%s at %s: %v; see that it exists, that the keys are right and may list it, and that the region is its own",
				c.Bucket, c.Endpoint, err)
		} else {
			e.add(fine, "bucket", "%s at %s", c.Bucket, c.Endpoint)
		}
	}
	address := e.cfg.Media.Scanner
	if address == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	err := clamd.New(clamd.Options{Address: address, Now: time.Now}).Ping(ctx)
	switch {
	case err == nil:
		e.add(fine, "scanner", "%s", address)
	case e.cfg.Media.ScannerUnavailable == config.AllowUnscanned:
		e.add(warning, "scanner", "%v: files are not checked for viruses; see that clamd runs at %s", err, address)
	default:
		e.add(problem, "scanner", "%v: no file can be uploaded; see that clamd runs at %s", err, address)
	}
}

func (e *examiner) checkBucket(ctx context.Context) error {
	stores, err := openStores(e.cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	return stores.bucket.Check(ctx)
}
