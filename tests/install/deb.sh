#!/bin/sh
# Builds the Debian packages twice, and installs, uses and removes them in their own root directory, as a user would.
# Called by root with the target directory and the program of the README. If necessary, debootstrap creates the root
# directory, with this machine's release and mirror. It stays in TARGET/deb/root; the test uses a copy.

set -eu
target=$(realpath -m "$1") program=$2
cd "$(dirname "$0")/../.."
work=$target/deb base=$target/deb/root root=$target/deb/used again=$target/deb/again
mkdir -p "$work" "$again"
CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}

step() { echo "--- $* ($(date +%T))"; }

# log FILE COMMAND... : runs it in the background
log() {
    file=$work/$1.log
    shift
    "$@" >"$file" 2>&1 &
}

# finished PID NAME: waits for it, and shows its log if it failed
finished() {
    wait "$1" || { cat "$work/$2.log"; echo "$2 failed" >&2; exit 1; }
}

fails_with() { # TEXT COMMAND...
    text=$1
    shift
    ! "$@" >"$work/planted.log" 2>&1 && grep -q -e "$text" "$work/planted.log" ||
        { cat "$work/planted.log"; echo "the planted fault was not seen: $text" >&2; exit 1; }
    echo "planted, and seen: $text"
}

make_root() {
    [ ! -e "$base" ] || return 0
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" | head -n 1)
    [ -n "$mirror" ] || { echo "apt knows no mirror of $codename"; return 1; }
    rm -rf "$base.new"
    debootstrap --variant=minbase --include=gcc,libc6-dev,pkg-config "$codename" "$base.new" "$mirror"
    rm -rf "$base.new/var/cache/apt" "$base.new/var/lib/apt/lists"
    mv "$base.new" "$base"
}

# With the crates in vendor/, without cargo's other files, and with settings that differ between machines.
build_again() {
    rm -rf "$again/vendor"
    ${CARGO:-cargo} vendor --quiet --locked --versioned-dirs "$again/vendor" >/dev/null
    umask 027
    env TZ=Pacific/Kiritimati LC_ALL=C CARGO_NET_OFFLINE=true DEB_BUILD_OPTIONS='nocheck parallel=1' \
        sh packaging/deb.sh "$tarball" "$again" -b
}

trap wait EXIT # for background processes
step build
tarball=$target/dist/$(${MAKE:-make} -s dist | sed 's/.* //')
log root make_root
making_root=$!
log again build_again
building_again=$!
log build sh packaging/deb.sh "$tarball" "$work"
finished $! build
tree=$work/$(basename "$tarball" .tar.gz)

step lintian
# This one is for uploads to Debian: the packages must not hide it.
log lintian lintian --fail-on error --suppress-tags initial-upload-closes-no-bugs "$work"/tc-auth_*.changes
checking=$!

step contents
# The debug information contains the most paths; in the packages it is compressed.
grep -qF /usr/src/tc-auth/vendor/ "$tree"/debian/tmp/usr/lib/*/libtc_auth.a
! grep -rlF -e "$target" -e "$CARGO_HOME/registry" -e "$RUSTUP_HOME" "$tree/debian/tmp" ||
    { echo 'paths of this machine are in these files' >&2; exit 1; }
for library in "$tree"/debian/libtc-auth-dev/usr/lib/*/*.a "$tree"/debian/libtc-auth0/usr/lib/*/*.so.*.*; do
    readelf -SW "$library" >"$work/sections" 2>/dev/null
    ! grep -F .debug_ "$work/sections" || { echo "debug information in $library" >&2; exit 1; }
    echo "$(wc -c <"$library") $(basename "$library")"
done
for package in libtc-auth0 tc-auth-tools; do
    dpkg-deb -c "$work/$package"-dbgsym_*.deb | grep -F .build-id/
done
# Each crate that is linked, but not those that run in the compiler, is named in copyright.
${CARGO:-cargo} tree --locked --edges normal,no-proc-macro --prefix none --format '{p}' >"$work/tree"
sed 's/ .*//' "$work/tree" | sort -u >"$work/crates"
sed '/^Files:/,$d' packaging/debian/copyright | grep -o '[a-z0-9_-]*' | sort -u >"$work/named"
unnamed=$(comm -23 "$work/crates" "$work/named")
[ -s "$work/crates" ] && [ -z "$unnamed" ] || { echo "not named in debian/copyright: $unnamed" >&2; exit 1; }

step 'planted faults'
cd "$tree"
cp debian/libtc-auth0.symbols "$work/symbols"
echo ' tc_auth_planted@Base 0.1.0' >>debian/libtc-auth0.symbols
fails_with '^- tc_auth_planted@Base' debian/rules override_dh_makeshlibs
cp "$work/symbols" debian/libtc-auth0.symbols
sed -i '1s/(.*)/(9.9.9-1)/' debian/changelog
fails_with 'changelog is of version 9\.9\.9' debian/rules binary
cd - >/dev/null

step install
finished $making_root root
rm -rf "$root"
cp -a "$base" "$root"
within() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
# All files except those that dpkg and ldconfig write.
files() { (cd "$root" && find . -regex '\./\(var/lib/dpkg\|var/log\|var/cache\|tmp\)' -prune -o -print | sort); }
files >"$work/before"
mkdir "$root/tmp/test"
cp "$work"/libtc-auth*.deb "$work"/tc-auth-tools*.deb README.md packaging/debian/tests/link "$root/tmp/test"
${CC:-cc} "$program" -I"$tree/include" -L"$tree/target/release" -ltc_auth -o "$root/tmp/test/program"
expected=$(sed -n '/^```text/,/^```$/p' README.md | grep -v '^```')
runs() { [ "$(within /tmp/test/program 2>&1)" = "$expected" ]; }
works() { runs || { echo "the program does not run $1" >&2; exit 1; }; echo "the program runs $1"; }

! runs || { echo 'the program runs without the library' >&2; exit 1; }
within sh -c 'dpkg -i /tmp/test/libtc-auth0_*.deb'
works 'with libtc-auth0 alone'
within sh -c 'dpkg -i /tmp/test/libtc-auth0_*.deb'
works 'after libtc-auth0 was installed over itself'
rm "$root"/usr/lib/*/libtc_auth.so.0
! runs || { echo 'the program runs without the link' >&2; exit 1; }
within ldconfig
works 'after ldconfig made the link anew'
within sh -c 'dpkg -i /tmp/test/libtc-auth-dev_*.deb /tmp/test/tc-auth-tools_*.deb'
within sh -c 'cd /tmp/test && AUTOPKGTEST_TMP=/tmp/test ./link'
for page in man1/tc-sign.1 man3/tc_auth_headers_at.3; do
    [ -s "$root/usr/share/man/$page.gz" ] || { echo "no man page: $page" >&2; exit 1; }
done

step remove
files | comm -13 "$work/before" - >"$work/installed"
grep -q tc_auth "$work/installed" # the list must not be empty
within dpkg -P tc-auth-tools libtc-auth-dev libtc-auth0
files | diff "$work/before" - || { echo 'dpkg -P left or took something' >&2; exit 1; }
echo "$(wc -l <"$work/installed") files and directories, none is left"

step 'lintian, and the second build'
finished $checking lintian
cat "$work/lintian.log"
finished $building_again again
for package in "$work"/*.deb; do
    cmp "$package" "$again/${package##*/}"
    sha256sum "$package" | sed "s|$work/||"
done
rm -rf "$root" "$again"
step done
