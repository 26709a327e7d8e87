"""What an Auth knows about changes of its token: it wakes those that wait for a renewal, and tells which token came from
another process."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice
from threading import RLock
from typing import Callable

# A lookout polls after a time between these two. Nothing in this process tells it that another process has ended its
# renewal, or that a ticket has lapsed. The others sleep: 1,000 waiters must not poll ten times a second each.
_LOOKOUT_AT_LEAST = 0.05
_LOOKOUT_AT_MOST = 0.1


def lookout_pause() -> float:
    """How long the lookout sleeps. It varies, so that processes do not poll in step."""
    part = time.monotonic_ns() % 1_000_000 / 1_000_000
    return _LOOKOUT_AT_LEAST + part * (_LOOKOUT_AT_MOST - _LOOKOUT_AT_LEAST)


def fingerprint(token: Iterable[int]) -> int:
    """A hash of the token's bytes, to compare. It is made without a copy of the token, which could not be wiped."""
    return hash(tuple(token))


class Changes:
    """Waiters, and a count of the changes.

    A waiter calls `enter` before each poll, so that no change is missed, and `leave` in the end, whatever happened. In
    between, one waiter at a time is the lookout. Only dict operations that are atomic touch the waiters, because a
    garbage collection can call `wake` at any moment.
    """

    __slots__ = ("_count", "_last", "_lock", "_lookout", "_own", "_seen", "_waiters")

    def __init__(self, token: int | None) -> None:
        self._waiters: dict[object, Callable[[], object]] = {}
        self._lookout: object = None
        self._lock = RLock()  # a signal handler may use the Auth, too
        self._own = 0  # calls that change the token and are running
        self._count = 0  # changes that have ended or were noticed
        self._last = token  # fingerprint of the current token, as far as this process knows
        self._seen: int | None = None  # hash of the last Authorization value

    def enter(self, waiter: object, wake: Callable[[], object]) -> None:
        """From now on the next change calls `wake`, once, in any thread. It must not wait."""
        self._waiters[waiter] = wake

    def take_lookout(self, waiter: object) -> bool:
        """Whether this waiter polls from time to time, after `lookout_pause()`."""
        with self._lock:
            if self._lookout is None:
                self._lookout = waiter
            return self._lookout is waiter

    def leave(self, waiter: object) -> None:
        """Ends the waiting. If the waiter was the lookout, or was woken to become it, another one is woken.

        So all of them end, one after the other, if the lookout has seen that another process has ended its renewal.
        """
        self._waiters.pop(waiter, None)
        with self._lock:
            if self._lookout is waiter:
                self._lookout = None
            if self._lookout is not None:
                return
        try:
            _, wake = self._waiters.popitem()
        except KeyError:
            return
        wake()

    def wake(self) -> None:
        """Lets all that wait poll again."""
        for waiter in list(self._waiters):
            wake = self._waiters.pop(waiter, None)
            if wake is not None:
                wake()

    def begin(self) -> None:
        """Before a call that gives the Auth a token of this process."""
        with self._lock:
            self._own += 1

    def end(self, token: int | None) -> None:
        """After it, with the fingerprint of the token; None if it has not changed."""
        with self._lock:
            self._own -= 1
            self._count += 1
            if token is not None:
                self._last = token
        self.wake()

    def counted(self) -> int:
        """To be called before a request is signed, for `adopted`."""
        return self._count

    def adopted(self, authorization: str, before: int) -> bool:
        """Whether this value has a token that is used for the first time, and that came from another process.

        `before` is counted() from before the request was signed: if there was a change since, the token may be an older
        one.
        """
        seen = hash(authorization)
        if seen == self._seen:
            return False
        used = fingerprint(map(ord, islice(authorization, len("TC-Token "), None)))
        with self._lock:
            if self._own > 0 or self._count != before:
                return False
            self._seen = seen
            if self._last == used:
                return False
            self._last = used
            self._count += 1
            return True

    def after_fork(self) -> None:
        """In the child there is only one thread, and the lock may be held by another one."""
        self._lock = RLock()
        self._waiters = {}
        self._lookout = None
        self._own = 0
