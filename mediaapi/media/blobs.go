package media

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

var (
	// ErrNoBlob is said of a key under which there is nothing.
	ErrNoBlob = errors.New("there is no such blob")
	// ErrFull is said when the store has no room.
	ErrFull = errors.New("the store of blobs is full")
)

// Blobs keeps the bytes of media. It may be used by many goroutines at once, and by
// several nodes.
type Blobs interface {
	// Draft begins a blob of an account. Its end is [Draft.Discard].
	Draft(ctx context.Context, account tenant.ID) (Draft, error)
	// Open gives the bytes of a blob from an offset to its end, which need not be
	// read to it. What is not there is ErrNoBlob.
	Open(ctx context.Context, account tenant.ID, key Key, offset int64) (io.ReadCloser, error)
	// Remove removes a blob. What is not there is no error.
	Remove(ctx context.Context, account tenant.ID, key Key) error
	// List visits all blobs of all accounts, in no order, also such as come or go
	// meanwhile. An error of visit ends it and is returned.
	List(ctx context.Context, visit func(Stored) error) error
	// Clear removes the drafts that were last written to before a time: those of
	// servers that were killed.
	Clear(ctx context.Context, before time.Time) error
}

// Locator is a store that people can be sent to.
type Locator interface {
	// Locate gives an address from which a blob can be had for a short time, by anybody,
	// with these headers (Content-Type, Content-Disposition, Cache-Control). It is empty
	// where the server is to give the blob itself.
	Locate(ctx context.Context, account tenant.ID, key Key, header http.Header) (address string, err error)
}

// Draft is a blob that is being written. Nobody sees it before it is committed. It is
// used by one goroutine at a time.
type Draft interface {
	// Write appends. It is ErrFull when there is no room.
	io.Writer
	// ReadAt reads what has been written, until the draft is discarded.
	io.ReaderAt
	// Commit makes what has been written a blob under a key that is new; it is
	// durable when Commit returns nil. A draft can be committed again under another
	// key, when the first one's row was refused, but not written any more.
	Commit(ctx context.Context, key Key) error
	// Discard lets go of the draft, but not of what it was committed as. It can be
	// called at any time, and more than once.
	Discard() error
}

// Stored is a blob as its store knows it.
type Stored struct {
	Account tenant.ID
	Key     Key
	Written time.Time // when it was committed, by the store's clock
}

// Scanner judges content after it has been uploaded and before anybody can read it.
type Scanner interface {
	// Scan gives a refusal for what must not be kept. Any other error means that it
	// could not be judged: then it is not kept either, and the upload fails.
	Scan(ctx context.Context, what Suspect, content io.Reader) error
}

// Suspect is what a [Scanner] is told of content.
type Suspect struct {
	Record Record // with the content's name and types; the blob has no key yet
	Server string // the account's Matrix server name
}
