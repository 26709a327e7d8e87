#!/bin/sh
# Runs all tests, one line each, or those of the parts that are named: quick (some of core), core, cpp, go, java, dotnet,
# python, node, platforms. `make test` starts it.
#
# A test whose tool is missing is a SKIP, with the command that installs the tool; with REQUIRE_ALL=1 it counts as
# failed. The output of a test is shown when it fails; all of it is kept in $TARGET/test-logs.
#
# T=TEXT runs the tests whose name has this text in it. LIST=1 prints the names and runs none.

set -u
cd "$(dirname "$0")/.." || exit 1
: "${TARGET:=${CARGO_TARGET_DIR:-target}}" "${RELEASE:=$TARGET/release}" "${BUILD:=$TARGET/c}" "${MAKE:=make}"
: "${CARGO:=cargo}" "${CC:=cc}" "${CXX:=c++}" "${REQUIRE_ALL:=}" "${T:=}" "${LIST:=}"
WARNINGS="${WARNINGS:--Wall} -Werror"
build=$BUILD
. tests/tools.sh
logs=$TARGET/test-logs
export TARGET RELEASE MAKE CARGO CC CXX
mkdir -p "$build" "$logs"
passed=0 failed=0 skipped=0 besides=0

# Whether to run the test of this name.
wanted() {
    case $1 in *"$T"*) ;; *) return 1 ;; esac
    [ -z "$LIST" ] || { echo "$1"; return 1; }
}

# Whether to run one of the tests of these names, which need the same program.
one_is_wanted() {
    [ -z "$LIST" ] || return 1
    for name; do
        ! wanted "$name" || return 0
    done
    return 1
}

# run NAME COMMAND...
run() {
    wanted "$1" || return 0
    name=$1
    shift
    log=$logs/$(printf '%s' "$name" | tr -c 'A-Za-z0-9+' '-').log
    start=$(date +%s)
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "PASS  $name ($(($(date +%s) - start)) s)"
        grep '^not tested' "$log" || true
    else
        failed=$((failed + 1))
        echo "FAIL  $name"
        sed 's/^/      /' "$log"
        echo "$log" >>"$logs/failed"
    fi
}

# How each failed test ended, once more: what is far above the last lines of a long output is easily lost.
show_failures() {
    sort -u "$logs/failed" | while read -r log; do
        echo
        echo "FAILED: the end of $log:"
        tail -n 25 "$log" | cut -c1-300 | sed 's/^/      /'
    done
}

# beside COMMAND... : a command that calls `run`, in the background. For tests that take minutes, and mostly wait or use one
# processor. `finish` waits for them, and prints the results.
beside() {
    if [ -n "$LIST" ]; then
        "$@"
        return
    fi
    besides=$((besides + 1))
    rm -f "$logs/beside-$besides.counts"
    (
        passed=0 failed=0
        "$@"
        echo "passed=\$((passed + $passed)) failed=\$((failed + $failed))" >"$logs/beside-$besides.counts"
    ) >"$logs/beside-$besides" &
    eval "beside_$besides=$!"
}

finish() {
    for number in $(seq $besides); do
        eval "wait \$beside_$number"
        cat "$logs/beside-$number"
        if [ -f "$logs/beside-$number.counts" ]; then
            . "$logs/beside-$number.counts"
        else
            failed=$((failed + 1))
            echo "FAIL  the tests above ended early"
        fi
    done
}

# Without job control, a shell's background processes ignore Ctrl-C.
trap 'trap "" TERM; kill 0; exit 130' INT

# skip NAME REASON COMMAND_THAT_HELPS
skip() {
    wanted "$1" || return 0
    skipped=$((skipped + 1))
    echo "SKIP  $1: $2; to run it: $3"
}

# --- tests of more than one command

header_compiles() { # COMPILER DIALECT
    case $2 in *++*) language=c++ ;; *) language=c ;; esac
    $1 -x "$language" -std="$2" $WARNINGS -pedantic-errors -Iinclude -c tests/c/header.c -o /dev/null
}

# warns STATEMENT COMPILER... : whether the compiler warns of an ignored result, which is an error here
warns() {
    statement=$1
    shift
    echo "#include <tc_auth.h>
        void f(tc_auth *auth, tc_auth_renewal *renewal) { $statement; (void)auth; (void)renewal; }" >"$build/ignored.c"
    if "$@" $WARNINGS -Iinclude -c "$build/ignored.c" -o /dev/null 2>"$build/ignored.log"; then
        return 1
    fi
    grep -q 'unused-result' "$build/ignored.log"
}

# By each compiler, in the dialects that differ; and not where the result may be ignored, or if the macro is nothing.
ignored_results() {
    clang=$(clang_cxx)
    [ -n "$clang" ] || echo "not tested: clang; to test it: apt-get install clang-22"
    for dialect in c99 c++11 c++17; do
        case $dialect in *++*) language=c++ gcc=$CXX ;; *) language=c gcc=$CC ;; esac
        for compiler in "$gcc" $clang; do
            have ${compiler%% *} || { echo "not tested: $compiler"; continue; }
            set -- $compiler -x $language -std=$dialect
            warns 'tc_auth_set_clock_offset(auth, 1)' "$@" || { echo "no warning: $*"; return 1; }
            ! warns 'tc_auth_renewal_complete(renewal, 0, "", 0, 0)' "$@" || { echo "a warning: $*"; return 1; }
            ! warns 'tc_auth_set_clock_offset(auth, 1)' "$@" -DTC_AUTH_MUST_USE= || { echo "not silenced: $*"; return 1; }
            # Tests that there was no other error.
            "$@" $WARNINGS -Iinclude -DTC_AUTH_MUST_USE= -c "$build/ignored.c" -o /dev/null || return 1
            echo "tested: $*"
        done
    done
}

c_program() { # NAME static|shared
    make_quietly "$build/$1-$2" && LD_LIBRARY_PATH=$RELEASE "$build/$1-$2"
}

# The library exports what the header declares, and nothing else.
exports_match() { # HEADER
    nm -D --defined-only "$RELEASE/libtc_auth.so" | awk '{ print $3 }' | sort >"$build/exported"
    declared "$1" >"$build/declared"
    test -s "$build/declared" && diff "$build/declared" "$build/exported"
}

