package tcauth

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A recorder collects events as the text that a log would show.
type recorder struct {
	lock   sync.Mutex
	events []string
}

func (r *recorder) record(event Event) {
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

// A scripted transport answers renewals and requests as the test says. Each request is answered by the token that it has.
func scripted(t *testing.T, auth *Auth, answer func(authorization string) (int, string), renewal string) (*Transport, *recorder) {
	t.Helper()
	if auth.APIPath() == "" {
		if err := auth.SetAPIPath("https://company.example/api"); err != nil {
			t.Fatal(err)
		}
	}
	response := func(status int, body string) *http.Response {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}
	}
	events := &recorder{}
	return &Transport{
		Auth:    auth,
		OnEvent: events.record,
		Base: roundTripper(func(request *http.Request) (*http.Response, error) {
			return response(answer(request.Header.Get("Authorization"))), nil
		}),
		RenewalBase: roundTripper(func(request *http.Request) (*http.Response, error) {
			answer := response(200, renewal)
			switch renewal {
			case "":
				return nil, errors.New(request.URL.String())
			case "{":
				answer.Body = io.NopCloser(io.MultiReader(answer.Body, readerFunc(func([]byte) (int, error) {
					return 0, io.ErrUnexpectedEOF
				})))
			}
			return answer, nil
		}),
	}, events
}

func accept(string) (int, string) { return 200, "{}" }

func mustReport(t *testing.T, transport *Transport, events *recorder, want ...string) {
	t.Helper()
	if response, err := get(t, transport, "https://company.example/api/a%20b?secret=query"); err != nil {
		t.Error(err)
	} else if response.Request.Header.Get("Authorization") != "" {
		t.Error("the caller's request has the token")
	}
	if got := events.take(); !slices.Equal(got, want) {
		t.Errorf("%q instead of %q", got, want)
	}
}

func TestEventsOfARenewal(t *testing.T) {
	for answer, want := range map[string]string{
		goodAnswer: "type=RENEWED http_status=200",
		`{"success": false, "message": "not ` + token + `"}`: `type=RENEWAL_FAILED http_status=200 status=RENEWAL_REFUSED message="not ***"`,
		`{"message": "later"}`:                               "type=RENEWAL_FAILED http_status=200 status=RENEWAL_BAD_RESPONSE message=later",
		"{":                                                  `type=RENEWAL_FAILED http_status=200 error="tcauth: there was no answer to the renewal of the token"`,
		"":                                                   `type=RENEWAL_FAILED error="tcauth: there was no answer to the renewal of the token"`,
	} {
		transport, events := scripted(t, tokenOf(t, time.Time{}), accept, answer)
		headers, _ := transport.Auth.Headers(http.MethodGet, "/")
		_, _ = transport.Auth.Review(headers, http.StatusUnauthorized, "", nil)
		mustReport(t, transport, events, want)
		mustReport(t, transport, events)
	}
}

func TestEventsOfARefusal(t *testing.T) {
	answer := func(authorization string) (int, string) {
		if authorization == "TC-Token the-next-token" {
			return 200, "{}"
		}
		return 401, unauthorized
	}
	transport, events := scripted(t, tokenOf(t, time.Time{}), answer, goodAnswer)
	mustReport(t, transport, events, "type=RENEWED http_status=200",
		"type=RETRIED advice=RETRY http_status=401 method=GET path=/api/a%20b")
	denied := func(string) (int, string) { return 403, `{"message":"Access Denied"}` }
	transport, events = scripted(t, newHMAC(t), denied, "")
	mustReport(t, transport, events, "type=REFUSED advice=ACCESS_DENIED http_status=403 method=GET path=/api/a%20b")
}

