package tcauth

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"example.com/tcauth/internal/capi"
)

// NoTimestamp is the value of Headers.Timestamp if no Timestamp header is sent.
const NoTimestamp = -1

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
	return a.headers(method, uri, capi.Now)
}

// HeadersAt is [Auth.Headers] for the time at: it is signed, or compared with the expiry of the token.
//
// Errors: those of Headers; [ErrInvalidTime].
func (a *Auth) HeadersAt(method, uri string, at time.Time) (Headers, error) {
	return a.headers(method, uri, unixSeconds(at))
}

func (a *Auth) headers(method, uri string, at int64) (Headers, error) {
	pointer, err := a.acquire()
	if err != nil {
		return Headers{}, err
	}
	defer runtime.KeepAlive(a)
	defer a.handle.release()
	authorization, timestamp, status := capi.Headers(pointer, method, uri, at)
	return Headers{authorization, timestamp}, check(status)
}

// HeaderBlock makes the header lines for a request that is sent now, as they go over the wire: each line ends with CR LF,
// and there is no empty line. It is for clients that write requests themselves. The arguments are those of [Auth.Headers].
//
// Errors: those of Headers.
func (a *Auth) HeaderBlock(method, uri string) (string, error) {
	verb, err := newString(method, ErrInvalidMethod)
	if err != nil {
		return "", err
	}
	target, err := newString(uri, ErrInvalidURIByte)
	if err != nil {
		return "", err
	}
	return callFor(a, func(pointer *capi.Auth) (string, int32) { return capi.HeaderBlock(pointer, verb, target) })
}

// StringToSign returns the string that is signed, such as "/api/v3/indicators:GET:1513703787". Compare it with what the
// server received. at is the second that was signed.
//
// Errors: [ErrInvalidMethod], [ErrInvalidURIForm], [ErrInvalidURIByte], [ErrInvalidTime].
func StringToSign(method, uri string, at time.Time) (string, error) {
	verb, err := newString(method, ErrInvalidMethod)
	if err != nil {
		return "", err
	}
	target, err := newString(uri, ErrInvalidURIByte)
	if err != nil {
		return "", err
	}
	text, status := capi.StringToSign(verb, target, unixSeconds(at))
	return text, check(status)
}

// Verify checks the headers of a received request, for gateways and tests. It returns nil if they are valid. uri is the
// request's target; one with a fragment is refused, because that is not signed.
//
// authorization and timestamp are the values of these headers; pass "" for a header that is missing. at is the server's
// time; the zero time means now. tolerance is the largest difference between at and the timestamp: whole seconds,
// up to one day (ThreatConnect allows 5 minutes).
//
// Errors: [ErrMalformedAuthorization], [ErrSignatureMismatch], [ErrTimestampOutOfRange], [ErrTokenExpired],
// [ErrInvalidArgument] (the tolerance), and those of [Auth.HeadersAt] for the other arguments.
func (a *Auth) Verify(method, uri, authorization, timestamp string, at time.Time, tolerance time.Duration) error {
	whole, err := seconds("tolerance", tolerance)
	if err != nil {
		return err
	}
	arguments := make([]capi.String, 4)
	for i, argument := range []struct {
		text    string
		refusal Status
	}{
		{method, ErrInvalidMethod}, {uri, ErrInvalidURIByte},
		{authorization, ErrMalformedAuthorization}, {timestamp, ErrMalformedAuthorization},
	} {
		copied, err := newString(argument.text, argument.refusal)
		if err != nil {
			return err
		}
		defer copied.Wipe()
		arguments[i] = copied
	}
	now := int64(capi.Now)
	if !at.IsZero() {
		now = unixSeconds(at)
	}
	return a.call(func(pointer *capi.Auth) int32 {
		return capi.Verify(pointer, arguments[0], arguments[1], arguments[2], arguments[3], now, whole)
	})
}

// VerifyRequest is [Auth.Verify] for a request that a server has received. A request with two Authorization headers, or two
// Timestamp headers, is refused, because a proxy may have read the other one. The body is not signed.
//
// Errors: those of Verify; [ErrNullArgument] (no request); [ErrInvalidMethod] (not in upper case: only its upper case is signed).
func (a *Auth) VerifyRequest(request *http.Request, at time.Time, tolerance time.Duration) error {
	if request == nil {
		return &misuse{ErrNullArgument, "the request is nil"}
	}
	if request.Method != strings.ToUpper(request.Method) {
		return &misuse{ErrInvalidMethod, "the method is not in upper case, as it is signed"}
	}
	uri := request.RequestURI            // as it was sent, even if a handler such as http.StripPrefix has changed the URL
	if uri == "" && request.URL != nil { // a request of a client
		uri = request.URL.RequestURI()
	}
	var authorization, timestamp []string
	for name, values := range request.Header { // keys that are not in canonical form, too
		if strings.EqualFold(name, "Authorization") {
			authorization = append(authorization, values...)
		} else if strings.EqualFold(name, "Timestamp") {
			timestamp = append(timestamp, values...)
		}
	}
	if len(authorization) != 1 || len(timestamp) > 1 {
		return &misuse{ErrMalformedAuthorization, fmt.Sprintf("the request has %d Authorization and %d Timestamp headers",
			len(authorization), len(timestamp))}
	}
	return a.Verify(method(request), uri, authorization[0], strings.Join(timestamp, ""), at, tolerance)
}
