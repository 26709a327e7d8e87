#!/bin/sh
# Makes a small library of static libraries, of any platform: only the objects that its functions need, without debug
# information. All other symbols that it defines, such as those of Rust's standard library, get names of their own, so
# that it can be linked into one program with any other library (rust-lang/rust#44322).
#
# usage: archive.sh PREFIX_OF_FUNCTIONS OUTPUT LIBRARY..., with OBJCOPY
set -eu
functions=$1 output=$(realpath "$2")
shift 2
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
number=0
for library; do
    number=$((number + 1))
    library=$(realpath "$library")
    mkdir "$work/$number"
    (cd "$work/$number" && llvm-ar x "$library")
done
cd "$work"

# Lines of object, kind and symbol: those that objects need of others (U), and that others see. What Rust has generated
# for Windows' own libraries is left out, for compilers have them. Some objects also hold LLVM's bitcode, which only an
# LLVM as new as Rust's can read.
find . -name '*.o' ! -name '*.dll[hst]*.o' | LC_ALL=C sort | xargs llvm-nm --no-llvm-bc --quiet -A >names
sed -n 's/^\(.*\): *[0-9a-f]* \([A-Z]\) \(.*\)$/\1 \2 \3/p' names >symbols

awk -v functions="^_?$functions" '
    function take(object) {
        if (!(object in taken)) {
            taken[object]
            queue[++last] = object
        }
    }
    $2 == "U" { needs[$1] = needs[$1] " " $3; next }
    !($3 in home) { home[$3] = $1 }
    $3 ~ functions { take($1); next }
    { defines[$1] = defines[$1] " " $3 }
    END {
        for (i = 1; i <= last; i++) {
            print queue[i] >"objects"
            split(needs[queue[i]], names, " ")
            for (n in names) if (names[n] in home) take(home[names[n]])
            split(defines[queue[i]], names, " ")
            for (n in names) print names[n], "tcauth_private_" names[n] >"renamed"
        }
    }' symbols
[ -s objects ] || { echo "no function $functions*" >&2; exit 1; }
sort -u renamed -o renamed

sort objects | while read -r object; do
    "${OBJCOPY:-llvm-objcopy}" --strip-debug --redefine-syms=renamed "$object"
done
rm -f "$output"
sort objects | xargs llvm-ar rcsD "$output"
