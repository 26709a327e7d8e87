// Package capi calls the C library: one function for each of the library's, with Go's types. It is the only package with
// cgo, so the documentation of package tcauth, and the error of a build without cgo, do not depend on it.
//
// Results come with the status, which is last. Memory that is passed to C is not kept by it.
package capi

// #include <string.h>
// #include "library.h"
// #cgo noescape tc_auth_headers_into
// #cgo nocallback tc_auth_headers_into
// #cgo noescape tc_auth_header_block
// #cgo nocallback tc_auth_header_block
// #cgo noescape tc_auth_renewal_poll
// #cgo nocallback tc_auth_renewal_poll
import "C"

import (
	"bytes"
	"hash/maphash"
	"unsafe"
)

// The objects of the library.
type (
	Auth    = C.tc_auth
	Renewal = C.tc_auth_renewal
	URL     = C.tc_auth_url
)

// Special values of times.
const (
	Now         = C.TC_AUTH_NOW
	NoTimestamp = C.TC_AUTH_NO_TIMESTAMP
	NoExpiry    = C.TC_AUTH_NO_EXPIRY
)

// The statuses that this package itself looks at.
const (
	ok             = C.TC_AUTH_STATUS_OK
	bufferTooSmall = C.TC_AUTH_STATUS_BUFFER_TOO_SMALL
)

// StatusMessage returns the sentence for a status.
func StatusMessage(status int32) string {
	return C.GoString(C.tc_auth_status_message(C.int32_t(status)))
}

// StatusName returns the name of a status.
func StatusName(status int32) string {
	return C.GoString(C.tc_auth_status_name(C.int32_t(status)))
}

// AdviceMessage returns the sentence for an advice.
func AdviceMessage(advice int32) string {
	return C.GoString(C.tc_auth_advice_message(C.int32_t(advice)))
}

// AdviceName returns the name of an advice.
func AdviceName(advice int32) string {
	return C.GoString(C.tc_auth_advice_name(C.int32_t(advice)))
}

func NewHMAC(accessID, secretKey String) (*Auth, int32) {
	var auth *Auth
	status := C.tc_auth_new_hmac(accessID.pointer(), secretKey.pointer(), &auth)
	return auth, int32(status)
}

func NewToken(token String, expires int64) (*Auth, int32) {
	var auth *Auth
	status := C.tc_auth_new_token(token.pointer(), C.int64_t(expires), &auth)
	return auth, int32(status)
}

func FromJSON(json []byte) (*Auth, int32) {
	var auth *Auth
	status := C.tc_auth_from_json(bytesOf(json), C.size_t(len(json)), &auth)
	return auth, int32(status)
}

func FromArgs(args *Argv) (*Auth, int32) {
	var auth *Auth
	status := C.tc_auth_from_args(args.count(), args.pointer(), &auth)
	return auth, int32(status)
}

func FromEnv() (*Auth, int32) {
	var auth *Auth
	status := C.tc_auth_from_env(&auth)
	return auth, int32(status)
}

func FromParamFile(path, key String) (*Auth, int32) {
	var auth *Auth
	status := C.tc_auth_from_param_file(path.pointer(), key.pointer(), &auth)
	return auth, int32(status)
}

func Discover(args *Argv) (auth *Auth, why string, status int32) {
	var looked *C.char
	status = int32(C.tc_auth_discover(args.count(), args.pointer(), &looked, &auth))
	return auth, takeString(looked), status
}

func Free(auth *Auth) {
	C.tc_auth_free(auth)
}

func Kind(auth *Auth) (kind, status int32) {
	return int32(C.tc_auth_get_kind(auth)), ok
}

func Describe(auth *Auth) (string, int32) {
	var text *C.char
	status := C.tc_auth_describe(auth, &text)
	return takeString(text), int32(status)
}

func SetAPIPath(auth *Auth, path String) int32 {
	return int32(C.tc_auth_set_api_path(auth, path.pointer()))
}

// APIPath returns "" if there is none.
func APIPath(auth *Auth) (string, int32) {
	return C.GoString(C.tc_auth_api_path(auth)), ok
}

func SetClockOffset(auth *Auth, seconds int64) int32 {
	return int32(C.tc_auth_set_clock_offset(auth, C.int64_t(seconds)))
}

func ClockOffset(auth *Auth) (seconds int64, status int32) {
	var offset C.int64_t
	status = int32(C.tc_auth_clock_offset(auth, &offset))
	return int64(offset), status
}

// Headers returns the value of the Authorization header and the timestamp, or NoTimestamp.
func Headers(auth *Auth, method, uri string, at int64) (authorization string, timestamp int64, status int32) {
	var stack [256]byte // enough for a signature: 50 bytes and the access id
	buffer := stack[:]
	defer func() { clear(buffer) }()
	// A loop, because another goroutine can set a longer token between two calls.
	for {
		var length C.size_t
		var second C.int64_t
		status := C.tc_auth_headers_into(auth, chars(method), C.size_t(len(method)), chars(uri), C.size_t(len(uri)),
			C.int64_t(at), bytesOf(buffer), C.size_t(len(buffer)), &length, &second)
		switch status {
		case ok:
			return string(buffer[:length]), int64(second), ok
		case bufferTooSmall:
			buffer = make([]byte, length+1)
		default:
			return "", 0, int32(status)
		}
	}
}

