package tcauth

// #include "library.h"
import "C"

import "runtime"

// A URL builds a URL whose added parts are encoded so that HTTP clients send them unchanged. It may be used by one
// goroutine at a time. Sign and send its String.
type URL struct {
	handle *handle[*C.tc_auth_url]
}

func newURL(pointer *C.tc_auth_url, err error) (*URL, error) {
	if err != nil {
		return nil, err
	}
	url := &URL{}
	url.handle = own(url, pointer, func(pointer *C.tc_auth_url) { C.tc_auth_url_free(pointer) })
	return url, nil
}

// NewURL starts with a path such as /api/v3/indicators, or with an absolute http or https URL. base must already be
// percent-encoded.
//
// Errors: [ErrInvalidURIForm], [ErrInvalidURIByte].
func NewURL(base string) (*URL, error) {
	text, err := newCString(base, ErrInvalidURIByte)
	if err != nil {
		return nil, err
	}
	var pointer *C.tc_auth_url
	err = check(C.tc_auth_url_new(text.pointer(), &pointer))
	return newURL(pointer, err)
}

// NewURL starts with the API path followed by path: /v2/owners becomes https://company.example/api/v2/owners.
//
// Errors: [ErrAPIPathMissing], [ErrInvalidURIForm], [ErrInvalidURIByte].
func (a *Auth) NewURL(path string) (*URL, error) {
	text, err := newCString(path, ErrInvalidURIByte)
	if err != nil {
		return nil, err
	}
	var url *C.tc_auth_url
	err = a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		return C.tc_auth_url_new_for(pointer, text.pointer(), &url)
	})
	return newURL(url, err)
}

// AddSegment percent-encodes a segment and adds it to the path.
//
// Errors: [ErrInvalidArgument] (empty, "." or "..", or a NUL), [ErrInvalidURIForm] (there is already a query).
func (u *URL) AddSegment(segment string) error {
	text, err := newCString(segment, ErrInvalidArgument)
	if err != nil {
		return err
	}
	return u.call(func(pointer *C.tc_auth_url) C.tc_auth_status {
		return C.tc_auth_url_add_segment(pointer, text.pointer())
	})
}

// AddQuery adds a parameter to the query. It percent-encodes name and value; a space becomes %20.
//
// Errors: [ErrInvalidArgument] (an empty name, or a NUL).
func (u *URL) AddQuery(name, value string) error {
	left, err := newCString(name, ErrInvalidArgument)
	if err != nil {
		return err
	}
	right, err := newCString(value, ErrInvalidArgument)
	if err != nil {
		return err
	}
	return u.call(func(pointer *C.tc_auth_url) C.tc_auth_status {
		return C.tc_auth_url_add_query(pointer, left.pointer(), right.pointer())
	})
}

// String returns the URL built so far.
func (u *URL) String() string {
	var text string
	_ = u.call(func(pointer *C.tc_auth_url) C.tc_auth_status {
		text = C.GoString(C.tc_auth_url_string(pointer))
		return C.TC_AUTH_STATUS_OK
	})
	return text
}

func (u *URL) call(function func(*C.tc_auth_url) C.tc_auth_status) error {
	pointer, err := u.handle.acquire()
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(u)
	defer u.handle.release()
	return check(function(pointer))
}
