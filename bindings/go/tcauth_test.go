package tcauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	accessID = "12345678901234567890"
	secret   = "tc_auth-example-secret"
	token    = "API:5:go+token/with=:colons:"
)

func newHMAC(t testing.TB) *Auth {
	t.Helper()
	auth, err := NewHMAC(accessID, secret)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { auth.Close() })
	return auth
}

func newToken(t testing.TB, expires time.Time) *Auth {
	t.Helper()
	auth, err := NewToken(token, expires)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { auth.Close() })
	if err := auth.SetAPIPath("https://company.example/api"); err != nil {
		t.Fatal(err)
	}
	return auth
}

func TestErrorsAreStatuses(t *testing.T) {
	_, err := NewHMAC("a b", secret)
	var status Status
	if !errors.Is(err, ErrInvalidAccessID) || errors.Is(err, ErrInvalidToken) || !errors.As(err, &status) {
		t.Error(err)
	}
	if got := err.Error(); !strings.HasPrefix(got, "tcauth: ") || !strings.Contains(got, "access id") {
		t.Error(got)
	}
	if got := Status(12345); got.String() != "12345" || got.Message() == "" {
		t.Error("a status of a later library", got)
	}
	var explained *ExplainedError
	_, why, err := Discover([]string{"app", "--tc_token="})
	if why == "" || !errors.As(err, &explained) || explained.Explanation != why || !errors.Is(err, ErrNoCredentials) {
		t.Error(why, err)
	}
}

func TestHeadersIntoARequest(t *testing.T) {
	header := http.Header{"Authorization": {"Basic x"}, "Timestamp": {"1", "2"}}
	Headers{"TC a:b", 7}.Set(header)
	if got := fmt.Sprint(header); got != "map[Authorization:[TC a:b] Timestamp:[7]]" {
		t.Error(got)
	}
	Headers{"TC-Token a", NoTimestamp}.Set(header)
	if got := fmt.Sprint(header); got != "map[Authorization:[TC-Token a]]" {
		t.Error(got)
	}
}

