package tcauth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// renewalTimeout is the longest time that a renewal may take.
	renewalTimeout = 30 * time.Second

	// renewalLimit is the number of bytes that are read of the response to a renewal. A valid one has a few hundred.
	renewalLimit = 1 << 20
)

// renewalPatience is how long a request waits for a renewal. It is longer than renewalTimeout. Tests shorten it.
var renewalPatience = 60 * time.Second

// reviewTimeout is how long a review waits for the body of a refusal. Tests shorten it.
var reviewTimeout = 10 * time.Second

// A Transport is an [http.RoundTripper] that adds the headers to each request, renews the token when it is due, and
// sends a refused request once more if that can help.
//
// Auth must have an API path. If the URL or the Host of a request names another scheme, host or port, the request fails
// with [ErrOtherOrigin], and nothing is sent. The same applies to redirects; a redirect to the same server is signed
// again. With an http API path, anyone on the way (also a proxy) can read the token.
//
// A refused request can be sent once more if it has no body, or if it has a GetBody and no trailers. [http.NewRequest]
// sets GetBody for the usual types of bodies. Otherwise the refusal is returned, and the next request uses a new token
// or the corrected clock.
//
// To find the reason of a refusal (status 400, 401 or 403), Transport reads up to [ReviewLimit] bytes of its body, for
// up to 10 seconds. The caller still gets the whole body.
type Transport struct {
	// Auth is the identity. It may be shared with other transports.
	Auth *Auth

	// Share, if it is set, shares the token of Auth with other processes. This happens in [Transport.Prepare] or with the
	// first request, which fails if it can't be done. Several transports of one Auth may have the same.
	Share *Sharing

	// Base sends the requests; nil means [http.DefaultTransport].
	Base http.RoundTripper

	// RenewalBase sends the renewals. Their URL contains the token.
	//
	// nil means Base, if that is an [http.Transport]. Any other Base may trace or log URLs, so it does not see a renewal:
	// [http.DefaultTransport] is used, or a new transport if that is none either. Set RenewalBase if your platform needs
	// a proxy or a certificate authority that the default does not know.
	//
	// If it is an [http.Transport], a renewal is sent through a copy of it, over HTTP/1.1 on a new connection. If it
	// has a DialTLS or DialTLSContext, that function and the server choose the protocol. Protocols that were added with
	// RegisterProtocol are not copied.
	//
	// Any other RenewalBase sends the renewal itself. It must not log its URL, and must not repeat the request.
	RenewalBase http.RoundTripper

	// OnEvent, if it is set, is called when a renewal ends and when a token of another process is used for the first time.
	// It is also called when a request is sent once more, and when a refusal is returned. It should return soon: the request
	// waits for it.
	//
	// For a renewal it runs in a goroutine of the renewal; if it panics then, RoundTrip panics, or if that has already
	// returned, the panic is ignored.
	OnEvent func(Event)

	allowed atomic.Pointer[destination] // the last one that passed checkHost
}

// destination is a server for which an Auth makes headers.
type destination struct {
	auth         *Auth
	scheme, host string
}

// ErrNoAnswer is the error of [EventRenewalFailed] if there was no response to a renewal, or only a part of one. It is not a
// [Status]: the C library has none for it.
var ErrNoAnswer = errors.New("tcauth: there was no answer to the renewal of the token")

