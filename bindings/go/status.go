package tcauth

import (
	"strconv"
	"strings"

	"example.com/tcauth/internal/capi"
)

// A Status is the reason for a failed call. It is an error; compare it with [errors.Is]:
//
//	if errors.Is(err, tcauth.ErrTokenExpired) { ... }
//
// The values are those of the C library. A later C library may have more.
type Status int32

// The reasons for which a call can fail. [Status.Error] says what to do.
const (
	// OK is never returned as an error.
	OK Status = 0

	// ErrNullArgument: an Auth, or something else that must not be nil, is nil.
	ErrNullArgument Status = 1

	// ErrInvalidMethod: the method is not an HTTP token of 1 to 64 characters.
	ErrInvalidMethod Status = 2

	// ErrInvalidURIForm: the URI is neither a path (starting with /) nor an absolute http or https URL, or has a part that
	// the function does not accept.
	ErrInvalidURIForm Status = 3

	// ErrInvalidURIByte: the URI contains a control character, a space or a byte above 0x7e.
	ErrInvalidURIByte Status = 4

	// ErrInvalidAccessID: the access id is empty or contains a character that is not visible ASCII.
	ErrInvalidAccessID Status = 5

	// ErrInvalidSecretKey: the secret key is empty, contains a control character such as a line break, or begins with a
	// byte order mark.
	ErrInvalidSecretKey Status = 6

	// ErrInvalidToken: the token is empty or contains a character that is not visible ASCII.
	ErrInvalidToken Status = 7

	// ErrInvalidTime: the time is before 1970, or after the year 5138 (perhaps it is in milliseconds).
	ErrInvalidTime Status = 8

	// ErrBufferTooSmall is not returned by this package, which makes its buffers large enough.
	ErrBufferTooSmall Status = 9

	// ErrWrongKind: the method is for tokens, and the Auth has a key pair.
	ErrWrongKind Status = 10

	// ErrTokenExpired: the token has expired, and was not renewed. Another attempt helps only if a renewal can succeed: see
	// [Auth.TokenState].
	ErrTokenExpired Status = 11

	// ErrRenewalRefused: the server refused to renew the token.
	ErrRenewalRefused Status = 12

	// ErrRenewalBadResponse: the response to the renewal is not one that the platform sends.
	ErrRenewalBadResponse Status = 13

	// ErrRenewalTimeout: another goroutine, or another process, took too long for its renewal. Another attempt can help.
	ErrRenewalTimeout Status = 14

	// ErrAlreadySet: the value can be set only once, and it is already set.
	ErrAlreadySet Status = 15

	// ErrNoCredentials: there are no credentials, or only one half of a key pair.
	ErrNoCredentials Status = 16

	// ErrConfigSyntax: the configuration is not well formed.
	ErrConfigSyntax Status = 17

	// ErrConfigIO: the parameter file can't be read.
	ErrConfigIO Status = 18

	// ErrConfigDecrypt: the parameter file can't be decrypted.
	ErrConfigDecrypt Status = 19

	// ErrAPIPathMissing: the Auth has no API path.
	ErrAPIPathMissing Status = 20

	// ErrSignatureMismatch: the access id, the signature or the token of a received request is not the expected one.
	ErrSignatureMismatch Status = 21

	// ErrTimestampOutOfRange: the timestamp of a received request is too far from the given time.
	ErrTimestampOutOfRange Status = 22

	// ErrMalformedAuthorization: an Authorization or Timestamp header is missing, doubled or not well formed.
	ErrMalformedAuthorization Status = 23

	// ErrInvalidArgument: a number or a string is outside the range that the function documents.
	ErrInvalidArgument Status = 24

	// ErrOtherOrigin: the URL has another scheme, host or port than the API path.
	ErrOtherOrigin Status = 25

	// ErrSealInvalid: the sealed token can't be opened, or this token can't be sealed.
	ErrSealInvalid Status = 26

	// ErrSealVersion: the sealed token has a version that the library does not know.
	ErrSealVersion Status = 27

	// ErrStoreIO: the shared directory can't be used, or the token could not be saved in it.
	ErrStoreIO Status = 28

	// ErrPanic: a bug in the C library stopped the call. Please report it, with the message on standard error.
	ErrPanic Status = 99
)

// Error returns a sentence that says what is wrong and what to do.
func (s Status) Error() string {
	return "tcauth: " + strings.TrimSuffix(s.Message(), ".")
}

// Message returns the C library's sentence: Error without "tcauth: ", and with a period.
func (s Status) Message() string {
	return capi.StatusMessage(int32(s))
}

// Name returns the C library's name, such as TOKEN_EXPIRED; UNKNOWN if the library does not know the number.
func (s Status) Name() string {
	return capi.StatusName(int32(s))
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
func check(status int32) error {
	if Status(status) == OK {
		return nil
	}
	return Status(status)
}

// misuse is a Status with a sentence of its own, where the library's does not help a Go program.
type misuse struct {
	status   Status
	sentence string
}

func (m *misuse) Error() string {
	return "tcauth: " + m.sentence
}

func (m *misuse) Unwrap() error {
	return m.status
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
