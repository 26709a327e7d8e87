// Package tcauth makes the authorization headers of the ThreatConnect API: HMAC-SHA256 signatures, or an API token that
// is renewed before it expires.
//
// [Transport] does this for an ordinary [http.Client]:
//
//	auth, err := tcauth.NewHMAC(accessID, secretKey)
//	...
//	err = auth.SetAPIPath("https://company.example/api")
//	...
//	client := &http.Client{Transport: &tcauth.Transport{Auth: auth}}
//
// For any other HTTP client, [Auth.Headers] returns the headers to add, [Auth.Poll] says when to renew the token, and
// [Auth.Review] says what a refusal means.
//
// [Auth.ShareIn], or [Transport].Share, lets processes share one token.
//
// Make an [Auth] once and share it: any number of goroutines may call its methods at the same time. Errors are of type
// [Status]; compare them with [errors.Is]. No error contains a secret key or a token.
//
// The package calls the C library libtc_auth, which cgo finds with pkg-config. The library reads the C environment of
// the process: call [os.Setenv] before you start goroutines.
package tcauth
