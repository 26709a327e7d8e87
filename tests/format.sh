#!/bin/sh
# Formats the C and C++ files, or with `check` says which of them are not formatted. `make format` and `make lint` start it.
# Another version of clang-format may format differently, so it must be this one.

set -eu
cd "$(dirname "$0")/.."
: "${TARGET:=${CARGO_TARGET_DIR:-target}}"
version=20.1.8

# tc_auth.h is generated, and abi/first does not change.
files() {
    ls include/*.hpp benches/peers/*.c bindings/node/native/*.c bindings/node/native/*.h examples-c/*.c examples-c/*.cpp \
        tests/c/*.c tests/c/*.h tests/cpp/*.cpp tests/residue/*.c tests/residue/*.h tests/residue/*.cpp
}

for tool in "$TARGET/clang-format/bin/clang-format" clang-format; do
    if "$tool" --version 2>/dev/null | grep -qwF "$version"; then break; fi
    tool=
done
case ${1:-write} in
    setup)
        [ -z "$tool" ] || exit 0
        echo "== installing clang-format $version into $TARGET/clang-format"
        python3 -m venv "$TARGET/clang-format"
        "$TARGET/clang-format/bin/pip" install --quiet --disable-pip-version-check clang-format==$version
        exit
        ;;
    check) action='--dry-run -Werror' ;;
    write) action=-i ;;
    *)
        echo 'usage: format.sh [write | check | setup]' >&2
        exit 2
        ;;
esac
if [ -z "$tool" ]; then
    echo "C and C++ were not formatted or checked: clang-format $version is missing; to install it: TARGET=$TARGET sh tests/format.sh setup" >&2
    # On a developer's machine the rest of `make lint` still counts.
    [ "$1" = check ] && [ -z "${CI:-}" ] || exit 1
    exit 0
fi
# The check itself is checked.
if [ "${1:-}" = check ] && echo 'int  a ;' | "$tool" $action --assume-filename=planted.c 2>/dev/null; then
    echo 'a planted line was not seen' >&2
    exit 1
fi
"$tool" $action $(files)
