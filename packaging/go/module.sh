#!/bin/sh
# Makes the Go module that contains the library for each platform: OUTPUT/module, to be committed and tagged, and
# OUTPUT/proxy, a GOPROXY that has it. GO_MODULE is its path, and GO_VERSION its version.
#
# usage: module.sh OUTPUT PLATFORM...    of packaging/platform.sh, each built before, or GOOS_GOARCH=LIBRARY
set -eu
cd "$(dirname "$0")/../.."
output=$1 module=$1/module
shift
case $TARGET in /*) ;; *) TARGET=$PWD/$TARGET ;; esac
. packaging/platform.sh
case $GO_MODULE,$GO_VERSION in
    *,v[01].* | */"${GO_VERSION%%.*}",v*) ;;
    *)
        echo "the path of version $GO_VERSION must end in /${GO_VERSION%%.*}: $GO_MODULE" >&2
        exit 1
        ;;
esac
for tool in llvm-ar llvm-nm llvm-objcopy python3; do
    command -v $tool >/dev/null || { echo "no $tool: apt-get install llvm python3" >&2; exit 1; }
done

# The directory may be a clone of the module's repository.
mkdir -p "$module"
find "$module" -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +

# Tests need the checkout, except examples, which are documentation. The path changes, and links to what the module lacks
# become text.
placeholder=$(sed -n 's/^module //p' bindings/go/go.mod)
(
    cd bindings/go
    find . internal/capi -path ./internal -prune -o -name 'example*_test.go' -print -o ! -name '*_test.go' \
        \( -name '*.go' -o -name '*.h' -o -name README.md -o -name go.mod \) -print
) | while read -r file; do
    mkdir -p "$(dirname "$module/$file")"
    sed "s|$placeholder|$GO_MODULE|g; s|\[\([^]]*\)](\.\./\.\./[^)]*)|\1|g" "bindings/go/$file" >"$module/$file"
done
mkdir "$module/internal/capi/include" "$module/internal/capi/lib"
cp include/tc_auth.h "$module/internal/capi/include"
cp LICENSE "$module"
# What is linked into the library, of the format that Debian has for it.
sed -n '/^Comment:/,/^Files:/{ /^[A-Z]/d; s/^ \.$//; s/^ //; p; }' packaging/debian/copyright >"$module/NOTICE"

for platform; do
    case $platform in
        *=*) go=${platform%%=*} libraries=${platform#*=} ;;
        *) platform "$platform" && libraries=$installed/lib/libtc_auth.a ;;
    esac
    library=$module/internal/capi/lib/$go/libtc_auth.a objcopy=llvm-objcopy imports=
    case $go in
        # Compilers for musl come with different unwinders, or with one for glibc.
        *_musl) libraries="$libraries $(rustc --print target-libdir --target $rust_target)/self-contained/libunwind.a" ;;
        # After LLVM's, GNU's linker writes all zeros of a program, 32 MB of them Go's, into its file.
        windows_amd64) objcopy=x86_64-w64-mingw32-objcopy imports=i386:x86-64 ;;
        windows_arm64) imports=arm64 ;;
    esac
    mkdir "${library%/*}"
    OBJCOPY=$objcopy sh packaging/go/archive.sh tc_auth_ "$library" $libraries
    # Compilers for Windows have different names for the library with these functions.
    if [ -n "$imports" ]; then
        printf 'EXPORTS\nWaitOnAddress\nWakeByAddressAll\nWakeByAddressSingle\n' >"$output/imports.def"
        llvm-dlltool -m $imports -D api-ms-win-core-synch-l1-2-0.dll -d "$output/imports.def" -l "$output/imports.a"
        llvm-ar qcsDL "$library" "$output/imports.a"
        rm "$output"/imports.*
    fi
done
(cd "$module" && du -ab internal/capi/lib/*/*)

rm -rf "$output/proxy"
python3 - "$output" "$GO_MODULE" "$GO_VERSION" <<'END'
import json, pathlib, re, sys, zipfile

output, module, version = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
files = output / "module"
proxy = output / "proxy" / re.sub("[A-Z]", lambda letter: "!" + letter[0].lower(), module) / "@v"
proxy.mkdir(parents=True)
(proxy / "list").write_text(version + "\n")
(proxy / f"{version}.info").write_text(json.dumps({"Version": version}))
(proxy / f"{version}.mod").write_bytes((files / "go.mod").read_bytes())
with zipfile.ZipFile(proxy / f"{version}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for file in sorted(files.rglob("*")):
        name = file.relative_to(files)
        if file.is_file() and name.parts[0] != ".git":
            entry = zipfile.ZipInfo(f"{module}@{version}/{name.as_posix()}")
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
print((proxy / f"{version}.zip").stat().st_size, f"{version}.zip")
END
