#!/bin/sh
# Makes the Go module of the libraries that were built for other platforms, and links programs with each: one in C with a
# second Rust library, and, but for macOS, whose frameworks are missing here, one in Go. Runs what can be run, if needed
# in an emulator. Called with the directory to work in, and the platforms.

set -eu
cd "$(dirname "$0")/../.."
case $TARGET in /*) ;; *) TARGET=$PWD/$TARGET ;; esac
rm -rf "$1"
mkdir -p "$1/program"
work=$(cd "$1" && pwd)
shift
. packaging/platform.sh

GO_MODULE=example.com/tcauth GO_VERSION=v0.1.0 sh packaging/go/module.sh "$work" "$@"
sed -n '/^package main$/,/^```$/{ /^```$/q; p; }' bindings/go/README.md >"$work/program/main.go"
sed -n '/^```text$/,/^```$/p' bindings/go/README.md | grep -v '^```' >"$work/expected"
printf 'module program\n\ngo 1.24\n\nrequire example.com/tcauth v0.1.0\n\nreplace example.com/tcauth => ../module\n' \
    >"$work/program/go.mod"
export GOWORK=off CGO_ENABLED=1 PKG_CONFIG=false WINEPREFIX="$TARGET/cross/wine" WINEDEBUG=-all RUST_BACKTRACE=0
unset GOFLAGS

prepare_wine() {
    timeout 120 /usr/lib/wine/wine64 wineboot -u >/dev/null 2>&1 || true
    # Wine 8 lacks it, and Go loads it from nowhere else.
    $cc -shared tests/c/bcryptprimitives.c -ladvapi32 -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll"
}

for name; do
    platform "$name"
    tags= flags= run= more=
    case $name in
        aarch64) run="qemu-aarch64-static -L /usr/aarch64-linux-gnu" ;;
        aarch64-musl) run=qemu-aarch64-static ;;
        windows) run=/usr/lib/wine/wine64 more='-luserenv -lws2_32' ;;
        windows-aarch64) run=: more='-luserenv -lws2_32' ;;
        macos*) run=: ;;
    esac
    case $name in *musl) tags=musl flags='-linkmode external -extldflags -static' ;; esac
    [ "$name" != windows ] || prepare_wine
    export GOOS="${go%%_*}" GOARCH="$(echo "$go" | cut -d _ -f 2)"

    echo "== $name: $GOOS $GOARCH $tags"
    linked=$(cd "$work/module" && go list -tags "$tags" -f '{{join .CgoLDFLAGS " "}}' ./internal/capi)
    for lto in off fat; do
        rustc --edition 2024 --target $rust_target --crate-type staticlib -C opt-level=3 -C lto=$lto \
            -C target-feature=-crt-static -o "$work/second.a" tests/c/second.rs
        for libraries in "$linked $work/second.a" "$work/second.a"; do
            $cc -Iinclude tests/c/two_rust.c $libraries $linked $more -o "$work/two-$name.exe"
            $run "$work/two-$name.exe"
        done
    done
    case $name in macos*) continue ;; esac
    (cd "$work/program" && CC="${cc% -lunwind}" go build -tags "$tags" -ldflags "$flags" -o "$work/program-$name.exe" .)
    [ "$run" = : ] || $run "$work/program-$name.exe" | tr -d '\r' | diff "$work/expected" -
done
