//go:build cgo

package tcauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// renewalTimeout is how long a renewal may take.
	renewalTimeout = 30 * time.Second

	// renewalLimit is how much of the answer to a renewal is read; a good one has a few hundred bytes.
	renewalLimit = 1 << 20
)

// renewalPatience is how long a request waits for a renewal: longer than that may take. Tests make it shorter.
var renewalPatience = 60 * time.Second

// reviewTimeout is how long a review waits for the body of a refusal. Tests make it shorter.
var reviewTimeout = 10 * time.Second

// A Transport is an [http.RoundTripper] that authorizes each request as it is sent, renews the token when that is due,
// and sends a refused request once more if that is of any use.
//
// Auth must have an API path. A request whose URL or Host names another scheme, host or port fails with
// [ErrOtherOrigin], and nothing is sent; so a redirect that leads elsewhere ends there, and one that does not is signed
// anew. With an http API path everyone on the way, a proxy too, can read the token.
//
// A refused request is sent again if it has no body; or if it has a GetBody, which [http.NewRequest] sets for the usual
// ones, and no trailers. Else the refusal is returned, and what it was refused for is mended before the next request. To
// find out why it was refused, [ReviewLimit] bytes of its body are read at most, for 10 seconds at most; the response that
// is returned has all of it.
type Transport struct {
	// Auth is the identity. It may be shared with other transports.
	Auth *Auth

	// Base sends the requests; nil means [http.DefaultTransport]. If it is an [http.Transport], a renewal goes through a
	// copy of it, over HTTP/1.1 on a new connection (with DialTLS or DialTLSContext over what that agrees on with the
	// server); protocols that were added with RegisterProtocol are not copied.
	// Otherwise it goes through Base itself: if that logs or repeats requests, it must not do so with a renewal, whose
	// URL contains the token.
	Base http.RoundTripper

	// OnRenewal, if it is set, is told how each renewal ended: nil, an error with the status, or [ErrNoAnswer]. It is
	// called from a goroutine of the renewal, and the request that renews waits for it, so it should return soon. If it
	// panics, RoundTrip does; if that has returned already, the panic is dropped.
	OnRenewal func(err error)

	// OnRefusal, if it is set, is told why a refused request was not sent again, before that is returned. The advice is
	// never Accepted; it is Retry if the request could not be sent again.
	OnRefusal func(request *http.Request, advice Advice, httpStatus int)

	allowed atomic.Pointer[destination] // where the last request went
}

// destination is a server that an Auth makes headers for.
type destination struct {
	auth   *Auth
	origin string
}

// ErrNoAnswer is what [Transport].OnRenewal is told when there was no answer to a renewal.
var ErrNoAnswer = errors.New("tcauth: there was no answer to the renewal of the token")

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	first, err := t.authorizeOrClose(request)
	if err != nil {
		return nil, err
	}
	response, advice, err := t.send(first)
	if err != nil {
		return nil, err
	}
	returned := false
	defer func() {
		if !returned && response != nil { // after an error, or a panic of the application's own functions
			response.Body.Close()
		}
	}()
	if advice == Retry {
		second, err := t.again(request, response)
		if err != nil {
			return nil, err
		}
		if second != nil {
			if response, advice, err = t.send(second); err != nil {
				return nil, err
			}
		}
	}
	if t.OnRefusal != nil && advice != Accepted {
		t.OnRefusal(request, advice, response.StatusCode)
	}
	response.Request = request // the caller's own, without the token
	returned = true
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
	// Only the beginning is read here. The caller gets the whole, and meets the error of reading.
	body := hold(response.Body)
	beginning := body.beginning(attempt.request.Context(), reviewTimeout)
	response.Body = body
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

// again prepares a second attempt; nil if there can be none, and then the response to the first is there to be returned.
func (t *Transport) again(request *http.Request, response *http.Response) (*attempt, error) {
	if request.Context().Err() != nil { // it can't be sent, and the refusal would be lost
		return nil, nil
	}
	repeated := request
	if request.Body != nil && request.Body != http.NoBody {
		// The first body may still be read, and sets the trailers: two would write to one map at the same time.
		if request.GetBody == nil || len(request.Trailer) > 0 {
			return nil, nil
		}
		body, err := request.GetBody()
		if err != nil {
			return nil, nil
		}
		repeated = request.Clone(request.Context())
		repeated.Body = body
	}
	// A body that goes on keeps a connection, which the renewal may need. So it is given up first, and then there is
	// only an error to return.
	// After an error it may keep one, too; then what was read of it is still there after Close.
	ended := response.Body.(*heldBody).hasEnded()
	response.Body.Close()
	second, err := t.authorizeOrClose(repeated)
	if ended {
		err = nil
	}
	return second, err
}

