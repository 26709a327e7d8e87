// Package tcauth makes the authorization headers of the ThreatConnect API: HMAC-SHA256 signatures, or an API token that
// is renewed when it is due.
//
// With [Transport] an ordinary [http.Client] does all of it:
//
//	auth, err := tcauth.NewHMAC(accessID, secretKey)
//	...
//	err = auth.SetAPIPath("https://company.example/api")
//	...
//	client := &http.Client{Transport: &tcauth.Transport{Auth: auth}}
//
// For any other HTTP client, [Auth.Headers] gives the headers to add, [Auth.Poll] says when to renew a token, and
// [Auth.Review] what a refusal means.
//
// Make an [Auth] once and share it: every method may be called from any number of goroutines at once. Errors are of the
// type [Status], to be told apart with [errors.Is]; none holds a secret key or a token.
//
// The package is a thin layer over the C library libtc_auth, which cgo finds with pkg-config. The library reads the
// environment by itself, as C does: set variables with [os.Setenv] before you start goroutines.
package tcauth
