#!/bin/sh
# Makes the Go module with the static library of this machine alone, and uses it as its users do: from a GOPROXY, without
# the checkout's library. Called with the directory to work in, and the library.

set -eu
cd "$(dirname "$0")/../.."
root=$PWD library=$(realpath "$2")
rm -rf "$1"
mkdir -p "$1"
work=$(cd "$1" && pwd)

fail() {
    echo "$*" >&2
    exit 1
}

# Another path than the checkout's; and a library whose symbols of Rust are not hidden yet.
module=example.org/Another/tcauth version=v0.3.1
objcopy --globalize-symbol=rust_eh_personality "$library" "$work/library.a"
TARGET=$work GO_MODULE=$module GO_VERSION=$version \
    sh packaging/go/module.sh "$work/go" "linux_$(go env GOARCH)=$work/library.a"

unset PKG_CONFIG_PATH LD_LIBRARY_PATH
export PKG_CONFIG=false CGO_ENABLED=1 GOFLAGS=-modcacherw GOMODCACHE="$work/cache" GOPROXY="file://$work/go/proxy" GONOSUMDB=$module
mkdir "$work/program"
cd "$work/program"
sed -n '/^package main$/,/^```$/{ /^```$/q; p; }' ../go/module/README.md >main.go
sed -n '/^```text$/,/^```$/p' ../go/module/README.md | grep -v '^```' >expected

printed_as_expected() { "$@" | diff expected -; }

go mod init example >/dev/null 2>&1
go get "$module"
go build -o program .
printed_as_expected ./program
readelf -d program | grep NEEDED | tee needed
# The C library, which was several files before glibc 2.34.
! grep -v '\[\(lib\(c\|pthread\|dl\|resolv\)\|ld-linux-.*\)\.so' needed || fail 'it needs more than the C library'

echo '== vendored'
go mod vendor
for file in LICENSE NOTICE; do
    [ -s "vendor/$module/$file" ] || fail "no $file"
done
rm -r "$GOMODCACHE"
go build -o vendored .
printed_as_expected ./vendored

echo '== a second Rust library, of which both have symbols'
mkdir second
rustc --edition 2024 --crate-type staticlib -C opt-level=3 -C lto=fat -o second/libsecond.a "$root/tests/c/second.rs"
cat >second/second.go <<'END'
package second

// #cgo LDFLAGS: ${SRCDIR}/libsecond.a -lm
// int second_sum(int count);
import "C"

func Sum(count int) int { return int(C.second_sum(C.int(count))) }
END
sed -i 's|^import (|import (\n\t"example/second"|; s|^func main() {|&\n\tif second.Sum(4) != 6 \|\| second.Sum(9) != -1 {\n\t\tpanic("second")\n\t}|' main.go
go build -o two .
printed_as_expected ./two 2>two.log
grep 'a panic that is caught' two.log

echo '== what cannot be built'
refused() { # MESSAGE COMMAND...
    message=$1
    shift
    if "$@" >refused 2>&1; then fail "not refused: $*"; fi
    grep -F "$message" refused || { cat refused; fail "no clear message: $*"; }
}
refused 'undefined: tcauth_needs_cgo_so_set_CGO_ENABLED_to_1_and_install_a_C_compiler' env CGO_ENABLED=0 go build "$module"
# No compiler here is for a platform that the module lacks: which files are used there, and what becomes of them.
refused 'undefined: tcauth_has_no_library_for_this_platform' \
    go tool compile -p capi -o refused.a "vendor/$module/internal/capi/unsupported.go"
is_refused() { # GOOS/GOARCH
    GOOS=${1%/*} GOARCH=${1#*/} go list -f '{{.GoFiles}}' "$module/internal/capi" | grep -q unsupported.go
}
for platform in linux/386 freebsd/amd64 android/arm64 ios/arm64; do
    is_refused $platform || fail "not refused: $platform"
done
for platform in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do
    ! is_refused $platform || fail "refused: $platform"
done
refused 'build without -tags musl' go build -tags musl "$module"
refused 'build with -tags tcauth_system' env -C "$root/bindings/go" go build ./internal/capi

echo '== its own tests'
cd ../go/module
go vet ./...
go test ./...
