package tcauth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A platform is a server that verifies each request with the handle that it was signed with, over TLS and HTTP/2.
type platform struct {
	*httptest.Server
	auth    *Auth
	renewed atomic.Int32

	lock    sync.Mutex
	handler http.HandlerFunc
}

func (p *platform) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if strings.HasSuffix(request.URL.Path, "/appAuth") {
		p.renewed.Add(1)
	}
	p.lock.Lock()
	handler := p.handler
	p.lock.Unlock()
	handler(writer, request)
}

func (p *platform) on(handler http.HandlerFunc) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.handler = handler
}

// verified answers a valid request with 200.
func (p *platform) verified(writer http.ResponseWriter, request *http.Request) {
	header := request.Header
	err := p.auth.Verify(request.Method, request.RequestURI, header.Get("Authorization"), header.Get("Timestamp"),
		time.Time{}, time.Minute)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusTeapot)
		return
	}
	_, _ = io.Copy(writer, request.Body)
}

func newPlatform(t *testing.T, auth *Auth) (*platform, *Transport) {
	t.Helper()
	p := &platform{auth: auth}
	p.handler = p.verified
	p.Server = httptest.NewUnstartedServer(p)
	p.EnableHTTP2 = true
	p.StartTLS()
	t.Cleanup(p.Close)
	if err := auth.SetAPIPath(p.URL + "/api"); err != nil {
		t.Fatal(err)
	}
	return p, &Transport{Auth: auth, Base: p.Client().Transport}
}

func tokenOf(t *testing.T, expires time.Time) *Auth {
	t.Helper()
	auth, err := NewToken(token, expires)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { auth.Close() })
	return auth
}

