package tcauth

// #include "library.h"
import "C"

import (
	"log/slog"
	"strconv"
)

// An Advice says what to do about a response. A later C library may have more values.
type Advice int32

// Act only on Retry; the others are for a log.
const (
	Accepted      Advice = C.TC_AUTH_ADVICE_ACCEPTED       // no objection to the authorization
	Retry         Advice = C.TC_AUTH_ADVICE_RETRY          // poll, sign and send the request once more
	BadSignature  Advice = C.TC_AUTH_ADVICE_BAD_SIGNATURE  // the server received something else, or the key is wrong
	ClockSkew     Advice = C.TC_AUTH_ADVICE_CLOCK_SKEW     // the clocks are too far apart
	TokenRejected Advice = C.TC_AUTH_ADVICE_TOKEN_REJECTED // the server rejects the token, and it can't be renewed now
	AccessDenied  Advice = C.TC_AUTH_ADVICE_ACCESS_DENIED  // unknown access id, or no permission for this request
	NotLicensed   Advice = C.TC_AUTH_ADVICE_NOT_LICENSED   // the instance has no license for its API
	Unknown       Advice = C.TC_AUTH_ADVICE_UNKNOWN        // refused for no known reason
)

// Message returns the C library's sentence that says what the advice means and what to do.
func (a Advice) Message() string {
	return C.GoString(C.tc_auth_advice_message(C.int32_t(a)))
}

// Name returns the C library's name, such as RETRY; UNKNOWN also if the library does not know the number.
func (a Advice) Name() string {
	return C.GoString(C.tc_auth_advice_name(C.int32_t(a)))
}

// String returns the Name, for metrics and logs, or the number if the library does not know it.
func (a Advice) String() string {
	if name := a.Name(); name != "UNKNOWN" || a == Unknown {
		return name
	}
	return strconv.Itoa(int(a))
}

// LogValue returns String, so that a log in JSON contains no number.
func (a Advice) LogValue() slog.Value {
	return slog.StringValue(a.String())
}

// ReviewLimit is the number of bytes of a body that Review reads.
const ReviewLimit = 64 << 10

// Review must be called with the response to a signed request. It says whether to send the request once more. If the
// server rejected the token, the next Poll renews it. If the server's date shows that the clock is wrong, Review
// changes the clock offset.
//
// date is the Date header. Leave it empty if the response has an Age header, or did not come from the signed origin
// over TLS. Responses with a status other than 400, 401 and 403 are Accepted; of a body the first [ReviewLimit] bytes
// count.
//
// Errors: [ErrMalformedAuthorization] (sent was not made by an Auth of this kind), [ErrInvalidTime].
func (a *Auth) Review(sent Headers, httpStatus int, date string, body []byte) (Advice, error) {
	var moment *C.char
	if text, err := newCString(date, ErrInvalidArgument); err == nil && date != "" {
		moment = text.pointer()
	}
	var advice C.int32_t
	err := a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		return C.tc_auth_review(pointer, chars(sent.Authorization), C.size_t(len(sent.Authorization)),
			C.int64_t(sent.Timestamp), httpStatusOf(httpStatus), moment, bytesOf(body), C.size_t(len(body)), &advice)
	})
	return Advice(advice), err
}

// httpStatusOf returns 0 for a number that does not fit into 32 bits: cut off, it could look like a status.
func httpStatusOf(status int) C.int32_t {
	if int(C.int32_t(status)) != status {
		return 0
	}
	return C.int32_t(status)
}
