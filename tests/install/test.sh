#!/bin/sh
# Installs into a directory, moves it, and uses it as a user would: with pkg-config, with CMake, with the shared library
# and the static one. Called with the directory to work in and the program to build.

set -eu
work=$1 program=$2
rm -rf "$work"
mkdir -p "$work/build"
work=$(cd "$work" && pwd)
cp "$program" "$work/build/program.c"
if command -v doxygen >/dev/null; then
    ${MAKE:-make} -s docs
fi
expected='Authorization: TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks='

says_it() { # WHAT COMMAND...
    what=$1
    shift
    if [ "$("$@" | head -n 1)" = "$expected" ]; then
        echo "$what: as expected"
    else
        echo "$what: something else" >&2
        exit 1
    fi
}

says_how() { # MAN_PAGE
    man -l "$1" 2>/dev/null | grep -q SYNOPSIS || { echo "no man page: $1" >&2; exit 1; }
}

# In /usr the compiler finds everything by itself. Flags for that would do harm: "-isystem /usr/include" hides the C
# headers from <cstdlib>.
for libdir in lib lib/some-system; do
    rm -rf "$work/staged"
    ${MAKE:-make} -s install DESTDIR="$work/staged" PREFIX=/usr LIBDIR=/usr/$libdir
    flags=$(PKG_CONFIG_LIBDIR="$work/staged/usr/$libdir/pkgconfig" pkg-config --cflags --libs tc_auth)
    case $libdir in lib) expected_flags=-ltc_auth ;; *) expected_flags="-L/usr/$libdir -ltc_auth" ;; esac
    [ "$(echo $flags)" = "$expected_flags" ] || { echo "/usr/$libdir, pkg-config: $flags" >&2; exit 1; }
    echo "/usr/$libdir, pkg-config: as expected"
done

# Debian's layout and the plain one; each is moved after the installation.
multiarch=$("${CC:-cc}" -print-multiarch 2>/dev/null || true)
for libdir in ${multiarch:+lib/$multiarch} lib; do
    rm -rf "$work/staged" "$work/moved" "$work/cmake"
    layout="PREFIX=/opt/tc_auth LIBDIR=/opt/tc_auth/$libdir"
    ${MAKE:-make} -s install DESTDIR="$work/staged" $layout
    mv "$work/staged/opt/tc_auth" "$work/moved"
    root=$work/moved lib=$work/moved/$libdir
    export PKG_CONFIG_PATH="$lib/pkgconfig"
    flags="$(pkg-config --cflags --libs tc_auth)"

    "${CC:-cc}" "$work/build/program.c" $flags -o "$work/build/shared"
    says_it "$libdir, pkg-config" env LD_LIBRARY_PATH="$lib" "$work/build/shared"
    readelf -d "$work/build/shared" | grep -q 'NEEDED.*libtc_auth.so.0]' || { echo 'the SONAME was not recorded' >&2; exit 1; }

    mkdir "$work/cmake"
    cp "$(dirname "$0")/CMakeLists.txt" "$work/build/program.c" "$work/cmake"
    cmake -S "$work/cmake" -B "$work/cmake" "-DCMAKE_PREFIX_PATH=$root" >/dev/null
    cmake --build "$work/cmake" >/dev/null
    says_it "$libdir, CMake, shared" "$work/cmake/with-shared"
    says_it "$libdir, CMake, static" "$work/cmake/with-static"
    ! readelf -d "$work/cmake/with-static" | grep -q libtc_auth || { echo 'it is not static' >&2; exit 1; }

    says_it "$libdir, tc-sign" env TC_API_ACCESS_ID=12345678901234567890 TC_API_SECRET_KEY=tc_auth-example-secret \
        "$root/bin/tc-sign" --at 1513703787 GET /api/v3/indicators
    says_how "$root/share/man/man1/tc-sign.1"

    # The reference is installed if it was built.
    if command -v doxygen >/dev/null; then
        says_how "$root/share/man/man3/tc_auth_headers.3"
        echo "$libdir, $(ls "$root/share/man/man3" | wc -l) man pages"
    fi

    # With only the static library, --static names all that it needs.
    rm "$lib"/libtc_auth.so*
    "${CC:-cc}" "$work/build/program.c" $(pkg-config --static --cflags --libs tc_auth) -Wl,--no-undefined -o "$work/build/static"
    says_it "$libdir, pkg-config --static" "$work/build/static"

    ${MAKE:-make} -s install DESTDIR="$work/staged" $layout
    ${MAKE:-make} -s uninstall DESTDIR="$work/staged" $layout
    left=$(find "$work/staged" ! -type d)
    [ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
done
