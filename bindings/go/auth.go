package tcauth

// #include <string.h>
// #include "library.h"
import "C"

import (
	"fmt"
	"hash/maphash"
	"log/slog"
	"math"
	"runtime"
	"time"
	"unsafe"
)

// An Auth is one identity: an access id with its secret key, or an API token.
//
// Make it once and share it. Any number of goroutines may call its methods at the same time, including Close: running
// calls finish, and later calls return [ErrClosed].
type Auth struct {
	handle  *handle[*C.tc_auth]
	changes *changes
}

func newAuth(create func(out **C.tc_auth) C.tc_auth_status) (*Auth, error) {
	var pointer *C.tc_auth
	if err := check(create(&pointer)); err != nil {
		return nil, err
	}
	auth := &Auth{}
	handle := own(auth, pointer, func(pointer *C.tc_auth) { C.tc_auth_free(pointer) })
	auth.handle = handle
	auth.changes = newChanges(func() uint64 { return fingerprint(handle) })
	return auth, nil
}

// fingerprint returns the fingerprint of the current token; 0 if there is none. It makes no copy of the token.
func fingerprint(handle *handle[*C.tc_auth]) uint64 {
	pointer, err := handle.acquire()
	if err != nil {
		return 0
	}
	defer handle.release()
	var token *C.char
	if C.tc_auth_token(pointer, &token, nil) != C.TC_AUTH_STATUS_OK {
		return 0
	}
	defer C.tc_auth_string_free(token)
	return maphash.Bytes(fingerprints, unsafe.Slice((*byte)(unsafe.Pointer(token)), C.strlen(token)))
}

// NewHMAC makes an Auth that signs with HMAC-SHA256. The access id must be visible ASCII. The secret key must not
// contain control characters. Neither may be empty.
//
// Errors: [ErrInvalidAccessID], [ErrInvalidSecretKey].
func NewHMAC(accessID, secretKey string) (*Auth, error) {
	id, err := newCString(accessID, ErrInvalidAccessID)
	if err != nil {
		return nil, err
	}
	key, err := newCString(secretKey, ErrInvalidSecretKey)
	if err != nil {
		return nil, err
	}
	defer key.wipe()
	return newAuth(func(out **C.tc_auth) C.tc_auth_status {
		return C.tc_auth_new_hmac(id.pointer(), key.pointer(), out)
	})
}

// NewToken makes an Auth that uses an API token. expires is the time at which the token expires. Pass the zero time or
// the Unix epoch if that is unknown, or if the token does not expire.
//
// Errors: [ErrInvalidToken] (not visible ASCII), [ErrInvalidTime].
func NewToken(token string, expires time.Time) (*Auth, error) {
	value, err := newCString(token, ErrInvalidToken)
	if err != nil {
		return nil, err
	}
	defer value.wipe()
	return newAuth(func(out **C.tc_auth) C.tc_auth_status {
		return C.tc_auth_new_token(value.pointer(), expiry(expires), out)
	})
}

// Close frees the Auth and wipes its secrets as soon as no call is running. It always returns nil; the result makes
// Auth an [io.Closer]. An Auth that is never closed is freed after a garbage collection.
func (a *Auth) Close() error {
	a.handle.close()
	a.changes.wake()
	return nil
}

// Kind says what kind of credentials the Auth has; [KindNone] if it is closed.
func (a *Auth) Kind() Kind {
	pointer, err := a.handle.acquire()
	if err != nil {
		return KindNone
	}
	defer runtime.KeepAlive(a)
	defer a.handle.release()
	return Kind(C.tc_auth_get_kind(pointer))
}

// String returns one line for a log: the kind, the access id or the expiry, the source and the API path. It contains no
// part of a secret key or a token.
func (a *Auth) String() string {
	var text *C.char
	if a == nil || a.call(func(pointer *C.tc_auth) C.tc_auth_status { return C.tc_auth_describe(pointer, &text) }) != nil {
		return "closed"
	}
	return takeString(text)
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
	path, err := newCString(apiPath, ErrInvalidURIByte)
	if err != nil {
		return err
	}
	return a.call(func(pointer *C.tc_auth) C.tc_auth_status { return C.tc_auth_set_api_path(pointer, path.pointer()) })
}

// APIPath returns the API path without a / at its end; "" if there is none, or if the Auth is closed.
func (a *Auth) APIPath() string {
	var path string
	_ = a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		path = C.GoString(C.tc_auth_api_path(pointer))
		return C.TC_AUTH_STATUS_OK
	})
	return path
}

// SetClockOffset sets the difference that is added to this machine's clock to get the server's time. Fractions of a
// second are dropped; the limit is one day in either direction.
//
// Errors: [ErrInvalidArgument].
func (a *Auth) SetClockOffset(offset time.Duration) error {
	return a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		return C.tc_auth_set_clock_offset(pointer, seconds(offset))
	})
}

// ClockOffset returns the offset that SetClockOffset or [Auth.Review] has set.
func (a *Auth) ClockOffset() (time.Duration, error) {
	var offset C.int64_t
	err := a.call(func(pointer *C.tc_auth) C.tc_auth_status { return C.tc_auth_clock_offset(pointer, &offset) })
	return time.Duration(offset) * time.Second, err
}

// call runs a C function on the handle, which can't be freed meanwhile.
func (a *Auth) call(function func(*C.tc_auth) C.tc_auth_status) error {
	pointer, err := a.handle.acquire()
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(a)
	defer a.handle.release()
	return check(function(pointer))
}

// A Kind is the kind of credentials that an Auth has.
type Kind int32

// The kinds of credentials. A closed Auth has KindNone.
const (
	KindNone  Kind = C.TC_AUTH_KIND_NONE
	KindHMAC  Kind = C.TC_AUTH_KIND_HMAC
	KindToken Kind = C.TC_AUTH_KIND_TOKEN
)

var kindNames = map[Kind]string{KindNone: "NONE", KindHMAC: "HMAC", KindToken: "TOKEN"}

// String returns the name of the constant in C, without its prefix.
func (k Kind) String() string {
	return name(kindNames, k)
}

// unixSeconds converts a time for C. C takes -1 as "now" and refuses all other negative times, so -1 is replaced by one
// of those.
func unixSeconds(moment time.Time) C.int64_t {
	if moment.Unix() == C.TC_AUTH_NOW {
		return math.MinInt64
	}
	return C.int64_t(moment.Unix())
}

func expiry(moment time.Time) C.int64_t {
	if moment.IsZero() {
		return C.TC_AUTH_NO_EXPIRY
	}
	return unixSeconds(moment)
}

func seconds(duration time.Duration) C.int64_t {
	return C.int64_t(duration / time.Second)
}