exports() {
    exports_match include/tc_auth.h || return 1
    # Tests the check itself: with a missing function, and with one too many.
    sed '/tc_auth_version(/d' include/tc_auth.h >"$build/planted.h"
    ! exports_match "$build/planted.h" || return 1
    sed 's/tc_auth_version(/tc_auth_planted(/' include/tc_auth.h >"$build/planted.h"
    ! exports_match "$build/planted.h" || return 1
    echo "$(wc -l <"$build/exported") functions, all of them declared in the header"
}

# All arguments of all functions; every function must be in the table.
in_misuse() { # HEADER
    for function in $(declared "$1"); do
        grep -q "\<$function(" tests/c/misuse.c || { echo "not in misuse.c: $function"; return 1; }
    done
}

misuse() { # static|shared
    in_misuse include/tc_auth.h || return 1
    sed 's/tc_auth_version(/tc_auth_planted(/' include/tc_auth.h >"$build/planted.h"
    ! in_misuse "$build/planted.h" || return 1
    c_program misuse "$1"
}

hosts() {
    # The caller may ignore signals (nohup does), and the test must see what the library does with them.
    make_quietly "$build/hosts-static" && env --default-signal "$build/hosts-static" "$RELEASE/libtc_auth.so" || return 1
    ! "$build/hosts-static" "$RELEASE/libtc_auth.so" plant threads || { echo "the planted leak was not seen"; return 1; }
}

# Both link orders, and a second library that is optimized at link time, as ours is. It links only because of what `make
# lib` does.
two_rust_libraries() {
    for lto in off fat; do
        rustc --edition 2024 --crate-type staticlib -C opt-level=3 -C lto=$lto -o "$build/libsecond.a" tests/c/second.rs || return 1
        for libraries in "$RELEASE/libtc_auth.a $build/libsecond.a" "$build/libsecond.a $RELEASE/libtc_auth.a"; do
            $CC -std=c99 $WARNINGS -Iinclude tests/c/two_rust.c $libraries $system_libraries \
                -o "$build/two_rust" && "$build/two_rust" || return 1
        done
    done
    objcopy --globalize-symbol=rust_eh_personality "$RELEASE/libtc_auth.a" "$build/libplanted.a" || return 1
    ! $CC -Iinclude tests/c/two_rust.c "$build/libplanted.a" "$build/libsecond.a" $system_libraries \
        -o "$build/two_rust" 2>"$build/planted.log" && grep 'multiple definition' "$build/planted.log"
}

# The parts of a shared library that packagers and loaders read.
dynamic_section() {
    readelf -d "$RELEASE/libtc_auth.so" >"$build/dynamic" || return 1
    cat "$build/dynamic"
    for wanted in 'soname: \[libtc_auth.so.0\]' BIND_NOW NODELETE; do
        grep -q "$wanted" "$build/dynamic" || { echo "missing: $wanted"; return 1; }
    done
    for unwanted in RPATH RUNPATH TEXTREL; do
        ! grep -q "$unwanted" "$build/dynamic" || { echo "not wanted: $unwanted"; return 1; }
    done
    # Only the C library, with its loader, and the unwinder.
    ! grep NEEDED "$build/dynamic" | grep -v '\[libc\.so\|\[libgcc_s\.so\|\[ld-linux' || { echo "not wanted"; return 1; }
    size=$(wc -c <"$RELEASE/libtc_auth.so")
    echo "$size bytes"
    [ "$size" -le $((700 * 1024)) ] || { echo "more than 700 KiB"; return 1; }
    for_large_pages "$RELEASE/libtc_auth.so" || { echo "not for pages of 16 KiB"; return 1; }
    readelf -lW "$RELEASE/libtc_auth.so" >"$build/segments"
    grep GNU_RELRO "$build/segments" && grep 'GNU_STACK.* RW  *0' "$build/segments" && ! grep 'LOAD.* RWE' "$build/segments"
}

# A part of `make sanitize`, without its storm, because the tests of tokens have one.
sanitizer() { # PART TITLE
    packages=$(SECONDS_OF_STORM=0 sh tests/sanitize.sh lacking "$1")
    if [ -n "$packages" ]; then
        skip "$2" "something is missing" "apt-get install$packages"
    else
        run "$2" env SECONDS_OF_STORM=0 sh tests/sanitize.sh "$1"
    fi
}

requests() {
    make_quietly examples && python3 tests/platform/test_requests.py "$build"
}

hostile_session() { python3 tests/platform/hostile.py session "$hostile_results" c "$build/session"; }

tokens() { python3 tests/platform/test_tokens.py "$RELEASE/libtc_auth.so" "$build"; }

