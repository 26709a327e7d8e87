#!/bin/sh
# Runs programs that handle secrets, and after each call searches registers, the stack and all other memory for them.
# For Linux with glibc, on x86-64 and arm64.
#
#   test.sh c                the C ABI, static and shared, on the paths that this CPU takes
#   test.sh portable         the C ABI, with SHA-256 and AES in portable code, which CPUs without instructions for them run
#   test.sh cpp              tc_auth.hpp
#   test.sh files DIRECTORY  scan.c, compiled, and the files that the programs read
#   test.sh command NAME...  a program of another language, and once more with the word `plant`, which must then be found
set -eu
cd "$(dirname "$0")/../.."
: "${TARGET:=${CARGO_TARGET_DIR:-target}}" "${RELEASE:=$TARGET/release}" "${CC:=cc}" "${CXX:=c++}" "${CARGO:=cargo}"
case $TARGET in /*) ;; *) TARGET=$PWD/$TARGET ;; esac
case $RELEASE in /*) ;; *) RELEASE=$PWD/$RELEASE ;; esac
work=$TARGET/c/residue source=$PWD/tests/residue
warnings='-Wall -Wextra -Werror'
# With lazy binding, so that the dynamic linker saves the vector registers on the stack.
lazy='-fplt -Wl,-z,lazy'
. tests/tools.sh
mkdir -p "$work"

build_scan() { # DIRECTORY
    $CC -std=gnu99 -O2 $warnings "$source/scan.c" -o "$1/scan"
}

# The parameter files of the programs, encrypted by OpenSSL: KEY_SIZE:PLAINTEXT_NUMBER.
write_files() { # DIRECTORY, with scan in it
    file=0
    for pair in 16:1 24:2 32:1 32:3 32:4; do
        file=$((file + 1)) size=${pair%:*}
        "$1/scan" plaintext "${pair#*:}" | openssl enc "-aes-$((8 * size))-cbc" -K "$("$1/scan" hex "FILE_KEY_$size")" \
            -iv 00000000000000000000000000000000 -out "$1/$file"
    done
}

c_static() { # DIRECTORY_OF_THE_LIBRARY
    $CC -std=gnu11 -O2 $warnings $lazy -Iinclude "$source/residue.c" "$1/libtc_auth.a" $system_libraries -o "$work/residue-static"
    (cd "$work" && ./scan program ./residue-static)
}

c_shared() {
    $CC -std=gnu11 -O2 $warnings $lazy -Iinclude "$source/residue.c" -L"$RELEASE" -ltc_auth -lpthread -o "$work/residue-shared"
    (cd "$work" && LD_LIBRARY_PATH=$RELEASE ./scan program ./residue-shared)
}

case ${1-} in c | portable | cpp | command) build_scan "$work" ;; esac
case ${1-} in
    files)
        build_scan "$2"
        write_files "$2"
        ;;
    c)
        write_files "$work"
        c_static "$RELEASE"
        c_shared
        grep -qw 'sha_ni\|sha2' /proc/cpuinfo || echo "not tested: SHA-256 instructions; this CPU has none"
        grep -qw avx512f /proc/cpuinfo || echo "not tested: the registers of AVX-512; this CPU has none"
        ;;
    portable)
        write_files "$work"
        RUSTFLAGS='--cfg sha2_backend="soft" --cfg aes_backend="soft"' $CARGO rustc --release --locked --quiet --lib \
            --crate-type staticlib --target-dir "$TARGET/portable"
        # The usual library has the CPU's instructions, and this one has not.
        objdump -d "$RELEASE/libtc_auth.a" >"$work/usual"
        objdump -d "$TARGET/portable/release/libtc_auth.a" >"$work/portable"
        special='sha256rnds2\|sha256h2\|\<aesdec\|\<aesd\>'
        grep -q "$special" "$work/usual" && ! grep -q "$special" "$work/portable" ||
            { echo "the choice between instructions and portable code has no effect"; exit 1; }
        c_static "$TARGET/portable/release"
        ;;
    cpp)
        write_files "$work"
        $CXX -std=c++17 -O2 $warnings $lazy -Iinclude "$source/residue.cpp" "$RELEASE/libtc_auth.a" $system_libraries \
            -o "$work/residue-cpp"
        (cd "$work" && ./scan program ./residue-cpp)
        ;;
    command)
        shift
        "$work/scan" once "$@"
        "$work/scan" planted "$@" plant
        ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d' >&2 && exit 2 ;;
esac
