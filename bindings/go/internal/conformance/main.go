// The program that tests/platform/conformance.py drives, for Go.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/tcauth"
)

// A field is nil if it is absent.
type field = *string

// errSkip is for what Go can't express.
var errSkip = errors.New("skipped")

// An entry is an Auth with what belongs to it.
type entry struct {
	auth   *tcauth.Auth
	ticket *tcauth.Renewal
	client *http.Client
	sent   chan answer

	lock   sync.Mutex
	events []string
}

type answer struct {
	fields []field
	err    error
}

func (e *entry) happened(format string, values ...any) {
	e.lock.Lock()
	defer e.lock.Unlock()
	e.events = append(e.events, fmt.Sprintf(format, values...))
}

func (e *entry) connect(certificate field, share *tcauth.Sharing) error {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 32
	if certificate != nil {
		pem, err := os.ReadFile(*certificate)
		if err != nil {
			return err
		}
		base.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		base.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	// Longer than a renewal may take. net/http would send a request whose HTTP/2 stream is refused for more than a minute.
	transport := &tcauth.Transport{Auth: e.auth, Base: base, Share: share, OnEvent: e.report}
	e.client = &http.Client{Timeout: 45 * time.Second, Transport: transport}
	if share != nil {
		return transport.Prepare()
	}
	return nil
}

// report is the line of an event.
func (e *entry) report(event tcauth.Event) {
	var status tcauth.Status
	switch event.Type {
	case tcauth.EventRenewed, tcauth.EventRenewalFailed:
		switch {
		case event.Err == nil:
			e.happened("renewal OK")
		case errors.Is(event.Err, tcauth.ErrNoAnswer):
			e.happened("renewal CANCELLED")
		case errors.As(event.Err, &status):
			e.happened("%s", strings.TrimSpace("renewal "+status.String()+" "+event.Message))
		}
	case tcauth.EventAdopted:
		e.happened("adopted")
	case tcauth.EventRetried:
		e.happened("retried %s %d", event.Advice, event.HTTPStatus)
	case tcauth.EventRefused:
		e.happened("refused %s %d", event.Advice, event.HTTPStatus)
	}
}

func (e *entry) send(method, url string, body io.Reader) ([]field, error) {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, err
	}
	response, err := e.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return texts(strconv.Itoa(response.StatusCode), string(text)), err
}

func (e *entry) storm(url string, threads, seconds int, rejectingURL field) []field {
	var requests, rejected, failed atomic.Int64
	var group sync.WaitGroup
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	work := func(url, expected string, sent *atomic.Int64) {
		defer group.Done()
		for time.Now().Before(end) {
			sent.Add(1)
			if answer, err := e.send("GET", url, nil); err != nil || *answer[0] != expected {
				failed.Add(1)
			}
		}
	}
	group.Add(threads)
	for range threads {
		go work(url, "200", &requests)
	}
	if rejectingURL != nil {
		group.Add(1)
		go work(*rejectingURL, "401", &rejected)
	}
	group.Wait()
	answer := texts(fmt.Sprint(requests.Load()), fmt.Sprint(failed.Load()))
	if rejectingURL != nil {
		answer = append(answer, texts(fmt.Sprint(rejected.Load()))...)
	}
	return answer
}

var entries = map[string]*entry{}

func keep(name string, auth *tcauth.Auth, err error) ([]field, error) {
	if err == nil {
		if old := entries[name]; old != nil {
			old.auth.Close()
		}
		entries[name] = &entry{auth: auth}
	}
	return nil, err
}

func texts(texts ...string) []field {
	fields := make([]field, len(texts))
	for i := range texts {
		fields[i] = &texts[i]
	}
	return fields
}

func text(text string, err error) ([]field, error) {
	return texts(text), err
}

// absent makes an empty text an absent one.
func absent(text string) field {
	if text == "" {
		return nil
	}
	return &text
}

func present(field field) string {
	if field == nil {
		return ""
	}
	return *field
}

