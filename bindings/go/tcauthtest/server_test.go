package tcauthtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tcauth"
	"example.com/tcauth/tcauthtest"
)

// A recorder collects events as the text that a log would show.
type recorder struct {
	lock   sync.Mutex
	events []string
}

func (r *recorder) record(event tcauth.Event) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.events = append(r.events, event.String())
}

func (r *recorder) take() []string {
	r.lock.Lock()
	defer r.lock.Unlock()
	events := r.events
	r.events = nil
	return events
}

func pair(t *testing.T, server *tcauthtest.Server) tcauth.Config {
	t.Helper()
	return tcauth.Config{APIPath: server.APIPath(), AccessID: tcauthtest.AccessID, SecretKey: tcauthtest.SecretKey}
}

func token(server *tcauthtest.Server) tcauth.Config {
	token, expires := server.Token()
	return tcauth.Config{APIPath: server.APIPath(), Token: token, TokenExpires: expires}
}

// newClient also returns the events.
func newClient(t *testing.T, server *tcauthtest.Server, config tcauth.Config) (*http.Client, *tcauth.Auth, *recorder) {
	t.Helper()
	auth, err := tcauth.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { auth.Close() })
	events := &recorder{}
	return &http.Client{Transport: &tcauth.Transport{
		Auth: auth, Base: server.Client().Transport, OnEvent: events.record,
	}}, auth, events
}

// send returns the status and the body, or the error.
func send(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	response, err := client.Post(url, "text/plain", strings.NewReader("body"))
	if err != nil {
		return "error"
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "error"
	}
	return fmt.Sprintf("%d %s", response.StatusCode, body)
}

const success = `200 {"status":"Success"}`

func TestBothKindsOfCredentials(t *testing.T) {
	for _, secure := range []bool{false, true} {
		server := tcauthtest.NewServer(t, tcauthtest.Options{TLS: secure})
		for _, config := range []tcauth.Config{pair(t, server), token(server)} {
			client, _, events := newClient(t, server, config)
			for _, target := range []string{"/v3/x", "/v3//x/..;/%7e%2F!'()*?q=a+b%20c&&empty=", ""} {
				if got := send(t, client, server.APIPath()+target); got != success {
					t.Error(target, got)
				}
			}
			if got := events.take(); len(got) > 0 {
				t.Error(got)
			}
		}
		if want := (tcauthtest.Stats{Verified: 6}); server.Stats() != want {
			t.Error(server.Stats())
		}
	}
}

func TestTheHandlerGetsVerifiedRequests(t *testing.T) {
	server := tcauthtest.NewServer(t, tcauthtest.Options{
		Handler: http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			writer.WriteHeader(http.StatusTeapot)
			_, _ = io.Copy(writer, request.Body)
		}),
	})
	client, _, _ := newClient(t, server, pair(t, server))
	if got := send(t, client, server.APIPath()); got != "418 body" {
		t.Error(got)
	}
	wrong := pair(t, server)
	wrong.SecretKey = "another"
	client, _, events := newClient(t, server, wrong)
	if got := send(t, client, server.APIPath()); !strings.HasPrefix(got, "401 ") {
		t.Error(got)
	}
	want := []string{"type=REFUSED advice=BAD_SIGNATURE http_status=401 method=POST path=/api"}
	if got := events.take(); !slices.Equal(got, want) {
		t.Error(got)
	}
}

