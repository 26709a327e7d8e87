"""Puts the C library into the wheel, and copies of the licences into the source distribution.

`make python` builds it for each platform, and names it in these variables:

    TC_AUTH_BUILD_LIBRARY   the file
    TC_AUTH_BUILD_PLATFORM  the platform of the wheel, such as manylinux2014_x86_64

Without them, as when pip installs from the sources, cargo builds it for this machine.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        if self.target_name == "sdist":
            tarfile.TarFile.dereference = True  # LICENSE and copyright are links to files of the checkout
            return
        library = os.environ.get("TC_AUTH_BUILD_LIBRARY")
        if library:
            wheel = os.environ["TC_AUTH_BUILD_PLATFORM"]
        else:
            library, wheel = self.build(), this_platform()
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{wheel}"
        major = self.metadata.version.partition(".")[0]
        names = {".dll": "tc_auth.dll", ".dylib": f"libtc_auth.{major}.dylib", ".so": f"libtc_auth.so.{major}"}
        for suffix, name in names.items():
            if suffix in pathlib.Path(library).name:
                build_data["force_include"][library] = f"tc_auth/{name}"  # where _library.py looks for it

    def build(self):
        """Returns the file that cargo has built."""
        root = pathlib.Path(self.root)
        manifest = root / "rust" / "Cargo.toml"  # in the source distribution
        if not manifest.exists():
            manifest = root.parent.parent / "Cargo.toml"  # in a checkout
        cargo = shutil.which("cargo")
        if cargo is None:
            self.app.abort(
                "There is no wheel of threatconnect-auth for this platform, and to build it, cargo is missing: install "
                "Rust 1.89 or later (https://rustup.rs) and a C compiler, and try again."
            )
        command = [cargo, "rustc", "--release", "--locked", "--lib", "--crate-type", "cdylib"]
        command += ["--manifest-path", str(manifest), "--message-format", "json-render-diagnostics"]
        environment = dict(os.environ)
        if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":  # musl, for which Rust links statically
            flags = environment.get("RUSTFLAGS", "")
            environment["RUSTFLAGS"] = f"{flags} -C target-feature=-crt-static"
        result = subprocess.run(command, stdout=subprocess.PIPE, env=environment)
        if result.returncode != 0:
            self.app.abort("cargo could not build the library of threatconnect-auth; its messages are above.")
        for line in result.stdout.splitlines():
            message = json.loads(line)
            if message["reason"] == "compiler-artifact" and message["target"]["name"] == "tc_auth":
                libraries = [file for file in message["filenames"] if file.endswith((".so", ".dylib", ".dll"))]
        return libraries[0]


def this_platform():
    if sys.platform == "darwin":  # sysconfig names what Python was built for, which may be two architectures
        return "macosx_11_0_arm64" if platform.machine() == "arm64" else "macosx_10_12_x86_64"
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