# With what clang warns about: comments, and numbers whose sign changes.
clang_warns_of_nothing() {
    clang="$(clang_cxx) -x c -std=c99 $WARNINGS -Wsign-conversion -Wdocumentation -Iinclude -fsyntax-only"
    program_of README.md >"$build/documented.c"
    ! echo '/** @param y no */ int f(int x);' | $clang - 2>/dev/null || { echo 'a planted fault was not found'; return 1; }
    for source in tests/c/header.c "$build/documented.c" examples-c/*.c; do
        $clang "$source" || return 1
    done
    $clang -std=c89 tests/c/header.c
}

documented_programs() {
    for document in README.md include/tc_auth.h; do
        program_of $document >"$build/documented.c"
        $CC -std=c99 $WARNINGS -Iinclude "$build/documented.c" -L"$RELEASE" -ltc_auth -o "$build/documented" &&
            LD_LIBRARY_PATH=$RELEASE "$build/documented" >"$build/documented.out" || return 1
        cat "$build/documented.out"
        test "$(wc -l <"$build/documented.out")" -eq 2 || return 1
        if [ $document = README.md ]; then
            sed -n '/^```text/,/^```$/p' README.md | grep -v '^```' | diff - "$build/documented.out" || return 1
        fi
    done
    sed -n '/^static tc_auth_status synchronize/,/^}$/p' docs/sealed-token.md >"$build/synchronize.c"
    $CC -std=c99 $WARNINGS -Iinclude -I"$build" tests/c/own_store.c -L"$RELEASE" -ltc_auth -o "$build/own_store" &&
        LD_LIBRARY_PATH=$RELEASE "$build/own_store"
}

# The output of the tests contains none of their secrets. The demo prints its own, which is public.
no_secrets_in_logs() {
    set -- -e tc_auth-example-secret -e stand-in+token -e fleet+token -e fixture+token -e from-a-file -e s3cr3t-k3y -e storm-token \
        -e cpp+token -e go+token -e secret+token
    echo 'planted: API:5:stand-in+token/with=:colons:' >"$build/planted.log"
    grep -lF "$@" "$build/planted.log" || return 1
    ! grep -lF "$@" $(find "$logs" -name '*.log' ! -name 'demo.log' ! -name 'no-secret-in-this-output.log')
}

core_dump() {
    make_quietly "$build/dump-static" && python3 tests/platform/test_dump.py "$build/dump-static"
}

cpp_program() {
    program_of include/tc_auth.hpp >"$build/documented.cpp"
    $CXX -std=c++17 $WARNINGS -Iinclude "$build/documented.cpp" "$RELEASE/libtc_auth.a" -lpthread -ldl -lm -o "$build/documented-cpp" &&
        "$build/documented-cpp" >"$build/documented.out" && cat "$build/documented.out" &&
        test "$(grep -c '^Authorization: TC \|^Timestamp: ' "$build/documented.out")" -eq 2 || return 1
    cpp_in_all_ways tests/cpp/test_hpp.cpp || return 1
    # Its operator delete searches the whole block and ends in free(), which valgrind takes for mistakes.
    ! have valgrind || memcheck --show-mismatched-frees=no --undef-value-errors=no "$build/test_hpp"
}

cpp_build() { # COMPILER STANDARD SOURCE OUTPUT FLAG...
    compiler=$1 standard=$2 source=$3 output=$4
    shift 4
    $compiler "-std=$standard" -g -O1 $WARNINGS -Wsign-conversion -Wshadow "$@" -Iinclude "$source" \
        "$RELEASE/libtc_auth.a" $system_libraries -o "$output"
}

# With each compiler and standard. Clang also reads the comments.
cpp_in_all_ways() { # SOURCE FLAG...
    source=$1 program=$build/$(basename "$1" .cpp)
    shift
    clang=$(clang_cxx)
    [ -n "$clang" ] || echo "not tested: $source with clang; to test it: apt-get install clang-22"
    for standard in c++17 c++20; do
        [ -z "$clang" ] || { cpp_build "$clang" $standard "$source" "$program" -Wdocumentation "$@" && "$program"; } || return 1
        cpp_build "$CXX" $standard "$source" "$program" "$@" && "$program" || return 1
    done
}

cpp_results() {
    cpp_in_all_ways tests/cpp/test_results.cpp && cpp_in_all_ways tests/cpp/test_results.cpp -fno-exceptions -fno-rtti
}

# Each status, kind, advice and state has its name, and the module exports all that is public.
cpp_names_match() { # HEADER MODULE
    enumerator='TC_AUTH_\(STATUS\|KIND\|ADVICE\|STATE\|UNSEALED\)_\([A-Z_]*\)'
    {
        echo "#include \"$(absolute "$1")\""
        echo 'static int failed; int main() {'
        sed -n "s/^ *\($enumerator\) = [0-9].*/    failed += tcauth::name(\1) != \"\3\";/p" include/tc_auth.h
        echo '    return failed; }'
    } >"$build/names.cpp"
    {
        sed -n "s/^ *\($enumerator\) = [0-9].*/::\1/p" include/tc_auth.h
        sed '/^namespace detail {/,/^} .. namespace detail/d' "$1" |
            sed -n 's/^\(template <class T> \)\{0,1\}\(class\|enum class\|struct\|using\) \(\[\[nodiscard]] \)\{0,1\}\([a-z_]*\) .*[{;]$/tcauth::\4/p
                s/^\(inline\|constexpr\) [^(]*[ &*]\([a-z_]*\)(.*/tcauth::\2/p'
    } | sort -u >"$build/public-names"
    test "$(grep -c . "$build/names.cpp")" -gt 30 && test "$(grep -c ^tcauth "$build/public-names")" -gt 15 || return 1
    cpp_build "$CXX" c++17 "$build/names.cpp" "$build/names" -Wno-switch && "$build/names" || return 1
    while read -r public; do
        grep -q "^using $public;" "$2" || { echo "not exported: $public"; return 1; }
    done <"$build/public-names"
}

cpp_names() {
    cpp_names_match include/tc_auth.hpp include/tc_auth.cppm || return 1
    cat "$build/public-names"
    for planted in '/case TC_AUTH_STATE_REFUSED/d' 's/"HMAC"/"MAC"/' 's/tc_auth_advice_name(/tc_auth_status_name(/' 's/^inline const char .version/inline const char *planted/'; do
        sed "$planted" include/tc_auth.hpp >"$build/planted.hpp"
        ! cpp_names_match "$build/planted.hpp" include/tc_auth.cppm || { echo "not found: $planted"; return 1; }
    done
    sed '/TC_AUTH_ADVICE_RETRY/d' include/tc_auth.cppm >"$build/planted.cppm"
    ! cpp_names_match include/tc_auth.hpp "$build/planted.cppm"
}

# A program of three parts: two versions of the header (an older one works with the library, too), and one of them also
# without exceptions, which is linked first.
cpp_parts() { # SED_EXPRESSION_FOR_ALL_HEADERS
    rm -rf "$build/versions"
    mkdir -p "$build/versions/1" "$build/versions/2"
    for header in tc_auth.h tc_auth.hpp; do
        sed "$1" include/$header >"$build/versions/1/$header"
        sed "s/v0_1/v0_0/; s/\(VERSION_MINOR \(== \)*\)1/\10/; s/return \"tc_auth\"/return \"the other\"/; $1" \
            include/$header >"$build/versions/2/$header"
    done
    part="$CXX -std=c++17 -O0 $WARNINGS -c tests/cpp/versions.cpp"
    $part -DPART=first -I"$build/versions/1" -fno-exceptions -o "$build/versions/first.o" &&
        $part -DPART=second -I"$build/versions/1" -o "$build/versions/second.o" &&
        $part -DPART=third -I"$build/versions/2" '-DOTHERS=CALL(first)CALL(second)' -o "$build/versions/third.o" &&
        $CXX "$build/versions/first.o" "$build/versions/second.o" "$build/versions/third.o" "$RELEASE/libtc_auth.a" \
            $system_libraries -o "$build/versions/program" && "$build/versions/program" >"$build/versions/output" &&
        cat "$build/versions/output" &&
        printf '%s\n' 'the other throws INVALID_ACCESS_ID' tc_auth 'tc_auth throws INVALID_ACCESS_ID' |
        diff - "$build/versions/output"
}

cpp_versions() {
    cpp_parts '' || return 1
    ! cpp_parts 's/inline namespace v0_.*/inline namespace same {/' || { echo "one namespace for all is not found"; return 1; }
}

# With a library that pretends to be an older one, which would lack functions, or a later one.
cpp_older_library() {
    for version in 0.0.9 0.1.0 0.2.0; do
        echo "const char *tc_auth_version(void); const char *tc_auth_version(void) { return \"$version\"; }" >"$build/older.c"
        $CC $WARNINGS -shared -fPIC "$build/older.c" -o "$build/older.so" || return 1
        for exceptions in -fexceptions -fno-exceptions; do
            $CXX -std=c++17 $WARNINGS $exceptions -Iinclude tests/cpp/older.cpp -L"$RELEASE" -ltc_auth -o "$build/older" || return 1
            LD_PRELOAD=$build/older.so LD_LIBRARY_PATH=$RELEASE "$build/older" >"$build/older.out"
            echo "$version $exceptions: $(cat "$build/older.out")"
            case $version in
                0.0.9) grep -q "^refused: .* $(sed -n 's/^#define TC_AUTH_VERSION_STRING "\(.*\)"/\1/p' include/tc_auth.h), .* older: 0.0.9$" "$build/older.out" ;;
                *) grep -q '^made$' "$build/older.out" ;;
            esac || return 1
        done
    done
}

