#!/bin/sh
# Builds the library for another platform and installs it below $TARGET/cross, as it is used there: headers, libraries,
# the files for pkg-config and CMake, and tc-sign. Or says what is missing for that, and the command that installs it.

set -eu
cd "$(dirname "$0")/.."
: "${TARGET:=target}" "${CARGO:=cargo}" "${MAKE:=make}"
case $TARGET in /*) ;; *) TARGET=$PWD/$TARGET ;; esac
. packaging/platform.sh
platform "${1:-}"
command -v rustc >/dev/null || { echo 'no rustc: install Rust with rustup, https://rustup.rs' >&2; exit 1; }
lacking=$(missing)
if [ -n "$lacking" ]; then
    echo "$lacking" >&2
    exit 1
fi
export CARGO_TARGET_DIR="$TARGET/cross/build"
work=$CARGO_TARGET_DIR/$1
mkdir -p "$work"

# Zig's own linker for macOS exports every function of Rust's, so it is Rust's that links, with zig's list of what is in
# the system's library: less an architecture that it does not know, and under the names that Rust has for its parts.
link_for_macos() {
    for list in "$TARGET"/zig/lib/python3*/site-packages/ziglang/lib/libc/darwin/libSystem.tbd; do
        sed 's/arm64e\.x1-[a-z]*,\{0,1\} *//g; s/, *\]/ ]/' "$list" >"$work/libSystem.tbd"
    done
    for part in c m iconv; do
        cp "$work/libSystem.tbd" "$work/lib$part.tbd"
    done
    # Rust speaks to a linker of this name as to a C compiler.
    cat >"$work/cc" <<'EOF'
#!/bin/sh
for argument; do
    shift
    case $argument in
        -nodefaultlibs) ;;
        -dynamiclib) set -- "$@" -dylib ;;
        -mmacosx-version-min=*) set -- "$@" -platform_version macos "${argument#*=}" "${argument#*=}" ;;
        -Wl,*) set -- "$@" $(echo "${argument#-Wl,}" | tr , ' ') ;;
        *) set -- "$@" "$argument" ;;
    esac
done
EOF
    echo "exec '$(rust_lld)' -L'$work' \"\$@\"" >>"$work/cc"
    chmod +x "$work/cc"
    variable=CARGO_TARGET_$(echo "$rust_target" | tr a-z- A-Z_)_LINKER
    export "$variable=$work/cc" SDKROOT="$work"
}

# No path of this machine is in the libraries.
sources=$(rustc --print sysroot)/lib/rustlib/src/rust
remap="--remap-path-prefix=$sources=/rustc --remap-path-prefix=$PWD=/tc_auth"
for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    remap="$remap --remap-path-prefix=$crates=/crates"
done
export RUSTFLAGS="${RUSTFLAGS:-} $remap"

build="cargo-zigbuild rustc --target $rust_target"
case $rust_target in
    *-windows-gnu) build="$CARGO rustc --target $rust_target" ;;
    *-apple-*)
        build="$CARGO rustc --target $rust_target"
        link_for_macos
        ;;
    *-gnu) build=$build.2.17 ;;
    # Else there would be no shared library. The static one is good for static programs in any case.
    *-musl) RUSTFLAGS="$RUSTFLAGS -C target-feature=-crt-static" ;;
esac
export PATH="$TARGET/zig/bin:$PATH"

rm -rf "$installed"
"$MAKE" -s --no-print-directory lib install \
    CARGO_BUILD="$build --quiet --release --locked --lib --crate-type cdylib,staticlib" \
    CARGO_BUILD_TARGET=$rust_target BUILD="$work" CC="$cc" CFLAGS='-O2 -s' OBJCOPY="$objcopy" \
    WARNINGS='-Wall -Wextra -Wpedantic' PREFIX="$installed" DESTDIR=
find "$installed" ! -type d | sort
