package accounts

import (
	"net/http"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// What accounts refuse.
var (
	ErrLogin          = refusal.Forbidden("The user name or the password is wrong.")
	ErrDeactivated    = refusal.New(http.StatusForbidden, "M_USER_DEACTIVATED", "This user has been deactivated. An administrator of the account can tell you more.").Because(string(tenant.LockedUser))
	ErrSuspended      = refusal.New(http.StatusForbidden, "M_USER_SUSPENDED", "You may only read at the moment. An administrator of the account can tell you more.")
	ErrLoginToken     = refusal.Forbidden("This sign-in link has expired or was used before. Please sign in again.")
	ErrGrant          = refusal.Forbidden("This permission has expired or was used before. Please sign in again.")
	ErrOpenID         = refusal.New(http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "This OpenID token is not valid, or it has expired.")
	ErrNotLocal       = refusal.Invalid("This user does not belong to this server.")
	ErrModerateSelf   = refusal.Forbidden("You cannot lock or suspend yourself.")
	ErrNoUser         = refusal.NotFound("This user does not exist.")
	ErrUserInUse      = refusal.New(http.StatusBadRequest, "M_USER_IN_USE", "This user name is taken. Please choose another one.")
	ErrUserName       = refusal.New(http.StatusBadRequest, "M_INVALID_USERNAME", "A user name may have only a-z, 0-9 and the characters . _ = - / +")
	ErrUserNameLong   = refusal.New(http.StatusBadRequest, "M_INVALID_USERNAME", "This user name is too long: with the server name it may have at most 255 bytes.")
	ErrNoDevice       = refusal.NotFound("You have no device with this ID.")
	ErrTooManyDevices = refusal.Forbidden("You are signed in on too many devices. Please sign out on one of them first.")
	ErrDeviceReserved = refusal.Forbidden("This device ID is one of your cross-signing keys. Please sign in without a device ID.")
	ErrDeviceID       = refusal.Invalid("A device ID may have at most 255 bytes.")
	ErrDisplayName    = refusal.Invalid("A display name may have at most 256 bytes.")
	ErrAccountID      = refusal.Invalid("An account ID has 1 to 64 of a-z, 0-9 and -, and does not start with -.")
	ErrServerName     = refusal.Invalid("This is not a server name: give a host name with an optional port, in lower case.")
	ErrAccountInUse   = refusal.New(http.StatusConflict, "M_INVALID_PARAM", "An account with this ID exists already.")
	// ErrNotAdministrator is said of what administrators alone may do.
	ErrNotAdministrator = refusal.Forbidden("Only an administrator of the account may do this.").Because("requires_administrator")
	// ErrModerateAdministrator is said of locking or suspending an administrator.
	ErrModerateAdministrator = refusal.Forbidden("This user is an administrator of the account, who cannot be locked or suspended.")
	// ErrServerNameInUse is said of a server name that another account has.
	ErrServerNameInUse = refusal.New(http.StatusConflict, "M_INVALID_PARAM", "Another account has this server name already.")
)
