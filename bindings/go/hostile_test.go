package tcauth

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	goodAnswer   = `{"success":true,"apiToken":"the-next-token","apiTokenExpires":"4000000000"}`
	unauthorized = `{"message":"Unauthorized"}`
)

// A rawServer answers each request with exactly the bytes that a test gives.
type rawServer struct {
	net.Listener
	url      string
	lock     sync.Mutex
	requests []*http.Request
}

// newRawServer serves requests; answer returns whether the connection is to be kept.
func newRawServer(t *testing.T, answer func(net.Conn, *http.Request) bool) *rawServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &rawServer{Listener: listener, url: "http://" + listener.Addr().String()}
	var serving sync.WaitGroup
	over, end := context.WithCancel(context.Background())
	t.Cleanup(func() {
		listener.Close()
		end()
		serving.Wait()
	})
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Add(1)
			go func() {
				defer serving.Done()
				defer context.AfterFunc(over, func() { connection.Close() })()
				server.serve(connection, answer)
			}()
		}
	}()
	return server
}

func (s *rawServer) serve(connection net.Conn, answer func(net.Conn, *http.Request) bool) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		s.lock.Lock()
		s.requests = append(s.requests, request)
		s.lock.Unlock()
		if !answer(connection, request) {
			return
		}
	}
}

// seen is how many renewals and other requests have arrived.
func (s *rawServer) seen() (renewals, others int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, request := range s.requests {
		if isRenewal(request) {
			renewals++
		} else {
			others++
		}
	}
	return renewals, others
}

func isRenewal(request *http.Request) bool {
	return strings.HasSuffix(request.URL.Path, "/appAuth")
}

func reply(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// newDue is a transport whose token is due but still valid.
func newDue(t *testing.T, apiPath string) *Transport {
	t.Helper()
	auth := tokenOf(t, time.Time{})
	if err := auth.SetAPIPath(apiPath); err != nil {
		t.Fatal(err)
	}
	headers, err := auth.Headers(http.MethodGet, "/")
	if err != nil {
		t.Fatal(err)
	}
	if advice, err := auth.Review(headers, http.StatusUnauthorized, "", nil); advice != Retry || err != nil {
		t.Fatal(advice, err)
	}
	return &Transport{Auth: auth, Base: http.DefaultTransport.(*http.Transport).Clone()}
}

func get(t *testing.T, transport *Transport, url string) (*http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err == nil {
		t.Cleanup(func() { response.Body.Close() })
	}
	return response, err
}

func TestARenewalThatIsAnsweredWith101Ends(t *testing.T) {
	closed := make(chan error, 1)
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		if !isRenewal(request) {
			_, _ = io.WriteString(connection, reply(200, "{}"))
			return true
		}
		_, _ = io.WriteString(connection, "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_, err := connection.Read(make([]byte, 1)) // until the client closes
		closed <- err
		return false
	})
	transport := newDue(t, server.url+"/api")
	renewals := make(chan error, 1)
	transport.OnEvent = func(event Event) { renewals <- event.Err }
	response, err := get(t, transport, server.url+"/api/x")
	if err != nil || response.StatusCode != 200 {
		t.Fatal(response, err)
	}
	if err := <-renewals; !errors.Is(err, ErrRenewalBadResponse) {
		t.Error(err)
	}
	if err := <-closed; !errors.Is(err, io.EOF) {
		t.Error("the connection stays open:", err)
	}
}

