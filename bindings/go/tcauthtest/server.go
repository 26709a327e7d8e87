// Package tcauthtest has a server that stands in for ThreatConnect, for the tests of programs that use package tcauth.
//
// [NewServer] starts it. It checks the authorization of each request with code of its own, which is not that of the library,
// and answers with the platform's messages. It renews tokens, and [Server.Fail] and [Server.FailRenewals] let requests and
// renewals go wrong.
//
// Some of what it does is documented by the platform or was observed; the rest is a guess, such as the order of the checks.
package tcauthtest

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The key pair that a [Server] accepts.
const (
	AccessID  = "12345678901234567890"
	SecretKey = "tc_auth-example-secret"
)

// Options of a [Server]. The zero value is good for most tests.
type Options struct {
	// Handler gets the requests whose authorization is valid. nil answers them with status 200 and a JSON object.
	Handler http.Handler

	// TokenLife is how long each token is valid; 0 means that tokens do not expire. As the platform's times are whole
	// seconds, a token can live up to a second longer. Package tcauth renews a token of less than two minutes when half of
	// its time is over.
	TokenLife time.Duration

	// ClockOffset is how far the clock of the server is ahead of this machine's.
	ClockOffset time.Duration

	// TLS makes it an https server, whose Date header can correct a clock. Server.Client().Transport trusts its certificate:
	// use it as the Base of a tcauth.Transport.
	TLS bool
}

// Stats counts what a [Server] has received.
type Stats struct {
	Verified int // requests with a valid authorization
	Refused  int // requests with any other
	Renewals int // requests for a new token, also those that went wrong
}

// A Server stands in for ThreatConnect. It accepts a key pair, [AccessID] and [SecretKey], and one token at a time.
type Server struct {
	*httptest.Server
	options Options
	t       testing.TB
	end     context.CancelFunc // ends each Delay

	lock          sync.Mutex
	token         string
	expires       time.Time // the zero time if never
	issued        int
	stats         Stats
	faults        []Fault
	renewalFaults []Fault
}

// NewServer starts a server, which is closed when the test ends. The test's log says why a request was refused.
func NewServer(t testing.TB, options Options) *Server {
	t.Helper()
	s := &Server{options: options, t: t}
	s.issue()
	var running context.Context
	running, s.end = context.WithCancel(context.Background())
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.Config.BaseContext = func(net.Listener) context.Context { return running } // ends a Delay when the test ends
	if options.TLS {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// Close closes the server before the test ends, and does not wait for requests that never do.
func (s *Server) Close() {
	s.end()
	s.Listener.Close() // first: clients would send a request again
	s.CloseClientConnections()
	s.Server.Close()
}

// APIPath returns the URL of the API, for tcauth.Config.
func (s *Server) APIPath() string {
	return s.URL + "/api"
}

// Token returns the token that the server accepts now, and its expiry; the zero time if it does not expire.
func (s *Server) Token() (token string, expires time.Time) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.token, s.expires
}

// ExpireToken lets the token expire at once. It can still be renewed, and a client finds out from a refusal only.
func (s *Server) ExpireToken() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.expires = time.Unix(0, 0)
}

// Stats returns what was received so far.
func (s *Server) Stats() Stats {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.stats
}

// Fail adds faults for the next requests: each request, except for renewals, takes one of them.
func (s *Server) Fail(faults ...Fault) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.faults = append(s.faults, faults...)
}

// FailRenewals adds faults for the next renewals: each renewal takes one of them.
func (s *Server) FailRenewals(faults ...Fault) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.renewalFaults = append(s.renewalFaults, faults...)
}

func (s *Server) serve(writer http.ResponseWriter, request *http.Request) {
	writer.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	var handler http.Handler
	var fault Fault
	if strings.TrimRight(request.URL.Path, "/") == "/api/appAuth" {
		handler = http.HandlerFunc(s.renew)
		fault = s.take(&s.renewalFaults)
		s.lock.Lock()
		s.stats.Renewals++
		s.lock.Unlock()
	} else {
		handler = http.HandlerFunc(s.verify)
		fault = s.take(&s.faults)
	}
	if fault != nil {
		handler = fault(handler)
	}
	handler.ServeHTTP(writer, request)
}

// take returns the next fault of a list; nil if there is none.
func (s *Server) take(faults *[]Fault) Fault {
	s.lock.Lock()
	defer s.lock.Unlock()
	if len(*faults) == 0 {
		return nil
	}
	fault := (*faults)[0]
	*faults = (*faults)[1:]
	return fault
}

