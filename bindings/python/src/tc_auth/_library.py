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
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p
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
        c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_int64, c_char_p, c_size_t, POINTER(c_size_t), _NUMBER,
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
    "tc_auth_renewal_url": (c_char_p, [c_void_p]),
    "tc_auth_url_string": (c_char_p, [c_void_p]),
    "tc_auth_status_name": (c_char_p, [c_int32]),
    "tc_auth_status_message": (c_char_p, [c_int32]),
    "tc_auth_advice_name": (c_char_p, [c_int32]),
    "tc_auth_advice_message": (c_char_p, [c_int32]),
    "tc_auth_version": (c_char_p, []),
    "tc_auth_version_number": (c_uint32, []),
}


def _candidates() -> list[str]:
    """Where the library may be: the first place that names one decides, and its errors are final."""
    if os.environ.get(VARIABLE):
        return [os.environ[VARIABLE]]
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), FILE)
    return [beside if os.path.exists(beside) else FILE]


def _load() -> tuple[Any, Any, str]:
    [file] = _candidates()
    failure = ""
    try:
        waiting = ctypes.CDLL(file)
    except OSError as error:
        failure = str(error)
    if failure:
        raise ImportError(
            f"tc_auth: the library {file} can't be loaded: {failure}. Install the wheel for your system, or install the "
            f"C library, or set {VARIABLE} to its file",
            path=file,
        )
    quick = ctypes.PyDLL(file, handle=waiting._handle)
    _require_version(quick, file)
    for functions in (quick, waiting):
        _declare(functions, file)
    return quick, waiting, file


def _require_version(functions: ctypes.CDLL, file: str) -> None:
    try:
        number, text = functions.tc_auth_version_number, functions.tc_auth_version
    except AttributeError:  # in 0.1.0-alpha, or not this library
        found, number = "an unknown version", None
    if number is not None:
        number.restype, text.restype = c_uint32, c_char_p
        if number() >= NEEDED[0] << 16 | NEEDED[1] << 8:
            return
        found = f"version {text().decode()}"
    raise ImportError(
        f"tc_auth: the library {file} is too old: it is {found}, and this package needs {NEEDED[0]}.{NEEDED[1]}.0 or "
        f"later. Install a newer library, or set {VARIABLE} to its file",
        path=file,
    )


def _declare(functions: ctypes.CDLL, file: str) -> None:
    missing = ""
    try:
        for name, arguments in _STATUS.items():
            function = getattr(functions, name)
            function.argtypes, function.restype = arguments, c_int32
        for name, (result, arguments) in _OTHER.items():
            function = getattr(functions, name)
            function.argtypes, function.restype = arguments, result
    except AttributeError:
        missing = name
    if missing:
        raise ImportError(f"tc_auth: the library {file} has no function {missing}: it is incomplete", path=file)


quick, waiting, file = _load()


class String(c_void_p):
    """A string that the library returns. It is wiped and freed with this object."""

    def take(self) -> str | None:
        """A copy as str; None if there is no string."""
        return ctypes.string_at(self).decode("utf-8", "replace") if self else None

    def __del__(self, free: Any = quick.tc_auth_string_free) -> None:
        if self:
            free(self)
            self.value = None


def version() -> str:
    """The version of the loaded C library, such as "0.1.0"."""
    text: bytes = quick.tc_auth_version()
    return text.decode()


def version_number() -> int:
    """The same as a number to compare: major << 16 | minor << 8 | patch."""
    number: int = quick.tc_auth_version_number()
    return number