// sendByHand sends what no client of the library does.
func sendByHand(t *testing.T, server *tcauthtest.Server, target string, header http.Header) (status int, body string) {
	t.Helper()
	request, err := http.NewRequest("GET", server.APIPath()+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(read)
}

// The headers of the documentation's example, from the year 2017.
func TestTheDocumentedSignature(t *testing.T) {
	server := tcauthtest.NewServer(t, tcauthtest.Options{ClockOffset: time.Until(time.Unix(1513703787, 0))})
	header := http.Header{
		"Authorization": {"TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks="}, "Timestamp": {"1513703787"},
	}
	if status, body := sendByHand(t, server, "/v3/indicators", header); status != 200 {
		t.Error(status, body)
	}
}

func TestWrongRequestsAreRefused(t *testing.T) {
	server := tcauthtest.NewServer(t, tcauthtest.Options{})
	auth, err := tcauth.New(pair(t, server))
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	headersAt := func(at time.Time) http.Header {
		headers, err := auth.HeadersAt("GET", "/api/x", at)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		headers.Set(header)
		return header
	}
	with := func(name string, values ...string) http.Header {
		header := headersAt(time.Now())
		header[name] = values
		return header
	}
	good := headersAt(time.Now()).Get("Authorization")
	current, _ := server.Token()
	for name, test := range map[string]struct {
		header  http.Header
		message string
	}{
		"good":              {headersAt(time.Now()), ""},
		"four minutes ago":  {headersAt(time.Now().Add(-4 * time.Minute)), ""},
		"six minutes ago":   {headersAt(time.Now().Add(-6 * time.Minute)), "Timestamp out of acceptable time range"},
		"in six minutes":    {headersAt(time.Now().Add(6 * time.Minute)), "Timestamp out of acceptable time range"},
		"nothing":           {http.Header{}, "Unauthorized"},
		"Basic":             {with("Authorization", "Basic x"), "Unauthorized"},
		"doubled":           {with("Authorization", good, good), "Unauthorized"},
		"another id":        {with("Authorization", "TC 1:x"), "Access Denied"},
		"no colon":          {with("Authorization", "TC x"), "Access Denied"},
		"wrong signature":   {with("Authorization", good[:len(good)-2]+"x="), "Signature data did not match expected result"},
		"no timestamp":      {with("Timestamp"), "Invalid timestamp"},
		"two timestamps":    {with("Timestamp", "1", "2"), "Invalid timestamp"},
		"no number":         {with("Timestamp", "-1"), "Invalid timestamp"},
		"another timestamp": {with("Timestamp", fmt.Sprint(time.Now().Unix()+60)), "Signature data did not match expected result"},
		"token":             {http.Header{"Authorization": {"TC-Token " + current}}, ""},
		"another token":     {http.Header{"Authorization": {"TC-Token x"}}, "Unauthorized"},
	} {
		wantStatus, wantBody := 401, `{"message":"`+test.message+`","status":"Failure"}`
		if test.message == "" {
			wantStatus, wantBody = 200, `{"status":"Success"}`
		}
		if status, body := sendByHand(t, server, "/x", test.header); status != wantStatus || body != wantBody {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if want := (tcauthtest.Stats{Verified: 3, Refused: 13}); server.Stats() != want {
		t.Error(server.Stats())
	}
}

func TestTokensAreRenewed(t *testing.T) {
	server := tcauthtest.NewServer(t, tcauthtest.Options{TokenLife: 2 * time.Second})
	first, expires := server.Token()
	if left := time.Until(expires); left > 3*time.Second || expires.Nanosecond() != 0 {
		t.Error(expires)
	}
	client, _, events := newClient(t, server, token(server))
	var happened []string
	for end := time.Now().Add(10 * time.Second); len(happened) == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got := send(t, client, server.APIPath()); got != success {
			t.Error(got)
		}
		happened = events.take()
	}
	if !slices.Equal(happened, []string{"type=RENEWED http_status=200"}) || !time.Now().Before(expires) {
		t.Error(happened, time.Until(expires))
	}
	// A client that does not renew, and renewals that no client makes.
	authorization := http.Header{"Authorization": {"TC-Token " + first}}
	for name, test := range map[string]struct {
		target string
		header http.Header
		status int
	}{
		"expired":                 {"", authorization, 401},
		"replaced":                {"/appAuth?expiredToken=" + url.QueryEscape(first), nil, 401},
		"no token":                {"/appAuth", nil, 401},
		"an Authorization header": {"/appAuth", authorization, 400},
	} {
		if status, body := sendByHand(t, server, test.target, test.header); status != test.status {
			t.Error(name, status, body)
		}
	}
}

func TestFaultsOfRequests(t *testing.T) {
	server := tcauthtest.NewServer(t, tcauthtest.Options{})
	renewed, retried := "type=RENEWED http_status=200", "type=RETRIED advice=RETRY http_status=401 method=POST path=/api"
	for name, test := range map[string]struct {
		fault  tcauthtest.Fault
		answer string
		events []string
	}{
		"drop":         {tcauthtest.Drop, "error", nil},
		"lose":         {tcauthtest.Lose, "error", nil},
		"unavailable":  {tcauthtest.Unavailable, "503 <html><body><h1>503 Service Unavailable</h1></body></html>", nil},
		"unauthorized": {tcauthtest.Unauthorized, success, []string{renewed, retried}},
		"denied": {tcauthtest.AccessDenied, `403 {"message":"Access Denied","status":"Failure"}`,
			[]string{"type=REFUSED advice=ACCESS_DENIED http_status=403 method=POST path=/api"}},
		"delay": {tcauthtest.Delay(10 * time.Millisecond), success, nil},
	} {
		client, _, events := newClient(t, server, token(server))
		server.Fail(test.fault)
		if got := send(t, client, server.APIPath()); got != test.answer {
			t.Error(name, got)
		}
		if got := events.take(); !slices.Equal(got, test.events) {
			t.Error(name, got)
		}
		if got := send(t, client, server.APIPath()); got != success {
			t.Error(name, "lasts:", got)
		}
	}
}

// An outage: the server closes while it holds a request back, and while the body of another one does not end.
func TestCloseWaitsForNoRequest(t *testing.T) {
	server := tcauthtest.NewServer(t, tcauthtest.Options{})
	client, _, _ := newClient(t, server, token(server))
	server.Fail(tcauthtest.Delay(time.Hour))
	answers := make(chan string)
	go func() { answers <- send(t, client, server.APIPath()) }()
	body, never := io.Pipe()
	go func() {
		response, err := client.Post(server.APIPath(), "text/plain", body)
		if err == nil {
			response.Body.Close()
		}
		answers <- "endless"
	}()
	time.Sleep(100 * time.Millisecond) // until both have arrived
	start := time.Now()
	server.Close()
	if took := time.Since(start); took > 5*time.Second {
		t.Error(took)
	}
	never.CloseWithError(io.EOF) // the client waits for its body
	<-answers
	<-answers
}

func TestFaultsOfRenewals(t *testing.T) {
	for name, test := range map[string]struct {
		fault tcauthtest.Fault
		event string
	}{
		"drop":        {tcauthtest.Drop, `type=RENEWAL_FAILED error="tcauth: there was no answer to the renewal of the token"`},
		"lose":        {tcauthtest.Lose, `type=RENEWAL_FAILED error="tcauth: there was no answer to the renewal of the token"`},
		"unavailable": {tcauthtest.Unavailable, "type=RENEWAL_FAILED http_status=503 status=RENEWAL_BAD_RESPONSE"},
		"refuse": {tcauthtest.RefuseRenewal,
			`type=RENEWAL_FAILED http_status=200 status=RENEWAL_REFUSED message="This token may not be renewed"`},
		"delay": {tcauthtest.Delay(10 * time.Millisecond), "type=RENEWED http_status=200"},
	} {
		server := tcauthtest.NewServer(t, tcauthtest.Options{})
		client, auth, events := newClient(t, server, token(server))
		before, _ := server.Token()
		server.ExpireToken()
		server.FailRenewals(test.fault)
		if got, works := send(t, client, server.APIPath()), name == "delay"; works != (got == success) {
			t.Error(name, got)
		}
		if got := events.take(); len(got) == 0 || got[0] != test.event {
			t.Error(name, got)
		}
		after, _ := server.Token()
		if replaced := name == "delay" || name == "lose"; replaced != (before != after) || server.Stats().Renewals != 1 {
			t.Error(name, server.Stats())
		}
		if name == "refuse" {
			if state, _, err := auth.TokenState(); state != tcauth.StateRefused || err != nil {
				t.Error(state, err)
			}
		}
	}
}

// A fault may ask the server, and the end of the test ends a delay.
func TestAFaultOfOnesOwn(t *testing.T) {
	ended := make(chan error, 1)
	t.Run("test", func(t *testing.T) {
		server := tcauthtest.NewServer(t, tcauthtest.Options{})
		client, _, _ := newClient(t, server, token(server))
		server.Fail(func(next http.Handler) http.Handler {
			current, _ := server.Token()
			if !strings.HasPrefix(current, "API:1:") {
				t.Error(current)
			}
			return next
		}, tcauthtest.Delay(20*time.Second))
		if got := send(t, client, server.APIPath()); got != success {
			t.Error(got)
		}
		sent := make(chan struct{})
		go func() {
			close(sent)
			_, err := client.Get(server.APIPath())
			ended <- err
		}()
		<-sent
		time.Sleep(50 * time.Millisecond)
	})
	select {
	case err := <-ended:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(10 * time.Second):
		t.Error("it hangs")
	}
}

// A wrong clock is corrected with the server's Date, which counts over TLS only.
func TestAWrongClock(t *testing.T) {
	for _, secure := range []bool{false, true} {
		server := tcauthtest.NewServer(t, tcauthtest.Options{ClockOffset: time.Hour, TLS: secure})
		client, auth, _ := newClient(t, server, pair(t, server))
		got := send(t, client, server.APIPath())
		offset, err := auth.ClockOffset()
		if err != nil || secure != (got == success) || secure != (offset > 59*time.Minute) {
			t.Error(secure, got, offset, err)
		}
	}
}

var t *testing.T

func ExampleNewServer() {
	// In a test, t is its *testing.T.
	server := tcauthtest.NewServer(t, tcauthtest.Options{TokenLife: time.Minute})
	token, expires := server.Token()
	auth, err := tcauth.New(tcauth.Config{APIPath: server.APIPath(), Token: token, TokenExpires: expires})
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()

	// The program that is tested must survive a token that expires too early, and one renewal that fails.
	server.ExpireToken()
	server.FailRenewals(tcauthtest.Unavailable)
	response, err := auth.Client().Get(server.APIPath() + "/v3/indicators")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if stats := server.Stats(); stats.Renewals != 1 {
		t.Error(stats)
	}
}

func TestExample(test *testing.T) {
	t = test
	ExampleNewServer()
}
