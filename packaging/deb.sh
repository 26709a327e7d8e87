#!/bin/sh
# Builds the Debian packages of the tarball that `make dist` makes. `make deb` starts it.
#
#     deb.sh TARBALL DIRECTORY [OPTION OF dpkg-buildpackage...]
#
# The packages are put into the directory, beside the tree that they were built in. When there is DIRECTORY/vendor, made
# by `cargo vendor --versioned-dirs`, the crates come from there; it is moved into the tree.

set -eu
command -v dpkg-buildpackage >/dev/null || { echo 'apt-get install dpkg-dev debhelper fakeroot' >&2; exit 1; }
tarball=$1 directory=$2
shift 2
name=$(basename "$tarball" .tar.gz)
version=${name#tc_auth-}
rm -rf "$directory/$name" "$directory"/*.deb "$directory"/tc-auth_*
mkdir -p "$directory"
cp "$tarball" "$directory/tc-auth_$version.orig.tar.gz"
tar -xzf "$tarball" -C "$directory"
[ ! -d "$directory/vendor" ] || mv "$directory/vendor" "$directory/$name"
cd "$directory/$name"
cp -R packaging/debian debian

# cargo and rustc of rustup serve where the packages are missing or too old. Everything else is still checked.
if ! dpkg-checkbuilddeps >/dev/null 2>&1; then
    DEB_BUILD_PROFILES="${DEB_BUILD_PROFILES:+$DEB_BUILD_PROFILES }pkg.tc-auth.rustup"
    export DEB_BUILD_PROFILES
fi
# What make hands to those that it calls is not meant for debian/rules.
unset MAKEFLAGS MFLAGS MAKELEVEL CARGO_BUILD_TARGET
dpkg-buildpackage -us -uc "$@"
