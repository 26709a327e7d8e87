"""What an Auth returns. Nothing here shows a secret unless its attribute is read: logs, tracebacks and vars() do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from ._status import State


class Headers:
    """The headers of one request. `timestamp` is the second that was signed; None with a token.

    repr() and str() do not show the values.
    """

    __slots__ = ("authorization", "timestamp")

    def __init__(self, authorization: str, timestamp: int | None = None) -> None:
        self.authorization = authorization
        self.timestamp = timestamp

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Names and values: `request.headers.update(headers)`."""
        yield "Authorization", self.authorization
        if self.timestamp is not None:
            yield "Timestamp", str(self.timestamp)

    def as_dict(self) -> dict[str, str]:
        """Names and values as a new dict."""
        return dict(self)

    def __repr__(self) -> str:
        return f"<tc_auth.Headers {self.authorization.partition(' ')[0]} ***>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("tc_auth.Headers can't be copied or pickled: they can contain a token")


class Token:
    """A token and its expiry in Unix seconds, or None. repr() and str() do not show it: use `value`."""

    __slots__ = ("expires", "value")

    def __init__(self, value: str, expires: int | None) -> None:
        self.value = value
        self.expires = expires

    def __repr__(self) -> str:
        return f"<tc_auth.Token ***, expires {self.expires}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a tc_auth.Token can't be copied or pickled: use its value")


class TokenState(NamedTuple):
    """What can be done with a token, and how long the state lasts in seconds; None if that is unknown.

    VALID: until the token is due. UNDER_WAY: until the ticket lapses. PAUSED: until the next attempt. REFUSED and
    NOT_RENEWABLE: until the token expires. Otherwise 0.
    """

    state: State
    seconds: int | None
