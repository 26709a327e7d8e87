#!/bin/sh
# Makes the jar for Maven Central, with the libraries of several platforms. `make java` starts it.
#
#     build.sh package PLATFORM...  the jar, its sources and its documentation, into $TARGET/java
#     build.sh deploy PLATFORM...   also signs them with gpg, and uploads them: see docs/releasing.md
#
# MAVEN_FLAGS are further arguments for mvn, such as -DskipUpload.

set -eu
cd "$(dirname "$0")/../.."
: "${TARGET:=target}" "${MAVEN_FLAGS:=}"
case $TARGET in /*) ;; *) TARGET=$PWD/$TARGET ;; esac
export TARGET
RELEASE=$TARGET/release build=$TARGET/c
. tests/tools.sh
. packaging/platform.sh

goal=${1:-}
case $goal,${2:-} in
    package,?* | deploy,?*) shift ;;
    *)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
new_jdk=$(jdk 22 99)
lacking=$(
    have mvn || echo 'no mvn: apt-get install maven'
    [ -n "$new_jdk" ] || echo 'no JDK of 22 or later: install JDK 25 from https://adoptium.net, into /usr/lib/jvm'
    for name; do
        platform "$name"
        missing
    done
)
if [ -n "$lacking" ]; then
    echo "$lacking" | sort -u >&2
    exit 1
fi

libraries=$TARGET/java/libraries
rm -rf "$TARGET/java"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
for name; do
    sh packaging/cross.sh "$name" >/dev/null
    platform "$name"
    # The folder is the platform as Java knows it: os.name, os.arch and, as it does not know that, the C library.
    case $name in
        glibc2.17) folder=linux-amd64 ;;
        aarch64) folder=linux-aarch64 ;;
        musl) folder=linux-amd64-musl ;;
        aarch64-musl) folder=linux-aarch64-musl ;;
        windows) folder=windows-amd64 ;;
        windows-aarch64) folder=windows-aarch64 ;;
        macos) folder=macos-aarch64 ;;
        macos-x86_64) folder=macos-x86_64 ;;
    esac
    mkdir -p "$libraries/$folder"
    case $folder in
        linux-*) cp "$installed/lib/libtc_auth.so.$version" "$libraries/$folder/libtc_auth.so" ;;
        windows-*) cp "$installed/bin/tc_auth.dll" "$libraries/$folder" ;;
        macos-*) cp "$installed/lib/libtc_auth.$version.dylib" "$libraries/$folder/libtc_auth.dylib" ;;
    esac
done
umask 022 # the jar with the documentation has the modes of its files
(
    cd bindings/java
    JAVA_HOME=$new_jdk mvn -B -q -ntp clean "$goal" -Prelease "-Dtc_auth.libraries=$libraries" -Dmaven.test.skip=true \
        $MAVEN_FLAGS
)
cp bindings/java/target/tc-auth-"$version"*.jar "$TARGET/java"
(cd "$TARGET/java" && wc -c ./*.jar)
