"""The enumerations of the C library, and the exceptions."""

from __future__ import annotations

import enum
from typing import TypeVar

from . import _library

_Code = TypeVar("_Code", bound="_Number")


class _Number(enum.IntEnum):
    """A number of the C library. A later library may have more: its name is then the library's, or the number."""

    @classmethod
    def _missing_(cls: type[_Code], value: object) -> _Code | None:
        if type(value) is not int or not -(2**31) <= value < 2**31:
            return None
        unknown = int.__new__(cls, value)
        unknown._name_, unknown._value_ = cls._library_name(value), value
        return unknown

    @classmethod
    def _library_name(cls, number: int) -> str:
        return str(number)

    def __str__(self) -> str:
        return self.name

    def __format__(self, specification: str) -> str:
        return format(self.name, specification)  # enum's own differs between the versions of Python


def _known(name: bytes, number: int) -> str:
    return str(number) if name == b"UNKNOWN" else name.decode()


class Status(_Number):
    """Why a call failed."""

    OK = 0
    NULL_ARGUMENT = 1
    INVALID_METHOD = 2
    INVALID_URI_FORM = 3
    INVALID_URI_BYTE = 4
    INVALID_ACCESS_ID = 5
    INVALID_SECRET_KEY = 6
    INVALID_TOKEN = 7
    INVALID_TIME = 8
    BUFFER_TOO_SMALL = 9
    WRONG_KIND = 10
    TOKEN_EXPIRED = 11
    RENEWAL_REFUSED = 12
    RENEWAL_BAD_RESPONSE = 13
    RENEWAL_TIMEOUT = 14
    ALREADY_SET = 15
    NO_CREDENTIALS = 16
    CONFIG_SYNTAX = 17
    CONFIG_IO = 18
    CONFIG_DECRYPT = 19
    API_PATH_MISSING = 20
    SIGNATURE_MISMATCH = 21
    TIMESTAMP_OUT_OF_RANGE = 22
    MALFORMED_AUTHORIZATION = 23
    INVALID_ARGUMENT = 24
    OTHER_ORIGIN = 25
    SEAL_INVALID = 26
    SEAL_VERSION = 27
    STORE_IO = 28
    PANIC = 99

    @property
    def message(self) -> str:
        """One sentence that says what is wrong and what to do about it."""
        text: bytes = _library.quick.tc_auth_status_message(self.value)
        return text.decode()

    @classmethod
    def _library_name(cls, number: int) -> str:
        return _known(_library.quick.tc_auth_status_name(number), number)


class Advice(_Number):
    """What to do about a response. Act only on RETRY; the others are for a log."""

    ACCEPTED = 0
    RETRY = 1
    BAD_SIGNATURE = 2
    CLOCK_SKEW = 3
    TOKEN_REJECTED = 4
    ACCESS_DENIED = 5
    NOT_LICENSED = 6
    UNKNOWN = 7

    @property
    def message(self) -> str:
        """One sentence that says what it means and what to do."""
        text: bytes = _library.quick.tc_auth_advice_message(self.value)
        return text.decode()

    @classmethod
    def _library_name(cls, number: int) -> str:
        return _known(_library.quick.tc_auth_advice_name(number), number)


class Kind(_Number):
    """What an Auth contains: a key pair or a token; NONE if it is closed."""

    NONE = 0
    HMAC = 1
    TOKEN = 2


class State(_Number):
    """What can be done with a token."""

    NONE = 0  # there is no token, but a key pair
    VALID = 1  # it is not due
    DUE = 2  # the next poll returns a Renewal
    UNDER_WAY = 3  # it is being renewed
    PAUSED = 4  # it is due, but the next attempt comes only after a pause
    REFUSED = 5  # the server refused to renew it
    NOT_RENEWABLE = 6  # it begins with "APIV2:", or there is no API path


class Unsealed(_Number):
    """What a sealed token was, compared with the current one."""

    SAME = 0  # the same token, with the same expiry
    ADOPTED = 1  # newer: it is the current token now
    OLDER = 2  # older: store what seal() returns


class TcAuthError(Exception):
    """A call failed. It contains no secret.

    `status` is the reason. `explanation` has details, or is None: the server's message about a renewal, or what
    Auth.discover() found.
    """

    def __init__(self, status: int, explanation: str | None = None) -> None:
        self.status = Status(status)
        self.explanation = explanation
        super().__init__(str(self))

    @property
    def name(self) -> str:
        """The name of the status, such as "TOKEN_EXPIRED"."""
        return self.status.name

    @property
    def message(self) -> str:
        """The C library's sentence about the status."""
        return self.status.message

    def __str__(self) -> str:
        return f"{self.message} ({self.explanation})" if self.explanation else self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}: {self})"

    def __reduce__(self) -> tuple[type[TcAuthError], tuple[int, str | None]]:
        return type(self), (int(self.status), self.explanation)


class ArgumentError(TcAuthError, ValueError):
    """An argument is not valid: INVALID_METHOD, INVALID_URI_FORM, INVALID_TOKEN and the like."""


class TokenExpired(TcAuthError):
    """The token has expired."""


class OtherOrigin(TcAuthError):
    """The URL points to another server than the API path."""


class RenewalTimeout(TcAuthError, TimeoutError):
    """Another renewal of the token took longer than the caller was ready to wait."""


class RenewalFailed(TcAuthError):
    """The server refused to renew the token (RENEWAL_REFUSED), or its response was no valid one (RENEWAL_BAD_RESPONSE)."""


class ConfigError(TcAuthError):
    """The parameters contain no complete credentials, or can't be read: NO_CREDENTIALS, CONFIG_..."""


class SealError(TcAuthError):
    """A sealed token can't be opened: SEAL_INVALID, SEAL_VERSION."""


class StoreError(TcAuthError, OSError):
    """STORE_IO: the shared directory can't be used.

    From Renewal.complete() and Auth.update_token() this is a warning: the token counts, but is not saved yet.
    """


class Closed(TcAuthError):
    """The Auth, Renewal or URL was closed or used up before."""

    def __init__(self, status: int = Status.NULL_ARGUMENT, explanation: str | None = None) -> None:
        super().__init__(status, explanation)

    def __str__(self) -> str:
        return "the Auth, Renewal or URL was closed or used up before"


class Forked(TcAuthError):
    """The token belongs to the parent process: two processes that renew one token invalidate each other's copy.

    Create a new Auth after the fork, or call Auth.share_in() before it.
    """

    def __init__(self, status: int = Status.RENEWAL_TIMEOUT, explanation: str | None = None) -> None:
        super().__init__(status, explanation)

    def __str__(self) -> str:
        return (
            "the token belongs to the parent process: create the Auth after the fork, or share it with share_in() "
            "before the fork"
        )


_CLASSES: dict[int, type[TcAuthError]] = {
    **dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 8, 24), ArgumentError),
    **dict.fromkeys((16, 17, 18, 19), ConfigError),
    **dict.fromkeys((12, 13), RenewalFailed),
    **dict.fromkeys((26, 27), SealError),
    11: TokenExpired,
    14: RenewalTimeout,
    25: OtherOrigin,
    28: StoreError,
}


def error_for(status: int, explanation: str | None = None) -> TcAuthError:
    """The exception for a status that is not OK."""
    return _CLASSES.get(status, TcAuthError)(status, explanation)


def check(status: int, explanation: str | None = None) -> None:
    """Raises the exception for a status that is not OK."""
    if status != 0:
        raise error_for(status, explanation)
