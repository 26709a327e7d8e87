// Package retry is the README's client that tries again, and its test. It is a module of its own, so that tcauth has no
// dependencies.
package retry

import (
	"context"
	"errors"
	"net/http"

	"example.com/tcauth"
	"github.com/hashicorp/go-retryablehttp"
)

func newClient(auth *tcauth.Auth) *retryablehttp.Client {
	client := retryablehttp.NewClient()
	client.HTTPClient = auth.Client() // signs each attempt again
	client.CheckRetry = func(ctx context.Context, response *http.Response, err error) (bool, error) {
		var status tcauth.Status
		switch {
		case errors.Is(err, tcauth.ErrTokenExpired): // there may be a new token later
			state, _, _ := auth.TokenState()
			return state != tcauth.StateRefused && state != tcauth.StateNotRenewable, ctx.Err()
		case errors.Is(err, tcauth.ErrRenewalTimeout):
			return true, ctx.Err()
		case errors.As(err, &status) || errors.Is(err, tcauth.ErrClosed):
			return false, err
		}
		return retryablehttp.DefaultRetryPolicy(ctx, response, err)
	}
	return client
}
