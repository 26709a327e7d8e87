#!/bin/sh
# Makes the three symbols of Rust's standard library local that every static library made with Rust defines, so that two of
# them can be linked into one program (rust-lang/rust#44322). For ELF. The file keeps its time, so that make and cargo do
# not take it for a new one.
#
# usage: hide_symbols.sh LIBRARY, with SYSTEM (Linux, Darwin, Windows), and OBJCOPY for a library of another platform
set -eu
case ${SYSTEM:-Linux} in Darwin | Windows) exit ;; esac
objcopy=${OBJCOPY:-objcopy}
if ! command -v "$objcopy" >/dev/null; then
    echo "no $objcopy: $1 can't be linked into one program with another static Rust library" >&2
    exit
fi
"$objcopy" -p --wildcard --localize-symbol=rust_eh_personality '--localize-symbol=*EMPTY_PANIC' \
    '--localize-symbol=*ARGV_INIT_ARRAY' "$1"