func TestLongTokens(t *testing.T) {
	for _, length := range []int{1, 240, 255, 256, 257, 100_000} {
		auth, err := NewToken(strings.Repeat("x", length), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		headers, err := auth.Headers("GET", "/")
		if want := "TC-Token " + strings.Repeat("x", length); err != nil || headers.Authorization != want {
			t.Error(length, err)
		}
		auth.Close()
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	auth := newToken(t, time.Now().Add(-time.Minute))
	headers, err := auth.HeadersAt("GET", "/", time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	renewal, err := auth.Poll(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	show := func(values ...any) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			for _, value := range values {
				got := fmt.Sprintf(verb, value)
				for _, part := range []string{"go+token", "go%2Btoken", secret, fmt.Sprintf("%x", "go+token")} {
					if strings.Contains(got, part) {
						t.Errorf("%s of %T: %s", verb, value, got)
					}
				}
			}
		}
	}
	show(auth, *auth, newHMAC(t), &Transport{Auth: auth, Share: &Sharing{"/", []byte(secret)}}, renewal, headers, &headers,
		Config{Token: token}, &Config{SecretKey: secret}, auth.Client())
	_, refusal := renewal.Complete(200, []byte(`{"success": false, "message": "no more `+token+`"}`))
	show(renewal, refusal)
	if got := fmt.Sprint(auth); !strings.HasPrefix(got, "token; expires ") {
		t.Error(got)
	}
	if got := refusal.Error(); !strings.Contains(got, "no more ***") {
		t.Error(got)
	}
}

// No method of an Auth that is closed, was not made by a function, or is nil panics.
func TestClosed(t *testing.T) {
	closed := newToken(t, time.Time{})
	closed.Close()
	closed.Close()
	for name, auth := range map[string]*Auth{"closed": closed, "zero": {}, "nil": nil} {
		want := ErrClosed
		if auth == nil {
			want = ErrNullArgument
		}
		_, headers := auth.Headers("GET", "/")
		_, offset := auth.ClockOffset()
		_, _, current := auth.Token()
		_, poll := auth.Poll(context.Background())
		_, review := auth.Review(Headers{}, 401, "", nil)
		_, url := auth.NewURL("/")
		_, window := auth.RenewalWindow()
		_, _, state := auth.TokenState()
		_, block := auth.HeaderBlock("GET", "/")
		_, family := auth.Family()
		_, seal := auth.Seal(nil)
		_, unseal := auth.Unseal("TC1.", nil)
		_, at := auth.HeadersAt("GET", "/", time.Now())
		request, _ := http.NewRequest("GET", "https://company.example/", nil)
		_, get := auth.Client().Get("https://company.example/")
		request.Header.Set("Authorization", "TC a:b")
		for _, err := range []error{
			window, state, block, family, seal, unseal, auth.ShareIn("/", nil),
			headers, offset, current, poll, review, url, auth.SetAPIPath("https://h"), auth.UpdateToken("a", time.Time{}),
			auth.SetClockOffset(0), auth.SetRenewalWindow(0), auth.Verify("GET", "/", "", "", time.Time{}, 0),
			auth.VerifyRequest(request, time.Time{}, 0), at, get, (&Transport{Auth: auth}).Prepare(),
		} {
			if !errors.Is(err, want) {
				t.Error(name, err)
			}
		}
		if auth.APIPath() != "" || auth.Kind() != KindNone || auth.String() != "closed" {
			t.Error(name, auth.Kind(), auth)
		}
		if err := auth.Close(); err != nil {
			t.Error(name, err)
		}
	}
	var renewal *Renewal // which Poll returns most of the time
	renewal.Cancel()
	if _, err := renewal.Complete(200, nil); !errors.Is(err, ErrClosed) || renewal.URL() != "" || renewal.Needed() {
		t.Error(err)
	}
	var url *URL
	if err := url.AddSegment("a"); !errors.Is(err, ErrNullArgument) || url.String() != "" {
		t.Error(err)
	}
}

// Half a second would become none at all.
func TestFractionsOfASecondAreRefused(t *testing.T) {
	auth := newToken(t, time.Time{})
	verify := func(tolerance time.Duration) error {
		return auth.Verify("GET", "/", "TC-Token "+token, "", time.Time{}, tolerance)
	}
	for name, set := range map[string]func(time.Duration) error{
		"clock offset": auth.SetClockOffset, "renewal window": auth.SetRenewalWindow, "tolerance": verify,
	} {
		for duration, want := range map[time.Duration]error{
			0: nil, time.Second: nil, time.Hour: nil, time.Millisecond: ErrInvalidArgument, 500: ErrInvalidArgument,
			time.Second + 1: ErrInvalidArgument, -time.Second - 1: ErrInvalidArgument,
		} {
			err := set(duration)
			if !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), "the "+name+" is "+duration.String()) {
				t.Error(name, duration, err)
			}
		}
	}
	if offset, err := auth.ClockOffset(); offset%time.Second != 0 || err != nil {
		t.Error(offset, err)
	}
}

