package tcauth

// #cgo noescape tc_auth_headers_into
// #cgo nocallback tc_auth_headers_into
// #cgo noescape tc_auth_header_block
// #cgo nocallback tc_auth_header_block
// #include "library.h"
import "C"

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// NoTimestamp is the value of Headers.Timestamp if no Timestamp header is sent.
const NoTimestamp = C.TC_AUTH_NO_TIMESTAMP

// Headers are the headers to add to one request.
type Headers struct {
	// Authorization is the value of the Authorization header.
	Authorization string

	// Timestamp is the value of the Timestamp header: the Unix second that was signed. With a token it is
	// [NoTimestamp].
	Timestamp int64
}

// Set sets the headers of a request. It replaces Authorization and Timestamp headers that are already there.
func (h Headers) Set(header http.Header) {
	header.Set("Authorization", h.Authorization)
	if h.Timestamp == NoTimestamp {
		header.Del("Timestamp")
	} else {
		header.Set("Timestamp", strconv.FormatInt(h.Timestamp, 10))
	}
}

// String returns the scheme of the Authorization header and "***", because the rest can be a token.
func (h Headers) String() string {
	scheme, _, _ := strings.Cut(h.Authorization, " ")
	return scheme + " ***"
}

// Format prints String for every verb, so that %+v and %#v show no fields.
func (h Headers) Format(state fmt.State, _ rune) {
	fmt.Fprint(state, h.String())
}

// MarshalText returns String: encoding/json and the like write it.
func (h Headers) MarshalText() ([]byte, error) {
	return []byte(h.String()), nil
}

// LogValue returns String, for log/slog.
func (h Headers) LogValue() slog.Value {
	return slog.StringValue(h.String())
}

// Headers makes the headers for a request that is sent now.
//
// uri is a path with query, or an absolute http or https URL, exactly as it will be sent; with net/http the path and
// query are [url.URL.RequestURI]. The method is signed in upper case. Headers never waits.
//
// Errors: [ErrInvalidMethod], [ErrInvalidURIForm], [ErrInvalidURIByte], [ErrOtherOrigin], [ErrTokenExpired].
func (a *Auth) Headers(method, uri string) (Headers, error) {
	return a.headers(method, uri, C.TC_AUTH_NOW)
}

// HeadersAt is [Auth.Headers] for the time at: it is signed, or compared with the expiry of the token.
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

	var stack [256]byte // enough for a signature: 50 bytes and the access id
	buffer := stack[:]
	defer func() { clear(buffer) }()
	// A loop, because another goroutine can set a longer token between two calls.
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

// HeaderBlock makes the header lines for a request that is sent now, as they go over the wire: each line ends with CR LF,
// and there is no empty line. It is for clients that write requests themselves. The arguments are those of [Auth.Headers].
//
// Errors: those of Headers.
func (a *Auth) HeaderBlock(method, uri string) (string, error) {
	verb, err := newCString(method, ErrInvalidMethod)
	if err != nil {
		return "", err
	}
	target, err := newCString(uri, ErrInvalidURIByte)
	if err != nil {
		return "", err
	}
	pointer, err := a.handle.acquire()
	if err != nil {
		return "", err
	}
	defer runtime.KeepAlive(a)
	defer a.handle.release()

	var stack [256]byte
	buffer := stack[:]
	defer func() { clear(buffer) }()
	for {
		status := C.tc_auth_header_block(pointer, verb.pointer(), target.pointer(), bytesOf(buffer), C.size_t(len(buffer)))
		switch status {
		case C.TC_AUTH_STATUS_OK:
			return string(buffer[:bytes.IndexByte(buffer, 0)]), nil
		case C.TC_AUTH_STATUS_BUFFER_TOO_SMALL: // nothing was written
			buffer = make([]byte, 2*len(buffer))
		default:
			return "", check(status)
		}
	}
}

// StringToSign returns the string that is signed, such as "/api/v3/indicators:GET:1513703787". Compare it with what the
// server received. at is the second that was signed.
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

// Verify checks the headers of a received request, for gateways and tests. It returns nil if they are valid.
//
// authorization and timestamp are the values of these headers; pass "" for a header that is missing. at is the server's
// time; the zero time means now. tolerance is the largest difference between at and the timestamp, up to one day
// (ThreatConnect allows 5 minutes).
//
// Errors: [ErrMalformedAuthorization], [ErrSignatureMismatch], [ErrTimestampOutOfRange], [ErrTokenExpired],
// [ErrInvalidArgument] (the tolerance), and those of [Auth.HeadersAt] for the other arguments.
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
