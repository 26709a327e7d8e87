#!/bin/sh
# Makes the Node.js packages. `make node`, `make node-addon` and `make node-docs` start it.
#
#     build.sh setup                installs the tools that this and the tests need, into bindings/node/node_modules and
#                                   $TARGET/node
#     build.sh addon                compiles bindings/node for this machine
#     build.sh packages PLATFORM... packs tc-auth, and a package with the add-on for each platform, into $PACKAGES
#                                   ($TARGET/npm)
#     build.sh docs                 writes the reference, into $TARGET/node-docs

set -eu
cd "$(dirname "$0")/../.."
: "${TARGET:=target}"
case $TARGET in /*) ;; *) TARGET=$PWD/$TARGET ;; esac
RELEASE=${RELEASE:-$TARGET/release} build=$TARGET/c
export TARGET
. tests/tools.sh
. packaging/platform.sh
binding=bindings/node
modules=$PWD/$binding/node_modules

what=${1:-}
[ $# -eq 0 ] || shift
lacking=$(
    has_node || echo "no Node.js $oldest_node or later, or no npm: apt-get install nodejs npm, or https://nodejs.org"
    [ "$what" = setup ] || has_node_tools || echo "no tools for Node.js, or others: TARGET=$TARGET sh packaging/node/build.sh setup"
    [ "$what" != packages ] || for name; do
        platform "$name"
        missing
    done
)
if [ -n "$lacking" ]; then
    echo "$lacking" | sort -u >&2
    exit 1
fi

install() { npm install --ignore-scripts --no-audit --no-fund --loglevel=error "$@" >&2; }

compile() { (cd $binding && node_modules/.bin/tsc -p . "$@"); }

case $what in
    setup)
        ! has_node_tools || exit 0
        echo "== installing the tools of $binding/package.json and packaging/node/versions.json"
        (cd $binding && install)
        # Other versions of Node.js, which npm has for Linux on x86-64.
        mkdir -p "$TARGET/node"
        cp packaging/node/versions.json "$TARGET/node/package.json"
        [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ] || install --prefix "$TARGET/node"
        node_tools >"$TARGET/node/tools"
        exit
        ;;
    addon)
        sh $binding/native/build.sh $binding/build/Release/tc_auth.node
        compile
        exit
        ;;
    docs)
        rm -rf "$TARGET/node-docs"
        (cd $binding && node_modules/.bin/typedoc --out "$TARGET/node-docs")
        echo "$TARGET/node-docs/index.html"
        exit
        ;;
    packages) ;;
    *)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac

: "${PACKAGES:=$TARGET/npm}"
case $PACKAGES in /*) ;; *) PACKAGES=$PWD/$PACKAGES ;; esac
rm -rf "$PACKAGES"
mkdir -p "$PACKAGES"

# addon NAME FILE : compiles it for a platform
addon() {
    case $1 in
        windows*) SYSTEM=Windows ;;
        macos*) SYSTEM=Darwin ;;
        *) SYSTEM=Linux ;;
    esac
    # Zig's linker for macOS exports every function of Rust's: see packaging/cross.sh.
    LD='' LDFLAGS=-s
    case $1 in
        macos) LDFLAGS='' LD="sh $TARGET/cross/build/macos/cc -arch arm64 -mmacosx-version-min=11.0" ;;
        macos-x86_64) LDFLAGS='' LD="sh $TARGET/cross/build/macos-x86_64/cc -arch x86_64 -mmacosx-version-min=10.13" ;;
    esac
    CC=$cc LD=$LD SYSTEM=$SYSTEM LIBRARY=$installed/lib/libtc_auth.a NODE_HEADERS=$modules/node-api-headers/include \
        CFLAGS="-O2 -g0 -ffile-prefix-map=$PWD=/tc_auth" LDFLAGS=$LDFLAGS sh $binding/native/build.sh "$2"
}

rm -rf "$TARGET/node/lib" # no file that has no source any more
compile --outDir "$TARGET/node/lib"
node packaging/node/pack.js "$PACKAGES" main "$TARGET/node/lib"
for name; do
    sh packaging/cross.sh "$name" >/dev/null
    platform "$name"
    addon "$name" "$TARGET/cross/node/$name/tc_auth.node"
    node packaging/node/pack.js "$PACKAGES" "$name" "$TARGET/cross/node/$name/tc_auth.node"
done
(cd "$PACKAGES" && wc -c ./*.tgz)