// Errors are written into logs with a line for each.
func TestErrorsAreOneLineWithoutAPeriod(t *testing.T) {
	auth := newToken(t, time.Now().Add(-time.Minute))
	if _, err := auth.Poll(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the cause"))
	_, timeout := auth.Poll(ctx)
	_, _, discover := Discover([]string{"app", "--tc_token="})
	for part, err := range map[string]error{
		"renewal": timeout, "the cause": timeout, "token": ErrTokenExpired, "credentials": discover,
		"Transport.Auth is nil": (&Transport{}).Prepare(), "the Auth is nil": (*Auth)(nil).SetClockOffset(0),
	} {
		text := err.Error()
		if !strings.HasPrefix(text, "tcauth: ") || !strings.Contains(text, part) || strings.ContainsAny(text, "\n\r") ||
			strings.Contains(text, ".:") || strings.HasSuffix(text, ".") {
			t.Error(text)
		}
	}
}

func TestVerifyRequest(t *testing.T) {
	pair, at := newHMAC(t), time.Unix(1513703787, 0)
	good := func(auth *Auth) *http.Request {
		headers, err := auth.HeadersAt("GET", "/api/x?a=b", at)
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest("GET", "/api/x?a=b", nil)
		headers.Set(request.Header)
		return request
	}
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   error
	}{
		"good":                  {func(*http.Request) {}, nil},
		"a handler changed URL": {func(request *http.Request) { request.URL.Path = "/x" }, nil},
		"of a client":           {func(request *http.Request) { request.RequestURI, request.Method = "", "" }, nil},
		"another target":        {func(request *http.Request) { request.RequestURI = "/api/y" }, ErrSignatureMismatch},
		"a fragment":            {func(request *http.Request) { request.RequestURI += "#&c=d" }, ErrInvalidURIForm},
		"another method":        {func(request *http.Request) { request.Method = "PUT" }, ErrSignatureMismatch},
		"a lower-case method":   {func(request *http.Request) { request.Method = strings.ToLower(request.Method) }, ErrInvalidMethod},
		"no headers":            {func(request *http.Request) { request.Header = nil }, ErrMalformedAuthorization},
		"no target":             {func(request *http.Request) { request.RequestURI, request.URL = "", nil }, ErrInvalidURIForm},
		"no timestamp":          {func(request *http.Request) { request.Header.Del("Timestamp") }, ErrMalformedAuthorization},
		"twice the same": {func(request *http.Request) {
			request.Header.Add("Authorization", request.Header.Get("Authorization"))
		}, ErrMalformedAuthorization},
		"two timestamps": {func(request *http.Request) { request.Header.Add("Timestamp", "") }, ErrMalformedAuthorization},
		"another spelling": {func(request *http.Request) {
			request.Header["timestamp"] = []string{"1"}
		}, ErrMalformedAuthorization},
		"only another spelling": {func(request *http.Request) {
			request.Header["authorization"] = request.Header["Authorization"]
			delete(request.Header, "Authorization")
		}, nil},
	} {
		request := good(pair)
		test.change(request)
		if err := pair.VerifyRequest(request, at.Add(time.Minute), time.Minute); !errors.Is(err, test.want) {
			t.Error(name, err)
		}
	}
	if err := pair.VerifyRequest(good(pair), at.Add(time.Hour), time.Minute); !errors.Is(err, ErrTimestampOutOfRange) {
		t.Error(err)
	}
	if err := pair.VerifyRequest(nil, at, 0); !errors.Is(err, ErrNullArgument) {
		t.Error(err)
	}
	owner := newToken(t, time.Time{})
	request := good(owner)
	if err := owner.VerifyRequest(request, time.Time{}, 0); err != nil {
		t.Error(err)
	}
	request.Header.Add("Authorization", "TC-Token another")
	if err := owner.VerifyRequest(request, time.Time{}, 0); !errors.Is(err, ErrMalformedAuthorization) {
		t.Error(err)
	}
}

func TestRenewalIsGivenBackOnce(t *testing.T) {
	auth := newToken(t, time.Now().Add(-time.Minute))
	renewal, err := auth.Poll(context.Background())
	if err != nil || !strings.Contains(renewal.URL(), "/appAuth?expiredToken=API%3A5%3Ago%2Btoken") {
		t.Fatal(err)
	}
	answer := `{"success": true, "apiToken": "new", "apiTokenExpires": "99999999999"}`
	if _, err := renewal.Complete(200, []byte(answer)); err != nil {
		t.Error(err)
	}
	renewal.Cancel()
	if _, err := renewal.Complete(200, []byte(answer)); !errors.Is(err, ErrClosed) || renewal.URL() != "" {
		t.Error(err)
	}
	value, expires, err := auth.Token()
	if value != "new" || expires.Unix() != 99999999999 || err != nil {
		t.Error(expires, err)
	}
}

