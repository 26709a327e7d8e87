"""One event loop, in a thread of its own, for programs that are written with threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, name="event loop", daemon=True).start()


def start(task: Coroutine[Any, Any, T]) -> Future[T]:
    return asyncio.run_coroutine_threadsafe(task, _loop)


def run(task: Coroutine[Any, Any, T]) -> T:
    """The result, which this thread waits for."""
    return start(task).result()
