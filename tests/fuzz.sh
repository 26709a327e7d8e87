#!/bin/sh
# Runs each fuzz target for a short time, with the corpus and new inputs, and two planted faults that it must find: a
# wrong expectation (or a leak), and a quadratic loop (or a header with the token of another handle). `make fuzz-smoke`
# starts it; SECONDS_EACH is the time of each run. Arguments select targets.
#
# New inputs, also of a crash, go to $TARGET/fuzz/work and not into the corpus.

set -eu
cd "$(dirname "$0")/.."
: "${TARGET:=target}" "${CARGO:=cargo}" "${SECONDS_EACH:=30}"
. tests/tools.sh
build=$(absolute "$TARGET")/fuzz
work=$build/work
# Allows the stable compiler to use sanitizers, an option of the nightly compiler.
export RUSTC_BOOTSTRAP=1

have cargo-fuzz || {
    echo 'cargo-fuzz is missing: cargo install --locked cargo-fuzz' >&2
    exit 1
}
echo 'int main(void) { return 0; }' | "${CXX:-c++}" -x c++ -o /dev/null - 2>/dev/null || {
    echo 'a C++ compiler is missing, which libFuzzer is built with: apt-get install g++' >&2
    exit 1
}

# The model of the C ABI must know each function, or the function would never be called.
for function in $(declared include/tc_auth.h); do
    test "$(grep -cw "$function" fuzz/fuzz_targets/abi.rs)" -ge 2 || {
        echo "fuzz/fuzz_targets/abi.rs does not call $function" >&2
        exit 1
    }
done

# fuzz NAME SECONDS DIRECTORY_FOR_WHAT_IS_NEW
fuzz() {
    mkdir -p "$3"
    # Cargo and the fuzzer use one log, because either can fail. The largest inputs take far less than the timeout,
    # unless a loop is quadratic.
    (cd fuzz && "$CARGO" fuzz run --target-dir "$build" "$1" "$3" "corpus/$1" -- \
        "-max_total_time=$2" "-artifact_prefix=$work/" -rss_limit_mb=2048 -timeout=10 -dict=dictionary)
}

# planted NAME FAULT MESSAGE : plants the fault, at which the fuzzer must stop
planted() {
    status=0
    start=$(date +%s)
    TC_AUTH_FUZZ_PLANT=$2 fuzz "$1" 60 "$work/$1-$2" >"$work/$1-$2.log" 2>&1 || status=$?
    if [ $status -eq 0 ] || ! grep -q "$3" "$work/$1-$2.log"; then
        tail -n 20 "$work/$1-$2.log"
        echo "FAIL  $1: the planted fault was not found: $2" >&2
        exit 1
    fi
    echo "$1: the planted fault was found in $(($(date +%s) - start)) s: $2"
}

rm -rf "$work"
mkdir -p "$work"
# cargo-fuzz has no --locked.
"$CARGO" metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
echo "building, which takes minutes, and running; what is printed goes to $work"
for target in ${*:-$(cd fuzz/fuzz_targets && ls | sed 's/\.rs$//')}; do
    if ! fuzz "$target" "$SECONDS_EACH" "$work/$target" >"$work/$target.log" 2>&1; then
        tail -n 40 "$work/$target.log"
        echo "FAIL  $target: $work/$target.log" >&2
        exit 1
    fi
    runs=$(sed -n 's/^Done/done/p' "$work/$target.log")
    echo "$target: $runs, $(sed -n 's/.*DONE *\(cov: [0-9]*\).*/\1/p' "$work/$target.log")"
    planted "$target" wrong "panicked at \(fuzz_targets/$target\|src/lib\)\.rs\|LeakSanitizer: detected memory leaks"
    case $target in
    abi) planted abi other 'panicked at fuzz_targets/abi.rs' ;; # its texts are short
    *) planted "$target" slow 'of CPU time for [0-9]* bytes' ;;
    esac
done
