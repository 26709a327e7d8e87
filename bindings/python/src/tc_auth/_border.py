"""Python's strings and numbers for C. Whatever a caller passes must not crash the process, or be changed on the way.

No variable of a function that raises holds a secret, because error reports show the variables of each function.
"""

from __future__ import annotations

import ctypes
import operator
import os
from collections.abc import Sequence
from ctypes import c_char_p
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._status import Status, error_for

if TYPE_CHECKING:
    from datetime import datetime

NOW = -1
_LOWEST = -(2**63)


def wrong_type(name: str, value: object, wanted: str) -> TypeError:
    """The error for an argument of another type. It does not show the value."""
    return TypeError(f"{name} must be {wanted}, not {type(value).__name__}")


def text(name: str, value: str, refusal: Status) -> bytes:
    """A string. One with a NUL or a lone surrogate gets the status that its argument has for other bad characters."""
    if not isinstance(value, str):
        raise wrong_type(name, value, "a str")
    try:
        raw = str.encode(value)  # also if a subclass has its own
    except UnicodeEncodeError:
        raw = b"\0"
    if b"\0" in raw:
        raise error_for(refusal)
    return raw


def path(name: str, value: str | os.PathLike[str]) -> bytes:
    """A file's name as the system stores it; UTF-8 on Windows."""
    if not isinstance(value, (str, os.PathLike)):
        raise wrong_type(name, value, "a str or a path")
    try:
        raw = os.fsencode(value)
    except UnicodeEncodeError:
        raw = b"\0"
    if b"\0" in raw:
        raise error_for(Status.INVALID_ARGUMENT)
    return raw


def date(value: str | None) -> bytes | None:
    """The Date of a response. One that C could not read to its end counts as absent."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong_type("date", value, "a str")
    raw = str.encode(value, "utf-8", "replace")
    return None if b"\0" in raw else raw


def whole(name: str, value: int) -> int:
    """An integer. A float is refused, because to drop its fraction would hide a mistake."""
    try:
        return operator.index(value)
    except TypeError:
        pass
    raise wrong_type(name, value, "an int")


def number(name: str, value: int, refusal: Status) -> int:
    """An integer for C's int64_t: ctypes would drop the upper bits of a larger one."""
    value = whole(name, value)
    if not -(2**63) <= value < 2**63:
        raise error_for(refusal)
    return value


def http_status(value: int) -> int:
    """0 for a number that does not fit into 32 bits: with its upper bits dropped, it could look like a status."""
    value = whole("status", value)
    return value if -(2**31) <= value < 2**31 else 0


def moment(name: str, value: int) -> int:
    """Unix seconds. C takes -1 as "now" and refuses all other negative times, so -1 is replaced by one of those."""
    value = number(name, value, Status.INVALID_TIME)
    return _LOWEST if value == NOW else value


def expiry(value: int | datetime | None) -> int:
    """Unix seconds, or 0 for none. A datetime is rounded down to a second."""
    if value is None:
        return 0
    if isinstance(value, int):
        return moment("expires", value)
    from datetime import datetime, timedelta, timezone  # here, because most programs do not need it

    if not isinstance(value, datetime):
        return moment("expires", value)
    if value.utcoffset() is None:
        raise error_for(Status.INVALID_TIME, "the datetime has no time zone")
    return moment("expires", (value - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1))


def seconds(name: str, value: float) -> float:
    """A time to wait. It may be infinite."""
    if not isinstance(value, (int, float)):
        raise wrong_type(name, value, "a number")
    if not value >= 0:  # also for NaN
        raise error_for(Status.INVALID_ARGUMENT)
    return min(value, 1e9)


