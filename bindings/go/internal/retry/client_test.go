package retry

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/tcauth"
	"example.com/tcauth/tcauthtest"
	"github.com/hashicorp/go-retryablehttp"
)

func newAuth(t *testing.T, server *tcauthtest.Server, expires time.Time) *tcauth.Auth {
	t.Helper()
	token, _ := server.Token()
	auth, err := tcauth.New(tcauth.Config{APIPath: server.APIPath(), Token: token, TokenExpires: expires})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { auth.Close() })
	return auth
}

// get returns the error, and how many attempts there were: each is logged once.
func get(t *testing.T, auth *tcauth.Auth, url string) (attempts int, err error) {
	t.Helper()
	client := newClient(auth)
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax, client.Logger = 3, time.Millisecond, 2*time.Second, nil
	client.RequestLogHook = func(_ retryablehttp.Logger, _ *http.Request, number int) { attempts = number + 1 }
	response, err := client.Get(url)
	if err == nil {
		response.Body.Close()
	}
	return attempts, err
}

func TestWhatIsTriedAgain(t *testing.T) {
	server := tcauthtest.NewServer(t, tcauthtest.Options{})
	expired := time.Now().Add(-time.Minute)
	for name, test := range map[string]struct {
		prepare  func(*tcauth.Auth)
		url      string
		expires  time.Time
		attempts int
		err      error
	}{
		"it works":       {nil, server.APIPath(), time.Time{}, 1, nil},
		"unavailable":    {func(*tcauth.Auth) { server.Fail(tcauthtest.Unavailable, tcauthtest.Unavailable) }, server.APIPath(), time.Time{}, 3, nil},
		"another server": {nil, "https://company.example/", time.Time{}, 1, tcauth.ErrOtherOrigin},
		"closed":         {func(auth *tcauth.Auth) { auth.Close() }, server.APIPath(), time.Time{}, 1, tcauth.ErrClosed},
		"refused": {func(*tcauth.Auth) { server.FailRenewals(tcauthtest.RefuseRenewal) }, server.APIPath(), expired, 1,
			tcauth.ErrTokenExpired},
		"no renewal": {func(*tcauth.Auth) { server.FailRenewals(tcauthtest.Unavailable) }, server.APIPath(), expired, 4,
			tcauth.ErrTokenExpired},
	} {
		auth := newAuth(t, server, test.expires)
		if test.prepare != nil {
			test.prepare(auth)
		}
		if attempts, err := get(t, auth, test.url); attempts != test.attempts || !errors.Is(err, test.err) {
			t.Error(name, attempts, err)
		}
	}
}

// The README has the same function.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("client.go")
	if err != nil {
		t.Fatal(err)
	}
	function := source[strings.Index(string(source), "func newClient"):]
	if !strings.Contains(string(readme), "```go\n"+string(function)+"```\n") {
		t.Errorf("not in the README:\n%s", function)
	}
}
