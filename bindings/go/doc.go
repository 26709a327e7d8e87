// Package tcauth makes the authorization headers of the ThreatConnect API: HMAC-SHA256 signatures, or an API token that
// is renewed before it expires.
//
// [New] makes an [Auth], and [Auth.Client] an ordinary [http.Client] that uses it:
//
//	auth, err := tcauth.New(tcauth.Config{
//		APIPath: "https://company.example/api", AccessID: accessID, SecretKey: secretKey,
//	})
//	...
//	response, err := auth.Client().Get(auth.APIPath() + "/v3/indicators")
//
// A [Transport] has more options. In an App, [Discover] finds the credentials.
//
// For any other HTTP client, [Auth.Headers] returns the headers to add, [Auth.Poll] says when to renew the token, and
// [Auth.Review] says what a refusal means.
//
// [Auth.ShareIn], or [Transport].Share, lets processes share one token.
//
// Make an [Auth] once and share it: any number of goroutines may call its methods at the same time.
//
// Errors are of type [Status], or wrap one; compare them with [errors.Is]. Three kinds of errors are not: [ErrClosed];
// [ErrNoAnswer], in an [Event]; and those of a context, or of the Base of a [Transport], which passes them on. No error of
// this package contains a secret key or a token.
//
// Package tcauthtest has a server for tests of programs that use this package.
//
// The package calls the C library libtc_auth, and needs cgo. The library reads the C environment of the process: call
// [os.Setenv] before you start goroutines.
package tcauth
