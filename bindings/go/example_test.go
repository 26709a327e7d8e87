package tcauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"example.com/tcauth"
)

const (
	accessID  = "12345678901234567890"
	secretKey = "tc_auth-example-secret"
)

// newPlatform is a server that renews any token, and otherwise verifies requests. Tests of your own can use tcauthtest.
func newPlatform(verify func(*http.Request) error) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/api/appAuth" {
			fmt.Fprint(writer, `{"success": true, "apiToken": "API:5:the-next", "apiTokenExpires": "4000000000"}`)
		} else if err := verify(request); err != nil {
			http.Error(writer, `{"message": "Unauthorized"}`, http.StatusUnauthorized)
		}
	}))
}

func Example() {
	server := newPlatform(func(request *http.Request) error {
		fmt.Println(request.Header.Get("Authorization")[:24], "...")
		return nil
	})
	defer server.Close()

	auth, err := tcauth.New(tcauth.Config{APIPath: server.URL + "/api", AccessID: accessID, SecretKey: secretKey})
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	client := auth.Client()
	client.Timeout = time.Minute
	response, err := client.Get(auth.APIPath() + "/v3/indicators?resultLimit=10")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)

	_, err = client.Get("https://another.example/")
	fmt.Println(errors.Is(err, tcauth.ErrOtherOrigin))
	// Output:
	// TC 12345678901234567890: ...
	// 200 OK
	// true
}

func ExampleNew() {
	_, err := tcauth.New(tcauth.Config{APIPath: "https://company.example/api", AccessID: accessID})
	fmt.Println(err)
	// Output: tcauth: Config has an AccessID, but no SecretKey: is an environment variable missing?
}

// Events are for logs and metrics.
func ExampleTransport() {
	server := newPlatform(func(request *http.Request) error {
		if request.Header.Get("Authorization") != "TC-Token API:5:the-next" {
			return tcauth.ErrSignatureMismatch
		}
		return nil
	})
	defer server.Close()

	auth, err := tcauth.New(tcauth.Config{APIPath: server.URL + "/api", Token: "API:5:the-first"})
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	client := &http.Client{Transport: &tcauth.Transport{
		Auth:    auth,
		OnEvent: func(event tcauth.Event) { fmt.Println(event) },
	}}
	response, err := client.Get(auth.APIPath() + "/v3/indicators")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output:
	// type=RENEWED http_status=200
	// type=RETRIED advice=RETRY http_status=401 method=GET path=/api/v3/indicators
	// 200 OK
}

func ExampleDiscover() {
	auth, why, err := tcauth.Discover([]string{"app", "--tc_token=API:5:abc", "--tc_api_path=https://company.example/api"})
	if err != nil {
		log.Fatal(err) // it says what was found
	}
	defer auth.Close()
	if auth.APIPath() == "" {
		log.Fatal("no API path: ", why)
	}
	fmt.Println(auth)
	// Output: token; no expiry; source arguments; api path https://company.example/api
}

func ExampleAuth_HeadersAt() {
	auth, err := tcauth.NewHMAC(accessID, secretKey)
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	headers, err := auth.HeadersAt("GET", "/api/v3/indicators", time.Unix(1513703787, 0))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(headers.Authorization)
	fmt.Println(headers.Timestamp)
	fmt.Println(headers) // for a log
	// Output:
	// TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=
	// 1513703787
	// TC ***
}

// A client that is not net/http's polls, signs and reviews itself.
func ExampleAuth_Poll() {
	server := newPlatform(func(*http.Request) error { return nil })
	defer server.Close()
	auth, err := tcauth.New(tcauth.Config{
		APIPath: server.URL + "/api", Token: "API:5:the-first", TokenExpires: time.Now().Add(-time.Minute),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()

	renewal, err := auth.Poll(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	if renewal != nil {
		defer renewal.Cancel() // after an error; it does nothing after Complete
		response, err := http.Get(renewal.URL())
		if err != nil {
			log.Fatal("the renewal failed") // err contains the URL, and that contains the token
		}
		body, _ := io.ReadAll(response.Body) // what came before an error may contain the new token
		response.Body.Close()
		if _, err := renewal.Complete(response.StatusCode, body); err != nil {
			log.Print(err)
		}
	}

	uri := auth.APIPath() + "/v3/indicators"
	headers, err := auth.Headers("GET", uri)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(headers.Authorization)

	// This is what the server answered.
	advice, err := auth.Review(headers, 403, "", []byte(`{"message": "Access Denied"}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(advice)
	// Output:
	// TC-Token API:5:the-next
	// ACCESS_DENIED
}

// A gateway checks what its clients have signed.
func ExampleAuth_VerifyRequest() {
	auth, err := tcauth.NewHMAC(accessID, secretKey)
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	handler := http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if err := auth.VerifyRequest(request, time.Time{}, 5*time.Minute); err != nil {
			http.Error(writer, err.Error(), http.StatusUnauthorized)
			return
		}
		fmt.Fprint(writer, "verified")
	})

	request := httptest.NewRequest("GET", "/api/v3/indicators", nil)
	headers, err := auth.Headers("GET", "/api/v3/indicators")
	if err != nil {
		log.Fatal(err)
	}
	headers.Set(request.Header)
	for range 2 {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		fmt.Println(recorder.Code)
		request.Header.Add("Timestamp", "1513703787")
	}
	// Output:
	// 200
	// 401
}

func ExampleAuth_NewURL() {
	auth, err := tcauth.New(tcauth.Config{APIPath: "https://company.example/api", Token: "API:5:abc"})
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	url, err := auth.NewURL("/v3/indicators")
	if err != nil {
		log.Fatal(err)
	}
	if err := url.AddSegment("a/b c"); err != nil {
		log.Fatal(err)
	}
	if err := url.AddQuery("tql", `typeName in ("Host")`); err != nil {
		log.Fatal(err)
	}
	fmt.Println(url)
	// Output: https://company.example/api/v3/indicators/a%2Fb%20c?tql=typeName%20in%20%28%22Host%22%29
}

// Two processes of a family, with a store of their own between them.
func ExampleAuth_Unseal() {
	key := []byte("0123456789abcdef0123456789abcdef")
	one, err := tcauth.NewToken("API:5:the-first", time.Time{})
	if err != nil {
		log.Fatal(err)
	}
	two, err := tcauth.NewToken("API:5:the-first", time.Time{})
	if err != nil {
		log.Fatal(err)
	}
	if err := one.UpdateToken("API:5:the-next", time.Time{}); err != nil {
		log.Fatal(err)
	}
	sealed, err := one.Seal(key)
	if err != nil {
		log.Fatal(err)
	}
	outcome, err := two.Unseal(sealed, key)
	if err != nil {
		log.Fatal(err)
	}
	headers, err := two.Headers("GET", "/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outcome, headers.Authorization)
	// Output: ADOPTED TC-Token API:5:the-next
}

func ExampleStatus() {
	_, err := tcauth.NewHMAC("", secretKey)
	fmt.Println(errors.Is(err, tcauth.ErrInvalidAccessID))
	var status tcauth.Status
	if errors.As(err, &status) {
		fmt.Println(status.Name())
	}
	// Output:
	// true
	// INVALID_ACCESS_ID
}
