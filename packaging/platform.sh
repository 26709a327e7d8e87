# The platforms that the library can be built for from another one. It is sourced in the root, with TARGET set.

# The linker, and the C library of each platform, come with zig.
zig_packages='cargo-zigbuild==0.24.0 ziglang==0.17.1'

# platform NAME: its Rust target, its C compiler, and where it is installed
platform() {
    zig="$TARGET/zig/bin/python -m ziglang cc -target"
    installed=$TARGET/cross/$1
    case $1 in aarch64*) objcopy=llvm-objcopy ;; *) objcopy=objcopy ;; esac
    case $1 in
        glibc2.17) rust_target=x86_64-unknown-linux-gnu cc="$zig x86_64-linux-gnu.2.17" ;;
        aarch64) rust_target=aarch64-unknown-linux-gnu cc="$zig aarch64-linux-gnu.2.17" ;;
        musl) rust_target=x86_64-unknown-linux-musl cc="$zig x86_64-linux-musl -lunwind" ;;
        aarch64-musl) rust_target=aarch64-unknown-linux-musl cc="$zig aarch64-linux-musl -lunwind" ;;
        windows) rust_target=x86_64-pc-windows-gnu cc=x86_64-w64-mingw32-gcc ;;
        windows-aarch64) rust_target=aarch64-pc-windows-gnullvm cc="$zig aarch64-windows-gnu -lunwind" ;;
        macos) rust_target=aarch64-apple-darwin cc="$zig aarch64-macos.11.0" ;;
        macos-x86_64) rust_target=x86_64-apple-darwin cc="$zig x86_64-macos.10.13" ;;
        *)
            echo "there is no platform '$1': see make help" >&2
            return 1
            ;;
    esac
}

# What the build lacks for the platform: one line each, ending in the command that installs it.
missing() {
    [ -d "$(rustc --print target-libdir --target $rust_target)" ] ||
        echo "no Rust target $rust_target: rustup target add $rust_target"
    case $rust_target in
        *-windows-gnu)
            command -v $cc >/dev/null || echo "no $cc: apt-get install gcc-mingw-w64-x86-64"
            return
            ;;
        *-apple-*) [ -x "$(rust_lld)" ] || echo "no rust-lld: install Rust with rustup, https://rustup.rs" ;;
    esac
    # Of these versions, for each new one has links that the older one did not make.
    "$TARGET/zig/bin/pip" freeze 2>/dev/null | grep -cxF "$(echo "$zig_packages" | tr ' ' '\n')" | grep -qx 2 ||
        echo "no zig: python3 -m venv $TARGET/zig && $TARGET/zig/bin/pip install $zig_packages"
}

# The linker for macOS that comes with Rust.
rust_lld() { echo "$(dirname "$(rustc --print target-libdir)")/bin/gcc-ld/ld64.lld"; }
