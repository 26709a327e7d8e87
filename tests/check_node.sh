#!/bin/sh
# The add-on of the Node.js package under AddressSanitizer and UBSan, and its memory.
set -eu
cd "$(dirname "$0")/.."
: "${TARGET:=target}"
build=$TARGET/c
. tests/tools.sh
has_node_tools || { echo "no tools for Node.js: TARGET=$TARGET sh packaging/node/build.sh setup" >&2; exit 1; }
work=$(absolute "$TARGET/node-sanitized")
mkdir -p "$work"

fail() {
    echo "$*" >&2
    exit 1
}

# sanitized OUTPUT FLAG... : builds the add-on
sanitized() {
    output=$1
    shift
    CC=gcc CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined $*" \
        LDFLAGS='-fsanitize=address,undefined' sh bindings/node/native/build.sh "$output"
}

# Node.js has leaks of its own; memory.js finds those of the add-on.
run() { # ADD-ON FILE...
    addon=$1
    shift
    (cd bindings/node && TC_AUTH_ADDON=$addon ASAN_OPTIONS=detect_leaks=0 \
        LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" timeout 300 node --test "$@")
}

echo '== a planted fault'
# Long values lack the last byte.
printf '#include <stdlib.h>\n#define malloc(size) malloc((size) > 1024 ? (size) - 1 : (size))\n' >"$work/planted.h"
sanitized "$work/planted.node" -include "$work/planted.h"
! run "$work/planted.node" test/auth.test.js >"$work/planted.log" 2>&1 || fail 'it was not found'
grep -m 1 'heap-buffer-overflow' "$work/planted.log"

echo '== AddressSanitizer, UBSan'
sanitized "$work/tc_auth.node"
# The other tests are of the clients, in JavaScript.
run "$work/tc_auth.node" test/auth.test.js test/native.test.js test/testing.test.js test/workers.test.js >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
grep '^# pass' "$work/log"

echo '== memory'
(cd bindings/node && node --expose-gc test/memory.js)
! (cd bindings/node && node --expose-gc test/memory.js plant) || fail 'the planted leak was not found'
