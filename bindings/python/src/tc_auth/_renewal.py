"""A ticket for the renewal of a token."""

from __future__ import annotations

from ctypes import byref, c_int32, c_void_p
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakSet

from . import _border, _library
from ._border import Body
from ._status import Closed, Forked, Status, check

if TYPE_CHECKING:
    from ._auth import Auth


class Ticket(c_void_p):
    """A tc_auth_renewal. If nobody completes it, it is cancelled with this object."""

    __hash__ = object.__hash__  # ctypes has none, and WeakSet needs one

    # Freed after the ticket, because the library discards the response to a ticket whose handle was freed.
    auth: Auth | None = None

    cancel: Any = _library.quick.tc_auth_renewal_cancel

    def __del__(self) -> None:
        if self:
            self.cancel(self)
            self.value = None
            if self.auth is not None:
                self.auth._changes.wake()


# The tickets of this process. After a fork the child must not touch those of its parent.
tickets: WeakSet[Ticket] = WeakSet()


class Renewal:
    """You must renew the token, and others wait for you.

    GET the url once, without an Authorization header, and call complete() or cancel() within two minutes. Then sign the
    request, even if the renewal failed. Leaving a `with` block cancels a renewal that is not completed.
    """

    __slots__ = ("__weakref__", "_auth", "_held", "_lock")

    def __init__(self, auth: Auth, ticket: Ticket) -> None:
        self._auth = auth
        self._held = [ticket]
        self._lock = RLock()  # a ticket belongs to one thread at a time

    @property
    def url(self) -> str:
        """The URL to GET. It contains the token: do not log it, and follow no redirect. Raises Closed afterwards."""
        with self._lock:
            address: int | None = _library.quick.tc_auth_renewal_url(self._held[0]) if self._held else None
            if address is None:
                raise self._gone()
            return _library.text_at(address)

    @property
    def needed(self) -> bool:
        """Whether the URL must still be requested.

        False if the token was replaced or extended in the meantime, or the Auth was closed: then cancel. Ask after
        Auth.unseal(), if other processes renew the same token. False after complete() or cancel().
        """
        needed = c_int32()
        with self._lock:
            if self._held:
                _library.quick.tc_auth_renewal_needed(self._held[0], byref(needed))
        return needed.value != 0

    def complete(self, status: int, body: bytes | bytearray | memoryview | str) -> str | None:
        """Ends the renewal with the server's response: any response, also an HTTP error, and what came of the body.

        Returns the server's message, which is usually None. Raises RenewalFailed, with the server's message as its
        explanation; StoreError if the new token counts but could not be saved for other processes; Closed after an
        earlier complete() or cancel(). In each case the renewal has ended.
        """
        message = _library.String()
        with self._lock, Body(body) as response:
            del body  # it can contain the new token, and error reports show the variables of each function
            http_status, chars, length = _border.http_status(status), response.chars, response.length
            taken = self._take()
            if taken is None:
                raise self._gone()
            with self._auth._changing() as change:
                result = _library.waiting.tc_auth_renewal_complete(taken, http_status, chars, length, byref(message))
                change.done = result in (Status.OK, Status.STORE_IO)
        explanation = message.take()
        check(result, explanation)
        return explanation

    def cancel(self) -> None:
        """Ends the renewal without a response. Does nothing after an earlier complete() or cancel()."""
        with self._lock:
            taken = self._take()
            if taken is not None:
                self._auth._functions.tc_auth_renewal_cancel(taken)
        self._auth._changes.wake()

    def _take(self) -> c_void_p | None:
        """The ticket, which the caller must end."""
        if not self._held or not self._held[0]:
            return None
        ticket = self._held.pop()
        taken, ticket.value = c_void_p(ticket.value), None
        return taken

    def _gone(self) -> Closed | Forked:
        return Forked() if self._held else Closed()

    def __enter__(self) -> Renewal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.cancel()

    def __repr__(self) -> str:
        return f"<tc_auth.Renewal {'under way' if self._held else 'that has ended'}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a tc_auth.Renewal can't be copied or pickled")