// known are the numbers that have a name in the binding.
func known[N ~int32](name func(N) string) []field {
	var fields []field
	for number := range N(1000) {
		if name(number) != strconv.Itoa(int(number)) {
			fields = append(fields, texts(fmt.Sprintf("%s=%d", name(number), int32(number)))...)
		}
	}
	return fields
}

// statuses and advices are the binding's own, under the names that they should have: names come from the library.
var statuses = map[string]tcauth.Status{
	"OK": tcauth.OK, "NULL_ARGUMENT": tcauth.ErrNullArgument, "INVALID_METHOD": tcauth.ErrInvalidMethod,
	"INVALID_URI_FORM": tcauth.ErrInvalidURIForm, "INVALID_URI_BYTE": tcauth.ErrInvalidURIByte,
	"INVALID_ACCESS_ID": tcauth.ErrInvalidAccessID, "INVALID_SECRET_KEY": tcauth.ErrInvalidSecretKey,
	"INVALID_TOKEN": tcauth.ErrInvalidToken, "INVALID_TIME": tcauth.ErrInvalidTime,
	"BUFFER_TOO_SMALL": tcauth.ErrBufferTooSmall, "WRONG_KIND": tcauth.ErrWrongKind,
	"TOKEN_EXPIRED": tcauth.ErrTokenExpired, "RENEWAL_REFUSED": tcauth.ErrRenewalRefused,
	"RENEWAL_BAD_RESPONSE": tcauth.ErrRenewalBadResponse, "RENEWAL_TIMEOUT": tcauth.ErrRenewalTimeout,
	"ALREADY_SET": tcauth.ErrAlreadySet, "NO_CREDENTIALS": tcauth.ErrNoCredentials,
	"CONFIG_SYNTAX": tcauth.ErrConfigSyntax, "CONFIG_IO": tcauth.ErrConfigIO,
	"CONFIG_DECRYPT": tcauth.ErrConfigDecrypt, "API_PATH_MISSING": tcauth.ErrAPIPathMissing,
	"SIGNATURE_MISMATCH": tcauth.ErrSignatureMismatch, "TIMESTAMP_OUT_OF_RANGE": tcauth.ErrTimestampOutOfRange,
	"MALFORMED_AUTHORIZATION": tcauth.ErrMalformedAuthorization, "INVALID_ARGUMENT": tcauth.ErrInvalidArgument,
	"OTHER_ORIGIN": tcauth.ErrOtherOrigin, "SEAL_INVALID": tcauth.ErrSealInvalid,
	"SEAL_VERSION": tcauth.ErrSealVersion, "STORE_IO": tcauth.ErrStoreIO, "PANIC": tcauth.ErrPanic,
}

var advices = map[string]tcauth.Advice{
	"ACCEPTED": tcauth.Accepted, "RETRY": tcauth.Retry, "BAD_SIGNATURE": tcauth.BadSignature,
	"CLOCK_SKEW": tcauth.ClockSkew, "TOKEN_REJECTED": tcauth.TokenRejected, "ACCESS_DENIED": tcauth.AccessDenied,
	"NOT_LICENSED": tcauth.NotLicensed, "UNKNOWN": tcauth.Unknown,
}

func listed[N ~int32](numbers map[string]N) []field {
	var fields []field
	for name, number := range numbers {
		fields = append(fields, texts(fmt.Sprintf("%s=%d", name, int32(number)))...)
	}
	return fields
}

// arguments of a command, read one after the other.
type arguments struct {
	fields []field
}

func (a *arguments) next() field {
	field := a.fields[0]
	a.fields = a.fields[1:]
	return field
}

func (a *arguments) text() string { return *a.next() }

// key is nil if it is absent.
func (a *arguments) key() []byte {
	if key := a.next(); key != nil {
		return []byte(*key)
	}
	return nil
}

func (a *arguments) number() int64 {
	number, err := strconv.ParseInt(a.text(), 10, 64)
	if err != nil {
		panic(err)
	}
	return number
}

func (a *arguments) moment() time.Time { return time.Unix(a.number(), 0) }

