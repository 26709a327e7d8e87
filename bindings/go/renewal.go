package tcauth

// #include <tc_auth.h>
import "C"

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// pollInterval is how often a goroutine that waits for another's renewal looks again. The C library could wait by
// itself, but it would hold a thread for each of them and know nothing of a context.
const pollInterval = 10 * time.Millisecond

// UpdateToken replaces the token, at once and for every goroutine. expires is as in [NewToken].
//
// Errors: [ErrWrongKind], [ErrInvalidToken], [ErrInvalidTime]; the old token then stays.
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

// Token is the current token and its expiry (the zero time if it has none), both of the same moment: to hand them to
// another process, not to log them.
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

// SetRenewalWindow sets how long before its expiry a token is due: whole seconds, a day at most, a minute at first. It is
// never due in the first half of the life that it had left when it was set.
//
// Errors: [ErrWrongKind], [ErrInvalidArgument].
func (a *Auth) SetRenewalWindow(window time.Duration) error {
	return a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		return C.tc_auth_set_renewal_window(pointer, seconds(window))
	})
}

// Poll is to be called before each request is signed. It returns nil and no error if you can go ahead, and a Renewal if
// you were chosen to renew the token. While somebody else renews it waits until the context ends, and only then.
//
// Errors: [ErrRenewalTimeout], together with the error of the context: the old token is not to be sent, poll again.
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

// A Renewal is a ticket: you were chosen to renew the token, and others wait for you. GET its URL without an
// Authorization header, once, and call Complete or Cancel within two minutes. Then sign, whatever came of it.
type Renewal struct {
	handle *handle[*C.tc_auth_renewal]
}

// URL is what to GET. It contains the token, so do not log it. Empty once the ticket was given back.
func (r *Renewal) URL() string {
	ticket, err := r.handle.acquire()
	if err != nil {
		return ""
	}
	defer runtime.KeepAlive(r)
	defer r.handle.release()
	return C.GoString(C.tc_auth_renewal_url(ticket))
}

// Complete hands in the server's answer, whatever it is, and returns what the server had to say, mostly nothing. The
// ticket is used up, also when it fails.
//
// Errors: [ErrRenewalRefused], [ErrRenewalBadResponse], each an [ExplainedError] if the server said something;
// [ErrClosed] if the ticket was given back before.
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

// Cancel gives the ticket back without an answer. It does nothing if that was done before.
func (r *Renewal) Cancel() {
	r.handle.close()
}
