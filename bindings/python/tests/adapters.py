"""The commands of the conformance program that send requests, with the client of one adapter.

Each client is a module client_NAME with its NAME and a class Client: `send` returns the status and the body, and may be
called by many threads at the same time.
"""

from __future__ import annotations

import importlib
import threading
import time
from concurrent.futures import Future
from typing import Any

import tc_auth
from tc_auth import events


def module_of(adapter: str) -> Any:
    return importlib.import_module("client_" + adapter.replace("-", "_"))


class Entry:
    """The client of an Auth, with what has happened."""

    def __init__(self, adapter: str, auth: tc_auth.Auth, certificate: str | None) -> None:
        self._lock = threading.Lock()
        self._events: list[str] = []
        self._answer: Future[list[str]] = Future()
        self._client = module_of(adapter).Client(auth, certificate, self._happened)

    def _happened(self, event: events.Event) -> None:
        with self._lock:
            self._events.append(line(event))

    def events(self) -> list[str]:
        with self._lock:
            happened, self._events = self._events, []
        return happened

    def send(self, method: str, url: str, body: str | None, once: bool = False) -> list[str]:
        status, text = self._client.send(method, url, None if body is None else body.encode(), once)
        return [str(status), text]

    def start(self, method: str, url: str) -> None:
        self._answer = answer = Future()

        def run() -> None:
            try:
                answer.set_result(self.send(method, url, None))
            except BaseException as error:
                answer.set_exception(error)

        threading.Thread(target=run).start()

    def finish(self) -> list[str]:
        return self._answer.result()

    def storm(self, url: str, threads: int, seconds: int, rejecting_url: str | None = None) -> list[str]:
        """Requests and failures; with a URL that rejects all tokens, also the requests to that."""
        end = time.monotonic() + seconds
        counts: dict[str, int] = {"200": 0, "401": 0, "failed": 0}
        lock = threading.Lock()

        def work(url: str, expected: str) -> None:
            sent = failed = 0
            while time.monotonic() < end:
                sent += 1
                try:
                    failed += self.send("GET", url, None)[0] != expected
                except Exception:
                    failed += 1
            with lock:
                counts[expected] += sent
                counts["failed"] += failed

        workers: list[Any] = [threading.Thread(target=work, args=(url, "200")) for _ in range(threads)]
        if rejecting_url is not None:
            workers.append(threading.Thread(target=work, args=(rejecting_url, "401")))
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        answer = [counts["200"], counts["failed"]]
        if rejecting_url is not None:
            answer.append(counts["401"])
        return list(map(str, answer))


def line(event: events.Event) -> str:
    """The line of an event, as in tests/platform/README.md."""
    if isinstance(event, events.Renewed):
        return "renewal OK" if event.saved else "renewal STORE_IO"
    if isinstance(event, events.RenewalFailed):
        return f"renewal {event.status.name} {event.message}".strip() if event.status else "renewal CANCELLED"
    if isinstance(event, events.Adopted):
        return "adopted"
    return f"{'retried' if isinstance(event, events.Retried) else 'refused'} {event.advice.name} {event.http_status}"
