package tcauth

import (
	"log/slog"
	"strconv"

	"example.com/tcauth/internal/capi"
)

// An Advice says what to do about a response. A later C library may have more values.
type Advice int32

// Act only on Retry; the others are for a log.
const (
	Accepted      Advice = 0 // no objection to the authorization
	Retry         Advice = 1 // poll, sign and send the request once more
	BadSignature  Advice = 2 // the server received something else, or the key is wrong
	ClockSkew     Advice = 3 // the clocks are too far apart
	TokenRejected Advice = 4 // the server rejects the token, and it can't be renewed now
	AccessDenied  Advice = 5 // unknown access id, or no permission for this request
	NotLicensed   Advice = 6 // the instance has no license for its API
	Unknown       Advice = 7 // refused for no known reason
)

// Message returns the C library's sentence that says what the advice means and what to do.
func (a Advice) Message() string {
	return capi.AdviceMessage(int32(a))
}

// Name returns the C library's name, such as RETRY; UNKNOWN also if the library does not know the number.
func (a Advice) Name() string {
	return capi.AdviceName(int32(a))
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
	var moment capi.String
	if date != "" {
		moment, _ = capi.NewString(date)
	}
	advice, err := callFor(a, func(pointer *capi.Auth) (int32, int32) {
		return capi.Review(pointer, sent.Authorization, sent.Timestamp, httpStatus, moment, body)
	})
	return Advice(advice), err
}
