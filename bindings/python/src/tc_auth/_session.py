"""What all adapters share: which requests are signed, and what is done about a response. It does no input or output."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from contextlib import suppress
from typing import Callable, NamedTuple

from . import events
from ._auth import Auth
from ._status import Advice, Kind, OtherOrigin, State, Status, TcAuthError, TokenExpired
from ._values import Headers

# The longest time that a renewal may take.
RENEWAL_SECONDS = 30.0

# How long a request waits for a renewal. It is longer than a renewal may take.
PATIENCE_SECONDS = 60.0

# How long a review waits for the body of a refusal.
REVIEW_SECONDS = 10.0

# Why an expired token was not renewed before the request.
_NOT_RENEWED = {
    State.PAUSED: "its renewal failed: on_event is told why; the next attempt follows after a pause",
    State.REFUSED: "the server refused to renew it: on_event is told why",
    State.NOT_RENEWABLE: "this type of token is not renewed",
}

OnEvent = Callable[[events.Event], None]


class Secret(str):
    """The value of a header. Error reports that show the variables of each function do not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class Signed(NamedTuple):
    """A request that was signed: its headers are sent, and reviewed with the response."""

    headers: Headers
    method: str
    path: str
    scheme: str

    def fields(self) -> Iterable[tuple[str, str]]:
        """The header fields to send instead of the caller's own."""
        return [(name, Secret(value)) for name, value in self.headers]


class Session:
    """An identity, as an adapter uses it.

    The order is: `check` each host that the request names, then poll and renew, then `sign` and send, then `review`.
    A request to another server must not cause a renewal.
    """

    def __init__(self, auth: Auth, on_event: OnEvent | None = None) -> None:
        auth.url("/")  # Without an API path the library would make headers for any server.
        self.auth = auth
        self.on_event = on_event
        self._is_token = auth.kind is Kind.TOKEN
        self._allowed = ""  # the last origin that passed

    def happened(self, event: events.Event) -> None:
        if self.on_event is not None:
            self.on_event(event)

    def check(self, scheme: str, host: str) -> None:
        """Checks that the library makes headers for this server. `host` may have a port."""
        origin = f"{scheme}://{host}"
        if origin == self._allowed:
            return
        # In a host that was assembled by hand, "/" and the like would end the host early.
        url = origin + "/" if not set(host).intersection("/?#@\\") else ""
        is_allowed = True
        try:
            self.auth.headers("GET", url)
        except TokenExpired:
            pass  # it may be renewed
        except OtherOrigin:
            is_allowed = False
        if not is_allowed:
            raise OtherOrigin(Status.OTHER_ORIGIN, f"{origin}; the API path is {self.auth.api_path}")
        self._allowed = origin

    def sign(self, method: str, url: str, *, scheme: str, path: str) -> Signed:
        """Signs the URL as it is sent, and reports if the token came from another process."""
        before = self.auth._changes.counted()
        headers = None
        with suppress(TokenExpired):
            headers = self.auth.headers(method, url)
        if headers is None:
            raise TokenExpired(Status.TOKEN_EXPIRED, _NOT_RENEWED.get(self.auth.state().state))
        if self._is_token and self.auth._changes.adopted(headers.authorization, before):
            self.happened(events.Adopted(method, path))
        return Signed(headers, method, path, scheme)

    @staticmethod
    def needs_review(http_status: int) -> bool:
        """Whether `review` needs the response. All others are accepted."""
        return http_status in (400, 401, 403)

    def review(self, signed: Signed, http_status: int, fields: Iterable[tuple[str, str]], body: bytes) -> Advice:
        """Says whether to poll, sign and send again, once. `body` is the beginning of the decoded body."""
        try:
            date = trusted_date(signed.scheme, fields)
            return self.auth.review(signed.headers, http_status, date=date, body=body)
        except TcAuthError:  # closed in the meantime: still return the response
            return Advice.UNKNOWN

    def retried(self, signed: Signed, http_status: int) -> None:
        self.happened(events.Retried(signed.method, signed.path, http_status, Advice.RETRY))

    def refused(self, signed: Signed, http_status: int, advice: Advice) -> None:
        if advice is not Advice.ACCEPTED:
            self.happened(events.Refused(signed.method, signed.path, http_status, advice))


def forget_variables(error: BaseException, outside: BaseException | None) -> None:
    """Clears the variables of the functions that an exception has left.

    Error reports show them, and an HTTP client keeps the request in them as it writes it, with the headers. `outside` is the
    exception that was handled before the client was called: it is not touched.
    """
    pending: list[BaseException | None] = [error]
    seen = {id(None), id(outside)}
    while pending:
        one = pending.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            traceback.clear_frames(one.__traceback__)
            pending += [one.__cause__, one.__context__]


def trusted_date(scheme: str, fields: Iterable[tuple[str, str]]) -> str | None:
    """The Date of a response if it may correct the clock: one that came over TLS, and not from a cache."""
    dates = []
    for name, value in fields:
        if name.lower() == "age":
            return None
        if name.lower() == "date":
            dates.append(value)
    return dates[0] if scheme == "https" and len(dates) == 1 else None
