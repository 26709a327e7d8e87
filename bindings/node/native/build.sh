#!/bin/sh
# Compiles the add-on, with the C library inside.
#
# usage: build.sh OUTPUT, with CC, CFLAGS, LIBRARY (libtc_auth.a), NODE_HEADERS (the directory of node_api.h), and SYSTEM
# (Linux, Darwin, Windows)
set -eu
cd "$(dirname "$0")/../../.."
output=$1
headers=${NODE_HEADERS:-bindings/node/node_modules/node-api-headers/include}
library=${LIBRARY:-${TARGET:-target}/release/libtc_auth.a}
# Only the functions that Node.js calls are visible: another add-on can contain another version of the library. And the
# add-on stays loaded when the last worker that uses it ends, because the library has data for each thread.
case ${SYSTEM:-$(uname -s)} in
Darwin) set -- -bundle -undefined dynamic_lookup -Wl,-exported_symbol,_napi_register_module_v1 \
    -Wl,-exported_symbol,_node_api_module_get_api_version_v1 -liconv ;;
Windows) set -- -shared -lws2_32 -luserenv -lntdll -lbcrypt -lsynchronization ;;
*) set -- -shared -Wl,--exclude-libs,ALL -Wl,-z,nodelete -Wl,-z,relro,-z,now -lpthread -ldl -lm ;;
esac
mkdir -p "$(dirname "$output")"
# shellcheck disable=SC2086 # CC and CFLAGS hold several words
${CC:-cc} -std=c11 -fPIC -fvisibility=hidden ${CFLAGS:--O2} -Wall -Wextra -Wpedantic -Iinclude -I"$headers" \
    -o "$output" bindings/node/native/tc_auth_node.c "$library" "$@"
