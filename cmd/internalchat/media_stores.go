package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/conversalabs/internalchat/config"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/mediaapi/media/clamd"
	"github.com/conversalabs/internalchat/mediaapi/media/s3"
)

// mediaStores are where files may lie. bucket is nil unless it is configured.
type mediaStores struct {
	disk   *media.Disk
	bucket *s3.Store
}

func openStores(cfg *config.Config) (s mediaStores, err error) {
	s.disk = media.NewDisk(filepath.Join(cfg.Data, mediaFolder))
	if cfg.Media.S3.Endpoint != "" {
		s.bucket, err = s3.New(cfg.Media.S3, s.disk, time.Now)
	}
	return s, err
}

// blobs gives the stores as one, of which new files go to one.
func (s mediaStores) blobs(to config.MediaStore) media.Blobs {
	switch {
	case s.bucket == nil:
		return s.disk
	case to == config.MediaInS3:
		return media.Both{First: s.bucket, Second: s.disk}
	}
	return media.Both{First: s.disk, Second: s.bucket}
}

// scanner gives who looks at files before anybody can read them, or nil.
func (h *house) scanner() media.Scanner {
	if h.cfg.Media.Scanner == "" {
		return nil
	}
	return clamd.New(clamd.Options{
		Address: h.cfg.Media.Scanner, Allow: h.cfg.Media.ScannerUnavailable == config.AllowUnscanned, Now: time.Now,
		Report: func(what media.Suspect, err error) {
			h.log.WithField("account", what.Record.Account).WithField("user", what.Record.Uploader).WithError(err).
				Warn("a file could not be checked for viruses")
		},
	})
}

func (p *program) mediaCommands() *cobra.Command {
	return group("media", "Manage files that people share: move", p.mediaMove())
}

func (p *program) mediaMove() *cobra.Command {
	to := &choiceFlag{values: []string{string(config.MediaOnDisk), string(config.MediaInS3)}}
	c := &cobra.Command{Use: "move", Short: "Move all files from one store to the other, beside a running server", Args: words()}
	c = p.configured(c, dataOptions, func(ctx context.Context, cfg *config.Config, _ []string) error {
		switch {
		case to.value == "":
			return usagef("say where the files go: --to disk or --to s3")
		case cfg.Media.S3.Endpoint == "":
			return usagef("the S3 store is not configured: set media.s3_endpoint, and start the servers with it first")
		case config.MediaStore(to.value) != cfg.Media.Store:
			return usagef("new files go to %s: set media.store to %s and start the servers with it first, so that nothing comes after", cfg.Media.Store, to.value)
		}
		return moveMedia(ctx, cfg, p.terminal)
	})
	c.Flags().Var(to, "to", "Where the files go")
	return c
}

// moveMedia moves all files to the store to which new ones go. It asks no database: a
// file that no row has is removed by the server, wherever it is.
func moveMedia(ctx context.Context, cfg *config.Config, t terminal) error {
	if _, err := os.Stat(cfg.Data); err != nil {
		return fmt.Errorf("look at the data folder: %w", err) // else a wrong one would have no files
	}
	stores, err := openStores(cfg)
	if err != nil {
		return err
	}
	from, to := media.Blobs(stores.disk), media.Blobs(stores.bucket)
	if cfg.Media.Store == config.MediaOnDisk {
		from, to = to, from
	}
	log := newLogger(cfg, t)
	done, err := media.Move(ctx, from, to, func(b media.Stored, err error) {
		log.WithField("account", b.Account).WithField("key", b.Key).WithError(err).Error("a file was not moved")
	})
	t.printf("Moved %s (%d bytes) to %s.\n", count(done.Blobs, "file"), done.Bytes, cfg.Media.Store)
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("not all files were moved: run it again to go on")
	case err != nil:
		return err
	case done.Failed > 0:
		return errors.New(count(done.Failed, "file") + " could not be moved, and is read where it was")
	}
	return nil
}