func (s *Server) now() time.Time {
	return time.Now().Add(s.options.ClockOffset)
}

// issue replaces the token. Some of its characters must be encoded in a URL, as in those of the platform.
func (s *Server) issue() {
	s.issued++
	s.token = fmt.Sprintf("API:%d:%s+/=", s.issued, rand.Text())
	s.expires = time.Time{}
	if life := s.options.TokenLife; life != 0 {
		s.expires = s.now().Add(life).Truncate(time.Second).Add(time.Second)
	}
}

// verify answers a request, or lets Handler do so if its authorization is valid.
func (s *Server) verify(writer http.ResponseWriter, request *http.Request) {
	message := s.refusal(request)
	s.lock.Lock()
	if message == "" {
		s.stats.Verified++
	} else {
		s.stats.Refused++
	}
	s.lock.Unlock()
	switch {
	case message != "":
		s.t.Logf("tcauthtest: refused %s %s: %s", request.Method, request.URL.Path, message)
		Failure(http.StatusUnauthorized, message)(nil).ServeHTTP(writer, request)
	case s.options.Handler != nil:
		s.options.Handler.ServeHTTP(writer, request)
	default:
		reply(writer, request, http.StatusOK, "application/json", `{"status":"Success"}`)
	}
}

// refusal returns the platform's message; "" if the authorization is valid.
func (s *Server) refusal(request *http.Request) string {
	authorization := request.Header.Values("Authorization")
	if len(authorization) != 1 {
		return "Unauthorized"
	}
	if token, isToken := strings.CutPrefix(authorization[0], "TC-Token "); isToken {
		current, expires := s.Token()
		if token != current || !expires.IsZero() && !s.now().Before(expires) {
			return "Unauthorized"
		}
		return ""
	}
	credentials, isPair := strings.CutPrefix(authorization[0], "TC ")
	if !isPair {
		return "Unauthorized"
	}
	timestamp := request.Header.Values("Timestamp")
	if len(timestamp) != 1 {
		return "Invalid timestamp"
	}
	colon := strings.LastIndexByte(credentials, ':')
	if colon < 0 || credentials[:colon] != AccessID {
		return "Access Denied"
	}
	second, err := strconv.ParseUint(timestamp[0], 10, 37) // up to eleven digits
	if err != nil {
		return "Invalid timestamp"
	}
	if difference := s.now().Sub(time.Unix(int64(second), 0)); difference.Abs() > 5*time.Minute {
		return "Timestamp out of acceptable time range"
	}
	if !hmac.Equal([]byte(credentials[colon+1:]), []byte(signature(request.RequestURI, request.Method, timestamp[0]))) {
		return "Signature data did not match expected result"
	}
	return ""
}

// signature is what the platform's documentation says. The target is as it was sent.
func signature(target, method, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(SecretKey))
	mac.Write([]byte(target + ":" + method + ":" + timestamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// renew answers a renewal.
func (s *Server) renew(writer http.ResponseWriter, request *http.Request) {
	status, body := s.renewal(request)
	reply(writer, request, status, "application/json", body)
}

// renewal replaces the token, expired or not. A token that was replaced before can't be renewed.
func (s *Server) renewal(request *http.Request) (status int, body string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if len(request.Header.Values("Authorization")) > 0 {
		return http.StatusBadRequest, `{"success":false,"message":"the renewal takes no Authorization header"}`
	}
	if request.URL.Query().Get("expiredToken") != s.token {
		return http.StatusUnauthorized, `{"success":false,"message":"Unauthorized"}`
	}
	s.issue()
	answer := map[string]any{"success": true, "apiToken": s.token}
	if !s.expires.IsZero() {
		answer["apiTokenExpires"] = strconv.FormatInt(s.expires.Unix(), 10)
	}
	encoded, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	return http.StatusOK, strings.ReplaceAll(string(encoded), "=", `\u003d`) // which the platform escapes, too
}

// reply reads the request first: net/http would close the connection of one that is not read.
func reply(writer http.ResponseWriter, request *http.Request, status int, contentType, body string) {
	_, _ = io.Copy(io.Discard, request.Body)
	writer.Header().Set("Content-Type", contentType)
	writer.WriteHeader(status)
	_, _ = io.WriteString(writer, body)
}
