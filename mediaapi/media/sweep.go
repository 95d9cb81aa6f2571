package media

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

const (
	sweepEvery = time.Hour
	sweepPage  = 200
	// orphanTime is how old a blob must be that no row has, before it is removed: an
	// upload may be about to write its row.
	orphanTime = 24 * time.Hour
	// draftTime is how long a draft is not written to before it is taken for left
	// behind: uploads that are so slow are given up.
	draftTime = time.Hour
	// previewTime is how long the picture of a page elsewhere stays.
	previewTime = 30 * 24 * time.Hour
)

// Run sweeps every hour until ctx ends. alarm is time.After; accounts lists all
// accounts; report gets what failed, which is tried again.
func (s *Service) Run(ctx context.Context, alarm func(time.Duration) <-chan time.Time, accounts func(context.Context) ([]tenant.ID, error), report func(error)) {
	for {
		all, err := accounts(ctx)
		if err == nil {
			err = s.Sweep(ctx, all)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-alarm(sweepEvery):
		}
	}
}

// Sweep removes what has no use any more: records whose content has not come in time,
// in accounts with [Rules.Linked] media that nothing refers to, with their
// thumbnails, blobs that have no row since a day, and what killed servers have begun. A
// blob's row goes before the blob. Any number of nodes may sweep at once.
func (s *Service) Sweep(ctx context.Context, accounts []tenant.ID) error {
	now := s.Now()
	failed := []error{
		s.Store.DropExpiredMedia(ctx, now.UnixMilli()),
		s.Store.DropPreviews(ctx, now.Add(-previewTime).UnixMilli(), now.UnixMilli()),
	}
	for _, account := range accounts {
		if err := s.sweepLoose(ctx, account); err != nil {
			failed = append(failed, fmt.Errorf("sweep media of account %s: %w", account, err))
		}
	}
	return errors.Join(append(failed, s.sweepBlobs(ctx), s.Blobs.Clear(ctx, now.Add(-draftTime)))...)
}

// sweepLoose removes the media of an account that nothing refers to.
func (s *Service) sweepLoose(ctx context.Context, account tenant.ID) error {
	rules, err := s.Rules(ctx, account)
	if err != nil || !rules.Linked {
		return err
	}
	before := s.Now().Add(-s.LooseTime).UnixMilli()
	for last := []ID(nil); ; {
		loose, err := s.Store.LooseMedia(ctx, account, before, sweepPage)
		if err != nil || slices.Equal(loose, last) { // what could not be dropped waits for the next sweep
			return err
		}
		last = loose
		for _, media := range loose {
			keys, err := s.Store.DropLooseMedia(ctx, account, media, before)
			if err != nil {
				return err
			}
			if err := s.remove(ctx, account, keys); err != nil {
				return err
			}
		}
		if len(loose) < sweepPage || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (s *Service) remove(ctx context.Context, account tenant.ID, keys []Key) error {
	var failed []error
	for _, key := range keys {
		failed = append(failed, s.Blobs.Remove(ctx, account, key))
	}
	return errors.Join(failed...)
}

// sweepBlobs removes old blobs that no row has.
func (s *Service) sweepBlobs(ctx context.Context) error {
	before := s.Now().Add(-orphanTime)
	pages := map[tenant.ID][]Key{}
	flush := func(account tenant.ID) error {
		orphans, err := s.Store.UnknownBlobs(ctx, account, pages[account])
		pages[account] = nil
		if err != nil {
			return err
		}
		return s.remove(ctx, account, orphans)
	}
	err := s.Blobs.List(ctx, func(b Stored) error {
		if !b.Written.Before(before) {
			return nil
		}
		pages[b.Account] = append(pages[b.Account], b.Key)
		if len(pages[b.Account]) < sweepPage {
			return nil
		}
		return flush(b.Account)
	})
	if err != nil {
		return fmt.Errorf("sweep blobs: %w", err)
	}
	for account, keys := range pages {
		if len(keys) > 0 {
			if err := flush(account); err != nil {
				return fmt.Errorf("sweep blobs: %w", err)
			}
		}
	}
	return nil
}
