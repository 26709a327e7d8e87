package tcauthtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"time"
)

// A Fault is what goes wrong with one request. It gets the handler that would answer the request, and returns the one that
// does: a program's own faults are functions of this type.
type Fault func(http.Handler) http.Handler

// Faults of requests and renewals.
var (
	// Drop closes the connection without a response. Nothing happens: a token is not replaced.
	Drop Fault = func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	}

	// Lose does what was asked for, but loses the response. If that is a renewal, the token was replaced, and nobody knows
	// the new one: this can't be repaired.
	Lose Fault = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), request)
			panic(http.ErrAbortHandler)
		})
	}

	// Unavailable answers with status 503 and HTML, like a gateway.
	Unavailable = Answer(http.StatusServiceUnavailable, "text/html", "<html><body><h1>503 Service Unavailable</h1></body></html>")
)

// Faults of requests. A tcauth.Transport reports their advice.
var (
	// Unauthorized is what the platform answers to a token that it does not accept. The token can be renewed.
	Unauthorized = Failure(http.StatusUnauthorized, "Unauthorized")

	// AccessDenied is what the platform answers to an access id that may not do this.
	AccessDenied = Failure(http.StatusForbidden, "Access Denied")
)

// RefuseRenewal is the fault of a renewal that the platform refuses for good.
var RefuseRenewal = Answer(http.StatusOK, "application/json", `{"success":false,"message":"This token may not be renewed"}`)

// Failure answers with a message, in the platform's form.
func Failure(status int, message string) Fault {
	body, err := json.Marshal(map[string]string{"status": "Failure", "message": message})
	if err != nil {
		panic(err)
	}
	return Answer(status, "application/json", string(body))
}

// Answer answers with any status and body.
func Answer(status int, contentType, body string) Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			reply(writer, request, status, contentType, body)
		})
	}
}

// Delay answers after some time, or as soon as the client or the test does not wait any longer.
func Delay(duration time.Duration) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			timer := time.NewTimer(duration)
			defer timer.Stop()
			select {
			case <-timer.C:
				next.ServeHTTP(writer, request)
			case <-request.Context().Done():
				panic(http.ErrAbortHandler)
			}
		})
	}
}
