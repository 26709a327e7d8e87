"""The body of a refusal, whose beginning is read for the review. The caller still gets all of it."""

from __future__ import annotations

import threading
import time
from typing import Callable

from ._auth import REVIEW_LIMIT


class Held:
    """A body of which a thread reads the beginning, because a server may never end it.

    `read` returns at most so many bytes, as soon as there are any, and nothing at the end. `close` ends a read that is
    running in another thread.
    """

    def __init__(self, read: Callable[[int], bytes], close: Callable[[], None]) -> None:
        self._source, self._close = read, close
        self._changed = threading.Condition()
        self._held = bytearray()  # not yet read by the caller
        self._done = False  # the thread has stopped
        self._error: BaseException | None = None  # why
        self.ended = False  # the source has no more
        self.closed = False
        try:
            threading.Thread(target=self._fill, name="tc_auth review", daemon=True).start()
        except RuntimeError:  # the interpreter is ending, or there can be no more threads
            self._done = True

    def _fill(self) -> None:
        left = REVIEW_LIMIT
        while left > 0:
            part, error = b"", None
            try:
                part = self._source(left)
            except BaseException as problem:
                error = problem
            left -= len(part)
            with self._changed:
                self._held += part
                self._error = error
                self.ended = not part
                self._done = self.ended or left <= 0
                self._changed.notify_all()
                if self._done:
                    return

    def beginning(self, seconds: float) -> bytes:
        """What arrives in this time of the first REVIEW_LIMIT bytes."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not self._done and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return bytes(self._held)

    def read(self, size: int | None = None) -> bytes:
        """Like the source; without a size, all that is left."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(REVIEW_LIMIT), b""))
        with self._changed:
            while not self._held and not self._done:
                self._changed.wait()
            part = bytes(self._held[:size])
            del self._held[:size]
            if part or self.closed or size == 0:
                return part
            if self._error is not None:
                raise self._error
            if self.ended:
                return b""
        return self._source(size)

    def close(self) -> None:
        """May be called more than once, and during a read."""
        if not self.closed:
            self.closed = True
            self._close()
