package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

const (
	// partSize is what an upload is cut into; parts are read from the draft's file as
	// they are sent.
	partSize    = 16 << 20
	partWorkers = 2
	tries       = 4
	// redirectTime is how long an address is good for that clients are sent to.
	redirectTime = time.Minute
)

// Store is a store of blobs in a bucket: PREFIX/ACCOUNT/XX/KEY, as in the folder of
// [media.Disk], so that any tool can copy one to the other.
type Store struct {
	cfg   config.S3
	core  *minio.Core
	spool *media.Disk
}

// New makes a store. Drafts lie in spool until they are committed: what is refused, by
// a scanner say, or is known never gets to the bucket.
func New(cfg config.S3, spool *media.Disk, now func() time.Time) (*Store, error) {
	endpoint, err := url.Parse(cfg.Endpoint)
	if err != nil {
		return nil, errors.New("the endpoint of the S3 store is no URL")
	}
	lookup := minio.BucketLookupDNS
	if cfg.PathStyle {
		lookup = minio.BucketLookupPath
	}
	core, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(cfg.AccessKey, cfg.Secret.Reveal(), ""),
		Secure: endpoint.Scheme == "https", Region: cfg.Region, BucketLookup: lookup,
		Transport: transport(now), MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("open S3 store: %w", err)
	}
	return &Store{cfg, core, spool}, nil
}

// Check tells whether the bucket can be listed.
func (s *Store) Check(ctx context.Context) error {
	_, err := s.core.ListMultipartUploads(ctx, s.cfg.Bucket, s.cfg.Prefix, "", "", "", 1)
	if err != nil {
		return said("look into the bucket", err)
	}
	for o := range s.objects(ctx, s.cfg.Prefix) {
		return said("look into the bucket", o.Err)
	}
	return nil
}

