#!/bin/sh
# Runs the benchmarks with the peers that are installed, and says which are not. `make bench` starts it.

set -eu
cd "$(dirname "$0")/.."
build=$TARGET/c work=$TARGET/benches
. tests/tools.sh
mkdir -p "$work/peers"
skip() { echo "SKIP  $1: $2; to have it: $3" >&2; }

set --
if have go; then
    go build -o "$work/peers/go" benches/peers/main.go
    set -- "$@" "$(go env GOVERSION | sed 's/^go/Go /'), \`crypto/hmac\`=$work/peers/go"
else
    skip "Go" "no go" "apt-get install golang-go"
fi
newest=$(jdk 11 99)
if [ -n "$newest" ]; then
    "$newest/bin/javac" -d "$work/peers" benches/peers/Peer.java
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$newest/release")
    set -- "$@" "Java $version, \`javax.crypto.Mac\`=$newest/bin/java -cp $work/peers Peer"
else
    skip "Java" "no JDK" "apt-get install openjdk-17-jdk-headless"
fi
if [ -x "$TARGET/tcex/bin/python" ]; then
    set -- "$@" "TcEx, \`HmacAuth\`=$TARGET/tcex/bin/python benches/peers/tcex_peer.py"
else
    skip "TcEx" "it is not installed" "python3 -m venv $TARGET/tcex && $TARGET/tcex/bin/pip install tcex==4.0.11"
fi
"${CARGO:-cargo}" build --manifest-path benches/Cargo.toml --target-dir "$work" --release --locked --features peers --bin bench
echo 'measuring, for a minute or two' >&2
"${CARGO:-cargo}" run --manifest-path benches/Cargo.toml --target-dir "$work" --release --locked --quiet --features peers \
    --bin bench -- "$RELEASE/libtc_auth.so" "$work/results" "$@"
echo "$work/results/results.md, chart.svg" >&2
