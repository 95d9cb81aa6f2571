package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Disk is a store of blobs in a folder: one file for each, ACCOUNT/XX/KEY, of which XX
// begins the key. Drafts lie in "drafts" beside the accounts.
type Disk struct{ dir string }

// drafts is no account: those begin with a letter or a digit.
const drafts = "_drafts"

// NewDisk makes a store in a folder, which is made at the first write.
func NewDisk(dir string) *Disk { return &Disk{dir} }

func (d *Disk) path(account tenant.ID, key Key) (string, error) {
	if !account.Valid() || !key.Valid() {
		return "", fmt.Errorf("blob %q of account %q: %w", key, account, ErrNoBlob)
	}
	return filepath.Join(d.dir, string(account), string(key[:2]), string(key)), nil
}

// Draft implements Blobs.
func (d *Disk) Draft(_ context.Context, account tenant.ID) (Draft, error) {
	dir := filepath.Join(d.dir, drafts)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, diskError("make folder of drafts", err)
	}
	f, err := os.CreateTemp(dir, string(account)+"-*")
	if err != nil {
		return nil, diskError("make draft", err)
	}
	return &diskDraft{disk: d, account: account, file: f}, nil
}

// diskError names what failed, and a full disk for what it is.
func diskError(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = errors.Join(ErrFull, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

type diskDraft struct {
	disk    *Disk
	account tenant.ID
	file    *os.File
	gone    bool // discarded
}

func (d *diskDraft) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	if err != nil {
		err = diskError("write draft", err)
	}
	return n, err
}

func (d *diskDraft) ReadAt(p []byte, at int64) (int, error) { return d.file.ReadAt(p, at) }

// Commit gives the file a second name: the draft stays for another try.
func (d *diskDraft) Commit(_ context.Context, key Key) error {
	path, err := d.disk.path(d.account, key)
	if err != nil {
		return err
	}
	if err := d.file.Sync(); err != nil {
		return diskError("sync draft", err)
	}
	if err := d.disk.makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Link(d.file.Name(), path); err != nil {
		return diskError("commit draft", err)
	}
	return syncFolder(filepath.Dir(path))
}

// makeFolder makes the folder of a blob, durably.
func (d *Disk) makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return diskError("make folder of blobs", err)
	}
	for up := filepath.Dir(dir); len(up) >= len(d.dir); up = filepath.Dir(up) {
		if err := syncFolder(up); err != nil {
			return err
		}
		if up == filepath.Dir(up) {
			break
		}
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return diskError("open folder of blobs", err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Sync(); err != nil {
		return diskError("sync folder of blobs", err)
	}
	return nil
}

func (d *diskDraft) Discard() error {
	if d.gone {
		return nil
	}
	d.gone = true
	err := os.Remove(d.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // it was cleared
	}
	return errors.Join(d.file.Close(), err)
}

// Open implements Blobs.
func (d *Disk) Open(_ context.Context, account tenant.ID, key Key, offset int64) (io.ReadCloser, error) {
	path, err := d.path(account, key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s of account %s: %w", key, account, ErrNoBlob)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open blob: %w", err)
	}
	return f, nil
}

// Remove implements Blobs.
func (d *Disk) Remove(_ context.Context, account tenant.ID, key Key) error {
	path, err := d.path(account, key)
	if err != nil {
		return nil //nolint:nilerr // what has no path is not there
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove blob: %w", err)
	}
	return nil
}

// List implements Blobs. Files that are none of ours are passed over.
func (d *Disk) List(ctx context.Context, visit func(Stored) error) error {
	accounts, err := folders(d.dir)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if !tenant.ID(account).Valid() {
			continue
		}
		parts, err := folders(filepath.Join(d.dir, account))
		if err != nil {
			return err
		}
		for _, part := range parts {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := visitFolder(filepath.Join(d.dir, account, part), tenant.ID(account), visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// Clear implements Blobs.
func (d *Disk) Clear(_ context.Context, before time.Time) error {
	entries, err := os.ReadDir(filepath.Join(d.dir, drafts))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear drafts: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(filepath.Join(d.dir, drafts, entry.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may have been finished meanwhile
			return fmt.Errorf("clear drafts: %w", err)
		}
	}
	return nil
}

// folders gives the names in a folder, none if it is not there.
func folders(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	defer func() { _ = f.Close() }()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	return names, nil
}

func visitFolder(dir string, account tenant.ID, visit func(Stored) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list blobs: %w", err)
	}
	for _, entry := range entries {
		if !Key(entry.Name()).Valid() {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return fmt.Errorf("list blobs: %w", err)
		}
		if err := visit(Stored{Account: account, Key: Key(entry.Name()), Written: info.ModTime()}); err != nil {
			return err
		}
	}
	return nil
}