// authorizeOrClose is authorize, after whose failure the body is closed, as a RoundTripper has to.
func (t *Transport) authorizeOrClose(request *http.Request) (signed *attempt, err error) {
	defer func() {
		if signed == nil && request.Body != nil { // also after a panic of OnRenewal
			request.Body.Close()
		}
	}()
	return t.authorize(request)
}

// authorize renews if that is due, and adds the headers to a copy of the request.
func (t *Transport) authorize(request *http.Request) (*attempt, error) {
	// The target as it goes over the wire. A target that is not a path, of a URL that was put together by hand, would
	// run into the host.
	if request.URL == nil {
		return nil, ErrInvalidURIForm
	}
	target := request.URL.RequestURI()
	if !strings.HasPrefix(target, "/") {
		return nil, ErrInvalidURIForm
	}
	// Before the renewal: a request to another server must not cause one.
	if err := t.checkDestination(request); err != nil {
		return nil, err
	}
	if request.Context().Err() != nil { // what will not be sent must not cause a renewal
		return nil, context.Cause(request.Context())
	}
	if err := t.renew(request.Context()); err != nil {
		return nil, err
	}
	signed := request.Clone(request.Context())
	signed.Method = strings.ToUpper(method(request)) // as it is signed
	signed.Trailer = request.Trailer                 // the caller sets the values while the body is read
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

// checkDestination asks the library whether it would make headers for the server of the URL, and for those that the
// Host field and the headers name, which are what is sent.
func (t *Transport) checkDestination(request *http.Request) error {
	if t.Auth == nil {
		return fmt.Errorf("%w (Transport.Auth)", ErrNullArgument)
	}
	if err := t.checkHost(request.URL.Scheme, request.URL.Host); err != nil {
		return err
	}
	// net/http leaves out the key "Host" itself, but over HTTP/1.1 sends every other spelling of it, beside its own.
	for name, values := range request.Header {
		if name == "Host" || !strings.EqualFold(name, "Host") {
			continue
		}
		for _, host := range values {
			if err := t.checkHost(request.URL.Scheme, host); err != nil {
				return err
			}
		}
	}
	if request.Host == "" || request.Host == request.URL.Host {
		return nil
	}
	return t.checkHost(request.URL.Scheme, request.Host)
}

func (t *Transport) checkHost(scheme, host string) error {
	origin := scheme + "://" + host
	if allowed := t.allowed.Load(); allowed != nil && *allowed == (destination{t.Auth, origin}) {
		return nil
	}
	// Without an API path the library would make headers for any server.
	if _, err := t.Auth.NewURL("/"); err != nil {
		return err
	}
	// A host that was put together by hand could end before its end.
	if strings.ContainsAny(host, "/?#@\\") {
		return ErrInvalidURIForm
	}
	if _, err := t.Auth.Headers(http.MethodGet, origin+"/"); err != nil && !errors.Is(err, ErrTokenExpired) {
		return err
	}
	t.allowed.Store(&destination{t.Auth, origin})
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
	done := make(chan any, 1)
	go func() {
		// A panic here would end the program. That of the hook is for the request that has caused it.
		defer func() { done <- recover() }()
		err := t.exchange(renewal)
		if t.OnRenewal != nil {
			t.OnRenewal(err)
		}
	}()
	// Others wait for the new token, so the renewal goes on when this request is cancelled.
	timer := time.NewTimer(renewalPatience)
	defer timer.Stop()
	select {
	case panicked := <-done:
		if panicked != nil {
			panic(panicked)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C: // Base does not end with its context
		return ErrRenewalTimeout
	}
}

// exchange asks for the new token, once.
func (t *Transport) exchange(renewal *Renewal) error {
	defer renewal.Cancel() // does nothing once it was completed
	httpStatus, body, whole := t.fetch(renewal.URL())
	defer func() { clear(body) }()
	if httpStatus == 0 {
		return ErrNoAnswer
	}
	// Also if the transfer has failed: what came may be the whole new token, and the old one is dead then.
	_, err := renewal.Complete(httpStatus, body)
	if !whole && errors.Is(err, ErrRenewalBadResponse) {
		return ErrNoAnswer
	}
	return err
}

// fetch sends the request for it. Without an answer the status is 0. Nothing is returned of an error or a panic of Base,
// in which the URL may be. The caller clears the body.
func (t *Transport) fetch(url string) (httpStatus int, body []byte, whole bool) {
	defer func() {
		if recover() != nil { // what came until then counts, as with an error
			whole = false
		}
	}()
	// Not the context of the request: it may be cancelled, and may hold a trace that writes down URLs.
	ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	// net/http repeats a GET when a kept connection turns out to be dead, unless it has a body that can't be had again:
	// the second would ask for the successor of a token that the first has killed.
	request.Body = io.NopCloser(strings.NewReader(""))
	// net/http logs what a server sends on a connection that is kept without being asked: it could be the token again.
	request.Close = true
	// So that nothing of the token stays behind in a decompressor.
	request.Header.Set("Accept-Encoding", "identity")
	response, err := t.renewalBase().RoundTrip(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if response.StatusCode < http.StatusOK { // the body of a 101 is the connection, which the context does not end
		return response.StatusCode, nil, true
	}
	// Not every Base ends the reading with the context.
	defer context.AfterFunc(ctx, func() {
		defer func() { _ = recover() }() // it would end the program
		response.Body.Close()
	})()
	httpStatus = response.StatusCode
	whole = readSecret(io.LimitReader(response.Body, renewalLimit), &body) == nil
	return
}

// renewalBase sends the renewal over HTTP/1.1 on a new connection, if it can: a kept one that is dead would cost the
// renewal, and everybody the pause after it; and in HTTP/2 a request may be sent again.
func (t *Transport) renewalBase() http.RoundTripper {
	base, ok := t.base().(*http.Transport)
	if !ok {
		return t.base()
	}
	fresh := base.Clone()
	fresh.DisableKeepAlives = true
	if fresh.DialTLS != nil || fresh.DialTLSContext != nil {
		// The application's own dialer may agree with the server on HTTP/2, and then nothing else can be spoken. Without
		// the map the copy makes an HTTP/2 of its own.
		fresh.TLSNextProto = nil
		fresh.Protocols = new(http.Protocols)
		fresh.Protocols.SetHTTP1(true)
		fresh.Protocols.SetHTTP2(true)
		return fresh
	}
	fresh.ForceAttemptHTTP2 = false
	// What is in here leads to the connections of the original.
	fresh.TLSNextProto = make(map[string]func(string, *tls.Conn) http.RoundTripper)
	fresh.Protocols = new(http.Protocols)
	fresh.Protocols.SetHTTP1(true)
	if fresh.TLSClientConfig != nil {
		fresh.TLSClientConfig.NextProtos = nil
	}
	return fresh
}

// readSecret is io.ReadAll without the copies that a growing buffer leaves behind: there may be a token in them. The
// caller clears the body, also after an error or a panic.
func readSecret(reader io.Reader, body *[]byte) error {
	*body = make([]byte, 0, 4096)
	for {
		if len(*body) == cap(*body) {
			larger := append(make([]byte, 0, 2*cap(*body)), *body...)
			clear(*body)
			*body = larger
		}
		count, err := reader.Read((*body)[len(*body):cap(*body)])
		*body = (*body)[:len(*body)+count]
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// A heldBody is the body of a refusal. A goroutine reads the beginning for the review; the caller gets the whole, as it
// comes.
type heldBody struct {
	source io.ReadCloser
	filled chan struct{} // closed when the goroutine has stopped

	lock sync.Mutex
	more *sync.Cond
	held []byte // was read, and not yet taken by the caller
	done bool   // the goroutine has stopped
	err  error  // at which it has; nil at the limit

	closing sync.Once
	closed  error
}

func hold(source io.ReadCloser) *heldBody {
	if source == nil {
		source = http.NoBody
	}
	body := &heldBody{source: source, filled: make(chan struct{})}
	body.more = sync.NewCond(&body.lock)
	go body.fill()
	return body
}

func (b *heldBody) fill() {
	defer close(b.filled)
	defer func() {
		if recover() != nil { // here it would end the program
			b.add(nil, true, errBodyPanicked)
		}
	}()
	buffer := make([]byte, 8192)
	for left := ReviewLimit; ; {
		count, err := b.source.Read(buffer[:min(left, len(buffer))])
		left -= count
		done := err != nil || left == 0
		b.add(buffer[:count], done, err)
		if done {
			return
		}
	}
}

var errBodyPanicked = errors.New("tcauth: reading the body of the response panicked")

func (b *heldBody) add(read []byte, done bool, err error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.held = append(b.held, read...)
	b.done, b.err = done, err
	b.more.Broadcast()
}

// beginning is a copy of what comes in this time. Not every body ends with the context, so that is looked at as well.
func (b *heldBody) beginning(ctx context.Context, timeout time.Duration) []byte {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-b.filled:
	case <-timer.C:
	case <-ctx.Done():
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	return append([]byte(nil), b.held...)
}

// hasEnded tells whether there is nothing more to come, be it for an error.
func (b *heldBody) hasEnded() bool {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.done && b.err != nil
}

func (b *heldBody) Read(buffer []byte) (int, error) {
	b.lock.Lock()
	for len(b.held) == 0 && !b.done {
		b.more.Wait()
	}
	count := copy(buffer, b.held)
	b.held = b.held[count:]
	held, err := len(b.held) > 0, b.err
	b.lock.Unlock()
	switch {
	case count > 0 || held || len(buffer) == 0:
		return count, nil
	case err != nil:
		return 0, err
	}
	return b.source.Read(buffer)
}

// Close can be called again, though not every source can.
func (b *heldBody) Close() error {
	b.closing.Do(func() { b.closed = b.source.Close() })
	return b.closed
}