cpp_module() {
    clang=$(clang_cxx)
    for exceptions in -fexceptions -fno-exceptions; do
        $clang -std=c++20 $WARNINGS $exceptions --precompile include/tc_auth.cppm -o "$build/tc_auth.pcm" &&
            cpp_build "$clang" c++20 tests/cpp/test_module.cpp "$build/test_module" $exceptions \
                "-fmodule-file=tc_auth=$build/tc_auth.pcm" "$build/tc_auth.pcm" && "$build/test_module" || return 1
    done
}

go_lint() {
    unformatted=$(in_go gofmt -l .) && [ -z "$unformatted" ] || { echo "gofmt: $unformatted"; return 1; }
    in_go go vet ./...
}

go_program() { in_go go build -o "$(absolute "$build/$1-go")" "./internal/$1"; }

python_lint() {
    tools=$(absolute "$TARGET/python/bin")
    (cd bindings/python && "$tools/ruff" format --check . && "$tools/ruff" check . && "$tools/mypy" &&
        "$tools/pyright" --pythonpath "$tools/python")
}

python_tests() { $(python) -m pytest -q bindings/python/tests; }

# Each public name is explained.
python_documentation() { TARGET=$TARGET sh packaging/python/build.sh docs; }

python_suites() { # ADAPTER...
    for adapter in "$@"; do
        program="$(python) bindings/python/tests/conformance.py $adapter"
        run "Python: conformance, $adapter" conformance python-$adapter $program
        run "Python: hostile servers, $adapter" hostile python-$adapter $program
    done
}

# Requests fail if the token is not shared.
python_processes() {
    $(python) bindings/python/tests/processes.py --seconds 6 &&
        $(python) bindings/python/tests/processes.py --seconds 3 --planted prefork gunicorn
}

# No request fails with TcEx's session, nor in an App.
python_tcex() { # PYTHON_WITH_TCEX
    with_tcex=$(python | sed "s|[^ ]*$|$(absolute "$1")|")
    $with_tcex bindings/python/tests/tcex_app.py && $with_tcex bindings/python/tests/tcex_session.py 4 6
}

# Prettier, and types of the tests' clients, too.
node_lint() {
    (cd bindings/node && node_modules/.bin/prettier --check . ../../packaging/node ../../tests/install/node &&
        node_modules/.bin/tsc -p . --noEmit)
}

# Built anew, because other parts of this file may need it, too.
node_addon() { make_quietly node-addon; }

