#!/bin/sh
# Builds the library for another platform, checks the files, and runs programs with it, if needed in an emulator. The
# argument is the platform; with `lacking` before it, only prints what is missing.

set -eu
cd "$(dirname "$0")/.."
: "${TARGET:=target}" "${MAKE:=make}"
case $TARGET in /*) ;; *) TARGET=$PWD/$TARGET ;; esac
RELEASE=${RELEASE:-$TARGET/release} build=$TARGET/c
. tests/tools.sh
. packaging/platform.sh

if [ "$1" = lacking ]; then
    platform "$2"
    missing
    case $2 in
        glibc2.17) packages=$(lacking readelf=binutils pkg-config=pkg-config) ;;
        aarch64) packages=$(lacking readelf=binutils pkg-config=pkg-config qemu-aarch64-static=qemu-user-static openssl=openssl)
            [ -d /usr/aarch64-linux-gnu/lib ] || packages="$packages libc6-arm64-cross" ;;
        musl) packages=$(lacking readelf=binutils pkg-config=pkg-config musl-gcc=musl-tools) ;;
        aarch64-musl) packages=$(lacking readelf=binutils pkg-config=pkg-config qemu-aarch64-static=qemu-user-static) ;;
        windows) packages=$(lacking pkg-config=pkg-config cmake=cmake /usr/lib/wine/wine64=wine64) ;;
        windows-aarch64) packages=$(lacking llvm-readobj=llvm) ;;
        macos*) packages=$(lacking pkg-config=pkg-config llvm-objdump=llvm) ;;
    esac
    [ -z "$packages" ] || echo "a tool is missing: apt-get install$packages"
    exit
fi

name=$1
platform "$name"
sh packaging/cross.sh "$name"
work=$TARGET/cross/test/$name lib=$installed/lib
rm -rf "$work"
mkdir -p "$work"
"$MAKE" -s --no-print-directory BUILD="$build" "$build/cases.h"
export PKG_CONFIG_PATH="$lib/pkgconfig"

fail() {
    echo "$*" >&2
    exit 1
}

# The library exports what the header declares, and nothing else. The list of exports comes on standard input.
exports_are_declared() {
    sort >"$work/exported"
    declared include/tc_auth.h >"$work/declared"
    diff "$work/declared" "$work/exported" || fail "the exports are not those of the header"
    # They must not both be empty.
    [ -s "$work/declared" ] || fail "no exports"
    echo "$(wc -l <"$work/exported") functions, all of them declared in the header"
}

elf_exports() { readelf --dyn-syms -W "$1" | awk '$5 == "GLOBAL" && $7 != "UND" && $8 { print $8 }'; }

needs_only() { # LIBRARIES FILE
    other=$(readelf -dW "$2" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vxE "$1" || true)
    [ -z "$other" ] || fail "$2 needs $other"
}

# c_programs COMPILER KIND ARGUMENTS... : test_abi, test_cases and misuse, built as $work/NAME-KIND
c_programs() {
    compiler=$1 kind=$2
    shift 2
    for program in test_abi test_cases misuse; do
        $compiler -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror -I"$installed/include" -I"$build" tests/c/$program.c \
            -o "$work/$program-$kind" "$@"
    done
}

# run_programs KIND COMMAND... : runs both, and prints which was run
run_programs() {
    kind=$1
    shift
    for program in test_abi test_cases misuse; do
        echo "run: $program-$kind"
        timeout 300 "$@" "$work/$program-$kind"
    done
}

# the installed tc-sign
run_tc_sign() { # COMMAND... FILE
    env TC_API_ACCESS_ID=12345678901234567890 TC_API_SECRET_KEY=tc_auth-example-secret "$@" --at 1513703787 GET \
        /api/v3/indicators | tr -d '\r' >"$work/signed"
    grep -qxF 'Authorization: TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=' "$work/signed" ||
        fail "tc-sign says something else"
}

newest_glibc() { readelf -VW "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1; }

# Symbols of glibc are required, and none of a later version.
runs_with_glibc() { # VERSION FILE
    newest=$(newest_glibc "$2")
    echo "$2 needs ${newest:-nothing}"
    [ -n "$newest" ] && at_least "${newest#GLIBC_}" "$1"
}

glibc_programs() {
    c_programs "$cc" shared -L"$lib" -ltc_auth -lpthread
    c_programs "$cc" static "$lib/libtc_auth.a" $(pkg-config --static --libs-only-l tc_auth | sed 's/-ltc_auth//')
    for file in "$lib/libtc_auth.so.0" "$installed/bin/tc-sign" "$work"/test_*; do
        runs_with_glibc 2.17 "$file" || fail "$file needs a later glibc"
    done
    # Tests the check itself.
    ! runs_with_glibc 2.10 "$lib/libtc_auth.so.0" || fail "2.10 was believed"
    needs_only '(libc|libpthread|libdl|libm|librt|libutil|ld-linux-.*)\.so\.[0-9]+' "$lib/libtc_auth.so.0"
    for_large_pages "$lib/libtc_auth.so.0" || fail "not for pages of 16 KiB"
    ! readelf -dW "$work/test_abi-static" | grep -q libtc_auth || fail "it is not static"
}

is_static() { ! readelf -lW "$1" | grep -q 'INTERP\|DYNAMIC' || fail "$1 is not static"; }

case $name in
    glibc2.17)
        elf_exports "$lib/libtc_auth.so.0" | exports_are_declared
        glibc_programs
        # The library that was built only for this machine needs a later glibc, unless this machine is as old.
        own=$(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2)
        [ -s "$RELEASE/libtc_auth.so" ] || fail "no native library"
        at_least "$own" 2.17 || ! runs_with_glibc 2.17 "$RELEASE/libtc_auth.so" || fail "the native library was believed"
        run_programs shared env LD_LIBRARY_PATH="$lib"
        run_programs static env
        run_tc_sign "$installed/bin/tc-sign"
        ;;
    aarch64)
        elf_exports "$lib/libtc_auth.so.0" | exports_are_declared
        glibc_programs
        emulator="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
        run_programs shared $emulator -E LD_LIBRARY_PATH="$lib"
        run_programs static $emulator
        # The registers and the stack after each call, with the CPU's instructions for SHA-256.
        $cc -std=gnu11 -O2 -Wall -Wextra -Werror -Wl,-z,lazy -Iinclude tests/residue/residue.c "$lib/libtc_auth.a" \
            $(pkg-config --static --libs-only-l tc_auth | sed 's/-ltc_auth//') -o "$work/residue"
        printf '#!/bin/sh\nexec %s "%s/residue" "$@"\n' "$emulator" "$work" >"$work/emulated"
        chmod +x "$work/emulated"
        sh tests/residue/test.sh files "$work"
        # The C library has other string functions for other processors.
        for processor in max cortex-a57 neoverse-n1; do
            (cd "$work" && QEMU_CPU=$processor ./scan frames ./emulated)
        done
        run_tc_sign $emulator "$installed/bin/tc-sign"
        ;;
    musl | aarch64-musl)
        elf_exports "$lib/libtc_auth.so.0" | exports_are_declared
        needs_only 'libc\.so' "$lib/libtc_auth.so.0"
        c_programs "$cc" static "$lib/libtc_auth.a"
        is_static "$work/test_abi-static"
        is_static "$installed/bin/tc-sign"
        if [ "$name" = aarch64-musl ]; then
            run_programs static qemu-aarch64-static
            run_tc_sign qemu-aarch64-static "$installed/bin/tc-sign"
        else
            run_programs static env
            run_tc_sign "$installed/bin/tc-sign"
            # With a distribution's compiler, which can't link the static library, because its unwinder is for glibc.
            c_programs musl-gcc shared $(pkg-config --libs tc_auth)
            run_programs shared env LD_LIBRARY_PATH="$lib"
        fi
        ;;
    windows)
        objdump=x86_64-w64-mingw32-objdump
        $objdump -p "$installed/bin/tc_auth.dll" >"$work/dll"
        awk '/^[[:space:]]*\[ *[0-9]+\]/ && !/Export RVA/ { print $NF }' "$work/dll" | exports_are_declared
        other=$(sed -n 's/.*DLL Name: //p' "$work/dll" | grep -vixE \
            '(kernel32|ntdll|msvcrt|userenv|ws2_32|bcryptprimitives|api-ms-win-.*)\.dll' || true)
        [ -z "$other" ] || fail "the DLL needs $other"
        c_programs $cc shared.exe -L"$lib" -ltc_auth -static-libgcc -Wl,-Bstatic -lpthread
        c_programs $cc static.exe -static "$lib/libtc_auth.a" \
            $(pkg-config --static --libs-only-l tc_auth | sed 's/-ltc_auth//') -lpthread
        $cc -shared -Wall -Wextra -Werror tests/c/bcryptprimitives.c -ladvapi32 -o "$work/bcryptprimitives.dll"
        cp "$installed/bin/tc_auth.dll" "$installed/bin/tc-sign.exe" "$work"
        export WINEPREFIX="$TARGET/cross/wine" WINEDEBUG=-all
        timeout 120 /usr/lib/wine/wine64 wineboot -u >/dev/null 2>&1 || true
        run_programs shared.exe /usr/lib/wine/wine64
        run_programs static.exe /usr/lib/wine/wine64
        run_tc_sign /usr/lib/wine/wine64 "$work/tc-sign.exe"
        # CMake also knows the import library.
        mkdir "$work/cmake"
        program_of README.md >"$work/cmake/program.c"
        cp tests/install/CMakeLists.txt "$work/cmake"
        cmake -S "$work/cmake" -B "$work/cmake" -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_C_COMPILER=$cc \
            -DCMAKE_PREFIX_PATH="$installed" >/dev/null
        cmake --build "$work/cmake"
        cp "$work"/cmake/with-*.exe "$work"
        for program in with-shared with-static; do
            /usr/lib/wine/wine64 "$work/$program.exe" | grep '^Authorization: ' || fail "$program failed"
        done
        ;;
    windows-aarch64)
        c_programs "$cc" static.exe "$lib/libtc_auth.a" -lntdll
        llvm-readobj --file-headers "$work/test_abi-static.exe" | grep 'Machine: .*ARM64' || fail "not for arm64"
        echo "built, not run"
        ;;
    macos*)
        version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
        library=$lib/libtc_auth.${version%%.*}.dylib
        llvm-objdump --macho --exports-trie "$library" | sed -n 's/^0x[0-9A-F]* *_//p' | exports_are_declared
        llvm-objdump --macho --private-headers "$library" >"$work/headers"
        case $name in macos) oldest=11.0 ;; *) oldest=10.12 ;; esac
        for wanted in "name @rpath/${library##*/} " "current version $version" "compatibility version ${version%.*}.0" \
            "\(minos\|version\) $oldest$" 'name /usr/lib/libSystem.B.dylib '; do
            grep "$wanted" "$work/headers" || fail "missing: $wanted"
        done
        [ "$(grep -c LC_LOAD_DYLIB "$work/headers")" -eq 1 ] || fail "it needs another library"
        c_programs "$cc" shared -L"$lib" -ltc_auth
        c_programs "$cc" static "$lib/libtc_auth.a" $(pkg-config --static --libs-only-l tc_auth | sed 's/-ltc_auth//')
        echo "built, not run"
        ;;
esac
