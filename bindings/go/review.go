package tcauth

// #include <tc_auth.h>
import "C"

// An Advice says what to do about an answer. A later C library may have more of them.
type Advice int32

// Only Retry is an order; the others are for a log.
const (
	Accepted      Advice = C.TC_AUTH_ADVICE_ACCEPTED       // no objection to the authorization
	Retry         Advice = C.TC_AUTH_ADVICE_RETRY          // poll, sign and send again, once
	BadSignature  Advice = C.TC_AUTH_ADVICE_BAD_SIGNATURE  // what arrived is not what was signed, or the key is wrong
	ClockSkew     Advice = C.TC_AUTH_ADVICE_CLOCK_SKEW     // the clocks are too far apart
	TokenRejected Advice = C.TC_AUTH_ADVICE_TOKEN_REJECTED // the token is not taken, and can't be renewed now
	AccessDenied  Advice = C.TC_AUTH_ADVICE_ACCESS_DENIED  // unknown access id, or no right to what was asked for
	NotLicensed   Advice = C.TC_AUTH_ADVICE_NOT_LICENSED   // the instance has no license for its API
	Unknown       Advice = C.TC_AUTH_ADVICE_UNKNOWN        // refused for no known reason
)

var adviceNames = map[Advice]string{
	Accepted: "ACCEPTED", Retry: "RETRY", BadSignature: "BAD_SIGNATURE", ClockSkew: "CLOCK_SKEW",
	TokenRejected: "TOKEN_REJECTED", AccessDenied: "ACCESS_DENIED", NotLicensed: "NOT_LICENSED", Unknown: "UNKNOWN",
}

// String is the name of the advice in C, without its prefix.
func (a Advice) String() string {
	return name(adviceNames, a)
}

// ReviewLimit is how much of a body Review reads.
const ReviewLimit = 64 << 10

// Review is to be called with the answer to a signed request. It says whether a retry is any use, marks a token that was
// refused, so that the next Poll renews it, and corrects a clock that is wrong.
//
// date is the Date header; leave it empty if the response has an Age header, or did not come from the signed origin over
// TLS. Only the statuses 400, 401 and 403 are looked at, and [ReviewLimit] bytes of the body.
//
// Errors: [ErrMalformedAuthorization] (sent is not of this Auth's kind), [ErrInvalidTime].
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

// httpStatusOf keeps a number that is too large for C from looking like a status.
func httpStatusOf(status int) C.int32_t {
	if int(C.int32_t(status)) != status {
		return 0
	}
	return C.int32_t(status)
}
