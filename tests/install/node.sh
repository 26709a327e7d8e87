#!/bin/sh
# Packs the Node.js package, twice, checks what is in it, and uses it as users do: installed by npm into a new project, without
# this checkout, without a compiler.
#
#     node.sh TARGET

set -eu
cd "$(dirname "$0")/../.."
case $1 in /*) TARGET=$1 ;; *) TARGET=$PWD/$1 ;; esac
export TARGET
RELEASE=$TARGET/release build=$TARGET/c
. tests/tools.sh
. packaging/platform.sh
tools=$PWD/bindings/node/node_modules
work=$TARGET/node-package
rm -rf "$work"
mkdir -p "$work/home" "$work/bin"

fail() {
    echo "$*" >&2
    exit 1
}

step() { echo "== $*"; }

step build
PACKAGES=$work/npm sh packaging/node/build.sh packages glibc2.17
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
main=$work/npm/tc-auth-$version.tgz
native=$work/npm/tc-auth-linux-x64-gnu-$version.tgz

step 'the same bytes from another directory, at another time, with other permissions'
mkdir "$work/copy" "$work/again"
tar -cf - --exclude=node_modules --exclude=bindings/node/build --exclude=bindings/node/lib LICENSE bindings/node packaging |
    (umask 077 && tar -xf - -C "$work/copy" --no-same-permissions)
find "$work/copy" -exec touch {} +
ln -s "$tools" "$work/copy/bindings/node/node_modules"
(
    umask 077
    cd "$work/copy/bindings/node"
    "$tools/.bin/tsc" -p .
    node ../../packaging/node/pack.js "$work/again" main lib
)
node "$work/copy/packaging/node/pack.js" "$work/again" glibc2.17 "$TARGET/cross/node/glibc2.17/tc_auth.node"
for file in "$main" "$native"; do
    cmp "$file" "$work/again/$(basename "$file")"
done

step contents
mkdir "$work/main" "$work/native"
tar -xzf "$main" -C "$work/main" --strip-components 1
tar -xzf "$native" -C "$work/native" --strip-components 1
list() { (cd "$1" && find . -type f | sed 's|^\./||' | sort); }
list "$work/main" >"$work/contents"
{
    printf '%s\n' LICENSE README.md copyright package.json
    for source in bindings/node/src/*.ts; do
        name=$(basename "$source" .ts)
        printf 'lib/%s\n' "$name.js" "$name.d.ts"
    done
    for source in bindings/node/src/*.mts; do
        name=$(basename "$source" .mts)
        printf 'lib/%s\n' "$name.mjs" "$name.d.mts"
    done
} | sort | diff - "$work/contents"
list "$work/native" >"$work/contents"
printf '%s\n' LICENSE README.md copyright package.json tc_auth.node | diff - "$work/contents"
for package in main native; do
    cmp LICENSE "$work/$package/LICENSE"
    cmp packaging/debian/copyright "$work/$package/copyright"
    ! grep -E '"(scripts|devDependencies|dependencies|gypfile|private)"' "$work/$package/package.json" ||
        fail 'what users have no need of'
done
! grep -rlF -e "$TARGET" -e "$PWD" -e "${CARGO_HOME:-$HOME/.cargo}" -e "$(rustc --print sysroot)" "$work/main" "$work/native" ||
    fail 'a path of this machine is in these files'
wc -c "$main" "$native" "$work/native/tc_auth.node"

step 'the add-on'
addon=$work/native/tc_auth.node
printf "%s\n" napi_register_module_v1 node_api_module_get_api_version_v1 >"$work/exports"
readelf --dyn-syms -W "$addon" | awk '$5 == "GLOBAL" && $7 != "UND" && $8 { print $8 }' | sort |
    diff - "$work/exports"
readelf -dW "$addon" >"$work/dynamic"
grep -q BIND_NOW "$work/dynamic" && grep -q NODELETE "$work/dynamic" || fail 'not bound at once, or can be unloaded'
! grep NEEDED "$work/dynamic" | grep -v '\[lib\(c\|pthread\|dl\|m\)\.so\|\[ld-linux' || fail 'it needs more than the C library'
newest=$(readelf -VW "$addon" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
at_least "${newest#GLIBC_}" 2.17 || fail "it needs $newest"
for_large_pages "$addon" || fail 'not for pages of 16 KiB'

step 'publint, attw'
"$tools/.bin/publint" run "$main" --strict
"$tools/.bin/publint" run "$native" --strict
"$tools/.bin/attw" "$main" --format ascii --no-emoji

# The packages of the other platforms, which npm must leave out. Their add-ons are of no matter.
echo none >"$work/none"
for name in $(sed -n 's/^PLATFORMS := //p' mk/platform.mk); do
    [ "$name" = glibc2.17 ] || node packaging/node/pack.js "$work/others" "$name" "$work/none"
done
mkfifo "$work/open"
node tests/install/node/registry.js "$work/npm" "$work/others" <"$work/open" >"$work/registry" &
registry=$!
exec 9>"$work/open"
trap 'kill $registry 2>/dev/null' EXIT
until [ -s "$work/registry" ]; do sleep 0.1; done

# as_user COMMAND... : with nothing of this shell's environment, and no compiler
ln -s "$(command -v node)" "$(command -v npm)" "$work/bin"
as_user() { env -i HOME="$work/home" PATH="$work/bin" npm_config_registry="$(cat "$work/registry")" npm_config_update_notifier=false "$@"; }

# new_project DIRECTORY NPM_ARGUMENT...
new_project() {
    mkdir "$work/$1"
    echo '{ "name": "program", "version": "1.0.0", "private": true }' >"$work/$1/package.json"
    (cd "$work/$1" && shift && as_user npm install --silent --no-audit --no-fund "$@" tc-auth)
}
installed() { (cd "$work/$1/node_modules" && echo tc-auth*); }

step 'npm install, and what is installed elsewhere'
new_project project
[ "$(installed project)" = 'tc-auth tc-auth-linux-x64-gnu' ] || fail "$(installed project)"
for system in 'linux x64 musl' 'linux arm64 glibc' 'linux arm64 musl' 'win32 x64' 'win32 arm64' 'darwin arm64' 'darwin x64'; do
    set -- $system
    package=tc-auth-$1-$2${3:+-$3}
    new_project "$package" --os="$1" --cpu="$2" ${3:+--libc="$3"}
    [ "$(installed "$package")" = "tc-auth $(echo "$package" | sed 's/glibc/gnu/')" ] || fail "$system: $(installed "$package")"
    echo "$(installed "$package")"
done

step 'npm sbom'
(cd "$work/project" && as_user npm sbom --sbom-format cyclonedx --omit dev >"$work/sbom" 2>"$work/sbom-errors") ||
    { cat "$work/sbom-errors"; exit 1; }
for name in tc-auth tc-auth-linux-x64-gnu; do
    node -e 'const found = JSON.parse(require("fs").readFileSync(process.argv[1])).components.find((c) => c.name === process.argv[2]);
        require("assert").deepEqual(found.licenses, [{ license: { id: "Apache-2.0" } }]);' "$work/sbom" $name
done

step 'no package for this platform'
new_project without --omit=optional
(cd "$work/without" && ! as_user node -e 'require("tc-auth")' 2>"$work/refusal") || fail 'loaded'
for wanted in 'the native library was not found' tc-auth-linux-x64-gnu 'without --omit=optional' 'make node-addon'; do
    grep -qe "$wanted" "$work/refusal" || fail "not said: $wanted"
done
sed -n '/^Error/,/^ *at /p' "$work/refusal" | grep -v '^ *at '

step 'the programs of the README'
as_user PATH="$work/bin:$PATH" node tests/install/node/readme.js "$work/project" "$tools"

step 'its types'
mkdir "$work/project/node_modules/@types"
ln -s "$tools/@types/node" "$work/project/node_modules/@types"
ln -s "$tools/undici-types" "$work/project/node_modules"
(
    cd "$work/project"
    cat >program.mts <<'EOF'
import { Auth, createFetch, Status, TcAuthError } from "tc-auth";
import { FakePlatform } from "tc-auth/testing";

const fake: FakePlatform = await FakePlatform.start();
const auth: Auth = fake.hmacAuth();
const send: typeof fetch = createFetch(auth);
try {
  const response: Response = await send(auth.url("/v3/indicators").toString());
  console.log(response.status);
} catch (error) {
  console.log(error instanceof TcAuthError && error.code === "TOKEN_EXPIRED" && error.status === Status.TOKEN_EXPIRED);
}
// As undici's: its types differ from those of the global fetch().
createFetch(auth, { fetch: async (input: string, init?: { dispatcher?: object }) => ({ status: 200, input, init }) });
await fake.close();
EOF
    cat >program.cts <<'EOF'
import tc_auth = require("tc-auth");
using auth: tc_auth.Auth = tc_auth.Auth.hmac("12345678901234567890", "tc_auth-example-secret");
const kind: tc_auth.Kind = auth.kind;
console.log(kind === tc_auth.Kind.HMAC);
EOF
    for module in node16 nodenext; do
        "$tools/.bin/tsc" --strict --target es2022 --lib es2023,esnext.disposable --types node --module $module program.mts program.cts
        "$tools/.bin/tsc" --noEmit --strict --target es2022 --types node --module $module readme-*.mts
    done
    as_user node program.cjs | grep -qx true
    as_user node program.mjs | grep -qx 200
)

step 'other versions of Node.js'
cp tests/install/node/elsewhere.js "$work/project"
for node in "$(command -v node)" "$TARGET/node/node_modules/node22/bin/node" "$TARGET/node/node_modules/node24/bin/node" \
    "$TARGET/node/node_modules/node26/bin/node"; do
    (cd "$work/project" && as_user "$node" --throw-deprecation elsewhere.js "$work/output")
    cat "$work/output"
done