func HeaderBlock(auth *Auth, method, uri String) (string, int32) {
	var stack [256]byte
	buffer := stack[:]
	defer func() { clear(buffer) }()
	for {
		status := C.tc_auth_header_block(auth, method.pointer(), uri.pointer(), bytesOf(buffer), C.size_t(len(buffer)))
		switch status {
		case ok:
			return string(buffer[:bytes.IndexByte(buffer, 0)]), ok
		case bufferTooSmall: // nothing was written
			buffer = make([]byte, 2*len(buffer))
		default:
			return "", int32(status)
		}
	}
}

func StringToSign(method, uri String, at int64) (string, int32) {
	var text *C.char
	status := C.tc_auth_string_to_sign(method.pointer(), uri.pointer(), C.int64_t(at), &text)
	return takeString(text), int32(status)
}

func Verify(auth *Auth, method, uri, authorization, timestamp String, at, tolerance int64) int32 {
	return int32(C.tc_auth_verify(auth, method.pointer(), uri.pointer(), authorization.pointer(), timestamp.pointer(),
		C.int64_t(at), C.int64_t(tolerance)))
}

// Review takes nil as no date.
func Review(auth *Auth, authorization string, timestamp int64, httpStatus int, date String, body []byte) (advice, status int32) {
	var number C.int32_t
	status = int32(C.tc_auth_review(auth, chars(authorization), C.size_t(len(authorization)), C.int64_t(timestamp),
		httpStatusOf(httpStatus), date.pointer(), bytesOf(body), C.size_t(len(body)), &number))
	return int32(number), status
}

// httpStatusOf returns 0 for a number that does not fit into 32 bits: cut off, it could look like a status.
func httpStatusOf(status int) C.int32_t {
	if int(C.int32_t(status)) != status {
		return 0
	}
	return C.int32_t(status)
}

func UpdateToken(auth *Auth, token String, expires int64) int32 {
	return int32(C.tc_auth_update_token(auth, token.pointer(), C.int64_t(expires)))
}

// Token returns an expiry of NoExpiry if there is none.
func Token(auth *Auth) (token string, expires int64, status int32) {
	var text *C.char
	var moment C.int64_t
	status = int32(C.tc_auth_token(auth, &text, &moment))
	return takeString(text), int64(moment), status
}

// TokenHash returns a hash of the token, which it does not copy to Go's memory; 0 if there is no token.
func TokenHash(auth *Auth, seed maphash.Seed) uint64 {
	var token *C.char
	if C.tc_auth_token(auth, &token, nil) != ok {
		return 0
	}
	defer C.tc_auth_string_free(token)
	return maphash.Bytes(seed, unsafe.Slice((*byte)(unsafe.Pointer(token)), C.strlen(token)))
}

func SetRenewalWindow(auth *Auth, seconds int64) int32 {
	return int32(C.tc_auth_set_renewal_window(auth, C.int64_t(seconds)))
}

func RenewalWindow(auth *Auth) (seconds int64, status int32) {
	var window C.int64_t
	status = int32(C.tc_auth_renewal_window(auth, &window))
	return int64(window), status
}

func TokenState(auth *Auth) (state int32, seconds int64, status int32) {
	var number C.int32_t
	var left C.int64_t
	status = int32(C.tc_auth_token_state(auth, &number, &left))
	return int32(number), int64(left), status
}

// Poll does not wait.
func Poll(auth *Auth) (*Renewal, int32) {
	var renewal *Renewal
	status := C.tc_auth_renewal_poll(auth, 0, &renewal)
	return renewal, int32(status)
}

func RenewalURL(renewal *Renewal) string {
	return C.GoString(C.tc_auth_renewal_url(renewal))
}

func RenewalNeeded(renewal *Renewal) bool {
	var needed C.int32_t
	return C.tc_auth_renewal_needed(renewal, &needed) == ok && needed != 0
}

func Complete(renewal *Renewal, httpStatus int, body []byte) (message string, status int32) {
	var text *C.char
	status = int32(C.tc_auth_renewal_complete(renewal, httpStatusOf(httpStatus), bytesOf(body), C.size_t(len(body)), &text))
	return takeString(text), status
}

func Cancel(renewal *Renewal) {
	C.tc_auth_renewal_cancel(renewal)
}

// ShareIn takes nil as no key, as Seal and Unseal do.
func ShareIn(auth *Auth, directory, key String) int32 {
	return int32(C.tc_auth_share_in(auth, directory.pointer(), key.pointer()))
}

func Seal(auth *Auth, key String) (string, int32) {
	var text *C.char
	status := C.tc_auth_seal(auth, key.pointer(), &text)
	return takeString(text), int32(status)
}

func Unseal(auth *Auth, sealed string, key String) (outcome, status int32) {
	var number C.int32_t
	status = int32(C.tc_auth_unseal(auth, chars(sealed), C.size_t(len(sealed)), key.pointer(), &number))
	return int32(number), status
}

func Family(auth *Auth) (string, int32) {
	var text *C.char
	status := C.tc_auth_family(auth, &text)
	return takeString(text), int32(status)
}

func NewURL(base String) (*URL, int32) {
	var url *URL
	status := C.tc_auth_url_new(base.pointer(), &url)
	return url, int32(status)
}

func NewURLFor(auth *Auth, path String) (*URL, int32) {
	var url *URL
	status := C.tc_auth_url_new_for(auth, path.pointer(), &url)
	return url, int32(status)
}

func AddSegment(url *URL, segment String) int32 {
	return int32(C.tc_auth_url_add_segment(url, segment.pointer()))
}

func AddQuery(url *URL, name, value String) int32 {
	return int32(C.tc_auth_url_add_query(url, name.pointer(), value.pointer()))
}

func URLString(url *URL) string {
	return C.GoString(C.tc_auth_url_string(url))
}

func FreeURL(url *URL) {
	C.tc_auth_url_free(url)
}
