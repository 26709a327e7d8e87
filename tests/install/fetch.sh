#!/bin/sh
# Builds the library as part of another CMake project, from this checkout, and sees that it says where it can't be.
# Called with the directory to work in, the program to build, and cargo's target directory.

set -eu
cd "$(dirname "$0")/../.."
source=$PWD
rm -rf "$1"
mkdir -p "$1"
work=$(cd "$1" && pwd)
cp tests/install/fetch/CMakeLists.txt "$work"
cp "$2" "$work/program.c"
target=$(cd "$3" && pwd)
expected='Authorization: TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks='

# The second generator wants to know which files a step makes.
for generator in 'Unix Makefiles' Ninja; do
    [ "$generator" != Ninja ] || command -v ninja >/dev/null || { echo 'not tested: Ninja; there is none'; continue; }
    build=$work/$(echo "$generator" | tr -d ' ')
    configure() {
        cmake -S "$work" -B "$@" -G "$generator" "-DFETCHCONTENT_SOURCE_DIR_TC_AUTH=$source" "-DTC_AUTH_TARGET_DIR=$target"
    }
    configure "$build" >/dev/null
    cmake --build "$build" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    for program in with-shared with-static; do
        [ "$("$build/$program" | head -n 1)" = "$expected" ] || { echo "$generator, $program: something else" >&2; exit 1; }
        echo "$generator, $program: as expected"
    done
    ! readelf -d "$build/with-static" | grep libtc_auth || { echo 'it is not static' >&2; exit 1; }
done

refused() { # TEXT OPTION...
    text=$1
    shift
    rm -rf "$work/refused"
    ! configure "$work/refused" "$@" >"$work/log" 2>&1 && grep "$text" "$work/log" || { cat "$work/log"; echo "not refused: $*" >&2; exit 1; }
}
generator='Unix Makefiles'
refused 'make cross-PLATFORM' -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_C_COMPILER_WORKS=1
refused 'cargo is missing' -DTC_AUTH_CARGO=/no/cargo

# Only make knows how to install.
cmake -S "$source" -B "$work/alone" "-DTC_AUTH_TARGET_DIR=$target" >/dev/null
cmake --build "$work/alone" >/dev/null 2>&1
! cmake --install "$work/alone" --prefix "$work/installed" >"$work/log" 2>&1 && grep 'make install' "$work/log" || { cat "$work/log"; exit 1; }
