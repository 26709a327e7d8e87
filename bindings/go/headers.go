package tcauth

// #cgo noescape tc_auth_headers_into
// #cgo nocallback tc_auth_headers_into
// #include <tc_auth.h>
import "C"

import (
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// NoTimestamp is the Timestamp of Headers that have none.
const NoTimestamp = C.TC_AUTH_NO_TIMESTAMP

// Headers are what one request has to be sent with.
type Headers struct {
	// Authorization is the value of the Authorization header.
	Authorization string

	// Timestamp is the Unix second that was signed, to be sent in the Timestamp header; [NoTimestamp] with a token.
	Timestamp int64
}

// Set puts them into the header of a request, in place of others of these names.
func (h Headers) Set(header http.Header) {
	header.Set("Authorization", h.Authorization)
	if h.Timestamp == NoTimestamp {
		header.Del("Timestamp")
	} else {
		header.Set("Timestamp", strconv.FormatInt(h.Timestamp, 10))
	}
}

// String shows the kind of the authorization alone, for the rest may be a token.
func (h Headers) String() string {
	scheme, _, _ := strings.Cut(h.Authorization, " ")
	return scheme + " ***"
}

// Format keeps every verb, also %+v and %#v, from looking inside.
func (h Headers) Format(state fmt.State, _ rune) {
	fmt.Fprint(state, h.String())
}

// Headers makes the headers for a request that is sent now.
//
// uri is a path with query, or an absolute http or https URL, byte for byte as it will be sent ([url.URL.RequestURI] of
// the request; [Transport] takes it from there). The method is signed in upper case. It never waits.
//
// Errors: [ErrInvalidMethod], [ErrInvalidURIForm], [ErrInvalidURIByte], [ErrOtherOrigin], [ErrTokenExpired].
func (a *Auth) Headers(method, uri string) (Headers, error) {
	return a.headers(method, uri, C.TC_AUTH_NOW)
}

// HeadersAt is Headers at a given time, which also decides whether a token has expired.
//
// Errors: those of Headers; [ErrInvalidTime].
func (a *Auth) HeadersAt(method, uri string, at time.Time) (Headers, error) {
	return a.headers(method, uri, unixSeconds(at))
}

func (a *Auth) headers(method, uri string, at C.int64_t) (Headers, error) {
	pointer, err := a.handle.acquire()
	if err != nil {
		return Headers{}, err
	}
	defer runtime.KeepAlive(a)
	defer a.handle.release()

	var stack [256]byte // a signature takes no more than 50 bytes and the access id
	buffer := stack[:]
	defer func() { clear(buffer) }()
	// In a loop, for another goroutine can set a longer token in between.
	for {
		var length C.size_t
		var timestamp C.int64_t
		status := C.tc_auth_headers_into(pointer, chars(method), C.size_t(len(method)), chars(uri), C.size_t(len(uri)),
			at, bytesOf(buffer), C.size_t(len(buffer)), &length, &timestamp)
		switch status {
		case C.TC_AUTH_STATUS_OK:
			return Headers{string(buffer[:length]), int64(timestamp)}, nil
		case C.TC_AUTH_STATUS_BUFFER_TOO_SMALL:
			buffer = make([]byte, length+1)
		default:
			return Headers{}, check(status)
		}
	}
}

// StringToSign is what a signature is computed over, such as "/api/v3/indicators:GET:1513703787": to compare with what
// the server saw. at is the second that was signed.
//
// Errors: [ErrInvalidMethod], [ErrInvalidURIForm], [ErrInvalidURIByte], [ErrInvalidTime].
func StringToSign(method, uri string, at time.Time) (string, error) {
	verb, err := newCString(method, ErrInvalidMethod)
	if err != nil {
		return "", err
	}
	target, err := newCString(uri, ErrInvalidURIByte)
	if err != nil {
		return "", err
	}
	var text *C.char
	err = check(C.tc_auth_string_to_sign(verb.pointer(), target.pointer(), unixSeconds(at), &text))
	return takeString(text), err
}

// Verify is the server's side, for gateways and tests: it returns nil if the headers that came with a request are right.
//
// authorization and timestamp are the values of these headers, empty if the request has none. at is the server's time,
// the zero time for now; tolerance is how far the timestamp may be off, a day at most (ThreatConnect allows 5 minutes).
//
// Errors: [ErrMalformedAuthorization], [ErrSignatureMismatch], [ErrTimestampOutOfRange], [ErrTokenExpired]; for the
// other arguments those of HeadersAt, and [ErrInvalidArgument] (the tolerance).
func (a *Auth) Verify(method, uri, authorization, timestamp string, at time.Time, tolerance time.Duration) error {
	arguments := make([]cString, 4)
	for i, argument := range []struct {
		text    string
		refusal Status
	}{
		{method, ErrInvalidMethod}, {uri, ErrInvalidURIByte},
		{authorization, ErrMalformedAuthorization}, {timestamp, ErrMalformedAuthorization},
	} {
		copied, err := newCString(argument.text, argument.refusal)
		if err != nil {
			return err
		}
		defer copied.wipe()
		arguments[i] = copied
	}
	now := C.int64_t(C.TC_AUTH_NOW)
	if !at.IsZero() {
		now = unixSeconds(at)
	}
	return a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		return C.tc_auth_verify(pointer, arguments[0].pointer(), arguments[1].pointer(), arguments[2].pointer(),
			arguments[3].pointer(), now, seconds(tolerance))
	})
}
