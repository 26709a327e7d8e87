"""URLs that HTTP clients send unchanged."""

from __future__ import annotations

from ctypes import byref, c_void_p
from threading import RLock
from typing import Any, NoReturn

from . import _border, _library
from ._status import Status, check


class Builder(c_void_p):
    """A tc_auth_url. It is freed with this object."""

    def __del__(self, free: Any = _library.quick.tc_auth_url_free) -> None:
        if self:
            free(self)
            self.value = None


class URL:
    """Builds a URL whose added parts are encoded so that HTTP clients send them unchanged. Sign and send str(url).

    The base is a path such as "/api/v3/indicators" or an absolute http or https URL, percent-encoded already.
    Auth.url() starts with the API path.
    """

    __slots__ = ("_builder", "_lock")

    def __init__(self, base: str) -> None:
        builder = Builder()
        check(_library.quick.tc_auth_url_new(_border.text("base", base, Status.INVALID_URI_BYTE), byref(builder)))
        self._own(builder)

    def _own(self, builder: Builder) -> URL:
        self._builder = builder
        self._lock = RLock()  # a builder belongs to one thread at a time
        return self

    def add_segment(self, segment: str) -> URL:
        """Percent-encodes a segment and adds it to the path. Returns the URL itself.

        Raises ArgumentError: INVALID_ARGUMENT for an empty one, "." and ".."; INVALID_URI_FORM if there is a query.
        """
        raw = _border.text("segment", segment, Status.INVALID_ARGUMENT)
        with self._lock:
            check(_library.quick.tc_auth_url_add_segment(self._builder, raw))
        return self

    def add_query(self, name: str, value: str) -> URL:
        """Adds a parameter to the query; name and value are percent-encoded, a space as %20. Returns the URL itself.

        Raises ArgumentError: INVALID_ARGUMENT for an empty name.
        """
        left = _border.text("name", name, Status.INVALID_ARGUMENT)
        right = _border.text("value", value, Status.INVALID_ARGUMENT)
        with self._lock:
            check(_library.quick.tc_auth_url_add_query(self._builder, left, right))
        return self

    def __str__(self) -> str:
        with self._lock:
            text: bytes = _library.quick.tc_auth_url_string(self._builder)
            return text.decode("ascii")

    def __repr__(self) -> str:
        return f"URL({str(self)!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a tc_auth.URL can't be copied or pickled: use str(url)")


def from_builder(builder: Builder) -> URL:
    """The URL that Auth.url() has started."""
    return URL.__new__(URL)._own(builder)
