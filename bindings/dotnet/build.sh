#!/bin/sh
# Builds the binding, once for all runtimes, and runs its programs.
#
#   build.sh                                     compiles everything into $TARGET/dotnet
#   build.sh setup                               fetches CoreCLR 3.1 and the OpenSSL 1.1 that it needs for TLS and hashes
#   build.sh test|bench|conformance|residue RUNTIME   compiles, then runs that program; RUNTIME is mono or coreclr
#
# Needs mono-mcs and libmono-system-net-http4.0-cil; mono-runtime to run on mono, a C compiler for test, python3-venv and
# unzip for setup.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=$(mkdir -p "${TARGET:-$here/../../target}" && cd "${TARGET:-$here/../../target}" && pwd)
release=${RELEASE:-$target/release}
out=$target/dotnet
coreclr=$target/dotnetcore2

compile() {
    name=$1
    shift
    mcs -nologo -langversion:7.2 -unsafe -optimize+ -debug:portable -warn:4 -warnaserror \
        -r:System.Net.Http.dll -r:System.Core.dll -out:"$out/$name" "$@"
}

# The n-th block of C# in the README, as it stands there.
example() {
    awk -v wanted="$1" '/^```csharp$/ { n++; inside = n == wanted; next } /^```$/ { inside = 0 } inside' "$here/README.md"
}

build() {
    mkdir -p "$out"
    compile TcAuth.dll -target:library -doc:"$out/TcAuth.xml" "$here"/src/*.cs
    compile Tests.exe -r:"$out/TcAuth.dll" "$here"/tests/*Tests.cs "$here"/tests/Runner.cs "$here"/tests/Server.cs
    compile Conformance.exe -r:"$out/TcAuth.dll" "$here/tests/Conformance.cs"
    compile Bench.exe -r:"$out/TcAuth.dll" "$here/tests/Bench.cs"
    compile Residue.exe -r:"$out/TcAuth.dll" "$here/tests/Residue.cs"
    for n in 1 2 3; do
        example $n >"$out/Readme$n.cs"
        compile Readme$n.exe -r:"$out/TcAuth.dll" "$out/Readme$n.cs"
    done
    echo '{"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"}}}' >"$out/runtimeconfig.json"
}

setup() {
    python3 -m venv "$coreclr"
    "$coreclr/bin/pip" install -q dotnetcore2==3.1.23
    # CoreCLR 3.1 wants OpenSSL 1.1, which current systems lack; this wheel brings it along.
    "$coreclr/bin/pip" download -q --no-deps --only-binary :all: --python-version 3.9 \
        --platform manylinux2014_x86_64 -d "$coreclr" psycopg2-binary==2.9.3
    unzip -qoj "$coreclr"/psycopg2_binary-*.whl '*/libssl-*' '*/libcrypto-*' -d "$coreclr/openssl"
    ln -sf "$(cd "$coreclr/openssl" && echo libssl-*)" "$coreclr/openssl/libssl.so.1.1"
}

run() {
    runtime=$1
    program=$2
    shift 2
    export LD_LIBRARY_PATH="$(cd "$release" && pwd)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    case $runtime in
    mono) exec mono "$out/$program" "$@" ;;
    coreclr)
        export LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$coreclr/openssl" DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
        exec "$coreclr"/lib/python3*/site-packages/dotnetcore2/bin/dotnet exec \
            --runtimeconfig "$out/runtimeconfig.json" "$out/$program" "$@"
        ;;
    *) echo "build.sh: mono or coreclr, not $runtime" >&2 && exit 2 ;;
    esac
}

case ${1-build} in
build) build ;;
setup) setup ;;
test)
    build # not "build && run": that would switch off "set -e" in it
    mkdir -p "$out/old"
    "${CC:-cc}" -shared -fPIC -o "$out/old/libtc_auth.so" "$here/tests/old.c"
    export TcAuthRelease="$(cd "$release" && pwd)"
    unset TC_TOKEN TC_API_ACCESS_ID TC_API_SECRET_KEY TC_APP_PARAM_FILE # a test expects to find nothing
    run "${2-mono}" Tests.exe "$here"
    ;;
bench)
    build
    run "${2-mono}" Bench.exe
    ;;
conformance) run "${2-mono}" Conformance.exe ;; # without compiling: many of these are started
residue) # likewise; with another word it plants a fault
    runtime=${2-mono}
    shift
    [ $# -eq 0 ] || shift
    run "$runtime" Residue.exe "$@"
    ;;
*) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
