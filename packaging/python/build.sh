#!/bin/sh
# Makes the Python package. `make python` and `make python-docs` start it.
#
#     build.sh setup               installs the tools that this and the tests need, into $TARGET/python
#     build.sh wheels PLATFORM...  builds wheels for these platforms, and the source distribution, into $WHEELS
#                              ($TARGET/wheels)
#     build.sh docs                writes the reference, into $TARGET/python-docs

set -eu
cd "$(dirname "$0")/../.."
: "${TARGET:=target}" "${PYTHON:=python3}"
case $TARGET in /*) ;; *) TARGET=$PWD/$TARGET ;; esac
export TARGET
tools=packaging/python/tools.txt
modules='tc_auth tc_auth.aiohttp tc_auth.events tc_auth.httpx tc_auth.requests tc_auth.testing'
. packaging/platform.sh

# Whether the tools are those of the list.
installed_tools() { cmp -s $tools "$TARGET/python/tools.txt"; }

what=${1:-}
[ $# -eq 0 ] || shift
lacking=$(
    [ "$what" = setup ] || installed_tools || echo "no Python tools, or others: TARGET=$TARGET sh packaging/python/build.sh setup"
    [ "$what" != wheels ] || for name; do
        platform "$name"
        missing
    done
)
if [ -n "$lacking" ]; then
    echo "$lacking" | sort -u >&2
    exit 1
fi

case $what in
    setup)
        ! installed_tools || exit 0
        echo "== installing the tools of $tools into $TARGET/python"
        "$PYTHON" -m venv "$TARGET/python"
        "$TARGET/python/bin/pip" install --quiet --disable-pip-version-check -r $tools
        cp $tools "$TARGET/python"
        exit
        ;;
    docs)
        rm -rf "$TARGET/python-docs"
        TC_AUTH_LIBRARY=${RELEASE:-$TARGET/release}/libtc_auth.so PYTHONPATH=bindings/python/src "$TARGET/python/bin/python" \
            -W error -W 'ignore:Error parsing type annotation' -m pdoc --no-show-source -o "$TARGET/python-docs" $modules
        echo "$TARGET/python-docs/index.html"
        exit
        ;;
    wheels) ;;
    *)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac

: "${WHEELS:=$TARGET/wheels}"
case $WHEELS in /*) ;; *) WHEELS=$PWD/$WHEELS ;; esac
rm -rf "$WHEELS"
mkdir -p "$WHEELS"
hatchling() {
    (cd bindings/python && "$TARGET/python/bin/hatchling" build -d "$WHEELS" -t "$@") >"$WHEELS/log" 2>&1 || { cat "$WHEELS/log" >&2; exit 1; }
    rm "$WHEELS/log"
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
for name; do
    sh packaging/cross.sh "$name" >/dev/null
    platform "$name"
    elf=lib/libtc_auth.so.$version mach=lib/libtc_auth.$version.dylib
    # The library, and the platform as Python knows it: with the oldest system that the library runs on.
    case $name in
        glibc2.17) set -- "$elf" manylinux2014_x86_64.manylinux_2_17_x86_64 ;;
        aarch64) set -- "$elf" manylinux2014_aarch64.manylinux_2_17_aarch64 ;;
        musl) set -- "$elf" musllinux_1_2_x86_64 ;;
        aarch64-musl) set -- "$elf" musllinux_1_2_aarch64 ;;
        windows) set -- bin/tc_auth.dll win_amd64 ;;
        windows-aarch64) set -- bin/tc_auth.dll win_arm64 ;;
        macos) set -- "$mach" macosx_11_0_arm64 ;;
        macos-x86_64) set -- "$mach" macosx_10_12_x86_64 ;;
    esac
    TC_AUTH_BUILD_LIBRARY=$installed/$1 TC_AUTH_BUILD_PLATFORM=$2 hatchling wheel
done
hatchling sdist
"$TARGET/python/bin/twine" check --strict "$WHEELS"/* >/dev/null
(cd "$WHEELS" && wc -c *)