func TestPollWaitsForTheOtherUntilTheContextEnds(t *testing.T) {
	auth := newToken(t, time.Now().Add(-time.Minute))
	renewal, err := auth.Poll(context.Background())
	if err != nil || renewal == nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := auth.Poll(ctx); !errors.Is(err, ErrRenewalTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	waited := make(chan error)
	go func() {
		_, err := auth.Poll(context.Background())
		waited <- err
	}()
	time.Sleep(30 * time.Millisecond)
	renewal.Cancel()
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

// A ticket that nobody ends is cancelled by the garbage collector, long before it lapses.
func TestForgottenRenewal(t *testing.T) {
	auth := newToken(t, time.Now().Add(-time.Minute))
	if renewal, err := auth.Poll(context.Background()); err != nil || renewal == nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		runtime.GC()
		ctx, cancel := context.WithTimeout(context.Background(), 0)
		_, err := auth.Poll(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	t.Error("the ticket is still out")
}

func TestCloseWhileOthersSign(t *testing.T) {
	for range 50 {
		auth := newHMAC(t)
		var group sync.WaitGroup
		for range 4 {
			group.Add(1)
			go func() {
				defer group.Done()
				for {
					if _, err := auth.Headers("GET", "/"); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			}()
		}
		time.Sleep(time.Millisecond)
		auth.Close()
		group.Wait()
	}
}

// The garbage collector runs during calls on objects to which nothing else refers. An object that is freed too early
// would give a wrong signature, crash, or be found by the race detector.
func TestCollectorInTheMiddleOfCalls(t *testing.T) {
	want, err := newHMAC(t).HeadersAt("GET", "/api/v3/indicators", time.Unix(1513703787, 0))
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var collector, workers sync.WaitGroup
	collector.Add(1)
	go func() {
		defer collector.Done()
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	for range 4 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for range 1000 {
				auth, err := NewHMAC(accessID, secret)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := auth.HeadersAt("GET", "/api/v3/indicators", time.Unix(1513703787, 0)) // the last use
				if err != nil || got != want {
					t.Error(got, err)
				}
				url, err := NewURL("/api")
				if err != nil || url.AddSegment("a b") != nil || url.String() != "/api/a%20b" {
					t.Error(err)
				}
			}
		}()
	}
	workers.Wait()
	close(stop)
	collector.Wait()
}

// Both programs of the README compile, and the first prints what the README says.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	programs := regexp.MustCompile("(?s)```go\n(package main\n.*?)```").FindAllSubmatch(text, -1)
	printed := regexp.MustCompile("(?s)```text\n(.*?)```").FindSubmatch(text)
	if len(programs) != 2 || printed == nil {
		t.Fatal("two programs and what the first one prints are expected")
	}
	for i, program := range programs {
		directory := t.TempDir()
		module := "module example\n\ngo 1.24\n\nrequire example.com/tcauth v0.0.0\n\nreplace example.com/tcauth => " + here + "\n"
		for name, content := range map[string]string{"go.mod": module, "main.go": string(program[1])} {
			if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		command := []string{"go", "run", "."}
		if i > 0 {
			command = []string{"go", "vet", "."}
		}
		run := exec.Command(command[0], command[1:]...)
		run.Dir = directory
		output, err := run.CombinedOutput()
		if err != nil || i == 0 && string(output) != string(printed[1]) {
			t.Errorf("%v: %v\n%s", command, err, output)
		}
	}
}

// The documentation is complete without cgo, as on a machine without a C compiler. A build there fails with one error.
func TestWithoutCgo(t *testing.T) {
	run := func(cgo string, arguments ...string) (string, error) {
		command := exec.Command("go", arguments...)
		command.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		output, err := command.CombinedOutput()
		return string(output), err
	}
	with, err := run("1", "doc", "-all", ".")
	if err != nil || !strings.Contains(with, "\nfunc New(config Config) (*Auth, error)\n") ||
		!strings.Contains(with, "ErrTokenExpired Status = 11\n") {
		t.Error(with, err)
	}
	if without, err := run("0", "doc", "-all", "."); without != with || err != nil {
		t.Error(without, err)
	}
	output, err := run("0", "build", ".")
	if lines := strings.Split(strings.TrimSpace(output), "\n"); err == nil || len(lines) != 2 ||
		!strings.Contains(lines[1], "tcauth_needs_cgo") {
		t.Error(output, err)
	}
}