// Only a token of another process is adopted, and that is said once.
func TestEventsOfAnAdoption(t *testing.T) {
	auth, other := newToken(t, time.Time{}), newToken(t, time.Time{})
	adopt := func(token string) {
		t.Helper()
		if err := other.UpdateToken(token, time.Time{}); err != nil {
			t.Fatal(err)
		}
		sealed, err := other.Seal(nil)
		if err != nil {
			t.Fatal(err)
		}
		if outcome, err := auth.Unseal(sealed, nil); outcome != UnsealedAdopted || err != nil {
			t.Fatal(outcome, err)
		}
	}
	transport, events := scripted(t, auth, accept, goodAnswer)
	second, others := scripted(t, auth, accept, goodAnswer)
	adopted := "type=ADOPTED method=GET path=/api/a%20b"
	adopt("another")
	mustReport(t, transport, events, adopted)
	mustReport(t, transport, events)
	mustReport(t, second, others) // the Auth's other transport has said it
	adopt("a-third-one")
	mustReport(t, second, others, adopted)
	if err := auth.UpdateToken("of-this-process", time.Time{}); err != nil {
		t.Fatal(err)
	}
	mustReport(t, transport, events)
	headers, _ := auth.Headers(http.MethodGet, "/")
	_, _ = auth.Review(headers, http.StatusUnauthorized, "", nil)
	mustReport(t, transport, events, "type=RENEWED http_status=200")
	mustReport(t, transport, events)
	sealed, _ := auth.Seal(nil)
	if outcome, err := other.Unseal(sealed, nil); outcome != UnsealedAdopted || err != nil {
		t.Fatal(outcome, err)
	}
	adopt("the-last-one")
	mustReport(t, transport, events, adopted)
	for range 2 { // a signature differs each second
		pair, events := scripted(t, newHMAC(t), accept, "")
		mustReport(t, pair, events)
	}
}

// No request with an old token, signed before and sent after a change, looks like an adoption.
func TestAnAdoptionIsNotMistaken(t *testing.T) {
	auth := newToken(t, time.Time{})
	transport, events := scripted(t, auth, accept, goodAnswer)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range 500 {
				if worker == 0 {
					if err := auth.UpdateToken(fmt.Sprint("token", i), time.Time{}); err != nil {
						t.Error(err)
					}
				}
				request, _ := http.NewRequest(http.MethodGet, "https://company.example/api/x", nil)
				response, err := transport.RoundTrip(request)
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
			}
		}()
	}
	group.Wait()
	if got := events.take(); len(got) > 0 {
		t.Errorf("%d events, such as %s", len(got), got[0])
	}
}

// A request that was signed before a change, and is compared after it, says nothing about the current token.
func TestAnOldTokenIsNotCompared(t *testing.T) {
	current := "first"
	c := newChanges(func() uint64 { return maphash.String(fingerprints, current) })
	use := func(token string, before uint64, want bool) {
		t.Helper()
		if got := c.adopted(token, before); got != want {
			t.Error(token, got)
		}
	}
	use("first", c.counted(), false)
	before := c.counted()
	_ = c.run(func() error {
		current = "second"
		use("second", c.counted(), false)
		return ErrStoreIO
	})
	use("first", before, false)
	use("second", c.counted(), false)
	before, current = c.counted(), "third"
	_ = c.run(func() error { return ErrRenewalRefused })
	use("third", before, false)
	use("third", c.counted(), true)
	use("second", before, false)
	use("third", c.counted(), false)
}

func TestAPanicInOnEventLeavesNoBodyOpen(t *testing.T) {
	again := &closeCounter{Reader: strings.NewReader("body")}
	transport, _ := scripted(t, tokenOf(t, time.Time{}), func(string) (int, string) { return 401, unauthorized }, goodAnswer)
	transport.OnEvent = func(event Event) {
		if event.Type == EventRetried {
			panic("of the application")
		}
	}
	request, _ := http.NewRequest(http.MethodPost, "https://company.example/api/x", strings.NewReader("body"))
	request.GetBody = func() (io.ReadCloser, error) { return again, nil }
	defer func() {
		if got := recover(); got != "of the application" || again.closed.Load() == 0 {
			t.Error(got, again.closed.Load())
		}
	}()
	_, _ = transport.RoundTrip(request)
}

// A base that traces or logs must not see the URL of a renewal.
func TestABaseThatTracesSeesNoToken(t *testing.T) {
	server := newRawServer(t, func(connection net.Conn, request *http.Request) bool {
		_, _ = io.WriteString(connection, reply(200, goodAnswer))
		return false
	})
	defaultTransport := http.DefaultTransport
	defer func() { http.DefaultTransport = defaultTransport }()
	traced := 0
	tracing := roundTripper(func(request *http.Request) (*http.Response, error) {
		if strings.Contains(request.URL.String(), "expiredToken") {
			t.Error("the base sees a renewal")
		}
		traced++
		return defaultTransport.RoundTrip(request)
	})
	for _, replace := range []bool{false, true} { // some programs replace the default transport
		transport := newDue(t, server.url+"/api")
		transport.Base = tracing
		if replace {
			http.DefaultTransport, transport.Base = tracing, nil
		}
		if response, err := get(t, transport, server.url+"/api/x"); err != nil || response.StatusCode != 200 {
			t.Error(response, err)
		}
	}
	if renewals, others := server.seen(); renewals != 2 || others != 2 || traced != 2 {
		t.Error(renewals, others, traced)
	}
}

