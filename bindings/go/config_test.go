package tcauth

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestNew(t *testing.T) {
	const apiPath = "https://company.example/api"
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	for _, test := range []struct {
		config Config
		kind   Kind
		err    error
		part   string // of the message
	}{
		{Config{APIPath: apiPath, AccessID: accessID, SecretKey: secret}, KindHMAC, nil, ""},
		{Config{APIPath: apiPath, Token: token, TokenExpires: expires}, KindToken, nil, ""},
		{Config{APIPath: apiPath, Token: token}, KindToken, nil, ""},
		{Config{AccessID: accessID, SecretKey: secret}, KindNone, ErrAPIPathMissing, "Config.APIPath"},
		{Config{APIPath: apiPath}, KindNone, ErrNoCredentials, "no Token and no AccessID"},
		{Config{APIPath: apiPath, AccessID: accessID}, KindNone, ErrNoCredentials, "no SecretKey"},
		{Config{APIPath: apiPath, SecretKey: secret}, KindNone, ErrNoCredentials, "no AccessID"},
		{Config{APIPath: apiPath, Token: token, AccessID: accessID}, KindNone, ErrInvalidArgument, "only one"},
		{Config{APIPath: apiPath, Token: token, SecretKey: secret}, KindNone, ErrInvalidArgument, "only one"},
		{Config{APIPath: "company.example", Token: token}, KindNone, ErrInvalidURIForm, ""},
		{Config{APIPath: apiPath, Token: "a b"}, KindNone, ErrInvalidToken, ""},
		{Config{APIPath: apiPath, Token: token, TokenExpires: time.Unix(-5, 0)}, KindNone, ErrInvalidTime, ""},
		{Config{APIPath: apiPath, AccessID: "a b", SecretKey: secret}, KindNone, ErrInvalidAccessID, ""},
	} {
		auth, err := New(test.config)
		if !errors.Is(err, test.err) || auth.Kind() != test.kind || (auth == nil) != (test.err != nil) {
			t.Error(test.config, auth, err)
			continue
		}
		if err != nil {
			if !strings.Contains(err.Error(), test.part) || strings.Contains(err.Error(), secret) {
				t.Error(test.config, err)
			}
			continue
		}
		if auth.APIPath() != apiPath {
			t.Error(test.config, auth.APIPath())
		}
		if test.kind == KindToken {
			if current, until, err := auth.Token(); current != token || !until.Equal(test.config.TokenExpires) || err != nil {
				t.Error(until, err)
			}
		}
		auth.Close()
	}
}

func TestClient(t *testing.T) {
	defaultTransport := http.DefaultTransport
	defer func() { http.DefaultTransport = defaultTransport }()
	auth := newHMAC(t)
	p, _ := newPlatform(t, auth)
	http.DefaultTransport = p.Client().Transport // trusts the certificate
	response, err := auth.Client().Get(p.URL + "/api/x")
	if err != nil || response.StatusCode != 200 {
		t.Fatal(response, err)
	}
	response.Body.Close()
	if _, err := auth.Client().Get("https://company.example/"); !errors.Is(err, ErrOtherOrigin) {
		t.Error(err)
	}
}
