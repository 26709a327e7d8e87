#!/bin/sh
# More checks of the Go package, which need a network or the oldest Go. `make check-go` starts it.
set -eu
cd "$(dirname "$0")/.."
build=$BUILD
. tests/tools.sh
# Go takes a compiler with AddressSanitizer by its name.
[ "${CC:-cc}" != cc ] || unset CC
tools=$(absolute "$TARGET/go-tools")
planted=$tools/planted
mkdir -p "$planted"

fail() {
    echo "$*" >&2
    exit 1
}

# A value that nobody uses, and a block that is used after it was freed.
printf 'module planted\n\ngo 1.24\n' >"$planted/go.mod"
cat >"$planted/main.go" <<'END'
package main

// #include <stdlib.h>
// static char used(void) { char *block = malloc(1); free(block); return *(volatile char *)block; }
import "C"

func main() {
	x := C.used()
	x = x
}
END

echo '== staticcheck'
GOBIN=$tools GOFLAGS= go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
if (cd "$planted" && "$tools/staticcheck" ./...) >"$planted/log"; then fail 'the planted mistake was not found'; fi
grep 'self-assignment' "$planted/log"
in_go "$tools/staticcheck" ./...

echo '== AddressSanitizer'
if (cd "$planted" && CGO_ENABLED=1 go run -asan .) 2>"$planted/log"; then fail 'the planted mistake was not found'; fi
grep 'heap-use-after-free' "$planted/log"
in_go go test -count=1 -asan ./...

oldest=go$(sed -n 's/^go //p' bindings/go/go.mod).0
echo "== $oldest"
GOTOOLCHAIN=$oldest in_go go version
GOTOOLCHAIN=$oldest in_go go test -count=1 ./...
