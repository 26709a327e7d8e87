"""Python's strings and numbers for C. Whatever a caller passes must not crash the process, or be changed on the way."""

from __future__ import annotations

import ctypes
import operator
import os
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any

from ._status import Status, error_for

NOW = -1
_LOWEST = -(2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def refuse_type(name: str, value: object, wanted: str) -> TypeError:
    """The error for an argument of another type. It never shows the value."""
    return TypeError(f"{name} must be {wanted}, not {type(value).__name__}")


def text(name: str, value: str, refusal: Status) -> bytes:
    """A string that is no secret. One with a NUL or a lone surrogate gets the status for other bad characters."""
    if not isinstance(value, str):
        raise refuse_type(name, value, "a str")
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raw = b"\0"
    if b"\0" in raw:
        raise error_for(refusal)
    return raw


def whole(name: str, value: int) -> int:
    """An integer. A float is refused, because to drop its fraction would hide a mistake."""
    try:
        return operator.index(value)
    except TypeError:
        pass
    raise refuse_type(name, value, "an int")


def number(name: str, value: int, refusal: Status) -> int:
    """An integer for C's int64_t: ctypes would cut off the upper bits of a larger one."""
    value = whole(name, value)
    if not -(2**63) <= value < 2**63:
        raise error_for(refusal)
    return value


def moment(name: str, value: int) -> int:
    """Unix seconds. C takes -1 as "now" and refuses all other negative times, so -1 is replaced by one of those."""
    value = number(name, value, Status.INVALID_TIME)
    return _LOWEST if value == NOW else value


def expiry(value: int | datetime | None) -> int:
    """Unix seconds, or 0 for none. A datetime is rounded down to a second."""
    if value is None:
        return 0
    if not isinstance(value, datetime):
        return moment("expires", value)
    if value.tzinfo is None or value.utcoffset() is None:
        raise error_for(Status.INVALID_TIME, "a datetime needs a time zone")
    return moment("expires", (value - _EPOCH) // timedelta(seconds=1))


def http_status(value: int) -> int:
    """0 for a number that does not fit into 32 bits: cut off, it could look like a status."""
    value = whole("status", value)
    return value if -(2**31) <= value < 2**31 else 0


def seconds(name: str, value: float) -> float:
    """A time to wait. It may be infinite."""
    if not isinstance(value, (int, float)):
        raise refuse_type(name, value, "a float")
    if not value >= 0:  # also not a number
        raise error_for(Status.INVALID_ARGUMENT)
    return min(value, 1e9)


def path(name: str, value: str | os.PathLike[str]) -> bytes:
    """A file's name as the system stores it; UTF-8 on Windows."""
    try:
        raw = os.fsencode(value)
    except UnicodeEncodeError:
        raw = b"\0"
    except TypeError:
        raise refuse_type(name, value, "a str or a path") from None
    if b"\0" in raw:
        raise error_for(Status.INVALID_ARGUMENT)
    return raw


def header(name: str, value: str) -> bytes | None:
    """A header of a response; None if it has a NUL. Other bad characters are C's to judge."""
    if not isinstance(value, str):
        raise refuse_type(name, value, "a str")
    raw = value.encode("utf-8", "replace")
    return None if b"\0" in raw else raw


def body(value: bytes | bytearray | memoryview | str, limit: int | None = None) -> bytes:
    """The bytes of a response, or its first ones."""
    if isinstance(value, str):
        return value[:limit].encode("utf-8", "replace")[:limit]
    if isinstance(value, bytes):
        return value[:limit]
    if isinstance(value, (bytearray, memoryview)):
        return bytes(memoryview(value).cast("B")[:limit])
    raise refuse_type("body", value, "bytes or a str")


class Secret:
    """A copy of a secret for one call, ended by NUL. It is wiped at the end of the `with` block.

    `chars` is None if the text has a lone surrogate, and `string` also if it has a NUL. A str is copied by character,
    because str.encode() would leave a copy behind that nobody can wipe.
    """

    __slots__ = ("_copy", "chars", "length", "string")

    def __init__(self, name: str, value: str | bytes | bytearray, errors: str = "strict") -> None:
        self.length = 0
        self.chars: Any = None
        self.string: Any = None
        self._copy = bytearray()
        if isinstance(value, str):
            self._copy = bytearray((1 if value.isascii() else 4) * len(value) + 1)
            if not self._encode(value, errors):
                return
        elif isinstance(value, (bytes, bytearray)):
            self._copy = bytearray(len(value) + 1)
            memoryview(self._copy)[:-1] = value
            self.length = len(value)
        else:
            raise refuse_type(name, value, "a str")
        self.chars = (ctypes.c_char * len(self._copy)).from_buffer(self._copy)
        if self._copy.find(0) == self.length:
            self.string = self.chars

    def _encode(self, value: str, errors: str) -> bool:
        copy, end = self._copy, 0
        for char in value:
            if char < "\x80":
                copy[end] = ord(char)
                end += 1
                continue
            try:
                encoded = char.encode("utf-8", errors)
            except UnicodeEncodeError:
                return False
            copy[end : end + len(encoded)] = encoded
            end += len(encoded)
        self.length = end
        return True

    def copy(self) -> bytearray:
        """Another copy, ended by NUL, which the caller wipes."""
        return self._copy[: self.length + 1]

    def wipe(self) -> None:
        memoryview(self._copy)[:] = bytes(len(self._copy))

    def __enter__(self) -> Secret:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wipe()

    def __del__(self) -> None:
        self.wipe()


class NoSecret:
    """In place of a key that was not given: C receives NULL."""

    string = None

    def __enter__(self) -> NoSecret:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass
