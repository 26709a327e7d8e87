#!/bin/sh
# The C and C++ tests and a storm of requests under AddressSanitizer (with LeakSanitizer and UBSan), under
# ThreadSanitizer, both with an instrumented library, and under valgrind. `make sanitize` starts it; so do the names of
# single parts: address, thread, valgrind. Each checker is itself checked with planted faults. What is missing is
# installed when root runs it on Debian or Ubuntu.
#
# Needs x86-64 Linux, python3, libcurl, valgrind, a C and a C++ compiler with -fsanitize=address,undefined, and for
# ThreadSanitizer a clang of the same LLVM as rustc, and the sources of Rust's standard library, to instrument it.
# libcurl is not instrumented. SECONDS_OF_STORM=0 skips the storm.

set -eu
cd "$(dirname "$0")/.."
: "${TARGET:=${CARGO_TARGET_DIR:-target}}" "${CARGO:=cargo}" "${CC:=cc}" "${CXX:=c++}" "${MAKE:=make}" "${SECONDS_OF_STORM:=20}"
. tests/tools.sh
llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
: "${CLANG:=clang-$llvm}"
triple=x86_64-unknown-linux-gnu

# The packages of missing tools.
packages_for() { # PART
    packages=
    case $1 in
    address)
        knows_asan "$CC" c || packages="$packages gcc"
        knows_asan "$CXX" c++ || packages="$packages g++"
        ;;
    thread)
        have "$CLANG" || packages="$packages clang-$llvm libclang-rt-$llvm-dev"
        # A suppression needs symbol names.
        have "llvm-symbolizer-$llvm" || packages="$packages llvm-$llvm"
        ;;
    valgrind) packages=$(lacking valgrind=valgrind) ;;
    esac
    if [ "$SECONDS_OF_STORM" -gt 0 ]; then
        packages="$packages$(lacking python3=python3)"
        has_libcurl || packages="$packages libcurl4-openssl-dev"
    fi
    echo "$packages"
}

# Installs what is missing, as root and with apt, or fails.
install_for() { # PART
    packages=$(packages_for "$1")
    if [ -n "$packages" ] && [ "$(id -u)" -eq 0 ] && have apt-get; then
        echo "== installing$packages"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
        packages=$(packages_for "$1")
    fi
    [ -z "$packages" ] || { echo "$1: something is missing: apt-get install$packages" >&2; exit 1; }
    sources=$(rustc --print sysroot)/lib/rustlib/src/rust/library
    if [ "$1" = thread ] && ! [ -d "$sources" ] && ! rustup component add rust-src; then
        echo 'thread: the sources of the standard library are missing: rustup component add rust-src' >&2
        exit 1
    fi
}

knows_asan() { # COMPILER LANGUAGE
    echo 'int main(void) { return 0; }' | $1 -x "$2" -fsanitize=address,undefined - -o /dev/null 2>/dev/null
}

instrumented_library() { # RUSTFLAGS [OPTION...]
    flags=$1
    shift
    echo "== building the library with $flags, which takes a minute or more"
    RUSTC_BOOTSTRAP=1 RUSTFLAGS=$flags CARGO_TARGET_DIR=$checked CARGO_PROFILE_RELEASE_STRIP=none \
        CARGO_PROFILE_RELEASE_DEBUG=line-tables-only CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true \
        CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        $CARGO rustc --lib --crate-type staticlib --locked --quiet --release --target $triple "$@"
    library=$checked/$triple/release/libtc_auth.a
}

compile() { # SOURCE LIBRARIES... : with $compiler, into $checked
    source=$1 program=$checked/$(basename "${1%.*}")
    shift
    $compiler -g -O1 -Iinclude -I"$TARGET/c" "$source" "$library" "$@" $system_libraries -o "$program"
}

storm() { # HOW_TO_BUILD_IT COMMAND...
    [ "$SECONDS_OF_STORM" -gt 0 ] || return 0
    echo "== the storm, $SECONDS_OF_STORM s"
    $1
    shift
    rm -f "$checked/port"
    python3 tests/platform/stand_in.py --quiet --token storm-token --token-life 4 \
        >"$checked/port" 2>"$checked/stand_in.log" &
    server=$!
    while ! test -s "$checked/port"; do sleep 0.1; done
    status=0
    "$@" 4 1 16 "$SECONDS_OF_STORM" "http://127.0.0.1:$(cat "$checked/port")" storm-token || status=$?
    kill $server
    echo "renewals: $(grep -c renewal "$checked/stand_in.log")"
    return $status
}

# caught WHAT COMMAND... : a planted fault, which the checker must report with this text
caught() {
    words=$1
    shift
    if "$@" >"$checked/planted.log" 2>&1; then
        echo "not reported: $*"
        return 1
    fi
    grep -m 1 "$words" "$checked/planted.log" || { cat "$checked/planted.log"; return 1; }
}

sanitize_address() {
    instrumented_library -Zsanitizer=address
    export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:detect_leaks=1
    sanitize='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
    compiler="$CC -std=c99 $sanitize"

    echo "== planted faults are caught"
    compile tests/c/planted_faults.c
    "$checked/planted_faults"
    caught 'LeakSanitizer: detected memory leaks' "$checked/planted_faults" leak
    caught 'AddressSanitizer: heap-use-after-free' "$checked/planted_faults" use-after-free
    caught 'AddressSanitizer: \(heap-use-after-free\|attempting double-free\)' "$checked/planted_faults" double-free
    caught 'runtime error: signed integer overflow' "$checked/planted_faults" overflow

    echo "== the C and C++ tests"
    compile tests/c/test_abi.c
    compile tests/c/test_cases.c
    compile tests/c/misuse.c
    "$checked/test_abi"
    "$checked/test_cases"
    "$checked/misuse" 3 # only orders of three calls, because it is slow here
    compile tests/c/hosts.c
    # The other tests measure memory, of which a checker uses much, or fork while threads are busy: then the child waits
    # for ever for the lock of the checker's allocator. All of them run without a checker.
    "$checked/hosts" none signals moves cancelling
    compiler="$CXX -std=c++17 $sanitize"
    compile tests/cpp/test_hpp.cpp
    "$checked/test_hpp"
    for exceptions in -fexceptions -fno-exceptions; do
        compiler="$CXX -std=c++17 $sanitize $exceptions"
        compile tests/cpp/test_results.cpp
        "$checked/test_results"
    done
    compiler="$CC -std=c99 $sanitize"
    storm 'compile tests/c/storm.c -lcurl' "$checked/storm"
}

sanitize_thread() {
    # arc-swap orders with fences, which ThreadSanitizer does not understand: the last owner of a token seems to free it
    # in a race with an earlier reader. This one place, and nothing else.
    echo 'race:alloc::sync::Arc*drop_slow' >"$checked/suppressions"
    symbolizer=$(command -v "llvm-symbolizer-$llvm")
    export TSAN_OPTIONS="suppressions=$(absolute "$checked/suppressions") external_symbolizer_path=$symbolizer"
    # The standard library is also instrumented, because it contains the locks.
    instrumented_library -Zsanitizer=thread -Zbuild-std
    compiler="$CLANG -std=c99 -fsanitize=thread"

    echo "== a planted race is caught"
    compile tests/c/planted_race.c
    caught 'WARNING: ThreadSanitizer: data race' "$checked/planted_race"

    echo "== the C tests"
    compile tests/c/test_abi.c
    compile tests/c/hosts.c
    "$checked/test_abi"
    "$checked/hosts" none forks signals moves cancelling # the others measure memory, of which a checker uses much
    storm 'compile tests/c/storm.c -lcurl' "$checked/storm"
}

sanitize_valgrind() {
    build=$TARGET/c
    make_quietly "$build/test_abi-static" "$build/test_cases-static" "$build/misuse-static" \
        "$build/planted_faults-static"
    for program in test_abi test_cases planted_faults; do
        memcheck "$build/$program-static"
    done
    memcheck "$build/misuse-static" 2 # only orders of two calls, because it is slow here
    storm "make_quietly $build/storm" memcheck "$build/storm"
    caught 'definitely lost' memcheck "$build/planted_faults-static" leak
    caught 'Invalid read' memcheck "$build/planted_faults-static" use-after-free
    caught 'Invalid' memcheck "$build/planted_faults-static" double-free
}

if [ "${1:-}" = lacking ]; then
    packages_for "$2"
    exit
fi
make_quietly "$TARGET/c/cases.h"
for part in ${*:-address thread valgrind}; do
    echo "== $part"
    install_for "$part"
    checked=$TARGET/sanitize-$part
    mkdir -p "$checked"
    sanitize_"$part"
    echo "$part: nothing was reported"
done
