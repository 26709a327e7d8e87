package tcauth

// #include <tc_auth.h>
import "C"

import "strconv"

// A Status is why a call failed. It is an error, so compare with [errors.Is]:
//
//	if errors.Is(err, tcauth.ErrTokenExpired) { ... }
//
// The values are those of the C library; a later one may have more.
type Status int32

// One for each cause. [Status.Error] says what to do about it.
const (
	OK                        Status = C.TC_AUTH_STATUS_OK // never returned as an error
	ErrNullArgument           Status = C.TC_AUTH_STATUS_NULL_ARGUMENT
	ErrInvalidMethod          Status = C.TC_AUTH_STATUS_INVALID_METHOD
	ErrInvalidURIForm         Status = C.TC_AUTH_STATUS_INVALID_URI_FORM
	ErrInvalidURIByte         Status = C.TC_AUTH_STATUS_INVALID_URI_BYTE
	ErrInvalidAccessID        Status = C.TC_AUTH_STATUS_INVALID_ACCESS_ID
	ErrInvalidSecretKey       Status = C.TC_AUTH_STATUS_INVALID_SECRET_KEY
	ErrInvalidToken           Status = C.TC_AUTH_STATUS_INVALID_TOKEN
	ErrInvalidTime            Status = C.TC_AUTH_STATUS_INVALID_TIME
	ErrBufferTooSmall         Status = C.TC_AUTH_STATUS_BUFFER_TOO_SMALL
	ErrWrongKind              Status = C.TC_AUTH_STATUS_WRONG_KIND
	ErrTokenExpired           Status = C.TC_AUTH_STATUS_TOKEN_EXPIRED
	ErrRenewalRefused         Status = C.TC_AUTH_STATUS_RENEWAL_REFUSED
	ErrRenewalBadResponse     Status = C.TC_AUTH_STATUS_RENEWAL_BAD_RESPONSE
	ErrRenewalTimeout         Status = C.TC_AUTH_STATUS_RENEWAL_TIMEOUT
	ErrAlreadySet             Status = C.TC_AUTH_STATUS_ALREADY_SET
	ErrNoCredentials          Status = C.TC_AUTH_STATUS_NO_CREDENTIALS
	ErrConfigSyntax           Status = C.TC_AUTH_STATUS_CONFIG_SYNTAX
	ErrConfigIO               Status = C.TC_AUTH_STATUS_CONFIG_IO
	ErrConfigDecrypt          Status = C.TC_AUTH_STATUS_CONFIG_DECRYPT
	ErrAPIPathMissing         Status = C.TC_AUTH_STATUS_API_PATH_MISSING
	ErrSignatureMismatch      Status = C.TC_AUTH_STATUS_SIGNATURE_MISMATCH
	ErrTimestampOutOfRange    Status = C.TC_AUTH_STATUS_TIMESTAMP_OUT_OF_RANGE
	ErrMalformedAuthorization Status = C.TC_AUTH_STATUS_MALFORMED_AUTHORIZATION
	ErrInvalidArgument        Status = C.TC_AUTH_STATUS_INVALID_ARGUMENT
	ErrOtherOrigin            Status = C.TC_AUTH_STATUS_OTHER_ORIGIN
	ErrPanic                  Status = C.TC_AUTH_STATUS_PANIC
)

var statusNames = map[Status]string{
	OK: "OK", ErrNullArgument: "NULL_ARGUMENT", ErrInvalidMethod: "INVALID_METHOD",
	ErrInvalidURIForm: "INVALID_URI_FORM", ErrInvalidURIByte: "INVALID_URI_BYTE",
	ErrInvalidAccessID: "INVALID_ACCESS_ID", ErrInvalidSecretKey: "INVALID_SECRET_KEY",
	ErrInvalidToken: "INVALID_TOKEN", ErrInvalidTime: "INVALID_TIME", ErrBufferTooSmall: "BUFFER_TOO_SMALL",
	ErrWrongKind: "WRONG_KIND", ErrTokenExpired: "TOKEN_EXPIRED", ErrRenewalRefused: "RENEWAL_REFUSED",
	ErrRenewalBadResponse: "RENEWAL_BAD_RESPONSE", ErrRenewalTimeout: "RENEWAL_TIMEOUT",
	ErrAlreadySet: "ALREADY_SET", ErrNoCredentials: "NO_CREDENTIALS", ErrConfigSyntax: "CONFIG_SYNTAX",
	ErrConfigIO: "CONFIG_IO", ErrConfigDecrypt: "CONFIG_DECRYPT", ErrAPIPathMissing: "API_PATH_MISSING",
	ErrSignatureMismatch: "SIGNATURE_MISMATCH", ErrTimestampOutOfRange: "TIMESTAMP_OUT_OF_RANGE",
	ErrMalformedAuthorization: "MALFORMED_AUTHORIZATION", ErrInvalidArgument: "INVALID_ARGUMENT",
	ErrOtherOrigin: "OTHER_ORIGIN", ErrPanic: "PANIC",
}

// Error is one sentence on what is wrong and what to do about it.
func (s Status) Error() string {
	return "tcauth: " + s.Message()
}

// Message is the library's sentence for a status, as in C.
func (s Status) Message() string {
	return C.GoString(C.tc_auth_status_message(C.int32_t(s)))
}

// String is the name of the status in C, without its prefix, such as TOKEN_EXPIRED: for metrics and logs.
func (s Status) String() string {
	return name(statusNames, s)
}

func name[N ~int32](names map[N]string, number N) string {
	if name, known := names[number]; known {
		return name
	}
	return strconv.Itoa(int(number))
}

// check turns what a call of C returned into an error.
func check(status C.tc_auth_status) error {
	if status == C.TC_AUTH_STATUS_OK {
		return nil
	}
	return Status(status)
}

// An ExplainedError is a [Status] together with what there is to say about this case.
type ExplainedError struct {
	Status Status

	// Explanation is what the server said to a renewal, or what [Discover] looked at. It holds no secret.
	Explanation string
}

func (e *ExplainedError) Error() string {
	return e.Status.Error() + " (" + e.Explanation + ")"
}

// Unwrap is for [errors.Is].
func (e *ExplainedError) Unwrap() error {
	return e.Status
}

func explain(err error, explanation string) error {
	if status, failed := err.(Status); failed && explanation != "" {
		return &ExplainedError{status, explanation}
	}
	return err
}

// Version is that of the C library that is running.
func Version() string {
	return C.GoString(C.tc_auth_version())
}
