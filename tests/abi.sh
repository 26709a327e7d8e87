#!/bin/sh
# Compares the ABI of the header with that of the last release in abi/, using libabigail.
#
#     abi.sh write    records the current ABI: when a version is released
#     abi.sh check    fails if a program built for the recorded ABI would break; first shows that it finds planted breaks
#
# Two things are compared. Every declaration must still be in the header, unchanged except for the names of parameters.
# And libabigail compares libraries of empty functions, compiled from the two headers, because the Rust library would
# also show private types. (The test "exports" checks that the library has these functions.) Last, a program that was
# built for the first version runs with the current library.

set -eu
cd "$(dirname "$0")/.."
: "${RELEASE:=${TARGET:-target}/release}"
work=${TARGET:-target}/abi
mkdir -p "$work"

command -v abidw >/dev/null && command -v abidiff >/dev/null || { echo 'apt-get install abigail-tools' >&2; exit 1; }

# The declarations of a header. An attribute that makes a compiler warn is no part of the ABI.
declarations() { # HEADER
    sed '/^#include/d' "$1" | ${CC:-cc} -E -P -DTC_AUTH_MUST_USE= -x c -
}

# A library of functions that only stop the program.
stubs() { # HEADER
    echo '#include <stddef.h>'
    echo '#include <stdint.h>'
    declarations "$1" | sed 's/);$/) { __builtin_trap(); }/'
}

link_stubs() { # SOURCE SONAME LIBRARY
    ${CC:-cc} -g -O0 -fPIC -shared -Wl,-soname,"$2" "$1" -o "$3"
}

soname=$(readelf -d "$RELEASE/libtc_auth.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')

# describe HEADER NAME: writes NAME.abi and NAME.declarations
describe() {
    stubs "$1" >"$work/functions.c"
    link_stubs "$work/functions.c" "$soname" "$work/functions.so"
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs "$work/functions.so" |
        sed "s| path='[^']*'||; s| architecture='[^']*'||" >"$2.abi"
    {
        declarations "$1" | tr '\n' ' ' | sed 's/enum {/&\n/g; s/,\{0,1\} *}/,\n}/g; s/;/;\n/g' |
            sed '/=/s/, */,\n/g' | sed 's/  */ /g; s/^ //; s/ $//; s/ \([*]*\)[a-z_]*\([,)]\)/ \1\2/g; s/,$//; /^$/d'
        sed -n 's/^# *define  *\(TC_AUTH_[A-Z_0-9]* .*\)/#define \1/p' "$1" | grep -v ' TC_AUTH_VERSION_\| TC_AUTH_MUST_USE'
    } | sort >"$2.declarations"
}

symbols() { # DESCRIPTION
    sed -n "s/.*<elf-symbol name='\(tc_auth_[a-z_]*\)'.*/\1/p" "$1" | sort
}

# compare HEADER: whether a program built for the recorded ABI still runs
compare() {
    describe "$1" "$work/present"
    abidiff --no-added-syms abi/tc_auth.abi "$work/present.abi" || return 1
    symbols "$work/present.abi" >"$work/present.symbols"
    gone=$(comm -23 abi/tc_auth.symbols "$work/present.symbols"; comm -23 abi/tc_auth.declarations "$work/present.declarations")
    [ -z "$gone" ] || { echo "gone: $gone"; return 1; }
}

# It is built without the current header and library.
first_program() {
    mkdir -p "$work/first"
    stubs abi/first/tc_auth.h >"$work/first/stubs.c"
    link_stubs "$work/first/stubs.c" libtc_auth.so.0 "$work/first/libtc_auth.so.0"
    ${CC:-cc} -std=c99 -Wall -Wextra -Iabi/first -Itests/c abi/first/program.c "$work/first/libtc_auth.so.0" \
        -o "$work/first/program"
    # Tests the check itself: with the library that it was linked with, it fails.
    if (LD_LIBRARY_PATH=$work/first "$work/first/program"; exit $?) >"$work/planted.log" 2>&1; then
        echo "the first program does not use the library"
        exit 1
    fi
    LD_LIBRARY_PATH=$RELEASE "$work/first/program"
}

# plant BREAKS|HARMLESS WHAT SED_EXPRESSION
plant() {
    sed "$3" include/tc_auth.h >"$work/planted.h"
    ! cmp -s include/tc_auth.h "$work/planted.h" || { echo "the change was not planted: $2"; exit 1; }
    found=HARMLESS
    compare "$work/planted.h" >"$work/planted.log" 2>&1 || found=BREAKS
    [ $found = "$1" ] || { cat "$work/planted.log"; echo "a change that was not judged $1: $2"; exit 1; }
    echo "planted, and judged to be $1: $2"
}

case ${1:-} in
write)
    mkdir -p abi
    describe include/tc_auth.h abi/tc_auth
    symbols abi/tc_auth.abi >abi/tc_auth.symbols
    ;;
check)
    plant BREAKS "a function that is gone" '/tc_auth_version(void)/d'
    plant BREAKS "an argument of another type" 's/int64_t expires,/int32_t expires,/'
    plant BREAKS "an argument of another sign" 's/tc_auth_status_message(int32_t/tc_auth_status_message(uint32_t/'
    plant BREAKS "an argument more" 's/tc_auth_status_message(int32_t status/&, int32_t more/'
    plant BREAKS "an argument that is no longer const" 's/^const char \*tc_auth_url_string(const /const char *tc_auth_url_string(/'
    plant BREAKS "another result" 's/^size_t tc_auth_header_list_len/int32_t tc_auth_header_list_len/'
    plant BREAKS "a result that is no longer const" 's/^const \(char \*tc_auth_version\)/\1/'
    plant BREAKS "a type that is no longer opaque" 's/^typedef struct tc_auth_url/& { int a; }/'
    plant BREAKS "another value of a status" 's/TC_AUTH_STATUS_PANIC = 99/TC_AUTH_STATUS_PANIC = 98/'
    plant BREAKS "another value of an advice" 's/TC_AUTH_ADVICE_UNKNOWN = 7/TC_AUTH_ADVICE_UNKNOWN = 8/'
    plant BREAKS "another value of a constant" 's/TC_AUTH_NOW (-1)/TC_AUTH_NOW (-2)/'
    plant BREAKS "another type of a constant" 's/TC_AUTH_NO_EXPIRY 0/TC_AUTH_NO_EXPIRY 0u/'
    plant HARMLESS "a new status" 's/TC_AUTH_STATUS_PANIC = 99/TC_AUTH_STATUS_NEW = 26, TC_AUTH_STATUS_PANIC = 99/'
    plant HARMLESS "a new function" 's/^const char \*tc_auth_version(void);/&\nint32_t tc_auth_new_one(void);/'
    plant HARMLESS "a new constant" 's/^#define TC_AUTH_NO_EXPIRY 0/&\n#define TC_AUTH_NEW (1 << 3)/'
    plant HARMLESS "a result that must be used" 's/^tc_auth_kind tc_auth_get_kind/TC_AUTH_MUST_USE &/'
    plant HARMLESS "another name of a parameter" 's/tc_auth_status_message(int32_t status)/tc_auth_status_message(int32_t number)/'
    # The same names in a library with another SONAME, which programs would not find.
    real_soname=$soname soname=libtc_auth.so.1
    ! compare include/tc_auth.h >"$work/planted.log" 2>&1 || { echo "another SONAME was not seen"; exit 1; }
    echo "planted, and judged to be BREAKS: another SONAME"
    soname=$real_soname
    compare include/tc_auth.h
    echo "the ABI is that of abi/tc_auth.abi, or has more"
    first_program
    ;;
*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
