package tcauth

// #include "library.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"time"
)

// UpdateToken replaces the token immediately for all goroutines. expires is as in [NewToken].
//
// Errors: [ErrWrongKind], [ErrInvalidToken], [ErrInvalidTime]: the old token stays in use. [ErrStoreIO].
func (a *Auth) UpdateToken(token string, expires time.Time) error {
	value, err := newCString(token, ErrInvalidToken)
	if err != nil {
		return err
	}
	defer value.wipe()
	return a.changes.run(func() error {
		return a.call(func(pointer *C.tc_auth) C.tc_auth_status {
			return C.tc_auth_update_token(pointer, value.pointer(), expiry(expires))
		})
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

// RenewalWindow returns what SetRenewalWindow has set, or the default.
//
// Errors: [ErrWrongKind].
func (a *Auth) RenewalWindow() (time.Duration, error) {
	var window C.int64_t
	err := a.call(func(pointer *C.tc_auth) C.tc_auth_status { return C.tc_auth_renewal_window(pointer, &window) })
	return time.Duration(window) * time.Second, err
}

// A State says what can be done with a token. A later C library may have more values.
type State int32

// The states of a token.
const (
	StateNone         State = C.TC_AUTH_STATE_NONE          // there is no token, but a key pair
	StateValid        State = C.TC_AUTH_STATE_VALID         // it is not due
	StateDue          State = C.TC_AUTH_STATE_DUE           // the next Poll returns a Renewal
	StateUnderWay     State = C.TC_AUTH_STATE_UNDER_WAY     // it is being renewed
	StatePaused       State = C.TC_AUTH_STATE_PAUSED        // it is due, but the next attempt comes only after a pause
	StateRefused      State = C.TC_AUTH_STATE_REFUSED       // the server refused to renew it
	StateNotRenewable State = C.TC_AUTH_STATE_NOT_RENEWABLE // it begins with "APIV2:", or there is no API path
)

var stateNames = map[State]string{
	StateNone: "NONE", StateValid: "VALID", StateDue: "DUE", StateUnderWay: "UNDER_WAY", StatePaused: "PAUSED",
	StateRefused: "REFUSED", StateNotRenewable: "NOT_RENEWABLE",
}

// String returns the name of the constant in C, without its prefix.
func (s State) String() string {
	return name(stateNames, s)
}

// LogValue returns String, so that a log in JSON contains no number.
func (s State) LogValue() slog.Value {
	return slog.StringValue(s.String())
}

// TokenState returns the state of the token, for health checks and messages. It changes nothing.
//
// left is, in whole seconds, how long the state lasts. StateValid: until the token is due; StateUnderWay: until the ticket
// lapses; StatePaused: until the next attempt; StateRefused and StateNotRenewable: until the token expires. It is negative
// if that is unknown, at most the longest Duration, and 0 in the other states.
func (a *Auth) TokenState() (state State, left time.Duration, err error) {
	var number C.int32_t
	var remaining C.int64_t
	err = a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		return C.tc_auth_token_state(pointer, &number, &remaining)
	})
	if remaining > math.MaxInt64/C.int64_t(time.Second) {
		return State(number), math.MaxInt64, err
	}
	return State(number), time.Duration(remaining) * time.Second, err
}

// Poll must be called before each request is signed. It returns nil and no error if you can sign now, and a Renewal if
// you must renew the token first. While another goroutine renews it, or a process that shares it, Poll waits until that
// ends or ctx is done; otherwise it does not wait.
//
// Errors: [ErrRenewalTimeout] together with the cause of ctx. Do not send the old token then; poll again.
func (a *Auth) Poll(ctx context.Context) (*Renewal, error) {
	renewal, changed, err := a.poll()
	if errors.Is(err, ErrRenewalTimeout) {
		return a.wait(ctx, changed)
	}
	return renewal, err
}

// poll does not wait. After ErrRenewalTimeout, poll again when changed is closed.
func (a *Auth) poll() (renewal *Renewal, changed <-chan struct{}, err error) {
	var ticket *C.tc_auth_renewal
	err = a.call(func(pointer *C.tc_auth) C.tc_auth_status {
		changed = a.changes.waitForChange()
		return C.tc_auth_renewal_poll(pointer, 0, &ticket)
	})
	if err != nil || ticket == nil {
		return nil, changed, err
	}
	changes := a.changes
	renewal = &Renewal{changes: changes}
	renewal.handle = own(renewal, ticket, func(ticket *C.tc_auth_renewal) {
		C.tc_auth_renewal_cancel(ticket)
		changes.wake()
	})
	return renewal, changed, nil
}

// A Renewal is a ticket: you must renew the token, and others wait for you. GET its URL once, without an Authorization
// header, and call Complete or Cancel within two minutes. Then sign the request, even if the renewal failed.
type Renewal struct {
	handle  *handle[*C.tc_auth_renewal]
	changes *changes
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

// Needed reports whether the URL must still be requested: false if the token was replaced or extended in the meantime, or
// the Auth was closed. Then cancel the Renewal. Ask after [Auth.Unseal], if other processes renew the same token. It is
// false after Complete or Cancel.
func (r *Renewal) Needed() bool {
	ticket, err := r.handle.acquire()
	if err != nil {
		return false
	}
	defer runtime.KeepAlive(r)
	defer r.handle.release()
	var needed C.int32_t
	return C.tc_auth_renewal_needed(ticket, &needed) == C.TC_AUTH_STATUS_OK && needed != 0
}

// String says whether the renewal has ended. Like all that prints a Renewal, it does not show the token.
func (r *Renewal) String() string {
	if r == nil || r.handle == nil {
		return "no renewal"
	}
	if _, err := r.handle.acquire(); err != nil {
		return "renewal that has ended"
	}
	r.handle.release()
	return "renewal under way"
}

// Format prints String for every verb.
func (r *Renewal) Format(state fmt.State, _ rune) {
	fmt.Fprint(state, r.String())
}

// MarshalText returns String: encoding/json and the like write it.
func (r *Renewal) MarshalText() ([]byte, error) {
	return []byte(r.String()), nil
}

// LogValue returns String, for log/slog.
func (r *Renewal) LogValue() slog.Value {
	return slog.StringValue(r.String())
}

// Complete ends the renewal with the server's response. Pass every response, also an HTTP error. It returns the
// server's message, which is usually empty. The Renewal can't be used again, even if Complete fails.
//
// Errors: [ErrRenewalRefused], [ErrRenewalBadResponse], each as an [ExplainedError] if there is a message; [ErrStoreIO];
// [ErrClosed] after an earlier Complete or Cancel.
func (r *Renewal) Complete(httpStatus int, body []byte) (message string, err error) {
	ticket, err := r.handle.take()
	if err != nil {
		return "", err
	}
	var text *C.char
	err = r.changes.run(func() error {
		return check(C.tc_auth_renewal_complete(ticket, httpStatusOf(httpStatus), bytesOf(body), C.size_t(len(body)), &text))
	})
	message = takeString(text)
	return message, explain(err, message)
}

// Cancel ends the renewal without a response. It does nothing after an earlier Complete or Cancel.
func (r *Renewal) Cancel() {
	r.handle.close()
}
