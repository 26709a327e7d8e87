#!/bin/sh
# Makes what is published on Maven Central, checks it, and uses it as users do: in a new Maven project, with an empty local
# repository, without this checkout and without cargo; and in a runtime image that jlink makes. The jar is that of
# bindings/java/target, with the library of this machine alone.
#
#     java.sh TARGET

set -eu
cd "$(dirname "$0")/../.."
case $1 in /*) TARGET=$1 ;; *) TARGET=$PWD/$1 ;; esac
RELEASE=${RELEASE:-$TARGET/release} build=$TARGET/c
. tests/tools.sh
RELEASE=$(absolute "$RELEASE")
find_jdks
work=$TARGET/java-package version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
rm -rf "$work"
mkdir -p "$work/copy" "$work/home" "$work/gnupg"

fail() {
    echo "$*" >&2
    exit 1
}

step() { echo "== $* ($(date +%T))"; }

# maven_of JDK ARGUMENT... : with nothing of this shell's environment
maven_of() {
    jdk=$1
    shift
    env -i HOME="$HOME" PATH=/usr/bin:/bin JAVA_HOME="$jdk" GNUPGHOME="$work/gnupg" TZ=Pacific/Kiritimati LC_ALL=C \
        mvn -B -q -ntp "$@"
}

step 'the bundle for Maven Central, from another directory, at another time, with other permissions'
chmod 700 "$work/gnupg"
export GNUPGHOME="$work/gnupg"
trap 'gpgconf --kill gpg-agent' EXIT
gpg --batch --quiet --passphrase '' --quick-gen-key 'Test <test@tc-auth.example>' ed25519 sign never 2>"$work/gpg.log" ||
    { cat "$work/gpg.log"; exit 1; }
tar -cf - LICENSE packaging/debian/copyright bindings/java/pom.xml bindings/java/src |
    (umask 077 && tar -xf - -C "$work/copy" --no-same-permissions)
find "$work/copy" -exec touch {} +
(
    cd "$work/copy/bindings/java"
    umask 077
    maven_of "$new_jdk" deploy -Prelease "-Dtc_auth.library.dir=$RELEASE" -Dmaven.test.skip=true \
        -Dmaven.install.skip=true -DskipUpload=true
)
made=$work/copy/bindings/java/target
cmp "$made/tc-auth-$version.jar" "bindings/java/target/tc-auth-$version.jar"
case "$(uname -m)" in x86_64) platform=linux-amd64 ;; *) platform=linux-$(uname -m) ;; esac
python3 tests/install/central.py "$made/central-publishing/central-bundle.zip" "$platform"
python3 -m zipfile -e "$made/central-publishing/central-bundle.zip" "$work/repository"

# expect CLASS_PATH_OR_MODULE_PATH COMMAND... : signs, on this path
expect() {
    path=$1
    shift
    (cd / && env -i HOME="$work/home" PATH=/usr/bin:/bin "$@") >"$work/output" 2>&1 || { cat "$work/output"; exit 1; }
    grep -qxF 'TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=' "$work/output" &&
        grep -q ", $path\$" "$work/output" || { cat "$work/output"; fail "not signed on the $path: $*"; }
    grep "^Java " "$work/output"
}

# The jars of the consumer, built with this JDK. At first the local repository is empty.
build_consumer() { # JDK DIRECTORY MAVEN_ARGUMENT...
    jdk=$1 directory=$2
    shift 2
    cp -r tests/install/java "$directory"
    (cd "$directory" && maven_of "$jdk" package "-Dmaven.repo.local=$work/local" "-Drepository=$work/repository" "-Dtc_auth.version=$version" "$@")
}

step 'a new project with JNA, for Java 11 to 21'
! env -i PATH=/usr/bin:/bin sh -c 'command -v cargo' || echo 'not tested: without cargo; it is in /usr/bin'
build_consumer "$old_jdk" "$work/old"
jars=$work/old/target
for number in 11 17 21; do
    home=$(jdk $number $number)
    [ -n "$home" ] || { echo "not tested: Java $number"; continue; }
    expect 'class path' "$home/bin/java" -cp "$jars/consumer.jar:$jars/dependency/*" consumer.Consumer
    expect 'module path' "$home/bin/java" -p "$jars/consumer.jar:$jars/dependency" --add-modules com.sun.jna \
        -m consumer/consumer.Consumer
done

step 'a new project without JNA, for Java 22 and later'
build_consumer "$new_jdk" "$work/new" -Pwithout-jna
jars=$work/new/target
[ ! -e "$jars/dependency/jna-5.19.1.jar" ] || fail 'JNA was not excluded'
expect 'class path' "$new_jdk/bin/java" --illegal-native-access=deny -jar "$jars/consumer.jar"
expect 'module path' "$new_jdk/bin/java" --illegal-native-access=deny --enable-native-access=io.github.tcauth \
    -p "$jars/consumer.jar:$jars/dependency" -m consumer/consumer.Consumer

step 'a runtime image'
"$new_jdk/bin/jlink" -p "$jars/consumer.jar:$jars/dependency" --add-modules consumer --output "$work/image" \
    --launcher sign=consumer/consumer.Consumer --add-options=--enable-native-access=io.github.tcauth \
    --strip-debug --no-header-files --no-man-pages
expect 'module path' "$work/image/bin/sign" --illegal-native-access=deny
"$work/image/bin/java" --list-modules | tr '\n' ' '
du -sh "$work/image"
