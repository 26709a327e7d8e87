//go:build cgo

package tcauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// renewalTimeout is how long a renewal may take.
	renewalTimeout = 30 * time.Second

	// renewalPatience is how long a request waits for another's renewal: longer than that may take.
	renewalPatience = 60 * time.Second

	// renewalLimit is how much of the answer to a renewal is read; a good one has a few hundred bytes.
	renewalLimit = 1 << 20
)

// A Transport is an [http.RoundTripper] that authorizes each request as it is sent, renews the token when that is due,
// and sends a refused request once more if that is of any use.
//
// Auth must have an API path. A request to another scheme, host or port fails with [ErrOtherOrigin], and nothing is
// sent; so a redirect that leads elsewhere ends there, and one that does not is signed anew.
//
// A refused request is sent again if it has no body, or a GetBody, which [http.NewRequest] sets for the usual ones. Else
// the refusal is returned, and what it was refused for is mended before the next request.
type Transport struct {
	// Auth is the identity. It may be shared with other transports.
	Auth *Auth

	// Base sends the requests; nil means [http.DefaultTransport]. A renewal goes through a copy of it, on a new
	// connection, if it is an [http.Transport], and else through Base itself: if that logs or repeats requests, then it
	// must not do so with a renewal, whose URL contains the token.
	Base http.RoundTripper

	// OnRenewal, if it is set, is told how each renewal ended: nil, an error with the status, or [ErrNoAnswer]. It is
	// called from a goroutine of the renewal, and the request that renews waits for it, so it should return soon.
	OnRenewal func(err error)

	// OnRefusal, if it is set, is told why a refused request was not sent again, before that is returned. The advice is
	// never Accepted; it is Retry if the request could not be sent again.
	OnRefusal func(request *http.Request, advice Advice, httpStatus int)

	withAPIPath atomic.Pointer[Auth] // the one that was seen to have it
}

// ErrNoAnswer is what [Transport].OnRenewal is told when there was no answer to a renewal.
var ErrNoAnswer = errors.New("tcauth: there was no answer to the renewal of the token")

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	first, err := t.authorize(request)
	if err != nil {
		if request.Body != nil {
			request.Body.Close()
		}
		return nil, err
	}
	response, advice, err := t.send(first)
	if err != nil {
		return nil, err
	}
	if advice == Retry {
		if second := t.again(request); second != nil {
			discard(response)
			if response, advice, err = t.send(second); err != nil {
				return nil, err
			}
		}
	}
	if t.OnRefusal != nil && advice != Accepted {
		t.OnRefusal(request, advice, response.StatusCode)
	}
	response.Request = request // the caller's own, without the token
	return response, nil
}

// attempt is a request with its headers, ready to be sent.
type attempt struct {
	request *http.Request
	headers Headers
}

// send sends it, and asks what to do about the answer.
func (t *Transport) send(attempt *attempt) (*http.Response, Advice, error) {
	response, err := t.base().RoundTrip(attempt.request)
	if err != nil {
		return nil, Unknown, err
	}
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
	default:
		return response, Accepted, nil
	}
	// Only the beginning is read here, and the whole of it left to the caller, who also meets the error of reading.
	beginning, _ := io.ReadAll(io.LimitReader(response.Body, ReviewLimit))
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(beginning), response.Body), response.Body}
	date := dateOf(attempt.request, response)
	advice, err := t.Auth.Review(attempt.headers, response.StatusCode, date, beginning)
	if err != nil { // the Auth was closed meanwhile; that is no reason to lose an answer
		advice = Unknown
	}
	return response, advice, nil
}

// dateOf is the Date header, if it can set a clock right: from the server itself, over TLS, and not from a cache.
func dateOf(request *http.Request, response *http.Response) string {
	dates := response.Header.Values("Date")
	if request.URL.Scheme != "https" || len(response.Header.Values("Age")) > 0 || len(dates) != 1 {
		return ""
	}
	return dates[0]
}

// discard reads what is left of a short answer, so that its connection can be used again.
func discard(response *http.Response) {
	_, _ = io.CopyN(io.Discard, response.Body, ReviewLimit)
	response.Body.Close()
}

// again prepares a second attempt; nil if there can be none. The answer to the first is still there to be returned.
func (t *Transport) again(request *http.Request) *attempt {
	repeated := request
	if request.Body != nil && request.Body != http.NoBody {
		if request.GetBody == nil {
			return nil
		}
		body, err := request.GetBody()
		if err != nil {
			return nil
		}
		repeated = request.Clone(request.Context())
		repeated.Body = body
	}
	second, err := t.authorize(repeated)
	if err != nil {
		if repeated != request {
			repeated.Body.Close()
		}
		return nil
	}
	return second
}

