package tcauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"time"

	"example.com/tcauth/internal/capi"
)

// UpdateToken replaces the token immediately for all goroutines. expires is as in [NewToken].
//
// Errors: [ErrWrongKind], [ErrInvalidToken], [ErrInvalidTime]: the old token stays in use. [ErrStoreIO].
func (a *Auth) UpdateToken(token string, expires time.Time) error {
	value, err := newString(token, ErrInvalidToken)
	if err != nil {
		return err
	}
	defer value.Wipe()
	if a == nil {
		return errNilAuth
	}
	return a.changes.run(func() error {
		return a.call(func(pointer *capi.Auth) int32 { return capi.UpdateToken(pointer, value, expiry(expires)) })
	})
}

// Token returns the current token and its expiry, for example to pass them to another process. The expiry is the zero
// time if there is none. Do not log the token.
//
// Errors: [ErrWrongKind].
func (a *Auth) Token() (token string, expires time.Time, err error) {
	var moment int64
	err = a.call(func(pointer *capi.Auth) (status int32) {
		token, moment, status = capi.Token(pointer)
		return status
	})
	if err == nil && moment != capi.NoExpiry {
		expires = time.Unix(moment, 0)
	}
	return token, expires, err
}

// SetRenewalWindow sets how long before its expiry a token is due for renewal: whole seconds, up to one day, by default one
// minute. If less than twice this time was left when the token was set, it is due after half of what was left.
//
// Errors: [ErrWrongKind], [ErrInvalidArgument].
func (a *Auth) SetRenewalWindow(window time.Duration) error {
	whole, err := seconds("renewal window", window)
	if err != nil {
		return err
	}
	return a.call(func(pointer *capi.Auth) int32 { return capi.SetRenewalWindow(pointer, whole) })
}

// RenewalWindow returns what SetRenewalWindow has set, or the default.
//
// Errors: [ErrWrongKind].
func (a *Auth) RenewalWindow() (time.Duration, error) {
	window, err := callFor(a, capi.RenewalWindow)
	return time.Duration(window) * time.Second, err
}

// A State says what can be done with a token. A later C library may have more values.
type State int32

// The states of a token.
const (
	StateNone         State = 0 // there is no token, but a key pair
	StateValid        State = 1 // it is not due
	StateDue          State = 2 // the next Poll returns a Renewal
	StateUnderWay     State = 3 // it is being renewed
	StatePaused       State = 4 // it is due, but the next attempt comes only after a pause
	StateRefused      State = 5 // the server refused to renew it
	StateNotRenewable State = 6 // it begins with "APIV2:", or there is no API path
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
	var number int32
	var remaining int64
	err = a.call(func(pointer *capi.Auth) (status int32) {
		number, remaining, status = capi.TokenState(pointer)
		return status
	})
	if remaining > math.MaxInt64/int64(time.Second) {
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
	ticket, err := callFor(a, func(pointer *capi.Auth) (*capi.Renewal, int32) {
		changed = a.changes.waitForChange()
		return capi.Poll(pointer)
	})
	if err != nil || ticket == nil {
		return nil, changed, err
	}
	changes := a.changes
	renewal = &Renewal{changes: changes}
	renewal.handle = own(renewal, ticket, func(ticket *capi.Renewal) {
		capi.Cancel(ticket)
		changes.wake()
	})
	return renewal, changed, nil
}

// A Renewal is a ticket: you must renew the token, and others wait for you. GET its URL once, without an Authorization
// header, and call Complete or Cancel within two minutes. Then sign the request, even if the renewal failed.
type Renewal struct {
	handle  *handle[*capi.Renewal]
	changes *changes
}

// owned is the handle; nil, which has the error ErrClosed, if there is no Renewal: Poll often returns none.
func (r *Renewal) owned() *handle[*capi.Renewal] {
	if r == nil {
		return nil
	}
	return r.handle
}

// URL returns the URL to GET. It contains the token, so do not log it. It is empty after Complete or Cancel.
func (r *Renewal) URL() string {
	ticket, err := r.owned().acquire()
	if err != nil {
		return ""
	}
	defer runtime.KeepAlive(r)
	defer r.handle.release()
	return capi.RenewalURL(ticket)
}

// Needed reports whether the URL must still be requested: false if the token was replaced or extended in the meantime, or
// the Auth was closed. Then cancel the Renewal. Ask after [Auth.Unseal], if other processes renew the same token. It is
// false after Complete or Cancel.
func (r *Renewal) Needed() bool {
	ticket, err := r.owned().acquire()
	if err != nil {
		return false
	}
	defer runtime.KeepAlive(r)
	defer r.handle.release()
	return capi.RenewalNeeded(ticket)
}

// String says whether the renewal has ended. Like all that prints a Renewal, it does not show the token.
func (r *Renewal) String() string {
	if r.owned() == nil {
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
	ticket, err := r.owned().take()
	if err != nil {
		return "", err
	}
	err = r.changes.run(func() error {
		var status int32
		message, status = capi.Complete(ticket, httpStatus, body)
		return check(status)
	})
	return message, explain(err, message)
}

// Cancel ends the renewal without a response. It does nothing after an earlier Complete or Cancel, or if there is none.
func (r *Renewal) Cancel() {
	r.owned().close()
}
