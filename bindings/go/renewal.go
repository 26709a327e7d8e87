package tcauth

// #include <tc_auth.h>
import "C"

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// pollInterval is how often a goroutine that waits for another's renewal polls. Waiting in C would block a thread for
// each of them, and a context could not end it.
const pollInterval = 10 * time.Millisecond

// UpdateToken replaces the token immediately for all goroutines. expires is as in [NewToken].
//
// Errors: [ErrWrongKind], [ErrInvalidToken], [ErrInvalidTime]. After an error the old token stays in use.
func (a *Auth) UpdateToken(token string, expires time.Time) error {
	value, err := newCString(token, ErrInvalidToken)
	if err != nil {
		return err
	}
	defer value.wipe()
	return a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		return C.tc_auth_update_token(pointer, value.pointer(), expiry(expires))
	})
}

// Token returns the current token and its expiry, for example to pass them to another process. The expiry is the zero
// time if there is none. Do not log the token.
//
// Errors: [ErrWrongKind].
func (a *Auth) Token() (token string, expires time.Time, err error) {
	var text *C.char
	var moment C.int64_t
	err = a.call(func(pointer *C.tc_auth) C.tc_auth_status { return C.tc_auth_token(pointer, &text, &moment) })
	if err == nil && moment != C.TC_AUTH_NO_EXPIRY {
		expires = time.Unix(int64(moment), 0)
	}
	return takeString(text), expires, err
}

// SetRenewalWindow sets how long before its expiry a token is due for renewal: up to one day, by default one minute.
// Fractions of a second are dropped. If less than twice this time was left when the token was set, it is due after half
// of what was left.
//
// Errors: [ErrWrongKind], [ErrInvalidArgument].
func (a *Auth) SetRenewalWindow(window time.Duration) error {
	return a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		return C.tc_auth_set_renewal_window(pointer, seconds(window))
	})
}

// Poll must be called before each request is signed. It returns nil and no error if you can sign now, and a Renewal if
// you must renew the token first. While another goroutine renews it, Poll waits until that ends or ctx is done;
// otherwise it does not wait.
//
// Errors: [ErrRenewalTimeout] together with the cause of ctx. Do not send the old token then; poll again.
func (a *Auth) Poll(ctx context.Context) (*Renewal, error) {
	for {
		renewal, err := a.poll()
		if !errors.Is(err, ErrRenewalTimeout) {
			return renewal, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ErrRenewalTimeout, context.Cause(ctx))
		case <-time.After(pollInterval):
		}
	}
}

func (a *Auth) poll() (*Renewal, error) {
	var ticket *C.tc_auth_renewal
	err := a.call(func(pointer *C.tc_auth) C.tc_auth_status { return C.tc_auth_renewal_poll(pointer, 0, &ticket) })
	if err != nil || ticket == nil {
		return nil, err
	}
	renewal := &Renewal{}
	renewal.handle = own(renewal, ticket, func(ticket *C.tc_auth_renewal) { C.tc_auth_renewal_cancel(ticket) })
	return renewal, nil
}

// A Renewal is a ticket: you must renew the token, and others wait for you. GET its URL once, without an Authorization
// header, and call Complete or Cancel within two minutes. Then sign the request, even if the renewal failed.
type Renewal struct {
	handle *handle[*C.tc_auth_renewal]
}

// URL returns the URL to GET. It contains the token, so do not log it. It is empty after Complete or Cancel.
func (r *Renewal) URL() string {
	ticket, err := r.handle.acquire()
	if err != nil {
		return ""
	}
	defer runtime.KeepAlive(r)
	defer r.handle.release()
	return C.GoString(C.tc_auth_renewal_url(ticket))
}

// Complete ends the renewal with the server's response. Pass every response, also an HTTP error. It returns the
// server's message, which is usually empty. The Renewal can't be used again, even if Complete fails.
//
// Errors: [ErrRenewalRefused], [ErrRenewalBadResponse], each as an [ExplainedError] if there is a message; [ErrClosed]
// after an earlier Complete or Cancel.
func (r *Renewal) Complete(httpStatus int, body []byte) (message string, err error) {
	ticket, err := r.handle.take()
	if err != nil {
		return "", err
	}
	var text *C.char
	err = check(C.tc_auth_renewal_complete(ticket, httpStatusOf(httpStatus), bytesOf(body), C.size_t(len(body)), &text))
	message = takeString(text)
	return message, explain(err, message)
}

// Cancel ends the renewal without a response. It does nothing after an earlier Complete or Cancel.
func (r *Renewal) Cancel() {
	r.handle.close()
}
