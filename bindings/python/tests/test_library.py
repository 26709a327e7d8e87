"""How the C library is found and checked, and that its declarations here are those of the header."""

from __future__ import annotations

import ctypes
import enum
import os
import pathlib
import re
import shutil
import subprocess
import sys
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from typing import Any

import pytest

import tc_auth
from tc_auth import _library

ROOT = pathlib.Path(__file__).resolve().parents[3]
SOURCE = pathlib.Path(_library.__file__).parent
HEADER = (ROOT / "include" / "tc_auth.h").read_text("utf-8")
NAME = _library.FILE


@pytest.mark.parametrize("kind", [tc_auth.Status, tc_auth.Advice, tc_auth.Kind, tc_auth.State, tc_auth.Unsealed])
def test_the_numbers_are_those_of_the_header(kind: type[enum.IntEnum]) -> None:
    found = re.findall(rf"^  TC_AUTH_{kind.__name__.upper()}_(\w+) = (\d+)", HEADER, re.MULTILINE)
    assert {member.name: member.value for member in kind} == {name: int(number) for name, number in found}


def declared() -> dict[str, tuple[Any, list[Any]]]:
    """The functions of the header, with the types that ctypes should have for them."""
    opaque = r"(const )?tc_auth(_\w+)? ?\*"
    types = [
        (rf"{opaque}\*", POINTER(c_void_p)), (r"char \*\*", POINTER(c_void_p)), (r"char \*const \*", POINTER(c_char_p)),
        (opaque, c_void_p), (r"(const )?char \*", c_char_p), (r"size_t \*", POINTER(c_size_t)),
        (r"int64_t \*", POINTER(c_int64)), (r"int32_t \*", POINTER(c_int32)), (r"size_t ", c_size_t),
        (r"int64_t ", c_int64), (r"int32_t ", c_int32), (r"uint32_t ", c_uint32), (r"void ", None),
        (r"tc_auth_(status|kind) ", c_int32),
    ]  # fmt: skip

    def of(text: str) -> Any:
        [found] = [kind for pattern, kind in types if re.fullmatch(pattern + r"\w*", text.strip())]
        return found

    code = re.sub(r"/\*.*?\*/|TC_AUTH_MUST_USE", "", HEADER[HEADER.index('extern "C" {') :], flags=re.DOTALL)
    functions = {}
    for result, name, arguments in re.findall(r"^([\w ]+[ *])(tc_auth_\w+)\(([^)]*)\);", code, re.MULTILINE):
        parts = [] if arguments == "void" else [of(" ".join(part.split())) for part in arguments.split(",")]
        functions[name] = of(result + "x"), parts
    return functions


# What the package does without: it reads the headers from a buffer, and always waits in Python.
UNUSED = {"tc_auth_headers", "tc_auth_headers_at"} | {
    f"tc_auth_header_list_{name}" for name in ("len", "name", "value", "line", "timestamp", "free")
}


def test_the_declarations_are_those_of_the_header() -> None:
    here: dict[str, tuple[Any, list[Any]]] = {name: (c_int32, types) for name, types in _library._STATUS.items()}
    here.update(_library._OTHER)
    there = {name: types for name, types in declared().items() if name not in UNUSED}
    # A string that is returned and can be secret is not made bytes, which could not be wiped.
    there["tc_auth_renewal_url"] = c_void_p, there["tc_auth_renewal_url"][1]
    there["tc_auth_string_free"] = None, [c_void_p]
    assert len(there) > 40
    assert here == there
    for functions in (_library.quick, _library.waiting):
        for name, (result, arguments) in here.items():
            assert (getattr(functions, name).restype, getattr(functions, name).argtypes) == (result, arguments)


def test_the_needed_version_is_that_of_the_header() -> None:
    found = re.findall(r"#define TC_AUTH_VERSION_(?:MAJOR|MINOR) (\d+)", HEADER)
    assert tuple(map(int, found)) == _library.NEEDED
    assert tc_auth.version_number() == int.from_bytes(bytes([0, *map(int, tc_auth.version().split("."))]), "big")


