#!/bin/sh
# The cost of a signed request in each language, compared with the usual way of that language. `make bench-bindings`
# starts it.

set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-$TARGET/c}
. tests/tools.sh

absent() { echo "SKIP  $1: $2"; }

# Apart from $RELEASE, where this would put a library that is not optimized at link time.
"${CARGO:-cargo}" run --target-dir "$TARGET/bench-rust" --release --locked --quiet --example bench
echo

if have pkg-config && pkg-config --exists libcrypto; then
    for program in bench bench-cpp; do
        make_quietly "$build/$program"
        LD_LIBRARY_PATH=$RELEASE "$build/$program"
        echo
    done
else
    absent "C and C++" "no libcrypto for programs, or no pkg-config"
fi

if have go && have pkg-config; then
    in_go go run ./internal/bench
else
    absent Go "no go, or no pkg-config"
fi
echo

if have mvn && find_jdks; then
    in_maven package
    $(java_ffm Bench)
    echo
    $(java_jna Bench)
else
    absent Java "no mvn, or not both a JDK of 22 or later and one of 11 to 21"
fi
echo

export TARGET RELEASE
if have mono && have mcs; then
    sh bindings/dotnet/build.sh bench mono
    echo
    if [ -d "$TARGET/dotnetcore2/openssl" ]; then
        sh bindings/dotnet/build.sh bench coreclr
    else
        absent CoreCLR "sh bindings/dotnet/build.sh setup"
    fi
else
    absent .NET "no mono-runtime, or no mono-mcs"
fi
echo

if has_python_tools; then
    $(python) bindings/python/bench/per_call.py
else
    absent Python "TARGET=$TARGET sh packaging/python/build.sh setup"
fi
echo

if has_node_tools && make_quietly node-addon; then
    node bindings/node/bench/per_call.js
else
    absent Node.js "TARGET=$TARGET sh packaging/node/build.sh setup"
fi
