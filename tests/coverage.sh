#!/bin/sh
# The coverage of each file by the Rust tests, and by the C tests with an instrumented library. `make coverage` starts
# it. docs/testing.md explains what is not covered.

set -eu
cd "$(dirname "$0")/.."
: "${TARGET:=target}" "${CARGO:=cargo}" "${CC:=cc}"
tools=$(echo "$(rustc --print sysroot)"/lib/rustlib/*/bin)
[ -x "$tools/llvm-cov" ] || {
    echo 'llvm-cov of this rustc is missing: rustup component add llvm-tools' >&2
    exit 1
}
mkdir -p "$TARGET/coverage"
build=$(cd "$TARGET/coverage" && pwd)
rm -rf "$build/raw"
export CARGO_TARGET_DIR="$build" RUSTFLAGS=-Cinstrument-coverage LLVM_PROFILE_FILE="$build/raw/%p-%m.profraw"

set --
$CARGO test --locked --quiet
$CARGO test --locked --no-run 2>"$build/programs"
for program in $(sed -n 's/.*Executable.*(\(.*\))$/\1/p' "$build/programs"); do
    set -- "$@" -object "$program"
done
$CARGO run --locked --quiet --example c_cases >"$build/cases.h"
# -u: otherwise the code that writes the profile is not linked.
for test in test_abi test_cases; do
    "$CC" -std=c99 -Iinclude -I"$build" "tests/c/$test.c" "$build/debug/deps/libtc_auth.a" -lgcc_s -lutil -lrt -lpthread \
        -lm -ldl -lc -Wl,-u,__llvm_profile_runtime -o "$build/$test"
    "$build/$test"
    set -- "$@" -object "$build/$test"
done

"$tools/llvm-profdata" merge -sparse -o "$build/profile" "$build"/raw/*.profraw
"$tools/llvm-cov" report "$@" -instr-profile "$build/profile" -sources src
# Lines that no test reached have a 0.
"$tools/llvm-cov" show "$@" -instr-profile "$build/profile" -sources src >"$build/lines"
echo "line by line: $build/lines"