func (a *arguments) expiry() time.Time {
	moment := a.moment()
	if moment.Unix() == 0 {
		return time.Time{}
	}
	return moment
}

// duration of whole seconds; those that are too long for Go can't be expressed.
func (a *arguments) duration() time.Duration {
	number := a.number()
	if duration := time.Duration(number) * time.Second; int64(duration/time.Second) == number {
		return duration
	}
	panic(errSkip)
}

func (a *arguments) rest() []string {
	var texts []string
	for _, field := range a.fields {
		texts = append(texts, *field)
	}
	return texts
}

func (a *arguments) entry() *entry { return entries[a.text()] }

func (a *arguments) auth() *tcauth.Auth { return a.entry().auth }

var commands = map[string]func(a *arguments) ([]field, error){
	"hello": func(*arguments) ([]field, error) {
		return texts("Go "+strings.TrimPrefix(runtime.Version(), "go"), tcauth.Version()), nil
	},
	"version_number": func(*arguments) ([]field, error) {
		return texts(fmt.Sprint(tcauth.VersionNumber())), nil
	},
	"statuses":  func(*arguments) ([]field, error) { return listed(statuses), nil },
	"advices":   func(*arguments) ([]field, error) { return listed(advices), nil },
	"kinds":     func(*arguments) ([]field, error) { return known(tcauth.Kind.String), nil },
	"states":    func(*arguments) ([]field, error) { return known(tcauth.State.String), nil },
	"unsealeds": func(*arguments) ([]field, error) { return known(tcauth.Unsealed.String), nil },
	"status_name": func(a *arguments) ([]field, error) {
		return texts(tcauth.Status(a.number()).Name()), nil
	},
	"advice_name": func(a *arguments) ([]field, error) {
		return texts(tcauth.Advice(a.number()).Name()), nil
	},
	"advice_message": func(a *arguments) ([]field, error) {
		return texts(tcauth.Advice(a.number()).Message()), nil
	},
	"status_message": func(a *arguments) ([]field, error) {
		return texts(tcauth.Status(a.number()).Message()), nil
	},
	"new_hmac": func(a *arguments) ([]field, error) {
		name := a.text()
		auth, err := tcauth.NewHMAC(a.text(), a.text())
		return keep(name, auth, err)
	},
	"new_token": func(a *arguments) ([]field, error) {
		name := a.text()
		auth, err := tcauth.NewToken(a.text(), a.expiry())
		return keep(name, auth, err)
	},
	"from_json": func(a *arguments) ([]field, error) {
		name := a.text()
		auth, err := tcauth.FromJSON([]byte(a.text()))
		return keep(name, auth, err)
	},
	"from_args": func(a *arguments) ([]field, error) {
		name := a.text()
		auth, err := tcauth.FromArgs(a.rest())
		return keep(name, auth, err)
	},
	"from_env": func(a *arguments) ([]field, error) {
		auth, err := tcauth.FromEnv()
		return keep(a.text(), auth, err)
	},
	"from_param_file": func(a *arguments) ([]field, error) {
		name := a.text()
		auth, err := tcauth.FromParamFile(a.text(), a.text())
		return keep(name, auth, err)
	},
	"discover": func(a *arguments) ([]field, error) {
		name := a.text()
		auth, why, err := tcauth.Discover(a.rest())
		_, err = keep(name, auth, err)
		return texts(why), err
	},
	"close": func(a *arguments) ([]field, error) { return nil, a.auth().Close() },
	"kind":  func(a *arguments) ([]field, error) { return texts(a.auth().Kind().String()), nil },
	"describe": func(a *arguments) ([]field, error) {
		return texts(a.auth().String()), nil
	},
	"headers": func(a *arguments) ([]field, error) {
		auth, method, uri, at := a.auth(), a.text(), a.text(), a.number()
		headers, err := auth.Headers(method, uri)
		if at != -1 {
			headers, err = auth.HeadersAt(method, uri, time.Unix(at, 0))
		}
		header := http.Header{}
		headers.Set(header)
		return []field{absent(header.Get("Authorization")), absent(header.Get("Timestamp"))}, err
	},
	"header_block": func(a *arguments) ([]field, error) {
		return text(a.auth().HeaderBlock(a.text(), a.text()))
	},
	"string_to_sign": func(a *arguments) ([]field, error) {
		return text(tcauth.StringToSign(a.text(), a.text(), a.moment()))
	},
	"set_api_path": func(a *arguments) ([]field, error) { return nil, a.auth().SetAPIPath(a.text()) },
	"api_path": func(a *arguments) ([]field, error) {
		return []field{absent(a.auth().APIPath())}, nil
	},
	"set_renewal_window": func(a *arguments) ([]field, error) {
		return nil, a.auth().SetRenewalWindow(a.duration())
	},
	"renewal_window": func(a *arguments) ([]field, error) {
		window, err := a.auth().RenewalWindow()
		return texts(fmt.Sprint(int64(window / time.Second))), err
	},
	"token_state": func(a *arguments) ([]field, error) {
		state, left, err := a.auth().TokenState()
		if left == math.MaxInt64 {
			panic(errSkip)
		}
		return texts(state.String(), fmt.Sprint(int64(left/time.Second))), err
	},
	"set_clock_offset": func(a *arguments) ([]field, error) { return nil, a.auth().SetClockOffset(a.duration()) },
	"clock_offset": func(a *arguments) ([]field, error) {
		offset, err := a.auth().ClockOffset()
		return texts(fmt.Sprint(int64(offset / time.Second))), err
	},
	"update_token": func(a *arguments) ([]field, error) { return nil, a.auth().UpdateToken(a.text(), a.expiry()) },
	"token": func(a *arguments) ([]field, error) {
		token, expires, err := a.auth().Token()
		if expires.IsZero() {
			expires = time.Unix(0, 0)
		}
		return texts(token, fmt.Sprint(expires.Unix())), err
	},
	"poll": func(a *arguments) ([]field, error) {
		entry := a.entry()
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(a.number())*time.Millisecond)
		defer cancel()
		ticket, err := entry.auth.Poll(ctx)
		if ticket == nil {
			return []field{nil}, err
		}
		entry.ticket = ticket
		return texts(ticket.URL()), err
	},
	"complete": func(a *arguments) ([]field, error) {
		message, err := a.entry().ticket.Complete(int(a.number()), []byte(a.text()))
		return []field{absent(message)}, err
	},
	"cancel": func(a *arguments) ([]field, error) {
		a.entry().ticket.Cancel()
		return nil, nil
	},
	"needed": func(a *arguments) ([]field, error) {
		if a.entry().ticket.Needed() {
			return texts("1"), nil
		}
		return texts("0"), nil
	},
	"family": func(a *arguments) ([]field, error) { return text(a.auth().Family()) },
	"seal":   func(a *arguments) ([]field, error) { return text(a.auth().Seal(a.key())) },
	"unseal": func(a *arguments) ([]field, error) {
		outcome, err := a.auth().Unseal(a.text(), a.key())
		return texts(outcome.String()), err
	},
	"share_in": func(a *arguments) ([]field, error) { return nil, a.auth().ShareIn(a.text(), a.key()) },
	"review": func(a *arguments) ([]field, error) {
		auth, sent := a.auth(), tcauth.Headers{Authorization: a.text(), Timestamp: tcauth.NoTimestamp}
		if timestamp := a.next(); timestamp != nil {
			sent.Timestamp, _ = strconv.ParseInt(*timestamp, 10, 64)
		}
		advice, err := auth.Review(sent, int(a.number()), present(a.next()), []byte(a.text()))
		return texts(advice.String()), err
	},
	"verify": func(a *arguments) ([]field, error) {
		auth, method, uri, authorization, timestamp := a.auth(), a.text(), a.text(), present(a.next()), present(a.next())
		return nil, auth.Verify(method, uri, authorization, timestamp, a.moment(), a.duration())
	},
	"url_new": func(a *arguments) ([]field, error) { return built(tcauth.NewURL(a.text())) },
	"url_new_for": func(a *arguments) ([]field, error) {
		return built(a.auth().NewURL(a.text()))
	},
	"url_add_segment": func(a *arguments) ([]field, error) {
		url, err := tcauth.NewURL(a.text())
		if err == nil {
			err = url.AddSegment(a.text())
		}
		return built(url, err)
	},
	"url_add_query": func(a *arguments) ([]field, error) {
		url, err := tcauth.NewURL(a.text())
		if err == nil {
			err = url.AddQuery(a.text(), a.text())
		}
		return built(url, err)
	},
	"client": func(a *arguments) ([]field, error) {
		entry, certificate := a.entry(), a.next()
		if len(a.fields) == 0 || a.fields[0] == nil {
			return nil, entry.connect(certificate, nil)
		}
		return nil, entry.connect(certificate, &tcauth.Sharing{Directory: a.text(), Key: a.key()})
	},
	"send": func(a *arguments) ([]field, error) {
		entry, method, url := a.entry(), a.text(), a.text()
		if body := a.next(); body != nil {
			return entry.send(method, url, strings.NewReader(*body))
		}
		return entry.send(method, url, nil)
	},
	"send_once": func(a *arguments) ([]field, error) {
		entry, method, url := a.entry(), a.text(), a.text()
		// Hidden in another type, so that net/http can't read it again.
		return entry.send(method, url, io.MultiReader(bytes.NewBufferString(a.text())))
	},
	"start": func(a *arguments) ([]field, error) {
		entry, method, url := a.entry(), a.text(), a.text()
		entry.sent = make(chan answer)
		go func() {
			fields, err := entry.send(method, url, nil)
			entry.sent <- answer{fields, err}
		}()
		return nil, nil
	},
	"finish": func(a *arguments) ([]field, error) {
		answer := <-a.entry().sent
		return answer.fields, answer.err
	},
	"storm": func(a *arguments) ([]field, error) {
		entry, url, threads, seconds := a.entry(), a.text(), int(a.number()), int(a.number())
		var rejectingURL field
		if len(a.fields) > 0 {
			rejectingURL = a.next()
		}
		return entry.storm(url, threads, seconds, rejectingURL), nil
	},
	"tasks": func(*arguments) ([]field, error) {
		return texts(strconv.Itoa(runtime.NumGoroutine())), nil
	},
	"events": func(a *arguments) ([]field, error) {
		entry := a.entry()
		entry.lock.Lock()
		defer entry.lock.Unlock()
		events := entry.events
		entry.events = nil
		return texts(events...), nil
	},
}