node_tests() { (cd bindings/node && timeout 300 node --test --throw-deprecation test/*.test.js); }

# The clients, with the newest Node.js and undici that packaging/node/versions.json names.
node_newest() {
    newest=$(absolute "$TARGET/node")
    rm -rf "$newest/tests"
    mkdir -p "$newest/tests/node_modules"
    cp -r bindings/node/package.json bindings/node/lib bindings/node/build bindings/node/test "$newest/tests" &&
        ln -s "$newest/node_modules/undici" "$PWD/bindings/node/node_modules/axios" "$newest/tests/node_modules" &&
        (cd "$newest/tests" && timeout 300 "$newest/node_modules/node26/bin/node" --test \
            test/clients.test.js test/fetch.test.js test/transport.test.js test/undici.test.js)
}

node_suites() { # CLIENT...
    for client in "$@"; do
        program="node bindings/node/test/conformance.js $client"
        run "Node.js: conformance, $client" conformance node-$client $program
        run "Node.js: hostile servers, $client" hostile node-$client $program
    done
}

node_documentation() { TARGET=$TARGET sh packaging/node/build.sh docs; }

# The program of the README, in its own directory.
installed() {
    program_of README.md >"$build/documented.c"
    MAKE="$MAKE --no-print-directory" CC=$CC sh tests/install/test.sh "$TARGET/install" "$build/documented.c"
}

fetched() {
    program_of README.md >"$build/fetched.c"
    sh tests/install/fetch.sh "$TARGET/fetch" "$build/fetched.c" "$TARGET"
}

deb() {
    program_of README.md >"$build/packaged.c"
    sh tests/install/deb.sh "$TARGET" "$build/packaged.c"
}

# Two builds are identical; the second one is from another clone.
dist() {
    make_quietly dist >"$build/dist-1" && rm -rf "$TARGET/dist-clone" && git clone -q . "$TARGET/dist-clone" &&
        (cd "$TARGET/dist-clone" && env -u CARGO_TARGET_DIR -u MAKEFLAGS "$MAKE" -s dist) >"$build/dist-2" && cat "$build/dist-1" &&
        cmp "$build/dist-1" "$build/dist-2" && rm -rf "$TARGET/dist-clone"
}

# Its planted faults are in tests that always run.
licences() { $CARGO test --locked --quiet --test dependencies -- --ignored; }

# The crates of all platforms, which a build for one does not download. The test itself reports an outdated lock file.
has_all_crates() {
    for workspace in . benches fuzz; do
        $CARGO fetch --locked --quiet --manifest-path $workspace/Cargo.toml 2>"$build/fetch" ||
            grep -q 'update the lock file' "$build/fetch" || return 1
    done
}

# The gates must pass, and fail with a planted extra pass over the URI.
instructions() {
    for planted in '' planted; do
        timeout 300 $CARGO run --manifest-path benches/Cargo.toml --target-dir "$TARGET/benches" --release --locked --quiet \
            --bin instructions -- "$RELEASE/libtc_auth.so" $planted || return 1
    done
}

demo() {
    env -u TC_API_ACCESS_ID -u TC_API_SECRET_KEY "$MAKE" --no-print-directory -s demo >"$build/demo" || return 1
    cat "$build/demo"
    grep -q '^Authorization: TC 12345678901234567890:' "$build/demo" && grep -q '^Timestamp: ' "$build/demo"
}

# platform PLATFORM WHAT... : builds and checks it, with a SKIP for each missing tool
platform() {
    sh tests/platforms.sh lacking "$1" >"$build/lacking"
    title="$1: $2"
    if [ -s "$build/lacking" ]; then
        while IFS= read -r line; do
            skip "$title" "${line%%: *}" "${line#*: }"
        done <"$build/lacking"
    else
        run "$title" sh tests/platforms.sh "$1"
    fi
}

# conformance LABEL COMMAND... : the suite of all bindings; its results make the table at the end
conformance() {
    python3 tests/platform/conformance.py run "$RELEASE/libtc_auth.so" "$results" "$@"
}

# hostile LABEL COMMAND... : the same program, with hostile servers
hostile() {
    python3 tests/platform/hostile.py run "$hostile_results" "$@"
}

# residue LANGUAGE PART TITLE [COMMAND=PACKAGE]... : tests/residue/test.sh, if it can be run
residue() {
    part=$2 title="$1: $3"
    shift 3
    packages=$(lacking "$@")
    if [ "$(uname -s)" != Linux ] || ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
        skip "$title" "it is for Linux with glibc" "run it there"
    elif [ "$(uname -m)" != x86_64 ] && [ "$(uname -m)" != aarch64 ]; then
        skip "$title" "it is for x86-64 and arm64" "run it there"
    elif [ -n "$packages" ]; then
        skip "$title" "something is missing" "apt-get install$packages"
    else
        run "$title" sh tests/residue/test.sh $part
    fi
}

# --- the tests

part_quick() {
    run "Rust: units, vectors, properties, header, documents" $CARGO test --locked --quiet

    for dialect in c89 c99 c11 c17; do
        run "header compiles as $dialect" header_compiles "$CC" $dialect
    done
    for dialect in c++11 c++17; do
        name="header compiles as $dialect"
        if have ${CXX%% *}; then
            run "$name" header_compiles "$CXX" $dialect
        else
            skip "$name" "no C++ compiler" "apt-get install g++"
        fi
    done

    run "ignored results: warnings" ignored_results

    for kind in static shared; do
        run "C: vectors and bad input, $kind library" c_program test_cases $kind
        run "C: ABI, $kind library" c_program test_abi $kind
        run "C: misuse, $kind library" misuse $kind
    done

    run "demo" demo
}

part_core() {
    part_quick

    if [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
        run "Rust: each handle returns its own token" $CARGO test --release --locked --quiet --test identity
    else
        skip "Rust: each handle returns its own token" "it steps through x86-64 code on Linux" "run it there"
    fi

    if [ "$REQUIRE_ALL" = 1 ]; then
        beside run "threads that share a token: every interleaving (loom)" make_quietly model
    else
        skip "threads that share a token: every interleaving (loom)" "it takes minutes" "make model"
    fi

    beside run "processes that share a token: a simulation" make_quietly simulate

    if have git && git rev-parse --git-dir >/dev/null 2>&1; then
        run "make dist: the same bytes twice" dist
    else
        skip "make dist: the same bytes twice" "no git, or no clone" "run it in a clone"
    fi

    packages=$(lacking dpkg-buildpackage=dpkg-dev dh=debhelper lintian=lintian debootstrap=debootstrap doxygen=doxygen \
        python3=python3 readelf=binutils)
    if ! have dpkg; then
        skip "Debian packages" "not Debian or Ubuntu" "run it there"
    elif [ "$(id -u)" -ne 0 ]; then
        skip "Debian packages" "debootstrap and chroot need root" "make test, as root"
    elif [ -n "$packages" ]; then
        skip "Debian packages" "something is missing" "apt-get install$packages"
    elif ! git rev-parse --git-dir >/dev/null 2>&1; then
        skip "Debian packages" "no git, or no clone" "run it in a clone"
    else
        beside run "Debian packages" deb
    fi

    if has_all_crates; then
        run "licences and sources of dependencies" licences
    else
        skip "licences and sources of dependencies" "crates of other platforms are missing" "cargo fetch --locked, with a network, here and in benches and fuzz"
    fi

    if [ "$(uname -s)" != Linux ]; then
        skip "C: hosts: loading, forks, signals, threads, memory" "it is for Linux" "run it there"
    else
        run "C: hosts: loading, forks, signals, threads, memory" hosts
        run "C: a machine that sleeps" c_program sleep static
    fi
    if [ "$(uname -s)" != Linux ]; then
        skip "exports" "not an ELF system" "run it on Linux"
        skip "dynamic section" "not an ELF system" "run it on Linux"
    elif have nm && have readelf; then
        run "exports" exports
        run "dynamic section" dynamic_section
    else
        skip "exports" "no nm" "apt-get install binutils"
        skip "dynamic section" "no readelf" "apt-get install binutils"
    fi

    if [ "$(uname -s)" != Linux ] || ! have objcopy; then
        skip "a second Rust library in one program" "it needs Linux and objcopy" "apt-get install binutils, there"
    else
        run "a second Rust library in one program" two_rust_libraries
    fi

    if [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
        run "instructions of a call" instructions
    else
        skip "instructions of a call" "the gates are for x86-64 on Linux" "run it there"
    fi

    packages=$(lacking abidiff=abigail-tools)
    if [ -n "$packages" ]; then
        skip "ABI is that of the last release" "no abidiff" "apt-get install$packages"
    else
        run "ABI is that of the last release" env RELEASE="$RELEASE" sh tests/abi.sh check
    fi

    sanitizer valgrind "valgrind: no error, no leak"
    if [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
        sanitizer address "AddressSanitizer, UBSan: no error, no leak"
    else
        skip "AddressSanitizer, UBSan: no error, no leak" "it is for Linux on x86-64" "run it there"
    fi

    run "programs in the documents and the header" documented_programs
    if [ -n "$(clang_cxx)" ] && has_libcurl; then
        run "no warning of clang" clang_warns_of_nothing
    else
        skip "no warning of clang" "no clang 22 or later, or no libcurl" "apt-get install clang-22 libcurl4-openssl-dev"
    fi

    packages=$(lacking doxygen=doxygen python3=python3 man=man-db)
    if [ -n "$packages" ]; then
        skip "reference: HTML and man pages" "something is missing" "apt-get install$packages"
    else
        run "reference: HTML and man pages" sh tests/docs.sh
    fi

    packages=$(lacking pkg-config=pkg-config cmake=cmake readelf=binutils man=man-db)
    if [ -n "$packages" ]; then
        skip "make install" "something is missing" "apt-get install$packages"
    else
        run "make install" installed
    fi

    packages=$(lacking cmake=cmake readelf=binutils)
    if [ -n "$packages" ]; then
        skip "CMake: FetchContent" "something is missing" "apt-get install$packages"
    elif [ "$(uname -s)" != Linux ]; then
        skip "CMake: FetchContent" "it is for Linux" "run it there"
    else
        run "CMake: FetchContent" fetched
    fi

    packages=$(lacking python3=python3 curl=curl openssl=openssl)
    has_libcurl || packages="$packages libcurl4-openssl-dev"
    if [ -n "$packages" ]; then
        skip "requests to the stand-in" "something is missing" "apt-get install$packages"
        skip "tokens: faults, clock, storm" "something is missing" "apt-get install$packages"
        skip "C: hostile servers" "something is missing" "apt-get install$packages"
    else
        run "requests to the stand-in" requests
        # Built before, because two make at once would disturb each other. The program of `make soak` runs too long to be run
        # here, but it compiles.
        if one_is_wanted "tokens: faults, clock, storm" "C: hostile servers"; then
            make_quietly "$build/storm" "$build/soak" "$build/left" "$build/curl_session" "$build/curl_multi" "$build/session" || exit 1
        fi
        beside run "tokens: faults, clock, storm" tokens
        beside run "C: hostile servers" hostile_session
    fi

    if [ "$(uname -s)" != Linux ]; then
        skip "processes that share a token: crashes" "it is for Linux" "run it there"
    elif ! have python3; then
        skip "processes that share a token: crashes" "no python3" "apt-get install python3"
    else
        run "processes that share a token: crashes" make_quietly fleet
    fi

    if ! have python3; then
        skip "core dump: no secret in it" "no python3" "apt-get install python3"
    elif ! have gcore; then
        skip "core dump: no secret in it" "no gcore" "apt-get install gdb"
    elif [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
        skip "core dump: no secret in it" "it reads 64-bit little-endian dumps of Linux" "run it there"
    else
        run "core dump: no secret in it" core_dump
    fi

    residue C c "secrets left behind in memory" openssl=openssl objdump=binutils
    residue C portable "secrets left behind in memory, portable code" openssl=openssl objdump=binutils

    if [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
        platform glibc2.17 "built and run"
    else
        skip "glibc2.17: built and run" "it is for Linux on x86-64" "run it there"
    fi

    oracle=$TARGET/cryptography/bin/python
    if [ -x "$oracle" ]; then
        run "same sealed tokens as in Python" "$oracle" tests/sealed.py
    else
        skip "same sealed tokens as in Python" "no cryptography 42 or later" "python3 -m venv $TARGET/cryptography && $TARGET/cryptography/bin/pip install cryptography==48.0.0"
    fi

    oracle=$TARGET/tcex/bin/python
    if [ -x "$oracle" ]; then
        run "same headers as TcEx" "$oracle" tests/platform/compare_tcex.py "$RELEASE/libtc_auth.so"
    else
        skip "same headers as TcEx" "no TcEx" "python3 -m venv $TARGET/tcex && $TARGET/tcex/bin/pip install tcex==4.0.11"
    fi
}

part_cpp() {
    packages=$(lacking "${CXX%% *}=g++" python3=python3 openssl=openssl)
    has_libcurl || packages="$packages libcurl4-openssl-dev"
    if [ -n "$packages" ]; then
        skip "C++" "something is missing" "apt-get install$packages"
        return
    fi
    run "C++: ownership, errors, wiping" cpp_program
    run "C++: results, with and without exceptions" cpp_results
    run "C++: names of the enumerations and of the module" cpp_names
    run "C++: two versions in one program" cpp_versions
    if [ "$(uname -s)" = Linux ]; then
        run "C++: an older library is refused" cpp_older_library
    else
        skip "C++: an older library is refused" "it uses LD_PRELOAD" "run it on Linux"
    fi
    if [ -n "$(clang_cxx)" ]; then
        run "C++: module" cpp_module
    else
        skip "C++: module" "no clang 22 or later" "apt-get install clang-22"
    fi
    if one_is_wanted "C++: conformance" "C++: hostile servers"; then
        make_quietly "$build/conformance-cpp" || rm -f "$build/conformance-cpp" # no outdated one
    fi
    beside run "C++: hostile servers" hostile cpp "$build/conformance-cpp"
    run "C++: conformance" conformance cpp "$build/conformance-cpp"
    residue C++ cpp "secrets left behind in memory" openssl=openssl
}

part_go() {
    packages=$(lacking go=golang-go pkg-config=pkg-config python3=python3 openssl=openssl)
    if [ -n "$packages" ]; then
        skip "Go" "something is missing" "apt-get install$packages"
        return
    fi
    if ! at_least go1.24 "$(go env GOVERSION)"; then
        skip "Go" "Go 1.24 or later is needed" "install it from https://go.dev/dl"
        return
    fi
    run "Go: gofmt, vet" go_lint
    run "Go: tests, race detector" in_go go test -count=1 -race ./...
    run "Go: tests, cgocheck2" in_go env GOEXPERIMENT=cgocheck2 go test -count=1 ./...
    if in_go sh -c 'cd internal/retry && go mod download' 2>/dev/null; then
        run "Go: example with retryablehttp" in_go sh -c 'cd internal/retry && go vet . && go test -count=1 .'
    else
        skip "Go: example with retryablehttp" "its modules are missing" "go mod download in bindings/go/internal/retry, with a network"
    fi
    packages=$(lacking llvm-objcopy=llvm readelf=binutils)
    if [ "$(uname -s)" != Linux ]; then
        skip "Go: the module that contains the library" "it is for Linux" "run it there"
    elif [ -n "$packages" ]; then
        skip "Go: the module that contains the library" "something is missing" "apt-get install$packages"
    else
        run "Go: the module that contains the library" sh tests/install/go.sh "$TARGET/go-install" "$RELEASE/libtc_auth.a"
    fi
    if one_is_wanted "Go: conformance" "Go: hostile servers"; then
        go_program conformance || rm -f "$build/conformance-go" # likewise
    fi
    program="env LD_LIBRARY_PATH=$RELEASE $build/conformance-go"
    beside run "Go: hostile servers" hostile go $program
    run "Go: conformance" conformance go $program
    go_program residue || rm -f "$build/residue-go" # no outdated one
    # The scheduler saves registers on a goroutine's stack when it interrupts it: see docs/security.md.
    residue Go "command env GODEBUG=asyncpreemptoff=1 LD_LIBRARY_PATH=$RELEASE $build/residue-go" "secrets left behind in memory"
}

# Whether T leaves out the test that builds a binding, but not all that need it.
needs_build() { # PART LANGUAGE
    [ -n "$T" ] && [ -z "$LIST" ] && T=$T LIST=1 sh tests/run.sh "$1" | grep -q "^$2: "
}

part_java() {
    packages=$(lacking mvn=maven python3=python3 openssl=openssl gpg=gnupg unzip=unzip)
    if [ -n "$packages" ]; then
        skip "Java" "something is missing" "apt-get install$packages"
        return
    elif ! find_jdks; then
        skip "Java" "two JDKs are needed, one of 22 or later, one of 11 to 21" "apt-get install openjdk-17-jdk-headless, and JDK 25 from https://adoptium.net, into /usr/lib/jvm"
        return
    fi
    if needs_build java Java; then in_maven clean package -DskipTests || exit 1; fi
    run "Java: tests, FFM and JNA" in_maven clean verify "-Djdk17=$old_jdk"
    run "Java: documentation" in_maven javadoc:javadoc
    run "Java: null" in_maven compile -Pnullness
    run "Java: the package" sh tests/install/java.sh "$TARGET"
    for bridge in ffm jna; do
        beside run "Java: hostile servers, $bridge" hostile java-$bridge $(java_$bridge Conformance)
        run "Java: conformance, $bridge" conformance java-$bridge $(java_$bridge Conformance)
        # Strings with two bytes per character must not count as copies of the binding.
        command=$(java_$bridge Residue | sed 's|/bin/java |&-XX:-CompactStrings -XX:+UseSerialGC -Xmx256m |')
        residue Java "command $command" "secrets left behind in memory, $bridge"
    done
}

part_dotnet() {
    packages=$(lacking mono=mono-runtime mcs=mono-mcs cc=gcc python3=python3 openssl=openssl)
    if [ -n "$packages" ]; then
        skip ".NET" "something is missing" "apt-get install libmono-system-net-http4.0-cil$packages"
        return
    fi
    if needs_build dotnet .NET; then sh bindings/dotnet/build.sh || exit 1; fi
    for runtime in mono coreclr; do
        if [ $runtime = coreclr ] && [ ! -d "$TARGET/dotnetcore2/openssl" ]; then
            skip ".NET: tests and conformance, coreclr" "no CoreCLR" "TARGET=$TARGET sh bindings/dotnet/build.sh setup"
            continue
        fi
        run ".NET: tests, $runtime" sh bindings/dotnet/build.sh test $runtime
        beside run ".NET: hostile servers, $runtime" hostile dotnet-$runtime sh bindings/dotnet/build.sh conformance $runtime
        run ".NET: conformance, $runtime" conformance dotnet-$runtime sh bindings/dotnet/build.sh conformance $runtime
        residue .NET "command sh bindings/dotnet/build.sh residue $runtime" "secrets left behind in memory, $runtime"
    done
}

# The clients that the package has an adapter for, as its conformance program knows them.
# Most of these wait for slow servers, so they run side by side.
part_python() {
    packages=$(lacking python3=python3 openssl=openssl node=nodejs)
    if [ -n "$packages" ]; then
        skip "Python" "something is missing" "apt-get install$packages"
        return
    elif ! has_python_tools; then
        skip "Python" "the tools are missing, or outdated" "TARGET=$TARGET sh packaging/python/build.sh setup"
        return
    fi
    run "Python: format, types" python_lint
    run "Python: tests" python_tests # before the suites: some of them measure how long an event loop is blocked
    # Each half takes minutes, and mostly waits.
    beside python_suites requests httpx
    beside python_suites httpx-async aiohttp
    if [ -x "$TARGET/tcex/bin/python" ]; then
        run "Python: TcEx's session" python_tcex "$TARGET/tcex/bin/python"
    else
        skip "Python: TcEx's session" "no TcEx" "python3 -m venv $TARGET/tcex && $TARGET/tcex/bin/pip install tcex==4.0.11"
    fi
    residue Python "command $(python) $PWD/bindings/python/tests/residue.py" "secrets left behind in memory" openssl=openssl
    run "Python: many processes" python_processes
    run "Python: documentation" python_documentation
    lacking_for_wheel=$(sh tests/platforms.sh lacking glibc2.17)
    if [ -n "$lacking_for_wheel" ]; then
        skip "Python: wheel" "${lacking_for_wheel%%: *}" "${lacking_for_wheel#*: }"
    else
        run "Python: wheel" sh tests/install/python.sh "$TARGET"
    fi
}

# As in Python, the clients run side by side.
part_node() {
    packages=$(lacking python3=python3 openssl=openssl)
    if [ -n "$packages" ]; then
        skip "Node.js" "something is missing" "apt-get install$packages"
        return
    elif ! has_node; then
        skip "Node.js" "Node.js $oldest_node or later is needed, with npm" "install it from https://nodejs.org"
        return
    elif ! has_node_tools; then
        skip "Node.js" "the tools are missing, or outdated" "TARGET=$TARGET sh packaging/node/build.sh setup"
        return
    fi
    if [ -z "$LIST" ]; then node_addon || exit 1; fi
    run "Node.js: format, types" node_lint
    run "Node.js: tests" node_tests # before the suites: some of them measure how long the event loop is blocked
    if [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
        run "Node.js: clients, newest versions" node_newest
    else
        skip "Node.js: clients, newest versions" "the package of Node.js is for Linux on x86-64" "run it there"
    fi
    for client in fetch undici axios; do
        beside node_suites $client
    done
    run "Node.js: documentation" node_documentation
    program="node --expose-gc --clear-free-memory $PWD/bindings/node/test/residue.js"
    residue Node.js "command $program" "secrets left behind in memory" openssl=openssl
    if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ] || ! have gcc; then
        skip "Node.js: AddressSanitizer, memory" "it is for gcc and Linux on x86-64" "run it there"
    else
        run "Node.js: AddressSanitizer, memory" sh tests/check_node.sh
    fi
    lacking_for_package=$(sh tests/platforms.sh lacking glibc2.17)
    if [ -n "$lacking_for_package" ]; then
        skip "Node.js: package" "${lacking_for_package%%: *}" "${lacking_for_package#*: }"
    else
        run "Node.js: package" sh tests/install/node.sh "$TARGET"
    fi
}

# The clients of other projects that bindings/java/README.md shows, and the view as an HttpClient. They share all code but the
# sending with TcAuthClient, so they are not part of `make test`.
part_java_clients() {
    if [ -n "$(lacking mvn=maven python3=python3 openssl=openssl)" ] || ! find_jdks; then
        skip "Java clients" "something is missing" "see make test-java"
        return
    fi
    if [ -z "$LIST" ]; then
        in_maven package -DskipTests &&
            in_maven dependency:copy-dependencies -DincludeScope=test -DoutputDirectory=target/clients || exit 1
    fi
    for client in asHttpClient OkHttp Apache Rest RestInterceptor Web Feign; do
        label=java-$(echo $client | tr '[:upper:]' '[:lower:]')
        run "Java clients: conformance, $client" conformance $label $(java_client $client)
        run "Java clients: hostile servers, $client" hostile $label $(java_client $client)
    done
}

# Not part of `make test`, because its requirements are not available everywhere.
part_platforms() {
    platform glibc2.17 "built and run"
    platform aarch64 "built, and run in qemu"
    platform musl "built and run"
    platform aarch64-musl "built, and run in qemu"
    platform windows "built, and run in wine"
    platform windows-aarch64 "built"
    platform macos "built"
    platform macos-x86_64 "built"
    for name in aarch64 windows; do
        title="Python: wheel for $name"
        if ! has_python_tools; then
            skip "$title" "the tools are missing, or outdated" "TARGET=$TARGET sh packaging/python/build.sh setup"
        elif [ $name = aarch64 ] && ! grep -qx ID=debian /etc/os-release; then
            skip "$title" "it takes a Python from Debian" "run it there"
        elif [ -n "$(sh tests/platforms.sh lacking $name)" ]; then
            skip "$title" "the library can't be built" "see $name above"
        else
            run "$title" sh tests/install/python_elsewhere.sh "$TARGET" $name
        fi
    done
    for name in aarch64 musl aarch64-musl windows windows-aarch64 macos macos-x86_64; do
        title="Node.js: package for $name"
        if ! has_node || ! has_node_tools; then
            skip "$title" "the tools are missing, or outdated" "TARGET=$TARGET sh packaging/node/build.sh setup"
        elif ! grep -qx ID=debian /etc/os-release; then
            skip "$title" "it takes libraries from Debian" "run it there"
        elif [ -n "$(sh tests/platforms.sh lacking $name)" ]; then
            skip "$title" "the add-on can't be built" "see $name above"
        else
            run "$title" sh tests/install/node_elsewhere.sh "$TARGET" $name
        fi
    done

    title="Go: the module for all platforms"
    platforms="glibc2.17 aarch64 musl aarch64-musl windows windows-aarch64 macos macos-x86_64"
    for name in $platforms; do
        if [ ! -e "$TARGET/cross/$name/lib/libtc_auth.a" ]; then
            skip "$title" "$name was not built" "make cross-$name"
            return
        fi
    done
    packages=$(lacking go=golang-go llvm-objcopy=llvm qemu-aarch64-static=qemu-user-static /usr/lib/wine/wine64=wine64)
    if [ -n "$packages" ]; then
        skip "$title" "something is missing" "apt-get install$packages"
    else
        run "$title" sh tests/install/go_platforms.sh "$TARGET/go-platforms" $platforms
    fi
}

# What to expect, before the first minute without a line.
announce() { # PART...
    case $*,$T in
        *,?*) echo "Runs the tests that have '$T' in their names." ;;
        quick,) echo 'Runs the quick tests: half a minute once all is built.' ;;
        core,) echo 'Runs the tests of the library without its bindings: about 5 minutes.' ;;
        java_clients,) echo 'Sends with many HTTP clients for Java: about 12 minutes.' ;;
        platforms,) echo 'Builds for all other platforms and runs what can be run here: about 10 minutes.' ;;
        ,) echo 'Runs all tests: about 30 minutes. The quick ones take half a minute: make test-quick' ;;
        *) echo "Runs the tests of $*: one to four minutes." ;;
    esac
    echo 'A first run also downloads and compiles what it needs, which takes some minutes more.'
    echo "It writes to $TARGET (up to 3 GB), bindings/java/target, bindings/node, and the caches of cargo, Go and Maven; it installs nothing."
    echo
}

if [ -z "$LIST" ]; then
    announce "$@"
    "$MAKE" --no-print-directory lib || exit 1
fi

results=$TARGET/conformance
hostile_results=$TARGET/hostile
[ -n "$LIST" ] || rm -rf "$results" "$hostile_results" "$logs/failed"
for part in ${*:-core cpp go java dotnet python node}; do
    part_$part
done
finish
run "no secret in this output" no_secrets_in_logs

[ -z "$LIST" ] || exit 0

if [ -d "$results" ]; then
    echo
    python3 tests/platform/conformance.py table "$results"
    echo
fi
if [ -d "$hostile_results" ]; then
    python3 tests/platform/hostile.py table "$hostile_results"
    echo
fi

if [ $((passed + failed + skipped)) -eq 0 ]; then
    echo "no test has '$T' in its name: make test-list" >&2
    exit 1
fi
if [ "$REQUIRE_ALL" = 1 ]; then
    failed=$((failed + skipped))
fi
[ ! -e "$logs/failed" ] || show_failures
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