// What loggers and serializers write contains no secret, and says something.
func TestWhatIsLogged(t *testing.T) {
	auth := newToken(t, time.Now().Add(-time.Minute))
	headers, err := auth.HeadersAt("GET", "/", time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	renewal, err := auth.Poll(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	encoded, hexadecimal := base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret))
	request := &http.Request{URL: &url.URL{Path: "/api/x", RawQuery: "secret=query"}, Header: http.Header{}}
	headers.Set(request.Header)
	event := Event{Type: EventRefused, Request: request, HTTPStatus: 403, Advice: AccessDenied}
	failed := Event{Type: EventRenewalFailed, HTTPStatus: 200, Err: ErrRenewalRefused, Message: "no more"}
	for _, test := range []struct {
		value any
		want  []string
	}{
		{auth, []string{"token; expires ", "token; expires ", "token; expires "}},
		{newHMAC(t), []string{accessID, accessID, accessID}},
		{headers, []string{"TC-Token ***", "TC-Token ***", "TC-Token ***"}},
		{&headers, []string{"TC-Token ***", "TC-Token ***", "TC-Token ***"}},
		{renewal, []string{"renewal under way", "renewal under way", "renewal under way"}},
		{event, []string{`"advice":"ACCESS_DENIED"`, `"http_status":403`, "value.path=/api/x"}},
		{&event, []string{`"advice":"ACCESS_DENIED"`, `"http_status":403`, "value.path=/api/x"}},
		{failed, []string{`"status":"RENEWAL_REFUSED"`, `"message":"no more"`, "value.type=RENEWAL_FAILED"}},
		{map[string]any{"nested": []any{auth, headers, event}}, []string{"TC-Token ***", "TC-Token ***", "TC-Token ***"}},
		{Sharing{"/shared", []byte(secret)}, []string{"/shared, with a key", "/shared, with a key", "/shared, with a key"}},
		{Config{APIPath: "/api", Token: token}, []string{"/api, TOKEN", "/api, TOKEN", "/api, TOKEN"}},
		{&Config{APIPath: "/api", SecretKey: secret}, []string{"/api, HMAC", "/api, HMAC", "/api, HMAC"}},
		{&Sharing{"/shared", nil}, []string{"/shared, without", "/shared, without", "/shared, without"}},
		{TokenRejected, []string{"4", `"TOKEN_REJECTED"`, "value=TOKEN_REJECTED"}},
		{StatePaused, []string{"4", `"PAUSED"`, "value=PAUSED"}},
		{UnsealedOlder, []string{"2", `"OLDER"`, "value=OLDER"}},
		{EventAdopted, []string{"3", `"ADOPTED"`, "value=ADOPTED"}},
	} {
		marshalled, err := json.Marshal(test.value)
		if err != nil {
			t.Error(err)
		}
		var inJSON, inText bytes.Buffer
		slog.New(slog.NewJSONHandler(&inJSON, nil)).Info("m", "value", test.value)
		slog.New(slog.NewTextHandler(&inText, nil)).Info("m", "value", test.value)
		for i, got := range []string{string(marshalled), inJSON.String(), inText.String()} {
			if !strings.Contains(got, test.want[i]) {
				t.Errorf("%T: %s without %s", test.value, got, test.want[i])
			}
			for _, part := range []string{"go+token", "go%2Btoken", secret, encoded, "secret=query", "!ERROR", "!PANIC"} {
				if strings.Contains(got, part) {
					t.Errorf("%T: %s", test.value, got)
				}
			}
		}
		got := fmt.Sprintf("%v %+v %#v %x", test.value, test.value, test.value, test.value)
		if strings.Contains(got, "go+token") || strings.Contains(got, secret) || strings.Contains(got, hexadecimal) {
			t.Errorf("%T: %s", test.value, got)
		}
	}
	renewal.Cancel()
	if got := fmt.Sprint(renewal, &Renewal{}, (*Renewal)(nil)); got != "renewal that has ended no renewal no renewal" {
		t.Error(got)
	}
}
