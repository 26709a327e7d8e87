"""A poll that waits for another renewal: it ends at once, costs nothing while it waits, and gives way to Ctrl-C.

Each gate is about ten times the expected figure, and a planted block or spin fails it.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from ctypes import byref
from typing import Any, Callable

import pytest

import tc_auth
from tc_auth import Auth, _library
from tc_auth._renewal import Ticket

API = "https://company.example/api"
GOOD = '{"success":true,"apiToken":"API:6:b"}'
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def due() -> tuple[Auth, tc_auth.Renewal]:
    auth = Auth.token("API:5:a", 1)
    auth.set_api_path(API)
    renewal = auth.poll()
    assert renewal is not None
    return auth, renewal


class Waiters:
    """Threads that poll, and what came of it."""

    def __init__(self, auth: Auth, count: int, longest: float = 60) -> None:
        self.results: list[Any] = []
        self.auth, self.longest = auth, longest
        self.threads = [threading.Thread(target=self._run) for _ in range(count)]
        for thread in self.threads:
            thread.start()
        deadline = time.monotonic() + 60
        while len(auth._changes._waiters) < count:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def _run(self) -> None:
        try:
            self.results.append(self.auth.poll(self.longest))
        except tc_auth.TcAuthError as error:
            self.results.append(error)

    def join(self) -> float:
        """How long it took."""
        start = time.monotonic()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        return time.monotonic() - start


def sealed() -> str:
    other = Auth.token("API:5:a")
    other.update_token("API:5:c")
    return other.seal()


ENDS: dict[str, Callable[[Auth, tc_auth.Renewal], object]] = {
    "complete": lambda auth, renewal: renewal.complete(200, GOOD),
    "cancel": lambda auth, renewal: renewal.cancel(),
    "update_token": lambda auth, renewal: auth.update_token("API:5:c"),
    "unseal": lambda auth, renewal: auth.unseal(sealed()),
    "close": lambda auth, renewal: auth.close(),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_ends_a_wait(name: str) -> None:
    auth, renewal = due()
    waiters = Waiters(auth, 20)
    auth._changes._lookout = object()  # nobody polls from time to time, so only the change can wake them
    ENDS[name](auth, renewal)
    assert waiters.join() < 1
    if name == "close":
        assert all(isinstance(result, tc_auth.Closed) for result in waiters.results)
    else:
        assert waiters.results == [None] * 20
    assert not auth._changes._waiters


def test_a_refusal_ends_a_wait_and_one_waiter_gets_the_next_ticket() -> None:
    auth, renewal = due()
    waiters = Waiters(auth, 20)
    with pytest.raises(tc_auth.RenewalFailed):
        renewal.complete(500, "")
    assert waiters.join() < 1
    assert waiters.results == [None] * 20  # in the pause after a failure


def test_a_dropped_renewal_ends_a_wait() -> None:
    auth, renewal = due()
    waiters = Waiters(auth, 3)
    auth._changes._lookout = object()
    del renewal
    gc.collect()
    gc.collect()
    assert waiters.join() < 1
    assert waiters.results == [None] * 3


@pytest.mark.parametrize("longest", [0.0, 0.2])
def test_a_wait_ends_in_time(longest: float) -> None:
    auth, renewal = due()
    start = time.monotonic()
    with pytest.raises(tc_auth.RenewalTimeout):
        auth.poll(longest)
    assert longest <= time.monotonic() - start < longest + 1
    renewal.cancel()


def change_unseen(auth: Auth, token: bytes = b"API:5:c") -> None:
    """As another process changes a shared token: nothing here is told."""
    assert _library.quick.tc_auth_update_token(auth._handle, token, 0) == 0


def test_a_lookout_sees_what_nobody_tells() -> None:
    auth, _renewal = due()
    waiters = Waiters(auth, 20)
    change_unseen(auth)
    assert waiters.join() < 1
    assert waiters.results == [None] * 20


def test_another_waiter_becomes_the_lookout() -> None:
    """When the lookout gives up, or takes the next ticket."""
    auth, _renewal = due()
    first = Waiters(auth, 1, longest=0.3)
    waiters = Waiters(auth, 20)
    first.join()
    assert isinstance(first.results[0], tc_auth.RenewalTimeout)
    change_unseen(auth)
    assert waiters.join() < 1

    auth, renewal = due()
    waiters = Waiters(auth, 20)
    # C gives the ticket back, and the token is due again: the lookout gets the next ticket, and the others wait for it.
    assert _library.quick.tc_auth_update_token(auth._handle, b"API:5:c", 1) == 0
    deadline = time.monotonic() + 10
    while not waiters.results or len(auth._changes._waiters) < 19:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert isinstance(waiters.results[0], tc_auth.Renewal)
    change_unseen(auth, b"API:5:d")
    assert waiters.join() < 1
    renewal.cancel()


def cpu_of(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


WAITERS, SECONDS = 1000, 2.0


@pytest.fixture
def small_stacks() -> Iterator[None]:
    before = threading.stack_size(256 * 1024)
    yield
    threading.stack_size(before)


@pytest.mark.usefixtures("small_stacks")
def test_waiters_cost_nothing(record_property: Callable[[str, object], None]) -> None:
    auth, renewal = due()
    waiters = Waiters(auth, WAITERS)
    used = cpu_of(lambda: time.sleep(SECONDS))
    start = time.monotonic()
    renewal.complete(200, GOOD)
    waiters.join()
    woken = time.monotonic() - start
    record_property("waiting", f"{WAITERS} waiters: {used / SECONDS:.1%} of a CPU, and woken in {woken:.3f} s")
    assert waiters.results == [None] * WAITERS
    assert used / SECONDS < 0.1
    assert woken < 5


@pytest.mark.usefixtures("small_stacks")
def test_the_gate_for_waiters_finds_polls_in_a_loop() -> None:
    auth, renewal = due()
    ended = threading.Event()

    def spin() -> None:
        while not ended.is_set():
            try:
                auth.poll()
            except tc_auth.RenewalTimeout:
                time.sleep(0.05)

    threads = [threading.Thread(target=spin) for _ in range(WAITERS)]
    for thread in threads:
        thread.start()
    used = cpu_of(lambda: time.sleep(SECONDS))
    ended.set()
    for thread in threads:
        thread.join()
    renewal.cancel()
    assert used / SECONDS >= 0.1


class Interrupted(Exception):
    pass


def interrupted_after(wait: Callable[[], object]) -> float:
    """How long a wait of the main thread goes on after a signal, whose handler raises as Ctrl-C does."""

    def handler(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGINT, handler)
    sent: list[float] = []

    def interrupt() -> None:
        time.sleep(0.3)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(Interrupted):
            wait()
        return time.monotonic() - sent[0]
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)


@POSIX
@pytest.mark.parametrize("lookout", [True, False])
def test_ctrl_c_takes_effect_at_once(lookout: bool) -> None:
    auth, renewal = due()
    if not lookout:
        auth._changes._lookout = object()
    assert interrupted_after(lambda: auth.poll(60)) < 0.25
    assert not auth._changes._waiters
    renewal.cancel()


@POSIX
def test_the_gate_for_ctrl_c_finds_a_wait_in_c() -> None:
    auth, renewal = due()
    ticket = Ticket()
    wait = lambda: _library.waiting.tc_auth_renewal_poll(auth._handle, 1000, byref(ticket))  # noqa: E731
    assert interrupted_after(wait) >= 0.25
    renewal.cancel()


@POSIX
def test_a_ticket_that_ctrl_c_takes_away_is_given_back() -> None:
    """In whatever instruction the signal arrives, no ticket is lost: other threads would wait for it for two minutes."""
    if sys.implementation.name == "pypy":
        pytest.skip("PyPy gives it back with the next garbage collection")

    def handler(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, handler)
    interrupted = 0
    try:
        for step in range(400):
            auth = Auth.token("API:5:a", 1)
            auth.set_api_path(API)
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + step % 40))
                while True:
                    renewal = auth.poll()
                    auth.update_token("API:5:a", 1)
                    del renewal
            except Interrupted:
                interrupted += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            renewal = None
            assert auth.state().state is not tc_auth.State.UNDER_WAY
    finally:
        signal.signal(signal.SIGALRM, before)
    assert interrupted == 400


@POSIX
def test_a_signal_handler_may_use_the_auth() -> None:
    """In the middle of a call, also of one that holds a lock or a buffer."""
    auth = Auth.token("API:5:a")
    auth.set_api_path(API)
    signed: list[str] = []

    def handler(*_: object) -> None:
        auth.poll()
        auth.update_token("API:5:a", 0)
        signed.append(auth.headers("POST", "/handler").authorization)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    hmac = Auth.hmac("1", "key")
    expected = hmac.headers("GET", "/a", at=5).authorization
    try:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            counted = auth._changes.counted()
            assert not auth._changes.adopted(auth.headers("GET", "/").authorization, counted)
            auth.update_token("API:5:a", 0)
            assert hmac.headers("GET", "/a", at=5).authorization == expected
            made = hmac.headers("GET", "/b")
            assert made.authorization == hmac.headers("GET", "/b", at=made.timestamp).authorization
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(signed) > 10
    assert set(signed) == {"TC-Token API:5:a"}