def run(program: str, source: pathlib.Path = SOURCE.parent, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("TC_AUTH_LIBRARY", "PYTHONPATH")}
    return subprocess.run(
        [sys.executable, "-c", program], env={**inherited, "PYTHONPATH": str(source), **environment}, check=False,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


WHERE = "import tc_auth; print(tc_auth._library.file)"


def old_library(directory: pathlib.Path, program: str) -> str:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler: apt-get install gcc")
    file = directory / "libold.so"
    (directory / "old.c").write_text(program)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(file), str(directory / "old.c")], check=True)
    return str(file)


VERSIONS = """
    const char *tc_auth_version(void) { return "%s"; }
    unsigned tc_auth_version_number(void) { return %s; }
"""


def test_an_older_library_is_refused(tmp_path: pathlib.Path) -> None:
    file = old_library(tmp_path, VERSIONS % ("0.0.9", "9"))
    failure = run(WHERE, TC_AUTH_LIBRARY=file).stderr.splitlines()[-1]
    assert failure == (
        f"ImportError: tc_auth: the library {file} is too old: it is version 0.0.9, and this package needs 0.1.0 or later. "
        "Install that, or set TC_AUTH_LIBRARY to its file"
    )


@pytest.mark.parametrize("program", ["int x;", VERSIONS % ("0.1.0", "256")])
def test_a_library_without_a_function_is_refused(tmp_path: pathlib.Path, program: str) -> None:
    file = old_library(tmp_path, program)
    failure = run(WHERE, TC_AUTH_LIBRARY=file).stderr.splitlines()[-1]
    missing = "tc_auth_version" if program == "int x;" else "tc_auth_new_hmac"
    assert failure.startswith(f"ImportError: tc_auth: the library {file} is incomplete: ")
    assert missing in failure or sys.implementation.name == "pypy"
    assert "0.1.0 or later" in failure


def test_a_missing_library_is_named() -> None:
    for environment, file in (({"TC_AUTH_LIBRARY": "/nowhere/x.so"}, "/nowhere/x.so"), ({}, NAME)):
        failure = run("import tc_auth", **environment).stderr.splitlines()[-1]
        assert failure.startswith(f"ImportError: tc_auth: the library {file} can't be loaded: ")
        assert failure.endswith("or set TC_AUTH_LIBRARY to its file")


def test_where_the_library_is_looked_for(tmp_path: pathlib.Path) -> None:
    """First what the environment names, then beside the package, then the system's directories."""
    real = os.path.realpath(_library.file)
    system = tmp_path / "system"
    system.mkdir()
    shutil.copy(real, system / NAME)
    assert run(WHERE, LD_LIBRARY_PATH=str(system)).stdout.strip() == NAME

    package = tmp_path / "site" / "tc_auth"
    shutil.copytree(SOURCE, package)
    shutil.copy(real, package / NAME)
    beside = run(WHERE, tmp_path / "site", LD_LIBRARY_PATH=str(system))
    assert beside.stdout.strip() == str(package / NAME), beside.stderr

    named = run(WHERE, tmp_path / "site", LD_LIBRARY_PATH=str(system), TC_AUTH_LIBRARY=real)
    assert named.stdout.strip() == real
    assert run(WHERE, tmp_path / "site", TC_AUTH_LIBRARY="").stdout.strip() == str(package / NAME)

    # What is beside the package is not passed over if it can't be loaded: the system's may be older.
    (package / NAME).write_text("no library")
    failure = run(WHERE, tmp_path / "site", LD_LIBRARY_PATH=str(system)).stderr.splitlines()[-1]
    assert f"the library {package / NAME} can't be loaded" in failure


def test_the_import_is_small() -> None:
    """No client, no asyncio, and nothing that starts processes, as ctypes.util.find_library() does."""
    program = "import sys; before = set(sys.modules); import tc_auth; print(*sorted(set(sys.modules) - before))"
    loaded = run(program, TC_AUTH_LIBRARY=_library.file).stdout.split()
    assert "tc_auth" in loaded
    assert not {"requests", "httpx", "aiohttp", "asyncio", "http", "ssl", "ctypes.util", "subprocess"} & set(loaded)


def test_only_the_two_ways_to_call() -> None:
    """A call that waits gives other threads the interpreter's lock; PyPy has only this way."""
    if sys.implementation.name == "cpython":
        assert (type(_library.quick), type(_library.waiting)) == (ctypes.PyDLL, ctypes.CDLL)
        assert _library.quick._handle == _library.waiting._handle
