package tcauth

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// A Config has what [New] needs: the API path, and either a key pair or a token.
type Config struct {
	// APIPath is the URL of the platform's API, such as https://company.example/api.
	APIPath string

	// AccessID and SecretKey are a key pair, as in [NewHMAC].
	AccessID, SecretKey string

	// Token is an API token, and TokenExpires the time at which it expires, as in [NewToken].
	Token        string
	TokenExpires time.Time
}

// New makes an Auth for the API path of config, and only for that server. For the requests of an App, which gets its
// credentials from the platform, see [Discover].
//
// Errors: [ErrAPIPathMissing], [ErrNoCredentials] (none, or one half of a key pair), [ErrInvalidArgument] (both a token and
// a key pair), and those of [NewHMAC], [NewToken] and [Auth.SetAPIPath].
func New(config Config) (*Auth, error) {
	hasToken, hasPair := config.Token != "", config.AccessID != "" || config.SecretKey != ""
	switch {
	case config.APIPath == "":
		return nil, &misuse{ErrAPIPathMissing, "Config.APIPath is empty: set it, such as to https://company.example/api"}
	case hasToken && hasPair:
		return nil, &misuse{ErrInvalidArgument, "Config has a Token and a key pair: set only one of them"}
	case !hasToken && config.AccessID == "":
		return nil, &misuse{ErrNoCredentials, "Config has no Token and no AccessID: set Token, or AccessID and SecretKey"}
	case !hasToken && config.SecretKey == "":
		return nil, &misuse{ErrNoCredentials, "Config has an AccessID, but no SecretKey: is an environment variable missing?"}
	}
	var auth *Auth
	var err error
	if hasToken {
		auth, err = NewToken(config.Token, config.TokenExpires)
	} else {
		auth, err = NewHMAC(config.AccessID, config.SecretKey)
	}
	if err != nil {
		return nil, err
	}
	if err := auth.SetAPIPath(config.APIPath); err != nil {
		auth.Close()
		return nil, err
	}
	return auth, nil
}

// Client returns a client whose requests are authorized by a [Transport] with this Auth; [http.DefaultTransport] sends them.
// It has no Timeout: set one, or make a client with a Transport of your own to set more.
func (a *Auth) Client() *http.Client {
	return &http.Client{Transport: &Transport{Auth: a}}
}

// String returns the API path and the kind of credentials.
func (c Config) String() string {
	kind := KindNone
	switch {
	case c.Token != "":
		kind = KindToken
	case c.AccessID != "" || c.SecretKey != "":
		kind = KindHMAC
	}
	return c.APIPath + ", " + kind.String()
}

// Format prints String for every verb, so that %+v and %#v show no fields.
func (c Config) Format(state fmt.State, _ rune) {
	fmt.Fprint(state, c.String())
}

// MarshalText returns String: encoding/json and the like write it.
func (c Config) MarshalText() ([]byte, error) {
	return []byte(c.String()), nil
}

// LogValue returns String, for log/slog.
func (c Config) LogValue() slog.Value {
	return slog.StringValue(c.String())
}
