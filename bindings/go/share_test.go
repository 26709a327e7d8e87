package tcauth

import (
	"context"
	"errors"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestGetters(t *testing.T) {
	auth, err := NewToken(token, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	if state, left, err := auth.TokenState(); state != StateNotRenewable || left < 59*time.Minute || err != nil {
		t.Error(state, left, err)
	}
	if got := auth.APIPath(); got != "" {
		t.Error(got)
	}
	if err := auth.SetAPIPath("https://company.example/api/"); err != nil || auth.APIPath() != "https://company.example/api" {
		t.Error(auth.APIPath(), err)
	}
	if err := auth.SetRenewalWindow(5 * time.Minute); err != nil {
		t.Error(err)
	}
	if window, err := auth.RenewalWindow(); window != 5*time.Minute || err != nil {
		t.Error(window, err)
	}
	state, left, err := auth.TokenState()
	if state != StateValid || left < 54*time.Minute || left > 55*time.Minute || err != nil {
		t.Error(state, left, err)
	}
	if err := auth.UpdateToken(token, time.Time{}); err != nil {
		t.Error(err)
	}
	if state, left, err := auth.TokenState(); state != StateValid || left >= 0 || err != nil {
		t.Error(state, left, err)
	}
	if err := auth.UpdateToken(token, time.Unix(99999999999, 0)); err != nil {
		t.Error(err)
	}
	if state, left, err := auth.TokenState(); state != StateValid || left != math.MaxInt64 || err != nil {
		t.Error("too long for a Duration", state, left, err)
	}
	if err := auth.UpdateToken(token, time.Now().Add(-time.Minute)); err != nil {
		t.Error(err)
	}
	renewal, err := auth.Poll(context.Background())
	if err != nil || !renewal.Needed() {
		t.Error(err)
	}
	if state, left, err := auth.TokenState(); state != StateUnderWay || left < time.Minute || left > 2*time.Minute || err != nil {
		t.Error(state, left, err)
	}
	if err := auth.UpdateToken("another", time.Time{}); err != nil || renewal.Needed() {
		t.Error("needed no more", err)
	}
	renewal.Cancel()
	if renewal.Needed() || (&Renewal{}).Needed() {
		t.Error("a renewal that has ended is needed")
	}
	if state, _, err := newHMAC(t).TokenState(); state != StateNone || err != nil {
		t.Error(state, err)
	}
	if got := State(77).String() + Unsealed(78).String() + Advice(79).String() + Advice(79).Name(); got != "777879UNKNOWN" {
		t.Error("numbers of a later library", got)
	}
	if got := Unknown.String() + Retry.String() + ErrStoreIO.String(); got != "UNKNOWNRETRYSTORE_IO" {
		t.Error(got)
	}
	if got := Retry.Message(); !strings.HasSuffix(got, ".") {
		t.Error(got)
	}
}

func TestHeaderBlock(t *testing.T) {
	block, err := newHMAC(t).HeaderBlock("get", "/api/v3/indicators")
	if !regexp.MustCompile(`^Authorization: TC 12345678901234567890:[\w+/]{43}=\r\nTimestamp: \d{10}\r\n$`).MatchString(block) || err != nil {
		t.Errorf("%q %v", block, err)
	}
	for _, length := range []int{1, 229, 230, 231, 256, 100_000} {
		auth, err := NewToken(strings.Repeat("x", length), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		block, err := auth.HeaderBlock("GET", "/")
		if want := "Authorization: TC-Token " + strings.Repeat("x", length) + "\r\n"; err != nil || block != want {
			t.Error(length, err)
		}
		auth.Close()
	}
	for uri, want := range map[string]Status{"x": ErrInvalidURIForm, "/\x00": ErrInvalidURIByte} {
		if _, err := newHMAC(t).HeaderBlock("GET", uri); !errors.Is(err, want) {
			t.Errorf("%q %v", uri, err)
		}
	}
}

func TestSeal(t *testing.T) {
	one, two := newToken(t, time.Time{}), newToken(t, time.Time{})
	family, err := one.Family()
	if other, _ := two.Family(); !regexp.MustCompile("^[0-9a-f]{32}$").MatchString(family) || other != family || err != nil {
		t.Error(family, other, err)
	}
	keys := [][]byte{nil, []byte("0123456789abcdef0123456789abcdef"), []byte("the second key\n0123456789abcdef0123456789abcdef")}
	for generation, key := range keys {
		if err := one.UpdateToken("next"+strings.Repeat("!", generation), time.Unix(4000000000, 0)); err != nil {
			t.Fatal(err)
		}
		sealed, err := one.Seal(key)
		if err != nil || !strings.HasPrefix(sealed, "TC1.") {
			t.Fatal(sealed, err)
		}
		if _, err := two.Unseal(sealed, []byte("another key")); !errors.Is(err, ErrSealInvalid) {
			t.Error(err)
		}
		for _, want := range []Unsealed{UnsealedAdopted, UnsealedSame} {
			if outcome, err := two.Unseal(sealed, key); outcome != want || err != nil {
				t.Error(outcome, want, err)
			}
		}
		_ = two.UpdateToken("mine", time.Time{})
		if outcome, err := two.Unseal(sealed, key); outcome != UnsealedOlder || err != nil {
			t.Error(outcome, err)
		}
		back, err := two.Seal(key)
		if err != nil {
			t.Error(err)
		}
		if outcome, err := one.Unseal(back, key); outcome != UnsealedAdopted || err != nil {
			t.Error(outcome, err)
		}
	}
	for _, key := range [][]byte{{}, {0}, []byte("a\x00b")} {
		if _, err := one.Seal(key); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q %v", key, err)
		}
		if _, err := one.Unseal("TC1.", key); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q %v", key, err)
		}
	}
	for sealed, want := range map[string]Status{"": ErrSealInvalid, "TC2.": ErrSealVersion, "\x00": ErrSealInvalid} {
		if _, err := one.Unseal(sealed, nil); !errors.Is(err, want) {
			t.Errorf("%q %v", sealed, err)
		}
	}
	pair := newHMAC(t)
	_, family1 := pair.Family()
	_, seal := pair.Seal(nil)
	_, unseal := pair.Unseal("TC1.", nil)
	_, window := pair.RenewalWindow()
	for _, err := range []error{family1, seal, unseal, window} {
		if !errors.Is(err, ErrWrongKind) {
			t.Error(err)
		}
	}
}

// Two Auths in one directory are as two processes.
func TestShareIn(t *testing.T) {
	directory, key := t.TempDir(), []byte("0123456789abcdef0123456789abcdef")
	one, two := newToken(t, time.Now().Add(-time.Minute)), newToken(t, time.Now().Add(-time.Minute))
	for _, auth := range []*Auth{one, two} {
		if err := auth.ShareIn(directory, key); err != nil {
			t.Fatal(err)
		}
	}
	renewal, err := one.Poll(context.Background())
	if err != nil || renewal == nil {
		t.Fatal(renewal, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if other, err := two.Poll(ctx); other != nil || !errors.Is(err, ErrRenewalTimeout) {
		t.Error("two renew at the same time", err)
	}
	const count = 20
	ended := make(chan error, count)
	for range count {
		go func() {
			renewal, err := two.Poll(context.Background())
			if renewal != nil {
				err = errors.New("a second renewal")
			}
			ended <- err
		}()
	}
	time.Sleep(50 * time.Millisecond)
	if _, err := renewal.Complete(200, []byte(goodAnswer)); err != nil {
		t.Fatal(err)
	}
	for range count {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if token, _, err := two.Token(); token != "the-next-token" || err != nil {
		t.Error("not adopted", err)
	}

	if err := one.ShareIn(directory, key); !errors.Is(err, ErrAlreadySet) {
		t.Error(err)
	}
	if err := newHMAC(t).ShareIn(directory, key); !errors.Is(err, ErrWrongKind) {
		t.Error(err)
	}
	for _, test := range []struct {
		directory string
		key       []byte
		want      Status
	}{
		{directory + "/none", key, ErrStoreIO},
		{directory, []byte("another key"), ErrSealInvalid},
		{directory, nil, ErrSealInvalid},
		{directory, []byte{}, ErrInvalidArgument},
		{directory, []byte("a\x00"), ErrInvalidArgument},
		{directory + "\x00", key, ErrInvalidArgument},
	} {
		if err := newToken(t, time.Time{}).ShareIn(test.directory, test.key); !errors.Is(err, test.want) {
			t.Error(test.want, err)
		}
	}
}

// The option of the transport, with the events of two processes.
func TestTransportThatShares(t *testing.T) {
	share := func() *Sharing { return &Sharing{Directory: t.TempDir()} }
	directory := share().Directory
	shared := func(answer func(string) (int, string)) (*Transport, *recorder) {
		transport, events := scripted(t, newToken(t, time.Time{}), answer, goodAnswer)
		transport.Share = &Sharing{Directory: directory}
		return transport, events
	}
	answer := func(authorization string) (int, string) {
		if authorization == "TC-Token the-next-token" {
			return 200, "{}"
		}
		return 401, unauthorized
	}
	one, onesEvents := shared(answer)
	two, twosEvents := shared(answer)
	if err := two.Prepare(); err != nil {
		t.Fatal(err)
	}
	retried := "type=RETRIED advice=RETRY http_status=401 method=GET path=/api/a%20b"
	adopted := "type=ADOPTED method=GET path=/api/a%20b"
	mustReport(t, one, onesEvents, "type=RENEWED http_status=200", retried)
	mustReport(t, two, twosEvents, adopted)
	// One that starts later finds the newer token; a second transport of an Auth shares it only once.
	three, threesEvents := shared(answer)
	if err := errors.Join(three.Prepare(), three.Prepare(), (&Transport{Auth: three.Auth, Share: three.Share}).Prepare()); err != nil {
		t.Error(err)
	}
	mustReport(t, three, threesEvents, adopted)
	mustReport(t, three, threesEvents)
	if err := (&Transport{Auth: three.Auth, Share: share()}).Prepare(); !errors.Is(err, ErrAlreadySet) {
		t.Error("another directory", err)
	}

	// A token that can't be saved counts.
	if err := two.Auth.UpdateToken("expired", time.Now().Add(-time.Minute)); err != nil {
		t.Error(err)
	}
	answers := two.RenewalBase
	two.RenewalBase = roundTripper(func(request *http.Request) (*http.Response, error) {
		if err := os.RemoveAll(directory); err != nil {
			t.Error(err)
		}
		return answers.RoundTrip(request)
	})
	mustReport(t, two, twosEvents, "type=RENEWED http_status=200 status=STORE_IO")
	if err := two.Auth.UpdateToken("the-next-token", time.Unix(4000000001, 0)); !errors.Is(err, ErrStoreIO) {
		t.Error(err)
	}
	mustReport(t, two, twosEvents)
}

func TestTransportThatCannotShare(t *testing.T) {
	transport, events := scripted(t, newToken(t, time.Now().Add(-time.Minute)), accept, goodAnswer)
	directory := filepath.Join(t.TempDir(), "later")
	transport.Share = &Sharing{Directory: directory}
	if err := transport.Prepare(); !errors.Is(err, ErrStoreIO) {
		t.Error(err)
	}
	if _, err := get(t, transport, "https://company.example/api/x"); !errors.Is(err, ErrStoreIO) || len(events.take()) > 0 {
		t.Error(err)
	}
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	mustReport(t, transport, events, "type=RENEWED http_status=200")
	closed := newToken(t, time.Time{})
	closed.Close()
	for want, transport := range map[error]*Transport{
		ErrNullArgument:   {},
		ErrAPIPathMissing: {Auth: tokenOf(t, time.Time{})},
		ErrClosed:         {Auth: closed, Share: transport.Share},
		ErrWrongKind:      {Auth: pair(t), Share: transport.Share},
	} {
		if err := transport.Prepare(); !errors.Is(err, want) {
			t.Error(want, err)
		}
	}
}

func pair(t *testing.T) *Auth {
	auth := newHMAC(t)
	if err := auth.SetAPIPath("https://company.example/api"); err != nil {
		t.Fatal(err)
	}
	return auth
}
