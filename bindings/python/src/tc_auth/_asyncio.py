"""How a request of an event loop waits for a renewal: the loop goes on, and so does the renewal if the request ends."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any, Callable, Protocol

from . import _changes, events
from ._auth import Auth
from ._renewal import Renewal
from ._session import PATIENCE_SECONDS, Session
from ._status import RenewalTimeout, Status, error_for
from ._transport import Connect, start


async def renew(session: Session, connect: Connect) -> None:
    """Waits until another request's renewal ends, or renews if this request is the one that must.

    The renewal has a thread of its own. It continues if this request is cancelled, and if its loop ends.
    """
    try:
        renewal = session.auth.poll()
    except RenewalTimeout:
        renewal = await _wait(session.auth)
    if renewal is not None:
        await _Exchange(session).run(renewal, connect)


async def _wait(auth: Auth) -> Renewal | None:
    """Polls until the other renewal has ended."""
    deadline, changes, me = time.monotonic() + PATIENCE_SECONDS, auth._changes, object()
    try:
        while True:
            signal = _signal(_nothing)
            changes.enter(me, signal.set)
            try:
                return auth.poll()
            except RenewalTimeout:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise
            if changes.take_lookout(me):
                left = min(left, _changes.lookout_pause())
            await signal.wait(left)
    finally:
        changes.leave(me)  # which wakes another one, if nobody else does


class _Exchange:
    """A renewal, and its event, which is reported in the thread of the loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._event: events.Event | None = None
        self._error: BaseException | None = None
        self._is_reported = False

    async def run(self, renewal: Renewal, connect: Connect) -> None:
        signal = _signal(self._report)
        done = start(renewal, connect, self._keep)
        del renewal
        done.add_done_callback(lambda _: signal.set())
        await signal.wait(PATIENCE_SECONDS)
        if not self._is_reported:  # a proxy or a name server that never answers
            raise error_for(Status.RENEWAL_TIMEOUT)
        done.result()
        if self._error is not None:
            raise self._error

    def _keep(self, event: events.Event) -> None:
        self._event = event

    def _report(self) -> None:
        self._is_reported = True
        if self._event is not None:
            try:
                self._session.happened(self._event)
            except BaseException as error:  # it belongs to the request, not to the loop
                self._error = error


class Signal(Protocol):
    """What another thread can tell a task."""

    def set(self) -> None:
        """May be called in any thread, and more than once. It does not wait."""

    async def wait(self, seconds: float) -> None:
        """Until it is set, but at most so long."""


def _nothing() -> None:
    """For a signal that only wakes its task."""


def _signal(action: Callable[[], None]) -> Signal:
    """For the current task. When the signal is set, `action` runs in the thread of its loop, also without the task."""
    trio = sys.modules.get("trio")
    if trio is not None:
        try:
            return _TrioSignal(trio, action)
        except RuntimeError:  # not in trio
            pass
    return _LoopSignal(action)


class _LoopSignal:
    """For asyncio, and other loops with its interface."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()

    def set(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._run)
        except RuntimeError:  # the loop has ended
            self._action()

    def _run(self) -> None:
        if not self._future.done():
            self._action()
            self._future.set_result(None)

    async def wait(self, seconds: float) -> None:
        await asyncio.wait([self._future], timeout=seconds)


class _TrioSignal:
    """For trio, on which httpx can run."""

    def __init__(self, trio: Any, action: Callable[[], None]) -> None:
        self._trio, self._action = trio, action
        self._token = trio.lowlevel.current_trio_token()
        self._event = trio.Event()

    def set(self) -> None:
        try:
            self._token.run_sync_soon(self._run)
        except RuntimeError:  # the loop has ended
            self._action()

    def _run(self) -> None:
        if not self._event.is_set():
            self._action()
            self._event.set()

    async def wait(self, seconds: float) -> None:
        with self._trio.move_on_after(seconds):
            await self._event.wait()
