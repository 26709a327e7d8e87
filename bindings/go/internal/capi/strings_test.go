package capi

import (
	"strings"
	"testing"
)

// Copies of secrets are wiped: the test looks at their memory before it is freed.
func TestWiping(t *testing.T) {
	const secret = "tc_auth-example-secret"
	for _, text := range []string{secret, "", strings.Repeat("x", 10_000)} {
		copied, ok := NewString(text)
		if !ok || string(copied) != text+"\x00" {
			t.Fatal(ok)
		}
		copied.Wipe()
		if strings.Trim(string(copied), "\x00") != "" {
			t.Error("not wiped")
		}
	}
	made, ok := NewArgv([]string{"app", "--api_secret_key", secret})
	if !ok {
		t.Fatal(ok)
	}
	made.Free()
	if len(made.copies) != 3 || strings.Trim(string(made.copies[2]), "\x00") != "" {
		t.Error("not wiped")
	}
}
