package tcauth

// #include <tc_auth.h>
import "C"

import (
	"fmt"
	"math"
	"runtime"
	"time"
)

// An Auth is one identity: an access id with its secret key, or an API token.
//
// Make it once and share it. Every method may be called from any number of goroutines at once, Close too: what is
// running goes on to its end, and what comes later returns [ErrClosed].
type Auth struct {
	handle *handle[*C.tc_auth]
}

func newAuth(create func(out **C.tc_auth) C.tc_auth_status) (*Auth, error) {
	var pointer *C.tc_auth
	if err := check(create(&pointer)); err != nil {
		return nil, err
	}
	auth := &Auth{}
	auth.handle = own(auth, pointer, func(pointer *C.tc_auth) { C.tc_auth_free(pointer) })
	return auth, nil
}

// NewHMAC makes an Auth that signs with HMAC-SHA256. The access id is visible ASCII, and the secret key any text without
// control characters.
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

// NewToken makes an Auth that shows an API token. expires is the moment at which it ends; the zero time, or the Unix
// epoch, if that is not known, or never comes.
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

// Close frees the identity and wipes its secrets, after the last call that is running. It never fails; it returns an
// error so that Auth is an [io.Closer]. What is never closed is freed by the garbage collector, some time.
func (a *Auth) Close() error {
	a.handle.close()
	return nil
}

// Kind says what the identity is proved with.
func (a *Auth) Kind() Kind {
	pointer, err := a.handle.acquire()
	if err != nil {
		return KindNone
	}
	defer runtime.KeepAlive(a)
	defer a.handle.release()
	return Kind(C.tc_auth_get_kind(pointer))
}

// String is one line for a log: the kind, the access id or the expiry, the source and the API path. It holds nothing of a
// secret key or a token.
func (a *Auth) String() string {
	var text *C.char
	if a == nil || a.call(func(pointer *C.tc_auth) C.tc_auth_status { return C.tc_auth_describe(pointer, &text) }) != nil {
		return "closed"
	}
	return takeString(text)
}

// Format keeps every verb, also %+v and %#v, from looking inside.
func (a *Auth) Format(state fmt.State, _ rune) {
	fmt.Fprint(state, a.String())
}

// SetAPIPath tells where the platform's API is, such as https://company.example/api. It can be set once; do it before
// the Auth is shared. From then on nothing is signed for a URL of another scheme, host or port, a token can be renewed,
// and [Auth.NewURL] joins paths to it.
//
// Errors: [ErrInvalidURIForm], [ErrInvalidURIByte], [ErrAlreadySet].
func (a *Auth) SetAPIPath(apiPath string) error {
	path, err := newCString(apiPath, ErrInvalidURIByte)
	if err != nil {
		return err
	}
	return a.call(func(pointer *C.tc_auth) C.tc_auth_status { return C.tc_auth_set_api_path(pointer, path.pointer()) })
}

// SetClockOffset sets what is added to this machine's clock to get the server's time: whole seconds, a day at most.
//
// Errors: [ErrInvalidArgument].
func (a *Auth) SetClockOffset(offset time.Duration) error {
	return a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		return C.tc_auth_set_clock_offset(pointer, seconds(offset))
	})
}

// ClockOffset is what SetClockOffset or a [Auth.Review] has set.
func (a *Auth) ClockOffset() (time.Duration, error) {
	var offset C.int64_t
	err := a.call(func(pointer *C.tc_auth) C.tc_auth_status { return C.tc_auth_clock_offset(pointer, &offset) })
	return time.Duration(offset) * time.Second, err
}

// call makes one call of C on the handle.
func (a *Auth) call(function func(*C.tc_auth) C.tc_auth_status) error {
	pointer, err := a.handle.acquire()
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(a)
	defer a.handle.release()
	return check(function(pointer))
}

// A Kind is what an identity is proved with.
type Kind int32

// Of a closed Auth the kind is KindNone.
const (
	KindNone  Kind = C.TC_AUTH_KIND_NONE
	KindHMAC  Kind = C.TC_AUTH_KIND_HMAC
	KindToken Kind = C.TC_AUTH_KIND_TOKEN
)

var kindNames = map[Kind]string{KindNone: "NONE", KindHMAC: "HMAC", KindToken: "TOKEN"}

// String is the name of the kind in C, without its prefix.
func (k Kind) String() string {
	return name(kindNames, k)
}

// unixSeconds is for C. Every negative time is refused but -1, which would mean "now" to it.
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
