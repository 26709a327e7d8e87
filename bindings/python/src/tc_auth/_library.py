"""The C library: it is found, loaded, and its version checked.

The library is loaded once, and there are two ways to call it. `quick` (ctypes.PyDLL) keeps the interpreter's lock: for
calls that take a microsecond and never wait. `waiting` (ctypes.CDLL) releases it, so that other threads run: for calls
that wait for a disk, a file or a lock, or that read a large text. To release the lock costs little, but to get it back
in a busy program takes up to sys.getswitchinterval(), 5 ms: too long for the signature of a request.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, c_char, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from typing import Any

VARIABLE = "TC_AUTH_LIBRARY"

if sys.platform == "win32":
    FILE = "tc_auth.dll"
elif sys.platform == "darwin":
    FILE = "libtc_auth.0.dylib"
else:
    FILE = "libtc_auth.so.0"

# The oldest library that the package works with: a minor version, because functions are only added with a new one.
NEEDED = (0, 1)
_NEEDED = f"{NEEDED[0]}.{NEEDED[1]}.0"

_OUT = POINTER(c_void_p)
_NUMBER = POINTER(c_int64)
_CODE = POINTER(c_int32)

_STATUS: dict[str, list[Any]] = {
    "tc_auth_new_hmac": [c_char_p, c_char_p, _OUT],
    "tc_auth_new_token": [c_char_p, c_int64, _OUT],
    "tc_auth_from_json": [c_char_p, c_size_t, _OUT],
    "tc_auth_from_args": [c_int32, POINTER(c_char_p), _OUT],
    "tc_auth_from_env": [_OUT],
    "tc_auth_from_param_file": [c_char_p, c_char_p, _OUT],
    "tc_auth_discover": [c_int32, POINTER(c_char_p), _OUT, _OUT],
    "tc_auth_get_kind": [c_void_p],
    "tc_auth_describe": [c_void_p, _OUT],
    "tc_auth_set_api_path": [c_void_p, c_char_p],
    "tc_auth_set_clock_offset": [c_void_p, c_int64],
    "tc_auth_clock_offset": [c_void_p, _NUMBER],
    "tc_auth_headers_into": [
        c_void_p,
        c_char_p,
        c_size_t,
        c_char_p,
        c_size_t,
        c_int64,
        c_char_p,
        c_size_t,
        POINTER(c_size_t),
        _NUMBER,
    ],
    "tc_auth_header_block": [c_void_p, c_char_p, c_char_p, c_char_p, c_size_t],
    "tc_auth_string_to_sign": [c_char_p, c_char_p, c_int64, _OUT],
    "tc_auth_verify": [c_void_p, c_char_p, c_char_p, c_char_p, c_char_p, c_int64, c_int64],
    "tc_auth_update_token": [c_void_p, c_char_p, c_int64],
    "tc_auth_token": [c_void_p, _OUT, _NUMBER],
    "tc_auth_set_renewal_window": [c_void_p, c_int64],
    "tc_auth_renewal_window": [c_void_p, _NUMBER],
    "tc_auth_token_state": [c_void_p, _CODE, _NUMBER],
    "tc_auth_renewal_poll": [c_void_p, c_int64, _OUT],
    "tc_auth_renewal_needed": [c_void_p, _CODE],
    "tc_auth_renewal_complete": [c_void_p, c_int32, c_char_p, c_size_t, _OUT],
    "tc_auth_review": [c_void_p, c_char_p, c_size_t, c_int64, c_int32, c_char_p, c_char_p, c_size_t, _CODE],
    "tc_auth_family": [c_void_p, _OUT],
    "tc_auth_seal": [c_void_p, c_char_p, _OUT],
    "tc_auth_unseal": [c_void_p, c_char_p, c_size_t, c_char_p, _CODE],
    "tc_auth_share_in": [c_void_p, c_char_p, c_char_p],
    "tc_auth_url_new": [c_char_p, _OUT],
    "tc_auth_url_new_for": [c_void_p, c_char_p, _OUT],
    "tc_auth_url_add_segment": [c_void_p, c_char_p],
    "tc_auth_url_add_query": [c_void_p, c_char_p, c_char_p],
}

_OTHER: dict[str, tuple[Any, list[Any]]] = {
    "tc_auth_free": (None, [c_void_p]),
    "tc_auth_renewal_cancel": (None, [c_void_p]),
    "tc_auth_url_free": (None, [c_void_p]),
    "tc_auth_string_free": (None, [c_void_p]),
    "tc_auth_api_path": (c_char_p, [c_void_p]),
    "tc_auth_renewal_url": (c_void_p, [c_void_p]),
    "tc_auth_url_string": (c_char_p, [c_void_p]),
    "tc_auth_status_name": (c_char_p, [c_int32]),
    "tc_auth_status_message": (c_char_p, [c_int32]),
    "tc_auth_advice_name": (c_char_p, [c_int32]),
    "tc_auth_advice_message": (c_char_p, [c_int32]),
    "tc_auth_version": (c_char_p, []),
    "tc_auth_version_number": (c_uint32, []),
}


def _find() -> str:
    """Where the library is: what the environment names, the package's own (from the wheel), or the system's."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), FILE)
    return beside if os.path.exists(beside) else FILE


