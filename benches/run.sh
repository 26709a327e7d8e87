#!/bin/sh
# Runs the benchmarks with the peers that are installed, and says which are not. `make bench` starts it.
#
#   run.sh               on this CPU as it is
#   run.sh without-sha   without its SHA instructions

set -eu
cd "$(dirname "$0")/.."
build=$TARGET/c work=$TARGET/benches programs=$TARGET/benches
. tests/tools.sh
mkdir -p "$work/peers"
skip() { echo "SKIP  $1: $2; to have it: $3" >&2; }

hidden=
if [ "${1:-}" = without-sha ]; then
    hidden=1
    # The code is what runs on a CPU that has none. tc_auth is told when it is built, the others when they start.
    export RUSTFLAGS="${RUSTFLAGS:-} --cfg sha2_backend=\"soft\"" OPENSSL_ia32cap=':~0x20000000'
    export CARGO_TARGET_DIR="$TARGET/without-sha"
    RELEASE=$CARGO_TARGET_DIR/release programs=$CARGO_TARGET_DIR/benches
    unset CARGO_BUILD_TARGET
    "${CARGO:-cargo}" rustc --release --locked --lib --crate-type cdylib
fi

set --
if have pkg-config && pkg-config --exists 'libcrypto >= 3'; then
    $CC -std=c99 -O2 benches/peers/openssl.c -o "$work/peers/openssl" $(pkg-config --cflags --libs libcrypto)
    version="OpenSSL $(pkg-config --modversion libcrypto)"
    set -- "$@" "$version, \`HMAC()\`=$work/peers/openssl hmac" \
        "$version, \`EVP_MAC\`, keyed once=$work/peers/openssl evp_mac" \
        "$version, \`SHA256_CTX\`, keyed once and copied=$work/peers/openssl sha256_ctx"
else
    skip OpenSSL "no libcrypto 3 for C programs, or no pkg-config" "apt-get install libssl-dev pkg-config"
fi
if have go; then
    go build -o "$work/peers/go" benches/peers/main.go
    set -- "$@" "$(go env GOVERSION | sed 's/^go/Go /'), \`crypto/hmac\`=env${hidden:+ GODEBUG=cpu.sha=off} $work/peers/go"
else
    skip Go "no go" "apt-get install golang-go"
fi
newest=$(jdk 11 99)
if [ -n "$hidden" ]; then
    echo 'SKIP  Java: it would use the SHA instructions' >&2
elif [ -n "$newest" ]; then
    "$newest/bin/javac" -d "$work/peers" benches/peers/Peer.java
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$newest/release")
    set -- "$@" "Java $version, \`javax.crypto.Mac\`=$newest/bin/java -cp $work/peers Peer"
else
    skip Java "no JDK" "apt-get install openjdk-17-jdk-headless"
fi
if [ -x "$TARGET/tcex/bin/python" ]; then
    set -- "$@" "TcEx, \`HmacAuth\`=$TARGET/tcex/bin/python benches/peers/tcex_peer.py"
else
    skip TcEx "it is not installed" "python3 -m venv $TARGET/tcex && $TARGET/tcex/bin/pip install tcex==4.0.11"
fi
set -- "$RELEASE/libtc_auth.so" "$work/results" "$@"
"${CARGO:-cargo}" build --manifest-path benches/Cargo.toml --target-dir "$programs" --release --locked --features peers --bin bench
echo 'measuring, for a minute or two' >&2
"${CARGO:-cargo}" run --manifest-path benches/Cargo.toml --target-dir "$programs" --release --locked --quiet --features peers \
    --bin bench -- "$@"