// said names what failed, and what the store says of it by what it is.
func said(doing string, err error) error {
	if err == nil {
		return nil
	}
	r := minio.ToErrorResponse(err)
	switch {
	case r.Code == minio.NoSuchKey:
		err = errors.Join(media.ErrNoBlob, err)
	case r.StatusCode == http.StatusInsufficientStorage, strings.HasPrefix(r.Code, "QuotaExceeded"):
		err = errors.Join(media.ErrFull, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func (s *Store) object(account tenant.ID, key media.Key) (string, error) {
	if !account.Valid() || !key.Valid() {
		return "", fmt.Errorf("blob %q of account %q: %w", key, account, media.ErrNoBlob)
	}
	return s.cfg.Prefix + string(account) + "/" + string(key[:2]) + "/" + string(key), nil
}

// stored reads what the name of an object says.
func (s *Store) stored(object string) (account tenant.ID, key media.Key, ok bool) {
	parts := strings.Split(strings.TrimPrefix(object, s.cfg.Prefix), "/")
	if len(parts) != 3 {
		return "", "", false
	}
	account, key = tenant.ID(parts[0]), media.Key(parts[2])
	made, err := s.object(account, key)
	return account, key, err == nil && made == object
}

// Draft implements media.Blobs.
func (s *Store) Draft(ctx context.Context, account tenant.ID) (media.Draft, error) {
	d, err := s.spool.Draft(ctx, account)
	if err != nil {
		return nil, err
	}
	return &draft{Draft: d, store: s, account: account}, nil
}

type draft struct {
	media.Draft
	store   *Store
	account tenant.ID
	size    int64
}

func (d *draft) Write(p []byte) (int, error) {
	n, err := d.Draft.Write(p)
	d.size += int64(n)
	return n, err
}

// Commit uploads the file, in parts if it is large.
func (d *draft) Commit(ctx context.Context, key media.Key) error {
	object, err := d.store.object(d.account, key)
	if err != nil {
		return err
	}
	_, err = d.store.core.Client.PutObject(ctx, d.store.cfg.Bucket, object, io.NewSectionReader(d, 0, d.size), d.size,
		minio.PutObjectOptions{PartSize: partSize, NumThreads: partWorkers, ContentType: "application/octet-stream"})
	return said("commit draft", err)
}

// Open implements media.Blobs.
func (s *Store) Open(ctx context.Context, account tenant.ID, key media.Key, offset int64) (io.ReadCloser, error) {
	object, err := s.object(account, key)
	if err != nil {
		return nil, err
	}
	var o minio.GetObjectOptions
	if offset > 0 {
		if err := o.SetRange(offset, 0); err != nil {
			return nil, fmt.Errorf("open blob: %w", err)
		}
	}
	body, _, _, err := s.core.GetObject(ctx, s.cfg.Bucket, object, o)
	if err != nil && minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return http.NoBody, nil // behind the end
	}
	return body, said("open blob", err)
}

// Remove implements media.Blobs.
func (s *Store) Remove(ctx context.Context, account tenant.ID, key media.Key) error {
	object, err := s.object(account, key)
	if err != nil {
		return nil //nolint:nilerr // what has no name is not there
	}
	err = s.core.RemoveObject(ctx, s.cfg.Bucket, object, minio.RemoveObjectOptions{})
	if err = said("remove blob", err); errors.Is(err, media.ErrNoBlob) {
		return nil
	}
	return err
}

// objects gives what begins with a prefix. An error is the Err of the last one.
func (s *Store) objects(ctx context.Context, prefix string) iter.Seq[minio.ObjectInfo] {
	return s.core.ListObjectsIter(ctx, s.cfg.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true})
}

// List implements media.Blobs. Objects that are none of ours are passed over.
func (s *Store) List(ctx context.Context, visit func(media.Stored) error) error {
	for o := range s.objects(ctx, s.cfg.Prefix) {
		if o.Err != nil {
			return said("list blobs", o.Err)
		}
		account, key, ours := s.stored(o.Key)
		if !ours {
			continue
		}
		if err := visit(media.Stored{Account: account, Key: key, Written: o.LastModified}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Clear implements media.Blobs: it removes files of drafts, and aborts uploads in parts
// that nobody goes on with.
func (s *Store) Clear(ctx context.Context, before time.Time) error {
	if err := s.spool.Clear(ctx, before); err != nil {
		return err
	}
	for key, id := "", ""; ; {
		page, err := s.core.ListMultipartUploads(ctx, s.cfg.Bucket, s.cfg.Prefix, key, id, "", 1000)
		if err != nil {
			return said("list uploads", err)
		}
		for _, upload := range page.Uploads {
			if _, _, ours := s.stored(upload.Key); !ours || !upload.Initiated.Before(before) {
				continue
			}
			if err := s.abort(ctx, upload, before); err != nil {
				return err
			}
		}
		if !page.IsTruncated {
			return nil
		}
		key, id = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// abort aborts an upload unless a part of it has come since a time.
func (s *Store) abort(ctx context.Context, upload minio.ObjectMultipartInfo, before time.Time) error {
	for marker := 0; ; {
		page, err := s.core.ListObjectParts(ctx, s.cfg.Bucket, upload.Key, upload.UploadID, marker, 1000)
		if minio.ToErrorResponse(err).Code == minio.NoSuchUpload {
			return nil // finished meanwhile
		}
		if err != nil {
			return said("list parts", err)
		}
		for _, part := range page.ObjectParts {
			if !part.LastModified.Before(before) {
				return nil
			}
		}
		if !page.IsTruncated {
			break
		}
		marker = page.NextPartNumberMarker
	}
	err := s.core.AbortMultipartUpload(ctx, s.cfg.Bucket, upload.Key, upload.UploadID)
	if minio.ToErrorResponse(err).Code == minio.NoSuchUpload {
		return nil
	}
	return said("abort upload", err)
}

// Locate implements media.Locator, where that is wanted.
func (s *Store) Locate(ctx context.Context, account tenant.ID, key media.Key, header http.Header) (string, error) {
	if !s.cfg.Redirect {
		return "", nil
	}
	object, err := s.object(account, key)
	if err != nil {
		return "", err
	}
	forced := url.Values{}
	for _, name := range []string{"Content-Type", "Content-Disposition", "Cache-Control"} {
		if v := header.Get(name); v != "" {
			forced.Set("response-"+strings.ToLower(name), v)
		}
	}
	u, err := s.core.PresignedGetObject(ctx, s.cfg.Bucket, object, redirectTime, forced)
	if err != nil {
		return "", said("sign an address", err)
	}
	return u.String(), nil
}