def _load() -> tuple[Any, Any, str]:
    file = _find()
    try:
        waiting = ctypes.CDLL(file)
    except OSError as error:
        raise _refusal(file, f"can't be loaded: {error}. Install the wheel for your system, or the C library") from None
    quick = ctypes.PyDLL(file, handle=waiting._handle) if hasattr(ctypes, "PyDLL") else waiting  # PyPy has none
    try:
        _require_version(quick, file)
        for functions in (quick, waiting):
            _declare(functions)
    except AttributeError as error:
        raise _refusal(file, f"is incomplete: {error}. Install version {_NEEDED} or later") from None
    return quick, waiting, file


def _require_version(functions: Any, file: str) -> None:
    functions.tc_auth_version.restype, functions.tc_auth_version_number.restype = c_char_p, c_uint32
    if functions.tc_auth_version_number() < NEEDED[0] << 16 | NEEDED[1] << 8:
        found = functions.tc_auth_version().decode()
        raise _refusal(
            file, f"is too old: it is version {found}, and this package needs {_NEEDED} or later. Install that"
        )


def _refusal(file: str, why: str) -> ImportError:
    return ImportError(f"tc_auth: the library {file} {why}, or set {VARIABLE} to its file", name="tc_auth", path=file)


def _declare(functions: Any) -> None:
    for name, arguments in _STATUS.items():
        function = getattr(functions, name)
        function.argtypes, function.restype = arguments, c_int32
    for name, (result, arguments) in _OTHER.items():
        function = getattr(functions, name)
        function.argtypes, function.restype = arguments, result


quick, waiting, file = _load()


def unchecked(functions: Any, name: str) -> Any:
    """A function for the calls that are made for each request: ctypes does not check and convert their arguments.

    That would take as long as the call. The arguments must be made here: bytes, None, and objects of ctypes, but no int.
    """
    if sys.implementation.name != "cpython":
        return getattr(functions, name)
    function = functions[name]
    function.restype = c_int32
    return function


class String(c_void_p):
    """A string that the library returns. It is wiped and freed with this object."""

    def take(self) -> str | None:
        """A copy as str; None if there is no string."""
        return ctypes.string_at(self).decode("utf-8", "replace") if self else None

    def __del__(self, free: Any = quick.tc_auth_string_free) -> None:
        if self:
            free(self)
            self.value = None


def text_at(address: int | None) -> str:
    """The string at an address, as str. Nothing else is copied from it: it may be secret."""
    if address is None:
        return ""
    chars, length = ctypes.cast(address, POINTER(c_char)), 0
    while chars[length] != b"\0":
        length += 1
    return str((c_char * length).from_address(address), "ascii")


def version() -> str:
    """The version of the loaded C library, such as "0.1.0"."""
    text: bytes = quick.tc_auth_version()
    return text.decode()


def version_number() -> int:
    """The same as a number to compare: major << 16 | minor << 8 | patch."""
    number: int = quick.tc_auth_version_number()
    return number