class Secret:
    """A copy of a secret for one call, ended by NUL. It is wiped at the end of the `with` block.

    It is made without an error, so that the caller can delete its variable first. A str is copied by character, because
    str.encode() would leave a copy behind that nobody can wipe. The methods of str are named, because a class of the
    caller's can have others.
    """

    __slots__ = ("_absent", "_chars", "_copy", "_refusal", "_wrong_type", "length")

    def __init__(
        self, name: str, value: str | bytes | bytearray | None, refusal: Status, *, binary: bool = False,
        optional: bool = False, errors: str = "strict",
    ) -> None:  # fmt: skip
        self.length = 0
        self._chars: Any = None
        self._copy = bytearray()
        self._refusal = refusal
        self._wrong_type: TypeError | None = None
        self._absent = optional and value is None
        if self._absent:
            return
        if isinstance(value, str):
            self._copy = bytearray((1 if str.isascii(value) else 4) * str.__len__(value) + 1)
            if not self._encode(value, errors):
                return
        elif binary and isinstance(value, (bytes, bytearray)):
            self._copy = bytearray(memoryview(value).nbytes + 1)
            memoryview(self._copy)[:-1] = memoryview(value)
            self.length = len(self._copy) - 1
        else:
            self._wrong_type = wrong_type(name, value, "a str or bytes" if binary else "a str")
            return
        self._chars = (ctypes.c_char * len(self._copy)).from_buffer(self._copy)

    def _encode(self, value: str, errors: str) -> bool:
        copy, end = self._copy, 0
        for char in str.__iter__(value):
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

    @property
    def chars(self) -> Any:
        """For C functions that take a length. Raises the error for another type, or a lone surrogate."""
        if self._wrong_type is not None:
            raise self._wrong_type
        if self._chars is None:
            raise error_for(self._refusal)
        return self._chars

    @property
    def string(self) -> Any:
        """For C functions that take a string; None if it is absent. Raises also for a NUL."""
        if self._absent:
            return None
        chars = self.chars
        if self._copy.find(0) < self.length:
            raise error_for(self._refusal)
        return chars

    def copy(self) -> bytearray:
        """Another copy, ended by NUL, which the caller wipes."""
        return self._copy[: self.length + 1]

    def wipe(self) -> None:
        wipe(self._copy)

    def __enter__(self) -> Secret:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wipe()


class Body:
    """The body of a response, or its first bytes, for one call. It can contain a token: what is copied is wiped."""

    __slots__ = ("_chars", "_copy", "_wrong_type", "length")

    def __init__(self, value: bytes | bytearray | memoryview | str, limit: int | None = None) -> None:
        self._chars: Any = None
        self._copy = bytearray()
        self._wrong_type: TypeError | None = None
        self.length = 0
        if isinstance(value, bytes):
            self._chars, self.length = value, bytes.__len__(value)  # a class of its own can tell another length
        elif isinstance(value, str):
            text = Secret("body", str.__getitem__(value, slice(limit)), Status.INVALID_ARGUMENT, errors="replace")
            self._chars, self._copy, self.length = text.chars, text._copy, text.length
        elif isinstance(value, (bytearray, memoryview)):
            self._copy = bytearray(value)
            self._chars, self.length = pointer(self._copy), len(self._copy)
        else:
            self._wrong_type = wrong_type("body", value, "bytes or a str")
        if limit is not None:
            self.length = min(self.length, limit)

    @property
    def chars(self) -> Any:
        """Raises the error for another type."""
        if self._wrong_type is not None:
            raise self._wrong_type
        return self._chars

    def __enter__(self) -> Body:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        wipe(self._copy)


class Arguments:
    """Command-line arguments as C strings, which are wiped: they can contain secrets."""

    __slots__ = ("_copies", "_wrong_type")

    def __init__(self, args: Sequence[str]) -> None:
        self._copies: list[Secret] = []
        self._wrong_type: TypeError | None = None
        if isinstance(args, (str, bytes)) or not isinstance(args, Sequence):
            self._wrong_type = wrong_type("args", args, "a sequence of str")
            return
        for arg in args:  # as os.fsencode(): what is not UTF-8 stays as it is
            self._copies.append(Secret("an argument", arg, Status.INVALID_ARGUMENT, errors="surrogateescape"))

    @property
    def pointers(self) -> Any:
        """argv. Raises the error for another type, a NUL or a lone surrogate."""
        if self._wrong_type is not None:
            raise self._wrong_type
        return (c_char_p * len(self._copies))(*(ctypes.cast(copy.string, c_char_p) for copy in self._copies))

    @property
    def count(self) -> int:
        return len(self._copies)

    def __enter__(self) -> Arguments:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for copy in self._copies:
            copy.wipe()


def pointer(buffer: bytearray) -> Any:
    """A buffer of this package, for C."""
    return (ctypes.c_char * len(buffer)).from_buffer(buffer)


def wipe(buffer: bytearray) -> None:
    """Overwrites a buffer of this package."""
    memoryview(buffer)[:] = bytes(len(buffer))
