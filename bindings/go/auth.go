package tcauth

import (
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"time"

	"example.com/tcauth/internal/capi"
)

// An Auth is one identity: an access id with its secret key, or an API token.
//
// Make it once and share it. Any number of goroutines may call its methods at the same time, including Close: running
// calls finish, and later calls return [ErrClosed].
type Auth struct {
	handle  *handle[*capi.Auth]
	changes *changes
}

// newAuth takes what a function of capi has made.
func newAuth(pointer *capi.Auth, status int32) (*Auth, error) {
	if err := check(status); err != nil {
		return nil, err
	}
	auth := &Auth{}
	handle := own(auth, pointer, capi.Free)
	auth.handle = handle
	auth.changes = newChanges(func() uint64 { return fingerprint(handle) })
	return auth, nil
}

// fingerprint returns the fingerprint of the current token; 0 if there is none.
func fingerprint(handle *handle[*capi.Auth]) uint64 {
	pointer, err := handle.acquire()
	if err != nil {
		return 0
	}
	defer handle.release()
	return capi.TokenHash(pointer, fingerprints)
}

// NewHMAC makes an Auth that signs with HMAC-SHA256. The access id must be visible ASCII. The secret key must not
// contain control characters. Neither may be empty.
//
// Errors: [ErrInvalidAccessID], [ErrInvalidSecretKey].
func NewHMAC(accessID, secretKey string) (*Auth, error) {
	id, err := newString(accessID, ErrInvalidAccessID)
	if err != nil {
		return nil, err
	}
	key, err := newString(secretKey, ErrInvalidSecretKey)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	return newAuth(capi.NewHMAC(id, key))
}

// NewToken makes an Auth that uses an API token. expires is the time at which the token expires. Pass the zero time or
// the Unix epoch if that is unknown, or if the token does not expire.
//
// Errors: [ErrInvalidToken] (not visible ASCII), [ErrInvalidTime].
func NewToken(token string, expires time.Time) (*Auth, error) {
	value, err := newString(token, ErrInvalidToken)
	if err != nil {
		return nil, err
	}
	defer value.Wipe()
	return newAuth(capi.NewToken(value, expiry(expires)))
}

// Close frees the Auth and wipes its secrets as soon as no call is running. It always returns nil; the result makes
// Auth an [io.Closer]. An Auth that is never closed is freed after a garbage collection.
func (a *Auth) Close() error {
	if a == nil {
		return nil
	}
	a.handle.close()
	a.changes.wake()
	return nil
}

// Kind says what kind of credentials the Auth has; [KindNone] if it is closed.
func (a *Auth) Kind() Kind {
	kind, _ := callFor(a, capi.Kind)
	return Kind(kind)
}

// String returns one line for a log: the kind, the access id or the expiry, the source and the API path. It contains no
// part of a secret key or a token.
func (a *Auth) String() string {
	text, err := callFor(a, capi.Describe)
	if err != nil {
		return "closed"
	}
	return text
}

// Format prints String for every verb, so that %+v and %#v show no fields.
func (a *Auth) Format(state fmt.State, _ rune) {
	fmt.Fprint(state, a.String())
}

// MarshalText returns String: encoding/json and the like write it.
func (a *Auth) MarshalText() ([]byte, error) {
	return []byte(a.String()), nil
}

// LogValue returns String, for log/slog.
func (a *Auth) LogValue() slog.Value {
	return slog.StringValue(a.String())
}

// SetAPIPath sets the URL of the platform's API, such as https://company.example/api. It can be set only once; set it
// before you share the Auth. Afterwards a URL with another scheme, host or port is refused, a token can be renewed, and
// [Auth.NewURL] can be used.
//
// Errors: [ErrInvalidURIForm], [ErrInvalidURIByte], [ErrAlreadySet].
func (a *Auth) SetAPIPath(apiPath string) error {
	path, err := newString(apiPath, ErrInvalidURIByte)
	if err != nil {
		return err
	}
	return a.call(func(pointer *capi.Auth) int32 { return capi.SetAPIPath(pointer, path) })
}

// APIPath returns the API path without a / at its end; "" if there is none, or if the Auth is closed.
func (a *Auth) APIPath() string {
	path, _ := callFor(a, capi.APIPath)
	return path
}

// SetClockOffset sets the difference that is added to this machine's clock to get the server's time: whole seconds, up to
// one day in either direction.
//
// Errors: [ErrInvalidArgument].
func (a *Auth) SetClockOffset(offset time.Duration) error {
	whole, err := seconds("clock offset", offset)
	if err != nil {
		return err
	}
	return a.call(func(pointer *capi.Auth) int32 { return capi.SetClockOffset(pointer, whole) })
}

// ClockOffset returns the offset that SetClockOffset or [Auth.Review] has set.
func (a *Auth) ClockOffset() (time.Duration, error) {
	offset, err := callFor(a, capi.ClockOffset)
	return time.Duration(offset) * time.Second, err
}

// acquire returns the pointer for one call, as [handle.acquire] does.
func (a *Auth) acquire() (*capi.Auth, error) {
	if a == nil {
		return nil, errNilAuth
	}
	return a.handle.acquire()
}

var errNilAuth = &misuse{ErrNullArgument, "the Auth is nil: check the error of the function that should have made it"}

// call runs a function on the handle, which can't be freed meanwhile.
func (a *Auth) call(function func(*capi.Auth) int32) error {
	pointer, err := a.acquire()
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(a)
	defer a.handle.release()
	return check(function(pointer))
}

// callFor is call for a function with a result.
func callFor[T any](a *Auth, function func(*capi.Auth) (T, int32)) (result T, err error) {
	err = a.call(func(pointer *capi.Auth) (status int32) {
		result, status = function(pointer)
		return status
	})
	return result, err
}

// A Kind is the kind of credentials that an Auth has.
type Kind int32

// The kinds of credentials. A closed Auth has KindNone.
const (
	KindNone  Kind = 0
	KindHMAC  Kind = 1 // an access id and a secret key
	KindToken Kind = 2 // an API token
)

var kindNames = map[Kind]string{KindNone: "NONE", KindHMAC: "HMAC", KindToken: "TOKEN"}

// String returns the name of the constant in C, without its prefix.
func (k Kind) String() string {
	return name(kindNames, k)
}

// unixSeconds converts a time for C. C takes -1 as "now" and refuses all other negative times, so -1 is replaced by one
// of those.
func unixSeconds(moment time.Time) int64 {
	if moment.Unix() == capi.Now {
		return math.MinInt64
	}
	return moment.Unix()
}

func expiry(moment time.Time) int64 {
	if moment.IsZero() {
		return capi.NoExpiry
	}
	return unixSeconds(moment)
}

// seconds refuses a fraction. Without it, half a second would become none at all.
func seconds(what string, duration time.Duration) (int64, error) {
	if duration%time.Second != 0 {
		return 0, &misuse{ErrInvalidArgument, fmt.Sprintf("the %s is %s: pass whole seconds", what, duration)}
	}
	return int64(duration / time.Second), nil
}
