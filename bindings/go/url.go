package tcauth

import (
	"runtime"

	"example.com/tcauth/internal/capi"
)

// A URL builds a URL whose added parts are encoded so that HTTP clients send them unchanged. It may be used by one
// goroutine at a time. Sign and send its String.
type URL struct {
	handle *handle[*capi.URL]
}

func newURL(pointer *capi.URL, err error) (*URL, error) {
	if err != nil {
		return nil, err
	}
	url := &URL{}
	url.handle = own(url, pointer, capi.FreeURL)
	return url, nil
}

// NewURL starts with a path such as /api/v3/indicators, or with an absolute http or https URL. base must already be
// percent-encoded.
//
// Errors: [ErrInvalidURIForm], [ErrInvalidURIByte].
func NewURL(base string) (*URL, error) {
	text, err := newString(base, ErrInvalidURIByte)
	if err != nil {
		return nil, err
	}
	pointer, status := capi.NewURL(text)
	return newURL(pointer, check(status))
}

// NewURL starts with the API path followed by path: /v2/owners becomes https://company.example/api/v2/owners.
//
// Errors: [ErrAPIPathMissing], [ErrInvalidURIForm], [ErrInvalidURIByte].
func (a *Auth) NewURL(path string) (*URL, error) {
	text, err := newString(path, ErrInvalidURIByte)
	if err != nil {
		return nil, err
	}
	return newURL(callFor(a, func(pointer *capi.Auth) (*capi.URL, int32) { return capi.NewURLFor(pointer, text) }))
}

// AddSegment percent-encodes a segment and adds it to the path.
//
// Errors: [ErrInvalidArgument] (empty, "." or "..", or a NUL), [ErrInvalidURIForm] (there is already a query).
func (u *URL) AddSegment(segment string) error {
	text, err := newString(segment, ErrInvalidArgument)
	if err != nil {
		return err
	}
	return u.call(func(pointer *capi.URL) int32 { return capi.AddSegment(pointer, text) })
}

// AddQuery adds a parameter to the query. It percent-encodes name and value; a space becomes %20.
//
// Errors: [ErrInvalidArgument] (an empty name, or a NUL).
func (u *URL) AddQuery(name, value string) error {
	left, err := newString(name, ErrInvalidArgument)
	if err != nil {
		return err
	}
	right, err := newString(value, ErrInvalidArgument)
	if err != nil {
		return err
	}
	return u.call(func(pointer *capi.URL) int32 { return capi.AddQuery(pointer, left, right) })
}

// String returns the URL built so far.
func (u *URL) String() string {
	var text string
	_ = u.call(func(pointer *capi.URL) int32 {
		text = capi.URLString(pointer)
		return int32(OK)
	})
	return text
}

func (u *URL) call(function func(*capi.URL) int32) error {
	if u == nil {
		return errNilURL
	}
	pointer, err := u.handle.acquire()
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(u)
	defer u.handle.release()
	return check(function(pointer))
}

var errNilURL = &misuse{ErrNullArgument, "the URL is nil: check the error of the function that should have made it"}
