#!/bin/sh
# Compiles the add-on, with the C library inside.
#
# usage: build.sh OUTPUT, with CC, CFLAGS, LDFLAGS, LIBRARY (libtc_auth.a), NODE_HEADERS (the directory of node_api.h),
# SYSTEM (Linux, Darwin, Windows), and LD, if another command than CC links
set -eu
cd "$(dirname "$0")/../../.."
output=$1
headers=${NODE_HEADERS:-bindings/node/node_modules/node-api-headers/include}
library=${LIBRARY:-${TARGET:-target}/release/libtc_auth.a}
# Only the functions that Node.js calls are visible: another add-on can contain another version of the library. And the
# add-on stays loaded when the last worker that uses it ends, because the library has data for each thread.
case ${SYSTEM:-$(uname -s)} in
Darwin) set -- -bundle -undefined dynamic_lookup -lSystem -Wl,-exported_symbol,_napi_register_module_v1 \
    -Wl,-exported_symbol,_node_api_module_get_api_version_v1 -Wl,-dead_strip,-x ;;
Windows) set -- -shared -static-libgcc -lws2_32 -luserenv -lntdll ;;
*) set -- -shared -Wl,--version-script=bindings/node/native/exports.map -Wl,-z,nodelete -Wl,-z,relro,-z,now \
    -Wl,-z,max-page-size=16384 -lgcc_s -lpthread -ldl -lm ;;
esac
# The functions of Node.js are found by name there.
case ${SYSTEM:-} in Windows) warnings='-Wall -Wextra' ;; *) warnings='-Wall -Wextra -Wpedantic' ;; esac
mkdir -p "$(dirname "$output")"
# shellcheck disable=SC2086 # these variables hold several words
${CC:-cc} -std=c11 -fPIC -fvisibility=hidden ${CFLAGS:--O2} $warnings -Iinclude -I"$headers" \
    -c -o "$output.o" bindings/node/native/tc_auth_node.c
# shellcheck disable=SC2086
${LD:-${CC:-cc}} ${LDFLAGS:-} -o "$output" "$output.o" "$library" "$@"
rm "$output.o"