func TestAnAnswerCountsAlthoughItsTransferFails(t *testing.T) {
	chunked := "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n", len(goodAnswer), goodAnswer)
	for name, answer := range map[string]string{
		"no last chunk":                 chunked,
		"no chunk":                      chunked + "x\r\n",
		"a bad trailer":                 chunked + "0\r\nno trailer\r\n\r\n",
		"a Content-Length one too long": strings.Replace(reply(200, goodAnswer+"x"), "}x", "}", 1),
	} {
		t.Run(name, func(t *testing.T) {
			server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
				if isRenewal(request) {
					_, _ = io.WriteString(connection, answer)
					return false
				}
				_, _ = io.WriteString(connection, reply(200, request.Header.Get("Authorization")))
				return true
			})
			transport := newDue(t, server.url+"/api")
			response, err := get(t, transport, server.url+"/api/x")
			if err != nil {
				t.Fatal(err)
			}
			if sent, _ := io.ReadAll(response.Body); string(sent) != "TC-Token the-next-token" {
				t.Errorf("the new token is lost: %s", sent)
			}
		})
	}
}

func TestAHostThatNamesAnotherServerIsRefused(t *testing.T) {
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		_, _ = io.WriteString(connection, reply(200, "{}"))
		return true
	})
	transport := newDue(t, server.url+"/api")
	renewed := false
	transport.OnEvent = func(Event) { renewed = true }
	host := strings.TrimPrefix(server.url, "http://")
	for _, other := range []string{"evil.example", "127.0.0.1:1", "evil.example:80"} {
		request, _ := http.NewRequest(http.MethodGet, server.url+"/api/x", nil)
		request.Host = other
		if _, err := transport.RoundTrip(request); !errors.Is(err, ErrOtherOrigin) {
			t.Error(other, err)
		}
	}
	for _, broken := range []string{host + "?", host + "#", host + "/", host + `\`, "u:p@" + host} {
		for _, request := range []*http.Request{
			{URL: &url.URL{Scheme: "http", Host: broken, Path: "/api/x"}},
			{URL: &url.URL{Scheme: "http", Host: host, Path: "/api/x"}, Host: broken},
		} {
			if _, err := transport.RoundTrip(request); !errors.Is(err, ErrInvalidURIForm) {
				t.Error(broken, err)
			}
		}
	}
	if renewals, others := server.seen(); renewals+others > 0 || renewed {
		t.Errorf("%d renewals and %d requests were sent", renewals, others)
	}
	request, _ := http.NewRequest(http.MethodGet, server.url+"/api/x", nil)
	request.Host = strings.ToUpper(host)
	request.Header.Set("Host", "ignored.example") // by net/http
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got := server.requests[len(server.requests)-1].Host; got != host {
		t.Error(got)
	}
}

func TestAForeignURLCausesNoRenewal(t *testing.T) {
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		_, _ = io.WriteString(connection, reply(200, "{}"))
		return true
	})
	transport := newDue(t, server.url+"/api")
	if _, err := get(t, transport, "http://evil.example/api/x"); !errors.Is(err, ErrOtherOrigin) {
		t.Error(err)
	}
	if renewals, _ := server.seen(); renewals > 0 {
		t.Error("a renewal was sent")
	}
}

// The transport of httptest uses HTTP/2, and a copy of it would use the same connections.
func TestARenewalHasAnHTTP1ConnectionOfItsOwn(t *testing.T) {
	auth := tokenOf(t, time.Time{})
	p, transport := newPlatform(t, auth)
	remote := make(map[bool]string)
	p.on(func(writer http.ResponseWriter, request *http.Request) {
		remote[isRenewal(request)] = request.RemoteAddr + " " + request.Proto
		if isRenewal(request) {
			_, _ = io.WriteString(writer, goodAnswer)
		}
	})
	for range 2 {
		response, err := get(t, transport, p.URL+"/api/x")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		headers, _ := auth.Headers(http.MethodGet, "/")
		_, _ = auth.Review(headers, http.StatusUnauthorized, "", nil)
	}
	kept, own := remote[false], remote[true]
	if !strings.HasSuffix(kept, "HTTP/2.0") || !strings.HasSuffix(own, "HTTP/1.1") || own == kept {
		t.Error(remote)
	}
}

func TestTrailersArrive(t *testing.T) {
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		_, _ = io.WriteString(connection, reply(200, request.Trailer.Get("Digest")))
		return true
	})
	auth := newHMAC(t)
	if err := auth.SetAPIPath(server.url + "/api"); err != nil {
		t.Fatal(err)
	}
	request, _ := http.NewRequest(http.MethodPost, server.url+"/api/x", nil)
	request.Trailer = http.Header{"Digest": nil}
	request.Body = io.NopCloser(io.MultiReader(strings.NewReader("body"), readerFunc(func([]byte) (int, error) {
		request.Trailer.Set("Digest", "x=y")
		return 0, io.EOF
	})))
	response, err := (&Transport{Auth: auth}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, _ := io.ReadAll(response.Body); string(got) != "x=y" {
		t.Errorf("%q", got)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(buffer []byte) (int, error) { return f(buffer) }

func TestALongRefusalDoesNotKeepTheConnectionOfTheRenewal(t *testing.T) {
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		switch {
		case isRenewal(request):
			_, _ = io.WriteString(connection, reply(200, goodAnswer))
		case strings.HasSuffix(request.Header.Get("Authorization"), "the-next-token"):
			_, _ = io.WriteString(connection, reply(200, "{}"))
		default:
			_, _ = io.WriteString(connection, reply(401, unauthorized+strings.Repeat(" ", 1<<20)))
		}
		return true
	})
	auth := tokenOf(t, time.Time{})
	if err := auth.SetAPIPath(server.url + "/api"); err != nil {
		t.Fatal(err)
	}
	one := http.DefaultTransport.(*http.Transport).Clone()
	one.MaxConnsPerHost = 1
	base := roundTripper(one.RoundTrip)
	response, err := get(t, &Transport{Auth: auth, Base: base, RenewalBase: base}, server.url+"/api/x")
	if err != nil || response.StatusCode != 200 {
		t.Fatal(response, err)
	}
}

func TestAPanicStaysWithTheRequest(t *testing.T) {
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		_, _ = io.WriteString(connection, reply(200, goodAnswer))
		return true
	})
	base := roundTripper(func(request *http.Request) (*http.Response, error) {
		panic(request.URL.String())
	})
	transport := newDue(t, server.url+"/api")
	renewals := make(chan error, 1)
	transport.RenewalBase, transport.OnEvent = base, func(event Event) { renewals <- event.Err }
	if _, err := get(t, transport, server.url+"/api/x"); err != nil {
		t.Error(err)
	}
	if err := <-renewals; !errors.Is(err, ErrNoAnswer) {
		t.Error(err)
	}

	transport = newDue(t, server.url+"/api")
	transport.OnEvent = func(Event) { panic("of the application") }
	func() {
		defer func() {
			if got := recover(); got != "of the application" {
				t.Error(got)
			}
		}()
		_, _ = get(t, transport, server.url+"/api/x")
	}()
	if _, err := get(t, transport, server.url+"/api/x"); err != nil {
		t.Error("nobody else is concerned:", err)
	}
}

// A refusal that is cut, or does not end, is reviewed with what has arrived. The caller gets that and then the error.
func TestARefusalNeedNotBeWhole(t *testing.T) {
	reviewTimeout = 300 * time.Millisecond
	defer func() { reviewTimeout = 10 * time.Second }()
	for _, ends := range []bool{true, false} {
		for _, body := range []string{unauthorized, `{"message":"Access Denied"}`} {
			goOn := make(chan struct{})
			server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
				switch {
				case isRenewal(request):
					_, _ = io.WriteString(connection, reply(200, goodAnswer))
				case strings.HasSuffix(request.Header.Get("Authorization"), "the-next-token"):
					_, _ = io.WriteString(connection, reply(200, "{}"))
				default:
					_, _ = io.WriteString(connection, strings.TrimSuffix(reply(401, body+" more"), " more"))
					if !ends {
						<-goOn
						_, _ = io.WriteString(connection, " mo")
					}
					return false
				}
				return true
			})
			transport := newDue(t, server.url+"/api")
			headers, _ := transport.Auth.Headers(http.MethodGet, "/")
			_ = transport.Auth.UpdateToken("another", time.Time{})
			_, _ = transport.Auth.Review(headers, http.StatusUnauthorized, "", nil)
			response, err := get(t, transport, server.url+"/api/x")
			close(goOn)
			if err != nil {
				t.Fatal(ends, body, err)
			}
			if body == unauthorized {
				if response.StatusCode != 200 {
					t.Error(ends, response.Status)
				}
				continue
			}
			want := body
			if !ends {
				want += " mo"
			}
			got, err := io.ReadAll(response.Body)
			if response.StatusCode != 401 || string(got) != want || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v %s %q %v", ends, response.Status, got, err)
			}
		}
	}
}

func TestABodyThatPanicsFailsTheRequestAlone(t *testing.T) {
	auth := newHMAC(t)
	if err := auth.SetAPIPath("https://company.example/api"); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]io.ReadCloser{
		"none":   nil,
		"panics": io.NopCloser(readerFunc(func([]byte) (int, error) { panic("of the body") })),
	} {
		transport := &Transport{Auth: auth, Base: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 403, Body: body}, nil
		})}
		response, err := get(t, transport, "https://company.example/api/x")
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := io.ReadAll(response.Body); (err != nil) != (body != nil) {
			t.Error(name, err)
		}
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		answer := reply(401, unauthorized+strings.Repeat(" ", 1<<20))
		if isRenewal(request) {
			answer = "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
		}
		_, _ = io.WriteString(connection, answer)
		return false
	})
	before := runtime.NumGoroutine()
	for range 20 {
		transport := newDue(t, server.url+"/api")
		response, err := get(t, transport, server.url+"/api/x")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		transport.CloseIdleConnections()
	}
	for range 100 {
		if runtime.NumGoroutine() <= before+2 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

// net/http sends these headers in addition to its own, and a proxy may use either.
func TestAHostHeaderInAnotherSpellingIsRefused(t *testing.T) {
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		_, _ = io.WriteString(connection, reply(200, "{}"))
		return true
	})
	transport := newDue(t, server.url+"/api")
	for _, name := range []string{"host", "HOST", "hOST"} {
		request, _ := http.NewRequest(http.MethodGet, server.url+"/api/x", nil)
		request.Header[name] = []string{request.Host, "evil.example"}
		if _, err := transport.RoundTrip(request); !errors.Is(err, ErrOtherOrigin) {
			t.Error(name, err)
		}
	}
	if renewals, others := server.seen(); renewals+others > 0 {
		t.Errorf("%d renewals and %d requests were sent", renewals, others)
	}
}

func TestARenewalSpeaksWhatADialerHasAgreedOn(t *testing.T) {
	p, transport := newPlatform(t, tokenOf(t, time.Now().Add(-time.Minute)))
	var lock sync.Mutex
	remote := make(map[string]bool)
	p.on(func(writer http.ResponseWriter, request *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		remote[request.RemoteAddr] = true
		if isRenewal(request) {
			_, _ = io.WriteString(writer, goodAnswer)
		}
	})
	config := p.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos, config.ServerName = []string{"h2"}, "127.0.0.1"
	base := &http.Transport{
		ForceAttemptHTTP2: true,
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&tls.Dialer{Config: config}).DialContext(ctx, network, address)
		},
	}
	defer base.CloseIdleConnections()
	transport.Base = base
	if _, err := get(t, transport, p.URL+"/api/x"); err != nil {
		t.Error(err)
	}
	lock.Lock()
	defer lock.Unlock()
	if len(remote) != 2 {
		t.Error("the renewal had no connection of its own")
	}
}

// Some bodies don't end with the context. A request whose context has ended can't be sent again.
func TestARequestThatIsCancelledCausesNoRenewal(t *testing.T) {
	var server *rawServer
	release := make(chan struct{})
	defer close(release)
	server = newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		_, _ = io.WriteString(connection, strings.TrimSuffix(reply(401, unauthorized+" more"), " more"))
		<-release
		return false
	})
	transport := newDue(t, server.url+"/api")
	headers, _ := transport.Auth.Headers(http.MethodGet, "/")
	_ = transport.Auth.UpdateToken("another", time.Time{})
	_, _ = transport.Auth.Review(headers, http.StatusUnauthorized, "", nil)
	ctx, cancel := context.WithCancel(context.Background())
	transport.Base = roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := http.DefaultTransport.RoundTrip(request.WithContext(context.Background()))
		if err == nil {
			source, length := response.Body, 0
			response.Body = struct {
				io.Reader
				io.Closer
			}{readerFunc(func(buffer []byte) (int, error) {
				if length == len(unauthorized) { // everything that arrives was read
					cancel()
				}
				count, err := source.Read(buffer)
				length += count
				return count, err
			}), source}
		}
		return response, err
	})
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.url+"/api/x", nil)
	start := time.Now()
	response, err := transport.RoundTrip(request)
	if err != nil || response.StatusCode != 401 || time.Since(start) > 5*time.Second {
		t.Fatal(response, err, time.Since(start))
	}
	got := make([]byte, len(unauthorized))
	if _, err := io.ReadFull(response.Body, got); string(got) != unauthorized {
		t.Errorf("%q %v", got, err)
	}
	response.Body.Close()
	if _, err := transport.RoundTrip(request); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if renewals, others := server.seen(); renewals != 0 || others != 1 {
		t.Errorf("%d renewals and %d requests were sent", renewals, others)
	}
}

// Two bodies that set the trailers at the same time would end the process: concurrent writes to a map.
func TestARequestWithTrailersIsSentOnce(t *testing.T) {
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		_, _ = io.WriteString(connection, reply(401, unauthorized))
		return true
	})
	auth := tokenOf(t, time.Time{})
	if err := auth.SetAPIPath(server.url + "/api"); err != nil {
		t.Fatal(err)
	}
	request, _ := http.NewRequest(http.MethodPost, server.url+"/api/x", strings.NewReader("body"))
	request.ContentLength, request.Trailer = -1, http.Header{"Digest": {"x=y"}}
	response, err := (&Transport{Auth: auth}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if renewals, others := server.seen(); response.StatusCode != 401 || renewals != 0 || others != 1 {
		t.Error(response.Status, renewals, others)
	}
}

func TestAnAnswerCountsAlthoughItsEndPanics(t *testing.T) {
	auth := tokenOf(t, time.Now().Add(-time.Minute))
	if err := auth.SetAPIPath("https://company.example/api"); err != nil {
		t.Fatal(err)
	}
	transport := &Transport{Auth: auth, Base: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}), RenewalBase: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: panicking{strings.NewReader(goodAnswer)}}, nil
	})}
	if _, err := get(t, transport, "https://company.example/api/x"); err != nil {
		t.Error(err)
	}
}

// panicking is a body that panics at its end, and in Close.
type panicking struct{ io.Reader }

func (p panicking) Read(buffer []byte) (int, error) {
	count, err := p.Reader.Read(buffer)
	if err != nil {
		panic("of the body")
	}
	return count, nil
}

func (panicking) Close() error { panic("of the body, when it is closed") }

// A panic in the application's functions must not leave a body, and with it a connection, open.
func TestAPanicOfTheApplicationLeavesNoBodyOpen(t *testing.T) {
	for _, during := range []string{"renewal", "refusal"} {
		auth := tokenOf(t, time.Time{})
		if during == "renewal" {
			auth = tokenOf(t, time.Now().Add(-time.Minute))
		}
		if err := auth.SetAPIPath("https://company.example/api"); err != nil {
			t.Fatal(err)
		}
		sent, answer := &closeCounter{Reader: strings.NewReader("")}, &closeCounter{Reader: strings.NewReader(unauthorized)}
		base := roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 403, Body: answer}, nil
		})
		transport := &Transport{
			Auth: auth, Base: base, RenewalBase: base,
			OnEvent: func(Event) { panic("of the application") },
		}
		request, _ := http.NewRequest(http.MethodPost, "https://company.example/api/x", sent)
		func() {
			defer func() {
				if got := recover(); got != "of the application" {
					t.Error(during, got)
				}
			}()
			_, _ = transport.RoundTrip(request)
		}()
		if answer.closed.Load() != 1 || during == "renewal" && sent.closed.Load() == 0 {
			t.Error(during, "sent:", sent.closed.Load(), "answer:", answer.closed.Load())
		}
	}
}

// Such a body has ended for its reader, but still holds its connection.
func TestARefusalWithABrokenBodyGivesUpItsConnection(t *testing.T) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = io.WriteString(writer, unauthorized)
	writer.Close()
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		answer := reply(200, goodAnswer)
		if !isRenewal(request) && !strings.HasSuffix(request.Header.Get("Authorization"), "the-next-token") {
			answer = reply(401, packed.String()+strings.Repeat("no gzip", 1<<16))
			answer = strings.Replace(answer, "\r\n", "\r\nContent-Encoding: gzip\r\n", 1)
		}
		_, _ = io.WriteString(connection, answer)
		return true
	})
	one := http.DefaultTransport.(*http.Transport).Clone()
	one.MaxConnsPerHost = 1
	defer one.CloseIdleConnections()
	auth := tokenOf(t, time.Time{})
	if err := auth.SetAPIPath(server.url + "/api"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	base := roundTripper(one.RoundTrip)
	response, err := get(t, &Transport{Auth: auth, Base: base, RenewalBase: base}, server.url+"/api/x")
	if err != nil || response.StatusCode != 200 || time.Since(start) > 10*time.Second {
		t.Error(response, err, time.Since(start))
	}
}

func TestABaseThatHangsKeepsNobody(t *testing.T) {
	renewalPatience = 100 * time.Millisecond
	release := make(chan struct{})
	defer func() {
		close(release)
		renewalPatience = 60 * time.Second
	}()
	transport := newDue(t, "https://company.example/api")
	transport.RenewalBase = roundTripper(func(*http.Request) (*http.Response, error) {
		<-release
		return nil, io.EOF
	})
	ended := make(chan error, 1)
	go func() {
		_, err := transport.RoundTrip(&http.Request{URL: &url.URL{Scheme: "https", Host: "company.example", Path: "/"}})
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != ErrRenewalTimeout {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it hangs")
	}
}

// net/http logs data that comes on a kept connection without a request: here that is a token.
func TestNothingOfARenewalIsLogged(t *testing.T) {
	var logged bytes.Buffer
	var lock sync.Mutex
	log.SetOutput(writerFunc(func(text []byte) (int, error) {
		lock.Lock()
		defer lock.Unlock()
		return logged.Write(text)
	}))
	defer log.SetOutput(os.Stderr)
	closed := make(chan error, 1)
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		if !isRenewal(request) {
			_, _ = io.WriteString(connection, reply(200, "{}"))
			return true
		}
		if request.Header.Get("Accept-Encoding") != "identity" {
			t.Error(request.Header)
		}
		_, _ = io.WriteString(connection, reply(200, goodAnswer)+goodAnswer)
		_ = connection.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err := connection.Read(make([]byte, 1))
		closed <- err
		return false
	})
	transport := newDue(t, server.url+"/api")
	transport.RenewalBase = roundTripper(transport.Base.RoundTrip)
	if _, err := get(t, transport, server.url+"/api/x"); err != nil {
		t.Error(err)
	}
	<-closed
	lock.Lock()
	defer lock.Unlock()
	if strings.Contains(logged.String(), "the-next-token") {
		t.Error(logged.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(text []byte) (int, error) { return f(text) }