func TestTransportSignsWhatIsSent(t *testing.T) {
	p, transport := newPlatform(t, newHMAC(t))
	client := &http.Client{Transport: transport}
	for _, target := range []string{"", "/", "/api/v3//x/../y;z/%7e%2F!'()*?q=a+b%20c&&empty=", "/é?q=|", "/a?#fragment", "?"} {
		for _, protocol := range []int{1, 2} {
			base := p.Client().Transport.(*http.Transport).Clone()
			if protocol == 1 {
				base.ForceAttemptHTTP2, base.TLSClientConfig.NextProtos = false, nil
			}
			transport.Base = base
			response, err := client.Post(p.URL+target, "text/plain", strings.NewReader("body"))
			if err != nil {
				t.Fatal(target, err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != 200 || string(body) != "body" || response.ProtoMajor != protocol {
				t.Errorf("%q: HTTP/%d %s %s", target, response.ProtoMajor, response.Status, body)
			}
		}
	}
}

func TestTransportLeavesTheRequestAlone(t *testing.T) {
	p, transport := newPlatform(t, newHMAC(t))
	request, _ := http.NewRequest("", p.URL+"/api", nil)
	request.Method = "" // net/http takes it as GET
	request.Header = http.Header{"Authorization": {"Basic mine"}, "authorization": {"Basic mine"}, "timeStamp": {"1"}}
	p.on(func(writer http.ResponseWriter, request *http.Request) {
		if len(request.Header["Authorization"]) != 1 || len(request.Header["Timestamp"]) != 1 {
			t.Error(request.Header)
		}
		p.verified(writer, request)
	})
	response, err := transport.RoundTrip(request)
	if err != nil || response.StatusCode != 200 || request.Header.Get("Authorization") != "Basic mine" ||
		len(request.Header) != 3 || response.Request != request {
		t.Error(response, err, request.Header)
	}
	response.Body.Close()
	bare := &http.Request{URL: request.URL}
	if response, err = transport.RoundTrip(bare); err != nil || bare.Header != nil {
		t.Error(err)
	}
	response.Body.Close()
}

func TestTransportSignsARedirectAnewAndNotElsewhere(t *testing.T) {
	p, transport := newPlatform(t, newHMAC(t))
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	p.on(func(writer http.ResponseWriter, request *http.Request) {
		if to := request.URL.Query().Get("to"); to != "" {
			http.Redirect(writer, request, to, http.StatusTemporaryRedirect)
			return
		}
		p.verified(writer, request)
	})
	client := &http.Client{Transport: transport}
	response, err := client.Get(p.URL + "/api/a?to=/api/b?c=d")
	if err != nil || response.StatusCode != 200 || response.Request.URL.Path != "/api/b" {
		t.Error(response, err)
	}
	response.Body.Close()
	if _, err = client.Get(p.URL + "/api/a?to=" + other.URL); !errors.Is(err, ErrOtherOrigin) || elsewhere.Load() != 0 {
		t.Error(err, elsewhere.Load())
	}
}

type closeCounter struct {
	io.Reader
	closed atomic.Int32
}

func (c *closeCounter) Close() error {
	c.closed.Add(1)
	return nil
}

// Nothing is sent to a server that was not compared with the API path.
func TestTransportOfURLsMadeByHand(t *testing.T) {
	auth, err := NewToken(token, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := auth.SetAPIPath("http://127.0.0.1:43210/api"); err != nil {
		t.Fatal(err)
	}
	transport := &Transport{Auth: auth, Base: roundTripper(func(request *http.Request) (*http.Response, error) {
		t.Errorf("sent to %s: %s", request.URL.Host, request.URL)
		return nil, io.EOF
	})}
	for _, made := range []*url.URL{
		nil,
		{Scheme: "http", Host: "127.0.0.1:4321", Path: "0/api/x"},
		{Scheme: "http", Host: "evil.example", Opaque: "@127.0.0.1:43210/api/x"},
		{Scheme: "http", Host: "evil.example", Opaque: "//127.0.0.1:43210/api/x"},
		{Scheme: "http", Host: "evil.example", Path: "/api/x"},
		{Scheme: "https", Host: "127.0.0.1:43210", Path: "/api/x"},
		{Scheme: "ftp", Host: "127.0.0.1:43210", Path: "/api/x"},
		{Scheme: "http", Host: "127.0.0.1:43210", Path: "/api/x", RawQuery: "a=b#c"},
		{Path: "/api/x"},
		{},
	} {
		body := &closeCounter{Reader: strings.NewReader("body")}
		_, err := transport.RoundTrip(&http.Request{Method: "POST", URL: made, Body: body})
		if err == nil || body.closed.Load() == 0 {
			t.Error(made, err, body.closed.Load())
		}
	}
}

// Both would end the program, or the request, without a word.
func TestTransportWithAWrongBase(t *testing.T) {
	auth := newHMAC(t)
	if err := auth.SetAPIPath("https://company.example/api"); err != nil {
		t.Fatal(err)
	}
	silent := roundTripper(func(*http.Request) (*http.Response, error) { return nil, nil })
	own := &Transport{Auth: auth}
	own.Base = own
	for want, transport := range map[error]*Transport{
		ErrInvalidArgument: own,
		ErrNullArgument:    {Auth: auth, Base: silent},
	} {
		_, err := (&http.Client{Transport: transport}).Get("https://company.example/api/v3")
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "Base") {
			t.Error(err)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	return r(request)
}

func TestTransportPassesOnCloseIdleConnections(t *testing.T) {
	p, transport := newPlatform(t, newHMAC(t))
	counted := &idleCounter{RoundTripper: p.Client().Transport}
	transport.Base = counted
	(&http.Client{Transport: transport}).CloseIdleConnections()
	(&http.Client{Transport: &Transport{Base: roundTripper(nil)}}).CloseIdleConnections()
	if counted.closed != 1 {
		t.Error(counted.closed)
	}
}

type idleCounter struct {
	http.RoundTripper
	closed int
}

func (c *idleCounter) CloseIdleConnections() {
	c.closed++
}

func TestTransportClosesBodies(t *testing.T) {
	auth := newHMAC(t)
	p, transport := newPlatform(t, auth)
	for _, test := range []struct {
		name      string
		transport *Transport
		url       string
		want      error
	}{
		{"another server", transport, "https://other.example/", ErrOtherOrigin},
		{"no handle", &Transport{}, p.URL, ErrNullArgument},
		{"no API path", &Transport{Auth: newHMAC(t)}, p.URL, ErrAPIPathMissing},
		{"sent", transport, p.URL, nil},
	} {
		body := &closeCounter{Reader: strings.NewReader("body")}
		request, _ := http.NewRequest("POST", test.url, body)
		response, err := test.transport.RoundTrip(request)
		if !errors.Is(err, test.want) {
			t.Error(test.name, err)
		}
		if err == nil {
			response.Body.Close()
		}
		if body.closed.Load() == 0 {
			t.Error(test.name, "the body was not closed")
		}
	}
}

// If the second attempt can't be signed, its body is closed.
func TestTransportClosesTheBodyOfASecondAttempt(t *testing.T) {
	auth := tokenOf(t, time.Time{})
	p, transport := newPlatform(t, auth)
	again := &closeCounter{Reader: strings.NewReader("body")}
	request, _ := http.NewRequest("POST", p.URL+"/api", strings.NewReader("body"))
	request.GetBody = func() (io.ReadCloser, error) {
		auth.Close()
		return again, nil
	}
	p.on(func(writer http.ResponseWriter, request *http.Request) {
		http.Error(writer, "Unauthorized", http.StatusUnauthorized)
	})
	response, err := transport.RoundTrip(request)
	if err != nil || response.StatusCode != 401 || again.closed.Load() != 1 {
		t.Error(response, err, again.closed.Load())
	}
	response.Body.Close()
}

// If there can be no second attempt, the caller gets the first response.
func TestTransportReturnsTheRefusal(t *testing.T) {
	auth := tokenOf(t, time.Time{})
	p, transport := newPlatform(t, auth)
	p.on(func(writer http.ResponseWriter, request *http.Request) {
		auth.Close() // the second attempt can't be signed
		http.Error(writer, "Unauthorized", http.StatusUnauthorized)
	})
	var advice Advice
	transport.OnEvent = func(event Event) { advice = event.Advice }
	response, err := (&http.Client{Transport: transport}).Get(p.URL + "/api")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "Unauthorized\n" || advice != Unknown {
		t.Errorf("%q %v", body, advice)
	}
}

func TestTransportTriesTwiceAtMost(t *testing.T) {
	p, transport := newPlatform(t, tokenOf(t, time.Time{}))
	var sent atomic.Int32
	p.on(func(writer http.ResponseWriter, request *http.Request) {
		if strings.HasSuffix(request.URL.Path, "/appAuth") {
			_, _ = io.WriteString(writer, `{"success": true, "apiToken": "new"}`)
			return
		}
		sent.Add(1)
		http.Error(writer, "Unauthorized", http.StatusUnauthorized)
	})
	response, err := (&http.Client{Transport: transport}).Post(p.URL+"/api", "text/plain", strings.NewReader("x"))
	if err != nil || response.StatusCode != 401 || sent.Load() != 2 || p.renewed.Load() != 1 {
		t.Error(response, err, sent.Load(), p.renewed.Load())
	}
	response.Body.Close()
}

// If the request that renews is cancelled, the others still get the new token.
func TestTransportFinishesARenewalThatNobodyWaitsFor(t *testing.T) {
	auth := tokenOf(t, time.Now().Add(-time.Minute))
	p, transport := newPlatform(t, auth)
	asked, answer := make(chan struct{}), make(chan struct{})
	p.on(func(writer http.ResponseWriter, request *http.Request) {
		if strings.HasSuffix(request.URL.Path, "/appAuth") {
			if request.Header.Get("Authorization") != "" {
				t.Error("the renewal takes no Authorization header")
			}
			close(asked)
			<-answer
			_, _ = io.WriteString(writer, `{"success": true, "apiToken": "new"}`)
			return
		}
		p.verified(writer, request)
	})
	ctx, cancel := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, "GET", p.URL+"/api", nil)
	gaveUp := make(chan error)
	go func() {
		_, err := transport.RoundTrip(request)
		gaveUp <- err
	}()
	<-asked
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	time.AfterFunc(30*time.Millisecond, func() { close(answer) })
	response, err := (&http.Client{Transport: transport}).Get(p.URL + "/api")
	if err != nil || response.StatusCode != 200 || p.renewed.Load() != 1 {
		t.Error(response, err, p.renewed.Load())
	}
	response.Body.Close()
}

func TestTransportSaysHowARenewalEnded(t *testing.T) {
	for _, test := range []struct {
		handler http.HandlerFunc
		want    error
	}{
		{func(writer http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(writer, `{"success": true, "apiToken": "new"}`)
		}, nil},
		{func(writer http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(writer, `{"success": false, "message": "no"}`)
		}, ErrRenewalRefused},
		{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrNoAnswer},
	} {
		auth := tokenOf(t, time.Now().Add(-time.Minute))
		p, transport := newPlatform(t, auth)
		p.on(test.handler)
		var ended error
		transport.OnEvent = func(event Event) { ended = event.Err }
		request, _ := http.NewRequest("GET", p.URL+"/other", nil)
		if response, err := transport.RoundTrip(request); err == nil {
			response.Body.Close()
		} else if test.want == nil || !errors.Is(err, ErrTokenExpired) {
			t.Error(err)
		}
		if !errors.Is(ended, test.want) || p.renewed.Load() != 1 {
			t.Error(ended, test.want, p.renewed.Load())
		}
	}
}

// What a request costs in addition to sending it. http.Request.Clone with two more headers makes seven.
func TestAllocationsOfARequest(t *testing.T) {
	const target = "https://company.example/api/v3/indicators?resultLimit=100&resultStart=1000"
	response := &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}
	for name, auth := range map[string]*Auth{"pair": pair(t), "token": newToken(t, time.Time{})} {
		transport := &Transport{Auth: auth, Base: roundTripper(func(*http.Request) (*http.Response, error) { return response, nil })}
		request, _ := http.NewRequest(http.MethodGet, target, nil)
		request.Header.Set("Accept", "application/json")
		request.Header.Set("User-Agent", "example")
		count := testing.AllocsPerRun(1000, func() {
			if _, err := transport.RoundTrip(request); err != nil {
				t.Error(err)
			}
		})
		if t.Log(name, count); count > 10 {
			t.Error(name, count, "allocations")
		}
	}
}

// The sent header is the base's own: what the base does with it does not reach the caller's.
func TestTheHeaderThatIsSentIsACopy(t *testing.T) {
	original := http.Header{"Accept": append(make([]string, 0, 4), "a"), "User-Agent": nil, "X": {}, "AUTHORIZATION": {"mine"}}
	before := original.Clone()
	header := Headers{"TC a:b", 7}.with(original)
	want := http.Header{"Accept": {"a"}, "User-Agent": nil, "X": {}, "Authorization": {"TC a:b"}, "Timestamp": {"7"}}
	if !reflect.DeepEqual(header, want) {
		t.Errorf("%#v", header)
	}
	for name := range header {
		header[name] = append(header[name], "added")
	}
	for name, values := range want {
		if !slices.Equal(header[name], append(values, "added")) {
			t.Error("one value has overwritten another:", header)
		}
		header[name][0] = "changed"
	}
	if !reflect.DeepEqual(original, before) || original["Accept"][:2][1] != "" {
		t.Errorf("%#v", original)
	}
	if header := (Headers{"TC-Token a", NoTimestamp}).with(http.Header{"timestamp": {"1"}}); len(header) != 1 {
		t.Errorf("%#v", header)
	}
}

func BenchmarkTransport(b *testing.B) {
	auth, err := New(Config{APIPath: "https://company.example/api", AccessID: accessID, SecretKey: secret})
	if err != nil {
		b.Fatal(err)
	}
	response := &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}
	transport := &Transport{Auth: auth, Base: roundTripper(func(*http.Request) (*http.Response, error) { return response, nil })}
	request, _ := http.NewRequest(http.MethodGet, "https://company.example/api/v3/indicators?resultLimit=100", nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := transport.RoundTrip(request); err != nil {
			b.Fatal(err)
		}
	}
}
