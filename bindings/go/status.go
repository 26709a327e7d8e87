package tcauth

// #include "library.h"
import "C"

import "strconv"

// A Status is the reason for a failed call. It is an error; compare it with [errors.Is]:
//
//	if errors.Is(err, tcauth.ErrTokenExpired) { ... }
//
// The values are those of the C library. A later C library may have more.
type Status int32

// The reasons for which a call can fail. [Status.Error] says what to do.
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
	ErrSealInvalid            Status = C.TC_AUTH_STATUS_SEAL_INVALID
	ErrSealVersion            Status = C.TC_AUTH_STATUS_SEAL_VERSION
	ErrStoreIO                Status = C.TC_AUTH_STATUS_STORE_IO
	ErrPanic                  Status = C.TC_AUTH_STATUS_PANIC
)

// Error returns a sentence that says what is wrong and what to do.
func (s Status) Error() string {
	return "tcauth: " + s.Message()
}

// Message returns the C library's sentence, which is Error without "tcauth: ".
func (s Status) Message() string {
	return C.GoString(C.tc_auth_status_message(C.int32_t(s)))
}

// Name returns the C library's name, such as TOKEN_EXPIRED; UNKNOWN if the library does not know the number.
func (s Status) Name() string {
	return C.GoString(C.tc_auth_status_name(C.int32_t(s)))
}

// String returns the Name, for metrics and logs, or the number if the library does not know it.
func (s Status) String() string {
	if name := s.Name(); name != "UNKNOWN" {
		return name
	}
	return strconv.Itoa(int(s))
}

// name is for the enumerations whose names the C library does not have.
func name[N ~int32](names map[N]string, number N) string {
	if name, known := names[number]; known {
		return name
	}
	return strconv.Itoa(int(number))
}

// check returns the error for a status that C returned; nil if it is OK.
func check(status C.tc_auth_status) error {
	if status == C.TC_AUTH_STATUS_OK {
		return nil
	}
	return Status(status)
}

// An ExplainedError is a [Status] with details of this failure.
type ExplainedError struct {
	Status Status

	// Explanation is the server's message about a renewal, or what [Discover] found. It contains no secret.
	Explanation string
}

func (e *ExplainedError) Error() string {
	return e.Status.Error() + " (" + e.Explanation + ")"
}

// Unwrap returns the Status, so that [errors.Is] finds it.
func (e *ExplainedError) Unwrap() error {
	return e.Status
}

func explain(err error, explanation string) error {
	if status, failed := err.(Status); failed && explanation != "" {
		return &ExplainedError{status, explanation}
	}
	return err
}
