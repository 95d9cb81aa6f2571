package config

import (
	"net/netip"
	"time"
)

// Config is the checked configuration of one process. It is not changed after
// [Load] or [Default] has made it.
type Config struct {
	// File is the path of the YAML file that was read, or empty.
	File string
	// Data is the folder of the embedded database, the media and the lock.
	Data string
	// Listen is host:port. An empty host means all interfaces, port 0 a free one.
	Listen string
	// Database is a postgres:// URL, or empty for SQLite in Data.
	Database Secret
	// DatabaseListen is the postgres:// URL for LISTEN, or empty for Database.
	DatabaseListen Secret
	// PublicURL is where clients reach the server, http or https, without a
	// slash at its end. Empty: derived from the address it listens on.
	PublicURL string
	// ServerName is the Matrix server name of the default account. Empty: the one
	// it has, and localhost at the first start.
	ServerName string
	// BaseDomain makes the default server names of further accounts,
	// <account>.<base domain>. Empty: every account must bring its own.
	BaseDomain string
	// Registration says who may register.
	Registration Registration
	// RoomPolicy is the room policy of new accounts.
	RoomPolicy RoomPolicy
	// OAuth lets clients sign people in by OAuth 2.0, where the address is good for it.
	OAuth bool
	// RateLimits is false only for benchmarks and conformance suites.
	RateLimits bool
	// MachineToken is the secret of the provisioning API, or empty for none. It
	// holds the content of MachineTokenFile when that was given.
	MachineToken Secret
	// MachineTokenFile is the file MachineToken was read from, or empty.
	MachineTokenFile string
	// TrustedProxies are the networks whose Forwarded headers are believed.
	TrustedProxies []netip.Prefix
	// OutboundNetworks are the networks that are not public and may be called all
	// the same.
	OutboundNetworks []netip.Prefix
	// PreviewNetworks are those that previews of pages may be read from all the same.
	PreviewNetworks []netip.Prefix
	// LogFormat is how log lines are written.
	LogFormat LogFormat
	// Media says where uploaded files lie, and who looks at them first.
	Media Media
	// Limits are the sizes, counts and times the server keeps to.
	Limits Limits
	// Rates are the rate limits; RateLimits turns them all off.
	Rates Rates
}

// Registration says who may register through the client API.
type Registration string

// The kinds of registration.
const (
	RegistrationClosed Registration = "closed" // nobody
	RegistrationOpen   Registration = "open"   // anybody, with m.login.dummy
)

// RoomPolicy is the set of room rules an account lives by.
type RoomPolicy string

// The room policies.
const (
	RoomPolicyTeam   RoomPolicy = "team"   // the product's rules
	RoomPolicyMatrix RoomPolicy = "matrix" // exactly the Matrix specification
)

// LogFormat is how log lines are written.
type LogFormat string

// The log formats.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Media says where uploaded files lie, and who looks at them first.
type Media struct {
	// Store is where new files go. What is not there is looked for in the other
	// store, if it is configured.
	Store MediaStore
	S3    S3
	// Scanner is the address of clamd: host:port, or the path of a socket. Empty:
	// nobody looks at files.
	Scanner string
	// ScannerUnavailable says what happens to a file that could not be looked at.
	ScannerUnavailable Unscanned
}

// MediaStore is a kind of store of files.
type MediaStore string

// The stores of files.
const (
	MediaOnDisk MediaStore = "disk" // the folder media in Data
	MediaInS3   MediaStore = "s3"
)

// Unscanned says what happens to a file that could not be looked at.
type Unscanned string

// What happens to a file that could not be looked at.
const (
	RefuseUnscanned Unscanned = "refuse"
	AllowUnscanned  Unscanned = "allow"
)

// S3 is a bucket of an S3-compatible store. Without Endpoint there is none.
type S3 struct {
	Endpoint  string // http or https, host and port
	Bucket    string
	Region    string
	AccessKey string
	Secret    Secret
	PathStyle bool   // the bucket stands in the path, not in the host name
	Prefix    string // of all keys: empty, or ends with a slash
	// Redirect lets clients fetch files from the bucket themselves.
	Redirect bool
}

// Limits are the sizes (bytes), counts and times the server keeps to.
type Limits struct {
	BodyBytes           int64 // request body, unless one of the next three applies
	CreateRoomBodyBytes int64 // body of createRoom
	KeysBodyBytes       int64 // body of keys/*, room_keys and sendToDevice
	HeaderBytes         int   // all headers of a request
	URLBytes            int   // path and query of a request

	UploadBytes       int64 // one uploaded file
	UserMediaBytes    int64 // all files of a user
	AccountMediaBytes int64 // all files of an account; 0: no limit
	PendingUploads    int   // files of a user whose content has not come yet

	RoomNameBytes         int // name of a room
	TopicBytes            int // topic of a room
	AccountDataBytes      int // content of one type of account data
	AccountDataLargeBytes int // content of m.direct
	AccountDataTypes      int // types of account data a user, and a user in a room
	RoomTags              int // tags of a user on a room
	Filters               int // stored filters a user
	Devices               int // devices a user
	Pushers               int // pushers a user
	RoomAliases           int // aliases a room
	RoomMembers           int // joined and invited members a room
	UserRooms             int // joined rooms a user
	SyncTimeline          int // timeline events a room in one sync answer
	Page                  int // entries of one page of any list
	DelayedEvents         int // scheduled events a user
	PasswordMin           int // shortest password, in bytes
	PasswordMax           int // longest password, in bytes

	SyncTimeout       time.Duration // longest wait of a long poll
	PresenceTimeout   time.Duration // without a request, until somebody is offline
	DelayedEventWait  time.Duration // longest delay of a scheduled event
	PendingUploadTime time.Duration // until the content of a file must have come
	LooseMediaTime    time.Duration // until files are removed that nothing refers to
	HeaderTimeout     time.Duration // until the headers of a request are read
	BodyTimeout       time.Duration // until a JSON body is read
	IdleTimeout       time.Duration // until an idle connection is closed
	DatabaseAcquire   time.Duration // wait for a database connection
	DatabaseStatement time.Duration // longest database statement
	DatabaseLock      time.Duration // wait for a database lock
	ShutdownGrace     time.Duration // until a stopping server cuts its requests
}

// Rate is a token bucket: so many a second, and so many at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Rates are the rate limits of requests.
type Rates struct {
	UserMessages    Rate // events sent by one agent or administrator
	BotMessages     Rate // events sent by one bot
	AccountMessages Rate // events sent by one account
	Logins          Rate // logins of one user
	FailedLogins    Rate // failed logins of one user
	AddressLogins   Rate // password and failed logins from one address
	OAuth           Rate // registrations and beginnings of OAuth clients from one address
	Joins           Rate // joins of one user
	RoomCreation    Rate // rooms created by one user
	Search          Rate // searches of one user
	Cards           Rate // shared items asked for by one user
	Media           Rate // uploads and downloads of one user
	Presence        Rate // changes of presence by one user
}