// authorize renews if that is due, and adds the headers to a copy of the request.
func (t *Transport) authorize(request *http.Request) (*attempt, error) {
	if err := t.checkAPIPath(); err != nil {
		return nil, err
	}
	if err := t.renew(request.Context()); err != nil {
		return nil, err
	}
	// The target as it goes over the wire, and the origin for the library to compare. A target that is not a path, of a
	// URL that was put together by hand, would run into the host.
	if request.URL == nil {
		return nil, ErrInvalidURIForm
	}
	target := request.URL.RequestURI()
	if !strings.HasPrefix(target, "/") {
		return nil, ErrInvalidURIForm
	}
	signed := request.Clone(request.Context())
	signed.Method = strings.ToUpper(method(request)) // as it is signed
	headers, err := t.Auth.Headers(signed.Method, request.URL.Scheme+"://"+request.URL.Host+target)
	if err != nil {
		return nil, err
	}
	if signed.Header == nil {
		signed.Header = make(http.Header)
	}
	for name := range signed.Header { // also in another spelling
		if strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Timestamp") {
			delete(signed.Header, name)
		}
	}
	headers.Set(signed.Header)
	return &attempt{signed, headers}, nil
}

// checkAPIPath makes sure that the library knows which servers to refuse.
func (t *Transport) checkAPIPath() error {
	if t.Auth == nil {
		return fmt.Errorf("%w (Transport.Auth)", ErrNullArgument)
	}
	if t.withAPIPath.Load() == t.Auth {
		return nil
	}
	if _, err := t.Auth.NewURL("/"); err != nil {
		return err
	}
	t.withAPIPath.Store(t.Auth)
	return nil
}

func method(request *http.Request) string {
	if request.Method == "" { // as net/http has it
		return http.MethodGet
	}
	return request.Method
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] calls: it passes on to Base.
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

func (t *Transport) base() http.RoundTripper {
	if t.Base != nil {
		return t.Base
	}
	return http.DefaultTransport
}

// renew waits for another's renewal, or makes it if this request was chosen to.
func (t *Transport) renew(ctx context.Context) error {
	renewal, err := t.Auth.poll()
	if errors.Is(err, ErrRenewalTimeout) { // mostly there is nothing to wait for, and no timer is needed
		patience, cancel := context.WithTimeout(ctx, renewalPatience)
		defer cancel()
		renewal, err = t.Auth.Poll(patience)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrRenewalTimeout):
		return ErrRenewalTimeout // without the end of our own context, which is not the caller's
	case renewal == nil:
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := t.exchange(renewal)
		if t.OnRenewal != nil {
			t.OnRenewal(err)
		}
	}()
	// Others wait for the new token, so the renewal goes on when this request is cancelled.
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// exchange asks for the new token, once.
func (t *Transport) exchange(renewal *Renewal) error {
	defer renewal.Cancel() // does nothing once it was completed
	// Not the context of the request: it may be cancelled, and may hold a trace that writes down URLs.
	ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, renewal.URL(), nil)
	if err != nil {
		return ErrNoAnswer
	}
	// net/http repeats a GET when a kept connection turns out to be dead, unless it has a body that can't be had again:
	// the second would ask for the successor of a token that the first has killed.
	request.Body = io.NopCloser(strings.NewReader(""))
	base := t.base()
	if kept, ok := base.(*http.Transport); ok {
		// A kept connection that is dead would cost the renewal, and everybody the pause after it.
		fresh := kept.Clone()
		fresh.DisableKeepAlives = true
		base = fresh
	}
	response, err := base.RoundTrip(request)
	if err != nil {
		return ErrNoAnswer // without the cause, in which a transport may have put the URL
	}
	defer response.Body.Close()
	body, err := readSecret(io.LimitReader(response.Body, renewalLimit))
	defer clear(body)
	if err != nil {
		return ErrNoAnswer
	}
	_, err = renewal.Complete(response.StatusCode, body)
	return err
}

// readSecret is io.ReadAll without the copies that a growing buffer leaves behind: there may be a token in them. The
// caller clears what it returns.
func readSecret(reader io.Reader) ([]byte, error) {
	buffer := make([]byte, 0, 4096)
	for {
		if len(buffer) == cap(buffer) {
			larger := append(make([]byte, 0, 2*cap(buffer)), buffer...)
			clear(buffer)
			buffer = larger
		}
		count, err := reader.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+count]
		if err == io.EOF {
			return buffer, nil
		} else if err != nil {
			return buffer, err
		}
	}
}