// Prepare does what the first request would do otherwise: it checks that there are an Auth and an API path, and begins to
// share the token. Call it when the program starts, to notice a mistake there at once.
//
// Errors: [ErrNullArgument] (no Auth), [ErrAPIPathMissing], those of [Auth.ShareIn], [ErrClosed].
func (t *Transport) Prepare() error {
	if err := t.checkAuth(); err != nil {
		return err
	}
	// Without an API path the library would make headers for any server.
	if _, err := t.Auth.NewURL("/"); err != nil {
		return err
	}
	if t.Share != nil {
		return t.Share.apply(t.Auth)
	}
	return nil
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	first, err := t.authorizeOrClose(request, request, nil)
	if err != nil {
		return nil, err
	}
	response, advice, err := t.send(first)
	if err != nil {
		return nil, err
	}
	returned := false
	defer func() {
		if !returned && response != nil { // after an error, or a panic in OnEvent or Base
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
	if advice != Accepted {
		t.happened(Event{Type: EventRefused, Request: request, HTTPStatus: response.StatusCode, Advice: advice})
	}
	response.Request = request // the caller's own, without the token
	returned = true
	return response, nil
}

// happened reports an event.
func (t *Transport) happened(event Event) {
	if t.OnEvent != nil {
		t.OnEvent(event)
	}
}

// attempt is a signed request and the headers that were added to it.
type attempt struct {
	request *http.Request
	headers Headers
	adopted bool // it is the first one with a token of another process
}

// send sends the request and reviews the response.
func (t *Transport) send(attempt *attempt) (*http.Response, Advice, error) {
	response, err := t.base().RoundTrip(attempt.request)
	if err != nil {
		return nil, Unknown, err
	}
	if response == nil {
		return nil, Unknown, errNoResponse
	}
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
	default:
		return response, Accepted, nil
	}
	// Only the beginning is read here. The caller gets the whole body, and the error if reading it fails.
	body := hold(response.Body)
	beginning := body.beginning(attempt.request.Context(), reviewTimeout)
	response.Body = body
	date := dateOf(attempt.request, response)
	advice, err := t.Auth.Review(attempt.headers, response.StatusCode, date, beginning)
	if err != nil { // the Auth was closed in the meantime: still return the response
		advice = Unknown
	}
	return response, advice, nil
}

// dateOf returns the Date header if it can be trusted to correct the clock: one that came over TLS and not from a
// cache.
func dateOf(request *http.Request, response *http.Response) string {
	dates := response.Header.Values("Date")
	if request.URL.Scheme != "https" || len(response.Header.Values("Age")) > 0 || len(dates) != 1 {
		return ""
	}
	return dates[0]
}

// again signs the request once more. It returns nil if that is not possible and the first response is to be returned.
func (t *Transport) again(request *http.Request, response *http.Response) (*attempt, error) {
	if request.Context().Err() != nil { // sending would fail, and the caller would not get the refusal
		return nil, nil
	}
	repeated := request
	if request.Body != nil && request.Body != http.NoBody {
		// The first body may still be in use and set the trailers: two bodies would write to one map at the same time.
		if request.GetBody == nil || len(request.Trailer) > 0 {
			return nil, nil
		}
		body, err := request.GetBody()
		if err != nil {
			return nil, nil
		}
		repeated = request.WithContext(request.Context())
		repeated.Body = body
	}
	// An unfinished body holds a connection that the renewal may need, so the body is closed before. If signing then
	// fails, only the error can be returned. A body that has ended with an error may also hold a connection; what was
	// read of it can still be returned after Close.
	ended := response.Body.(*heldBody).hasEnded()
	response.Body.Close()
	second, err := t.authorizeOrClose(repeated, request, response)
	if ended {
		err = nil
	}
	return second, err
}

// authorizeOrClose calls authorize, and reports what is known before the request is sent. original is the caller's request,
// refusal the response to a first attempt. If it fails, it closes the body, as a RoundTripper must.
func (t *Transport) authorizeOrClose(request, original *http.Request, refusal *http.Response) (signed *attempt, err error) {
	defer func() {
		if signed == nil && request.Body != nil { // also after a panic in OnEvent
			request.Body.Close()
		}
	}()
	made, err := t.authorize(request)
	if err != nil {
		return nil, err
	}
	if made.adopted {
		t.happened(Event{Type: EventAdopted, Request: original})
	}
	if refusal != nil {
		t.happened(Event{Type: EventRetried, Request: original, HTTPStatus: refusal.StatusCode, Advice: Retry})
	}
	return made, nil
}

// authorize renews the token if it is due, and adds the headers to a copy of the request.
func (t *Transport) authorize(request *http.Request) (*attempt, error) {
	// The target as net/http sends it. In a URL that was assembled by hand it may not begin with "/", and would then be
	// read as a part of the host.
	if request.URL == nil {
		return nil, ErrInvalidURIForm
	}
	target := request.URL.RequestURI()
	if !strings.HasPrefix(target, "/") || strings.Contains(target, "#") { // net/http would send it, but it is not signed
		return nil, ErrInvalidURIForm
	}
	// Check before the renewal: a request to another server must not cause one.
	if err := t.checkDestination(request); err != nil {
		return nil, err
	}
	if request.Context().Err() != nil { // a request that can't be sent must not cause a renewal
		return nil, context.Cause(request.Context())
	}
	if t.Share != nil {
		if err := t.Share.apply(t.Auth); err != nil {
			return nil, err
		}
	}
	if err := t.renew(request.Context()); err != nil {
		return nil, err
	}
	before := t.Auth.changes.counted()
	upper := strings.ToUpper(method(request)) // which is what is signed
	headers, err := t.Auth.Headers(upper, request.URL.Scheme+"://"+request.URL.Host+target)
	if err != nil {
		return nil, err
	}
	token, isToken := strings.CutPrefix(headers.Authorization, "TC-Token ")
	adopted := isToken && t.Auth.changes.adopted(token, before)
	// A shallow copy: nobody may change the URL that it shares with the caller's. The trailers must be shared, because the
	// caller sets them while the body is read.
	signed := request.WithContext(request.Context())
	signed.Method, signed.Header = upper, headers.with(request.Header)
	return &attempt{signed, headers, adopted}, nil
}

// with returns a copy of others with these headers. As in http.Header.Clone, all values are in one array.
func (h Headers) with(others http.Header) http.Header {
	count := 2
	for _, values := range others {
		count += len(values)
	}
	array := make([]string, 0, count)
	header := make(http.Header, len(others)+2)
	set := func(name string, values ...string) {
		start := len(array)
		array = append(array, values...)
		header[name] = array[start:len(array):len(array)]
	}
	for name, values := range others {
		switch {
		case isOurs(name):
		case values == nil: // net/http then sends not even its own value
			header[name] = nil
		default:
			set(name, values...)
		}
	}
	set("Authorization", h.Authorization)
	if h.Timestamp != NoTimestamp {
		set("Timestamp", strconv.FormatInt(h.Timestamp, 10))
	}
	return header
}

// isOurs says whether a Transport sets the header. Keys need not be in canonical form.
func isOurs(name string) bool {
	return strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Timestamp")
}

func (t *Transport) checkAuth() error {
	if t.Auth == nil {
		return errNoAuth
	}
	return nil
}

var errNoAuth = &misuse{ErrNullArgument, "Transport.Auth is nil: set it to what New or Discover returned without an error"}

// errNoResponse is instead of a nil dereference.
var errNoResponse = &misuse{ErrNullArgument, "Base returned neither a response nor an error"}

// errOwnBase is instead of a stack overflow, which ends the program.
var errOwnBase = &misuse{ErrInvalidArgument, "the Transport is its own Base, perhaps as http.DefaultTransport: set Base to another one"}

// checkDestination checks that the library makes headers for the server of the URL, of the Host field and of the Host
// headers: the last two decide what is sent as Host.
func (t *Transport) checkDestination(request *http.Request) error {
	if err := t.checkAuth(); err != nil {
		return err
	}
	if t.base() == http.RoundTripper(t) {
		return errOwnBase
	}
	if err := t.checkHost(request.URL.Scheme, request.URL.Host); err != nil {
		return err
	}
	// net/http ignores the key "Host", but over HTTP/1.1 it sends keys such as "host" in addition to its own Host.
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
	wanted := destination{t.Auth, scheme, host}
	if allowed := t.allowed.Load(); allowed != nil && *allowed == wanted {
		return nil
	}
	// Without an API path, NewURL fails: the library would make headers for any server.
	if _, err := t.Auth.NewURL("/"); err != nil {
		return err
	}
	// In a host that was assembled by hand these characters would end the host early.
	if strings.ContainsAny(host, "/?#@\\") {
		return ErrInvalidURIForm
	}
	if _, err := t.Auth.Headers(http.MethodGet, scheme+"://"+host+"/"); err != nil && !errors.Is(err, ErrTokenExpired) {
		return err
	}
	t.allowed.Store(&destination{t.Auth, scheme, host})
	return nil
}

func method(request *http.Request) string {
	if request.Method == "" { // as in net/http
		return http.MethodGet
	}
	return request.Method
}

// CloseIdleConnections calls the method of Base, if it has one. [http.Client.CloseIdleConnections] uses it.
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

// renew waits until another request's renewal ends, or renews if this request is the one that must.
func (t *Transport) renew(ctx context.Context) error {
	renewal, changed, err := t.Auth.poll()
	if errors.Is(err, ErrRenewalTimeout) { // rare: most requests need no timer
		patience, cancel := context.WithTimeout(ctx, renewalPatience)
		defer cancel()
		renewal, err = t.Auth.wait(patience, changed)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrRenewalTimeout):
		return ErrRenewalTimeout // without the error of patience, which is not the caller's context
	case renewal == nil:
		return err
	}
	done := make(chan any, 1)
	go func() {
		// A panic in this goroutine would end the program. A panic of OnEvent is passed to the request.
		defer func() { done <- recover() }()
		t.happened(t.exchange(renewal))
	}()
	// The renewal continues if this request is cancelled, because others wait for the new token.
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
	case <-timer.C: // a Base that ignores its context
		return ErrRenewalTimeout
	}
}

