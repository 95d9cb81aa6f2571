package media

import (
	"context"
	"errors"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// What a [Store] says of a record that it has not kept.
var (
	// ErrBlobGone: the row of the blob that the content was to refer to is gone.
	ErrBlobGone = errors.New("the blob's row is gone")
	// ErrBlobKnown: the account has a blob with this content.
	ErrBlobKnown = errors.New("a blob with this content is known")
	// ErrGone: the record that was to get its content is gone.
	ErrGone = errors.New("the record is gone")
	// ErrFilled: the record has its content.
	ErrFilled = errors.New("the record has its content")
	// ErrUserFull: the user may not have more.
	ErrUserFull = errors.New("the user's quota is used up")
	// ErrAccountFull: the account may not have more.
	ErrAccountFull = errors.New("the account's quota is used up")
	// ErrWaiting: too many of the user's records wait for their content.
	ErrWaiting = errors.New("too many records wait for their content")
)

// Store keeps records. Every method is one transaction.
type Store interface {
	// Media gives a record, or nil.
	Media(ctx context.Context, account tenant.ID, media ID) (*Record, error)
	// BlobOf gives the blob of a content by its SHA-256 (hex), or nil.
	BlobOf(ctx context.Context, account tenant.ID, sha256 string) (*Blob, error)
	// ReserveMedia keeps a record that waits for its content. It is ErrWaiting when so
	// many of the uploader's already do that have not expired when r was created.
	ReserveMedia(ctx context.Context, r Record, most int) error
	// KeepMedia keeps content: durable, with the room it takes counted, or not at
	// all and one of the errors above.
	KeepMedia(ctx context.Context, k Keeping) error
	// MediaUsage gives how many bytes the media of a user take, and those of the account.
	MediaUsage(ctx context.Context, account tenant.ID, user id.UserID) (byUser, byAccount int64, err error)

	// Thumbnail gives what was made of a blob for a size, or nil.
	Thumbnail(ctx context.Context, account tenant.ID, source Key, size string) (*Thumbnail, error)
	// KeepThumbnail keeps what was made of a blob. It is ErrBlobKnown when there is
	// one for that size, ErrBlobGone when the source is gone.
	KeepThumbnail(ctx context.Context, account tenant.ID, t Thumbnail) error

	// LinkMedia notes what refers to media; a link that is there, and one to media
	// that is not, change nothing.
	LinkMedia(ctx context.Context, account tenant.ID, links ...Link) error
	// UnlinkMedia drops links. now (ms) is when media that nothing refers to any more
	// begin to wait for their removal.
	UnlinkMedia(ctx context.Context, account tenant.ID, now int64, links ...Link) error
	// MediaLinks gives at most limit links to media in a fixed order, those after one
	// or, with nil, from the first.
	MediaLinks(ctx context.Context, account tenant.ID, media ID, after *Link, limit int) ([]Link, error)

	SweepStore
	PreviewStore
}

// PreviewStore is the part of a [Store] that keeps what pages say of themselves.
type PreviewStore interface {
	// Preview gives the preview of an address by its hash, or nil.
	Preview(ctx context.Context, account tenant.ID, url string) (*Preview, error)
	// KeepPreview keeps a preview in place of an earlier one, and links its picture.
	KeepPreview(ctx context.Context, account tenant.ID, p Preview) error
	// DropPreviews drops the previews of all accounts that were fetched before a time
	// (ms), with the links to their pictures.
	DropPreviews(ctx context.Context, before, now int64) error
}

// Preview is what a page elsewhere says of itself.
type Preview struct {
	URL     string // SHA-256 of the address, hex
	Fetched int64  // ms
	Picture ID     // or empty
	Answer  []byte // JSON
}

// SweepStore is the part of a [Store] that removes.
type SweepStore interface {
	// DropExpiredMedia drops the records of all accounts whose content has not come in time.
	DropExpiredMedia(ctx context.Context, now int64) error
	// LooseMedia gives at most limit IDs of media of an account to which nothing has
	// referred since before a time (ms).
	LooseMedia(ctx context.Context, account tenant.ID, before int64, limit int) ([]ID, error)
	// DropLooseMedia drops such a record if it is one still, and gives the keys of the
	// blobs whose rows have gone with it.
	DropLooseMedia(ctx context.Context, account tenant.ID, media ID, before int64) ([]Key, error)
	// UnknownBlobs gives those of some keys of an account that no row has.
	UnknownBlobs(ctx context.Context, account tenant.ID, keys []Key) ([]Key, error)
}

// Keeping is content that is to be kept.
type Keeping struct {
	Record Record // with its content
	// Reserved is set where the record is there already, waiting.
	Reserved bool
	// Known is set where the blob has a row already.
	Known bool
	Rules Rules
}

// Thumbnail is a small picture that was made of a blob.
type Thumbnail struct {
	Source Key
	Size   string // which of the sizes
	Type   string // media type
	Blob   Blob
}
