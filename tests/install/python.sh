#!/bin/sh
# Builds the wheel and the source distribution of the Python package, twice, checks what is in them, and uses them as users
# do: installed by pip into a new environment, without this checkout, without cargo.
#
#     python.sh TARGET

set -eu
cd "$(dirname "$0")/../.."
case $1 in /*) TARGET=$1 ;; *) TARGET=$PWD/$1 ;; esac
export TARGET
build=$TARGET/c
. tests/tools.sh
. packaging/platform.sh
tools=$TARGET/python/bin
work=$TARGET/python-package
rm -rf "$work"
mkdir -p "$work/home"

fail() {
    echo "$*" >&2
    exit 1
}

step() { echo "== $*"; }

step build
WHEELS=$work/wheels sh packaging/python/build.sh wheels glibc2.17
wheel=$(echo "$work"/wheels/*.whl) sources=$(echo "$work"/wheels/*.tar.gz)

step 'the same bytes from another directory, at another time, with other permissions'
platform glibc2.17
mkdir "$work/copy"
tar -cf - Cargo.toml Cargo.lock LICENSE build.rs src bindings/python packaging |
    (umask 077 && tar -xf - -C "$work/copy" --no-same-permissions)
find "$work/copy" -exec touch {} +
(
    cd "$work/copy/bindings/python"
    export TC_AUTH_BUILD_LIBRARY="$installed/lib/libtc_auth.so" TC_AUTH_BUILD_PLATFORM=manylinux2014_x86_64.manylinux_2_17_x86_64
    "$tools/hatchling" build -d "$work/again" >/dev/null 2>&1
)
for file in "$wheel" "$sources"; do
    cmp "$file" "$work/again/$(basename "$file")"
done

step contents
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
info=threatconnect_auth-$version.dist-info
python3 -m zipfile -e "$wheel" "$work/unpacked"
(cd "$work/unpacked" && find . -type f | sed 's|^\./||' | sort) >"$work/contents"
{
    (cd bindings/python/src && find tc_auth -name '*.py' -o -name py.typed)
    echo tc_auth/libtc_auth.so.0
    for file in METADATA RECORD WHEEL entry_points.txt licenses/LICENSE licenses/copyright; do
        echo "$info/$file"
    done
} | sort | diff - "$work/contents"
cmp LICENSE "$work/unpacked/$info/licenses/LICENSE"
cmp packaging/debian/copyright "$work/unpacked/$info/licenses/copyright"
! grep -rlF -e "$TARGET" -e "$PWD" -e "${CARGO_HOME:-$HOME/.cargo}" -e "$(rustc --print sysroot)" "$work/unpacked" ||
    fail 'a path of this machine is in these files'
tar -tzf "$sources" | sed 's|^[^/]*/||' | sort >"$work/source-contents"
{
    (cd bindings/python && find src -name '*.py' -o -name py.typed)
    find src -type f | sed 's|^|rust/|'
    printf '%s\n' rust/Cargo.lock rust/Cargo.toml rust/build.rs .gitignore LICENSE PKG-INFO README.md copyright \
        hatch_build.py pyproject.toml
} | sort | diff - "$work/source-contents"
wc -c "$work/unpacked/tc_auth/libtc_auth.so.0"

step auditwheel
# Nothing is added, and the library is the same afterwards.
PATH=$tools:$PATH auditwheel repair -w "$work/repaired" "$wheel" >"$work/auditwheel" 2>&1 || { cat "$work/auditwheel"; exit 1; }
python3 -m zipfile -e "$work"/repaired/*.whl "$work/repaired/unpacked"
diff -r "$work/unpacked/tc_auth" "$work/repaired/unpacked/tc_auth"
cmp "$work/unpacked/$info/WHEEL" "$work/repaired/unpacked/$info/WHEEL"
"$tools/auditwheel" show "$wheel" | tr '\n' ' ' | grep -o 'platform tag: "manylinux_2_17_x86_64"'

step licences
# Each crate that is linked on one of the platforms, but not those that run in the compiler.
sed '/^Files:/,$d' packaging/debian/copyright | grep -o '[a-z0-9_-]*' | sort -u >"$work/named"
: >"$work/crates"
for name in $(sed -n 's/^PLATFORMS := //p' mk/platform.mk); do
    platform "$name"
    ${CARGO:-cargo} tree --locked --target "$rust_target" --edges normal,no-proc-macro --prefix none --format '{p}' >"$work/tree"
    sed 's/ .*//' "$work/tree" >>"$work/crates"
done
sort -u "$work/crates" >"$work/linked"
grep -qx windows-sys "$work/linked"
[ -z "$(comm -23 "$work/linked" "$work/named")" ] || fail "not named in copyright: $(comm -23 "$work/linked" "$work/named")"

# as_user COMMAND... : with nothing of this shell's environment
as_user() { (cd / && env -i HOME="$work/home" PATH=/usr/bin:/bin "$@"); }

# new_environment PYTHON DIRECTORY : with the wheel, and nothing from a registry
new_environment() {
    as_user "$1" -m venv "$2" && as_user "$2/bin/python" -m pip install --quiet --disable-pip-version-check --no-index "$wheel" || return 1
    as_user "$2/bin/python" -c 'import tc_auth; print(tc_auth._library.file)' | grep -q "^$2/" || { echo "not the library of the wheel"; return 1; }
}

step 'the programs of the README'
new_environment "$(python3 -c 'import sys; print(sys.executable)')" "$work/environment"
# The clients and their dependencies are those of the tools.
tools_packages=$("$tools/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$tools_packages" >"$("$work/environment/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tools.pth"
as_user python3 "$PWD/bindings/python/tests/readme.py" "$work/environment/bin/python"

step 'other versions of Python'
for name in 3.9 3.10 3.11 3.12 3.13 pypy3; do
    case $name in pypy3) python=$(command -v pypy3 || true) ;; *) python=$(find_python "$name") ;; esac
    if [ -z "$python" ]; then
        echo "not tested: Python $name"
        continue
    fi
    new_environment "$python" "$work/python-$name"
    as_user "$work/python-$name/bin/python" -W error "$PWD/bindings/python/tests/elsewhere.py"
done

step 'the source distribution, without cargo'
install_sources() { # PATH
    env -i HOME="$work/home" PATH="$1" CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
        CARGO_TARGET_DIR="$TARGET/python-sources" CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        "$tools/python" -m pip wheel --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation \
        -w "$work/built" "$sources"
}
! install_sources /usr/bin:/bin >"$work/refusal" 2>&1 || [ -x /usr/bin/cargo ] || fail 'built without cargo'
[ -x /usr/bin/cargo ] || grep -q 'cargo is missing: install Rust .* (https://rustup.rs)' "$work/refusal" || { cat "$work/refusal"; exit 1; }

step 'the source distribution, with cargo'
install_sources "$(dirname "$(command -v "${CARGO:-cargo}")"):/usr/bin:/bin"
wheel=$(echo "$work"/built/threatconnect_auth-"$version"-py3-none-linux_*.whl)
new_environment "$(python3 -c 'import sys; print(sys.executable)')" "$work/built/environment"
as_user "$work/built/environment/bin/python" -W error "$PWD/bindings/python/tests/elsewhere.py"