// exchange sends the renewal once and completes the ticket.
func (t *Transport) exchange(renewal *Renewal) Event {
	defer renewal.Cancel() // does nothing after Complete
	httpStatus, body, whole := t.fetch(renewal.URL())
	defer func() { clear(body) }()
	if httpStatus == 0 {
		return Event{Type: EventRenewalFailed, Err: ErrNoAnswer}
	}
	// Complete it even if the transfer failed: what came may contain the new token, and the old one is then invalid.
	message, err := renewal.Complete(httpStatus, body)
	event := Event{Type: EventRenewed, HTTPStatus: httpStatus, Err: err, Message: message}
	switch {
	case err == nil || errors.Is(err, ErrStoreIO):
	case !whole && errors.Is(err, ErrRenewalBadResponse):
		event.Type, event.Err = EventRenewalFailed, ErrNoAnswer
	default:
		event.Type = EventRenewalFailed
	}
	return event
}

// fetch sends the renewal. httpStatus is 0 if there is no response; whole is false if the body is incomplete. Errors
// and panics of Base are not passed on, because they may contain the URL. The caller clears the body.
func (t *Transport) fetch(url string) (httpStatus int, body []byte, whole bool) {
	defer func() {
		if recover() != nil { // what came before it is used, as after an error
			whole = false
		}
	}()
	// Not the context of the request: that may be cancelled, and may contain a trace that logs URLs.
	ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	// net/http repeats a GET if a kept connection is dead, unless the request has a body without GetBody. The
	// repetition would use a token that the first GET has already invalidated.
	request.Body = io.NopCloser(strings.NewReader(""))
	// On a kept connection net/http logs data that comes without a request: the server could send the token again.
	request.Close = true
	// A decompressor would keep a copy of the token.
	request.Header.Set("Accept-Encoding", "identity")
	response, err := t.renewalBase().RoundTrip(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if response.StatusCode < http.StatusOK { // the body of a 101 is the connection: the context does not end its reads
		return response.StatusCode, nil, true
	}
	// With some types of Base, reading does not end with the context.
	defer context.AfterFunc(ctx, func() {
		defer func() { _ = recover() }() // a panic in this goroutine would end the program
		response.Body.Close()
	})()
	httpStatus = response.StatusCode
	whole = readSecret(io.LimitReader(response.Body, renewalLimit), &body) == nil
	return
}

// renewalBase returns what sends the renewal. If it is an http.Transport, it uses HTTP/1.1 on a new connection. On a kept
// connection that is dead the renewal would fail, and the next attempt would come only after a pause. Over HTTP/2 a request
// may be sent twice.
func (t *Transport) renewalBase() http.RoundTripper {
	base, plain := t.RenewalBase.(*http.Transport)
	if t.RenewalBase != nil && !plain {
		return t.RenewalBase
	}
	for _, other := range []http.RoundTripper{t.base(), http.DefaultTransport} {
		if !plain {
			base, plain = other.(*http.Transport)
		}
	}
	if !plain {
		base = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	fresh := base.Clone()
	fresh.DisableKeepAlives = true
	//lint:ignore SA1019 the application's transport may have it
	if fresh.DialTLS != nil || fresh.DialTLSContext != nil {
		// The application's dialer may negotiate HTTP/2, which must then be used. Without the map the copy gets its own
		// HTTP/2 connections.
		fresh.TLSNextProto = nil
		fresh.Protocols = new(http.Protocols)
		fresh.Protocols.SetHTTP1(true)
		fresh.Protocols.SetHTTP2(true)
		return fresh
	}
	fresh.ForceAttemptHTTP2 = false
	// The entries of the original's map would use its connections.
	fresh.TLSNextProto = make(map[string]func(string, *tls.Conn) http.RoundTripper)
	fresh.Protocols = new(http.Protocols)
	fresh.Protocols.SetHTTP1(true)
	if fresh.TLSClientConfig != nil {
		fresh.TLSClientConfig.NextProtos = nil
	}
	return fresh
}

// readSecret is io.ReadAll, but clears each old buffer when it grows, because there may be a token in it. The caller
// clears the body, also after an error or a panic.
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

// A heldBody is the body of a refusal. A goroutine reads its beginning for the review. The caller can still read all of
// it.
type heldBody struct {
	source io.ReadCloser
	filled chan struct{} // closed when the goroutine has stopped

	lock sync.Mutex
	more *sync.Cond
	held []byte // read by the goroutine, not yet by the caller
	done bool   // the goroutine has stopped
	err  error  // why it stopped; nil at the limit

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
		if recover() != nil { // a panic in this goroutine would end the program
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

// beginning returns a copy of what arrives until timeout, or until ctx is done: not every body ends with its context.
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

// hasEnded reports whether the body is complete or has failed.
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

// Close may be called more than once, but it closes the source only once.
func (b *heldBody) Close() error {
	b.closing.Do(func() { b.closed = b.source.Close() })
	return b.closed
}
