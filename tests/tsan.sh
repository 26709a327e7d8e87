#!/bin/sh
# The C storm and the C tests under ThreadSanitizer, with an instrumented library. `make tsan` starts it.
#
# Needs an x86_64 Linux with clang of the same LLVM as rustc (for Rust 1.95: clang-22 libclang-rt-22-dev llvm-22),
# python3, libcurl. Rust's standard library is not instrumented, nor is libcurl.

set -eu
cd "$(dirname "$0")/.."
: "${TARGET:=target}" "${CARGO:=cargo}" "${CLANG:=clang-22}" "${SECONDS_OF_STORM:=20}"
triple=x86_64-unknown-linux-gnu
build=$TARGET/tsan
mkdir -p "$build"
command -v "$CLANG" >/dev/null || {
    echo "$CLANG is missing: apt-get install clang-22 libclang-rt-22-dev llvm-22" >&2
    exit 1
}
# Without names a suppression has no effect.
symbolizer=$(command -v "llvm-symbolizer-${CLANG#clang-}" || command -v llvm-symbolizer) || {
    echo "llvm-symbolizer is missing: apt-get install llvm-22" >&2
    exit 1
}

# arc-swap orders with fences, which ThreadSanitizer does not understand: the last owner of a token seems to free it in
# a race with an earlier reader. This one place, and nothing else.
echo 'race:alloc::sync::Arc*drop_slow' >"$build/suppressions"
export TSAN_OPTIONS="suppressions=$PWD/$build/suppressions exitcode=66 external_symbolizer_path=$symbolizer"

RUSTC_BOOTSTRAP=1 RUSTFLAGS='-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer' CARGO_TARGET_DIR=$build \
    CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_DEBUG=line-tables-only \
    $CARGO build --locked --release --target $triple
library=$build/$triple/release/libtc_auth.a
compile() { # PROGRAM SOURCE LIBRARIES...
    program=$1 source=$2
    shift 2
    "$CLANG" -std=c99 -g -O1 -fsanitize=thread -Iinclude -I"$TARGET/c" "$source" "$library" "$@" -lgcc_s -lutil -lrt \
        -lpthread -lm -ldl -lc -o "$build/$program"
}

echo "== a planted race is caught"
compile planted_race tests/c/planted_race.c
status=0
"$build/planted_race" >"$build/planted_race.log" 2>&1 || status=$?
grep -m 1 'WARNING: ThreadSanitizer: data race' "$build/planted_race.log"
test $status -eq 66

echo "== the C tests"
compile test_abi tests/c/test_abi.c
"$build/test_abi"

rm -f "$build/port"
echo "== the storm, $SECONDS_OF_STORM s"
compile storm tests/c/storm.c -lcurl
python3 tests/platform/stand_in.py --quiet --token storm-token --token-life 4 >"$build/port" 2>"$build/stand_in.log" &
trap 'kill $!' EXIT
while ! test -s "$build/port"; do sleep 0.1; done
"$build/storm" "http://127.0.0.1:$(cat "$build/port")" storm-token 4 1 16 "$SECONDS_OF_STORM"
echo "renewals: $(grep -c renewal "$build/stand_in.log")"
echo "ThreadSanitizer reported nothing"