func built(url *tcauth.URL, err error) ([]field, error) {
	if err != nil {
		return nil, err
	}
	return texts(url.String()), nil
}

// run answers with the name of the status.
func run(line string) (status string, answer []field) {
	defer func() {
		if problem := recover(); problem != nil {
			status, answer = "ERROR", texts(fmt.Sprint(problem))
			if problem == errSkip {
				status = "SKIP"
			}
		}
	}()
	var fields []field
	for _, part := range strings.Split(line, "\t") {
		if part == "-" {
			fields = append(fields, nil)
			continue
		}
		decoded, err := url.PathUnescape(part)
		if err != nil {
			panic(err)
		}
		fields = append(fields, &decoded)
	}
	answer, err := commands[*fields[0]](&arguments{fields[1:]})
	var known tcauth.Status
	switch {
	case err == nil:
		return "OK", answer
	case errors.As(err, &known):
		return known.String(), answer
	default:
		return "ERROR", texts(err.Error())
	}
}

func main() {
	input, output := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		line, err := input.ReadString('\n')
		if err != nil {
			return
		}
		status, answer := run(strings.TrimSuffix(line, "\n"))
		for _, field := range answer {
			encoded := "-"
			if field != nil {
				encoded = strings.ReplaceAll(url.PathEscape(*field), "-", "%2D")
			}
			status += "\t" + encoded
		}
		fmt.Fprintln(output, status)
		output.Flush()
	}
}
