#!/bin/sh
# Builds the reference, after showing that Doxygen refuses faults, and checks every man page.

set -eu
cd "$(dirname "$0")/.."
: "${TARGET:=target}" "${RELEASE:=$TARGET/release}"
build=$TARGET/c
. tests/tools.sh
work=$TARGET/docs-test
rm -rf "$work"
mkdir -p "$work/planted"

fail() {
    cat "$work/log"
    echo "$1"
    exit 1
}

# refused SED_EXPRESSION: whether Doxygen, with the settings of make docs, refuses the changed header
refused() {
    sed "$1" include/tc_auth.h >"$work/planted/tc_auth.h"
    ! { cat docs/Doxyfile; echo "INPUT = $work/planted/tc_auth.h"; echo "OUTPUT_DIRECTORY = $work/planted"; } |
        doxygen - >"$work/log" 2>&1
}

# plant WHAT SED_EXPRESSION WARNING
plant() {
    refused "$2" && grep -q "$3" "$work/log" || fail "planted, and not refused: $1"
    echo "planted, and refused: $1"
}

! refused '' || fail 'refused with nothing planted'
plant 'a function without documentation' 's/^const char \*tc_auth_version(void);/&\nint32_t tc_auth_planted(void);/' \
    'tc_auth_planted(void) (function) of group library is not documented'
plant 'a parameter that is not there' 's/@param secret_key/@param secret_kez/' "'secret_kez' .*not found"

# Two builds are identical, and have a front page.
for time in first second; do
    ${MAKE:-make} --no-print-directory -s docs
    cp -R "$TARGET/docs" "$work/$time"
done
diff -r "$work/first" "$work/second"
grep -q 'Any number of threads may use' "$TARGET/docs/html/index.html" || fail 'the front page is missing'

# A page for each function; man reports its errors.
pages=$TARGET/docs/man/man3
{ cat "$pages/tc_auth.3"; echo '.NOT-KNOWN'; } >"$work/planted/wrong.3"
man --warnings -E UTF-8 -l "$work/planted/wrong.3" 2>"$work/log" >/dev/null
[ -s "$work/log" ] || fail 'planted, and not reported: a page with a fault'
for name in tc_auth tc_auth_status tc_auth_kind tc_auth_advice tc_auth_state tc_auth_unsealed $(declared include/tc_auth.h); do
    MANWIDTH=100 man --warnings -E UTF-8 -l "$pages/$name.3" >"$work/$name" 2>"$work/log" || fail "no page: $name"
    [ ! -s "$work/log" ] || fail "the page of $name"
    grep -q "^  *$name - " "$work/$name" || fail "the page has another name: $name"
done
echo "$(ls "$pages" | wc -l) man pages"
[ "$(ls "$pages" | wc -l)" -eq "$(ls "$work"/tc_auth* | wc -l)" ] || fail 'a page too many'
cat "$work/tc_auth_headers_at"
for wanted in '^ *#include <tc_auth.h>' '^ *tc_auth_status tc_auth_headers_at(const tc_auth \*auth,' '^RETURN VALUE' \
    '^ERRORS' '^ *TC_AUTH_STATUS_INVALID_URI_FORM;' '^THREADS' 'tc_auth_status(3)'; do
    grep -q "$wanted" "$work/tc_auth_headers_at" || fail "missing: $wanted"
done
