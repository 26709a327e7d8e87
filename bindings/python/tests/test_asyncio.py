"""How the requests of an event loop wait for a renewal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import httpx
import pytest
import trio
from server import Answer, Received, Server
from test_requests import TOKEN, is_renewal, renewed, token_for

import tc_auth
import tc_auth.aiohttp
import tc_auth.httpx
from tc_auth import _asyncio, _transport, events
from tc_auth._session import Session

sys.path.append(str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "platform"))
import stand_in as stand_in_module  # noqa: E402
from support import StandIn  # noqa: E402

# What is expected is 0.02 s and 0.1 s. Ten times that, for a busy machine.
LAG_SECONDS = 0.2
CTRL_C_SECONDS = 1.0

ON_PYPY = pytest.mark.skipif(sys.implementation.name == "pypy", reason="its first calls are slow")


class Slow:
    """A platform that answers a renewal when it is told to, or after a while."""

    def __init__(self, seconds: float = 10) -> None:
        self.asked, self.go_on, self.seconds = threading.Event(), threading.Event(), seconds

    def __call__(self, received: Received) -> Answer:
        if is_renewal(received):
            self.asked.set()
            self.go_on.wait(self.seconds)
            return renewed()
        return Answer()


@pytest.fixture
def slow() -> Iterator[Slow]:
    platform = Slow()
    yield platform
    platform.go_on.set()


def expired(server: Server) -> tc_auth.Auth:
    return token_for(server, expires=int(time.time()) - 10)


def renewals(server: Server) -> int:
    return sum(map(is_renewal, server.received))


async def renew(session: Session) -> str:
    await _asyncio.renew(session, _transport.connector())
    return session.auth.current_token().value


async def until_set(event: threading.Event) -> None:
    while not event.is_set():
        await asyncio.sleep(0.005)


# --- the loop goes on


async def lag(work: Awaitable[object]) -> float:
    """For how long at most the loop did nothing else, while it did this."""
    longest, last, task = 0.0, time.monotonic(), asyncio.ensure_future(work)
    while not task.done():
        await asyncio.sleep(0.001)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    await task
    return longest


async def lag_of_waiters(session: Session, waiters: int) -> float:
    return await lag(asyncio.gather(*(renew(session) for _ in range(waiters))))


def least(measure: Callable[[], float]) -> float:
    """Of some attempts: a busy machine can stop the whole program for a moment."""
    seconds = measure()
    for _ in range(3):
        if seconds >= LAG_SECONDS:
            seconds = min(seconds, measure())
    return seconds


@ON_PYPY
def test_500_waiters_do_not_block_the_loop() -> None:
    def measure() -> float:
        with Server(Slow(0.5)) as server:
            session = Session(expired(server))
            seconds = asyncio.run(lag_of_waiters(session, 500))
            assert (session.auth.current_token().value, renewals(server)) == (TOKEN + "x", 1)
        print(f"the loop was blocked for {1000 * seconds:.1f} ms")
        return seconds

    assert least(measure) < LAG_SECONDS


def test_the_measurement_finds_a_loop_that_is_blocked(monkeypatch: Any) -> None:
    start = _asyncio.start

    def planted(*arguments: Any) -> Any:
        done = start(*arguments)
        done.result()
        return done

    monkeypatch.setattr(_asyncio, "start", planted)

    def measure() -> float:
        with Server(Slow(0.5)) as server:
            return asyncio.run(lag_of_waiters(Session(expired(server)), 500))

    assert least(measure) > LAG_SECONDS


CTRL_C = """
import asyncio, ctypes, signal, sys, time
import tc_auth
from tc_auth import _asyncio, _library, _transport
from tc_auth._session import Session

async def wait(session, blocks):
    if blocks:
        _library.waiting.tc_auth_renewal_poll(session.auth._handle, 3000, ctypes.byref(ctypes.c_void_p()))
    await _asyncio.renew(session, _transport.connector())

async def main():
    auth = tc_auth.Auth.token("API:5:x", 1)
    auth.set_api_path(sys.argv[1])
    session = Session(auth)
    holder = asyncio.ensure_future(wait(session, False))
    await asyncio.sleep(0.3)
    print("ready", flush=True)
    await asyncio.gather(holder, wait(session, sys.argv[2] == "planted"))

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell can make programs in the background ignore it
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print(time.time(), flush=True)
"""


def ctrl_c(url: str, how: str) -> float:
    """The seconds until asyncio.run() has ended."""
    command = [sys.executable, "-c", CTRL_C, url + "/api", how]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        sent = time.time()
        process.send_signal(signal.SIGINT)
        ended = float(process.stdout.readline())
        process.kill()  # the renewal is still under way
    return ended - sent


@pytest.mark.skipif(sys.platform == "win32", reason="another process can't send Ctrl-C")
def test_ctrl_c_takes_effect_at_once(slow: Slow) -> None:
    with Server(slow) as server:
        seconds = ctrl_c(server.url, "")
        print(f"Ctrl-C took {1000 * seconds:.1f} ms")
        assert seconds < CTRL_C_SECONDS
        assert ctrl_c(server.url, "planted") > CTRL_C_SECONDS


# --- the renewal goes on


def test_a_cancelled_request_does_not_end_the_renewal(slow: Slow) -> None:
    """Neither the one that renews, nor one that waits."""
    happened: list[tuple[events.Event, int]] = []

    async def main() -> None:
        session = Session(auth, lambda event: happened.append((event, threading.get_ident())))
        tasks = [asyncio.ensure_future(renew(session)) for _ in range(5)]
        await until_set(slow.asked)
        for cancelled in tasks[0], tasks[3]:
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
        await asyncio.sleep(0.05)
        assert happened == []
        slow.go_on.set()
        assert await asyncio.gather(tasks[1], tasks[2], tasks[4], renew(session)) == [TOKEN + "x"] * 4
        await asyncio.sleep(0.05)

    with Server(slow) as server:
        auth = expired(server)
        asyncio.run(main())
        assert renewals(server) == 1
    assert happened == [(events.Renewed(), threading.get_ident())], "in the thread of the loop"


def test_a_loop_that_ends_does_not_end_the_renewal(slow: Slow) -> None:
    happened: list[events.Event] = []

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(renew(session), 0.2)

    with Server(slow) as server:
        session = Session(expired(server), happened.append)
        asyncio.run(main())
        assert slow.asked.is_set()
        slow.go_on.set()
        assert asyncio.run(renew(session)) == TOKEN + "x"
        assert renewals(server) == 1
        eventually(lambda: happened == [events.Renewed()])


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_loops_in_several_threads() -> None:
    """One renews, the others wait for it, and a thread without a loop, too."""
    tokens: list[str] = []

    async def main(session: Session) -> None:
        tokens.extend(await asyncio.gather(*(renew(session) for _ in range(20))))

    def without_a_loop(session: Session) -> None:
        _transport.renew(session, _transport.connector())
        tokens.append(session.auth.current_token().value)

    with Server(Slow(0.3)) as server:
        session = Session(expired(server))
        threads = [threading.Thread(target=lambda: asyncio.run(main(session))) for _ in range(4)]
        threads += [threading.Thread(target=without_a_loop, args=(session,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (tokens, renewals(server)) == ([TOKEN + "x"] * 84, 1)


def test_an_error_of_on_event_belongs_to_the_request_that_renews() -> None:
    def on_event(event: events.Event) -> None:
        raise LookupError(event)

    async def main() -> list[Any]:
        return await asyncio.gather(*(renew(session) for _ in range(3)), return_exceptions=True)

    with Server(Slow(0.2)) as server:
        session = Session(expired(server), on_event)
        first, *others = asyncio.run(main())
    assert type(first) is LookupError
    assert others == [TOKEN + "x"] * 2


def test_an_error_of_on_event_does_not_disturb_the_loop(slow: Slow) -> None:
    """Of a request that is no longer there."""
    disturbed: list[Any] = []

    def on_event(event: events.Event) -> None:
        raise LookupError(event)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: disturbed.append(context))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(renew(session), 0.2)
        slow.go_on.set()
        assert await renew(session) == TOKEN + "x"
        await asyncio.sleep(0.1)

    with Server(slow) as server:
        session = Session(expired(server), on_event)
        asyncio.run(main())
    assert disturbed == []


# --- waiting


def test_a_waiter_is_woken_by_what_changes_the_token() -> None:
    """A ticket that is out belongs to the test: nobody renews."""

    async def main(change: Callable[[tc_auth.Auth], None]) -> None:
        auth = tc_auth.Auth.token(TOKEN, 1)
        auth.set_api_path("http://127.0.0.1:9/api")
        ticket = auth.poll()
        assert ticket is not None
        waiters = [asyncio.ensure_future(renew(Session(auth))) for _ in range(10)]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await asyncio.get_running_loop().run_in_executor(None, change, auth)
        if change is close:
            for waiter in waiters:
                with pytest.raises(tc_auth.Closed):
                    await waiter
        else:
            assert await asyncio.gather(*waiters) == ["new"] * 10
        assert time.monotonic() - began < 1
        assert not auth._changes._waiters
        assert auth._changes._lookout is None

    def close(auth: tc_auth.Auth) -> None:
        auth.close()

    def update(auth: tc_auth.Auth) -> None:
        auth.update_token("new")

    for change in update, close:
        asyncio.run(main(change))


def test_patience_ends(monkeypatch: Any) -> None:
    monkeypatch.setattr(_asyncio, "PATIENCE_SECONDS", 0.3)
    auth = tc_auth.Auth.token(TOKEN, 1)
    auth.set_api_path("http://127.0.0.1:9/api")
    ticket = auth.poll()
    assert ticket is not None
    began = time.monotonic()
    with pytest.raises(tc_auth.RenewalTimeout):
        asyncio.run(renew(Session(auth)))
    assert 0.3 <= time.monotonic() - began < 2
    assert not auth._changes._waiters
    ticket.cancel()

    def never(origin: object, deadline: float) -> Any:
        time.sleep(1)
        raise OSError

    auth.update_token(TOKEN + "2", 1)
    began = time.monotonic()
    with pytest.raises(tc_auth.RenewalTimeout):
        asyncio.run(_asyncio.renew(Session(auth), never))
    assert 0.3 <= time.monotonic() - began < 0.9


def shared(directory: str, url: str) -> tc_auth.Auth:
    auth = tc_auth.Auth.token(TOKEN, int(time.time()) - 10)
    auth.set_api_path(url)
    auth.share_in(directory)
    return auth


def test_a_renewal_of_another_process(monkeypatch: Any) -> None:
    """Nothing wakes the waiters, so one of them looks from time to time, and another one if that is cancelled."""
    polls = 0
    poll = tc_auth.Auth.poll

    def counted(self: tc_auth.Auth, *arguments: float) -> Any:
        nonlocal polls
        polls += 1
        return poll(self, *arguments)

    monkeypatch.setattr(tc_auth.Auth, "poll", counted)

    async def main(directory: str) -> None:
        other, auth = (shared(directory, "http://127.0.0.1:9/api") for _ in range(2))
        ticket = other.poll()
        assert ticket is not None
        session = Session(auth)
        waiters = [asyncio.ensure_future(renew(session)) for _ in range(100)]
        await asyncio.sleep(0.5)
        for waiter in waiters[:50]:
            waiter.cancel()
            await asyncio.sleep(0)
        await asyncio.sleep(0.5)
        answer = {"success": True, "apiToken": "API:5:new", "apiTokenExpires": str(int(time.time()) + 3600)}
        began = time.monotonic()
        await asyncio.get_running_loop().run_in_executor(None, ticket.complete, 200, json.dumps(answer))
        assert await asyncio.gather(*waiters[50:]) == ["API:5:new"] * 50
        assert time.monotonic() - began < 1
        assert not auth._changes._waiters

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(main(directory))
    # Each waiter twice at the beginning, and once in the end; once for each that was cancelled; and the lookouts.
    assert polls < 100 * 2 + 50 + 50 + 60


@ON_PYPY
def test_the_new_token_is_saved_before_others_go_on() -> None:
    """By the thread of the renewal: the loop does not wait for the disk."""

    async def main(auth: tc_auth.Auth) -> tuple[float, list[str]]:
        session = Session(auth)
        tokens: list[str] = []

        async def work() -> None:
            tokens.extend(await asyncio.gather(*(renew(session) for _ in range(100))))

        return await lag(work()), tokens

    def measure() -> float:
        with tempfile.TemporaryDirectory() as directory, Server(Slow(0.2)) as server:
            seconds, tokens = asyncio.run(main(shared(directory, server.url + "/api")))
            assert (tokens, renewals(server)) == ([TOKEN + "x"] * 100, 1)
            assert shared(directory, server.url + "/api").current_token().value == TOKEN + "x"
        return seconds

    assert least(measure) < LAG_SECONDS


# --- trio, on which httpx runs, too


def test_trio(slow: Slow) -> None:
    happened: list[tuple[events.Event, int]] = []
    tokens: list[str] = []

    async def one(session: Session) -> None:
        tokens.append(await renew(session))

    async def main(session: Session) -> None:
        async with trio.open_nursery() as nursery:
            holder = trio.CancelScope()

            async def cancelled() -> None:
                with holder:
                    await one(session)

            nursery.start_soon(cancelled)
            await trio.sleep(0.1)
            for _ in range(50):
                nursery.start_soon(one, session)
            with trio.move_on_after(0.1):
                await one(session)
            holder.cancel()
            await trio.sleep(0.1)
            assert (tokens, happened) == ([], [])
            slow.go_on.set()

    with Server(slow) as server:
        session = Session(expired(server), lambda event: happened.append((event, threading.get_ident())))
        trio.run(main, session)
        assert (tokens, renewals(server)) == ([TOKEN + "x"] * 50, 1)
        assert happened == [(events.Renewed(), threading.get_ident())]
        assert not session.auth._changes._waiters


def test_trio_ends_before_the_renewal(slow: Slow) -> None:
    happened: list[events.Event] = []

    async def main() -> None:
        with trio.move_on_after(0.2):
            await renew(session)

    with Server(slow) as server:
        session = Session(expired(server), happened.append)
        trio.run(main)
        slow.go_on.set()
        with contextlib.suppress(tc_auth.RenewalTimeout):
            session.auth.poll(5)
        eventually(lambda: happened == [events.Renewed()])


# --- storms


async def storm(kind: str, auth: tc_auth.Auth, url: str, tasks: int, seconds: float) -> tuple[int, list[Any]]:
    """How many requests were sent, and what those that failed got."""
    sent, failed = 0, []

    async def work(send: Callable[[], Awaitable[int]]) -> None:
        nonlocal sent
        while time.monotonic() < end:
            sent += 1
            try:
                answer: Any = await send()
            except Exception as error:
                answer = error
            if answer != 200:
                failed.append(answer)

    async with contextlib.AsyncExitStack() as stack:
        if kind == "aiohttp":
            middlewares = [tc_auth.aiohttp.TcAuthMiddleware(auth)]
            session = await stack.enter_async_context(aiohttp.ClientSession(middlewares=middlewares))

            async def send() -> int:
                async with session.get(url) as response:
                    await response.read()
                    return response.status

        else:
            transport = tc_auth.httpx.AsyncTcAuthTransport(auth)
            client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, timeout=60))

            async def send() -> int:
                return (await client.get(url)).status_code

        end = time.monotonic() + seconds
        await asyncio.gather(*(work(send) for _ in range(tasks)))
    return sent, failed


# The work of httpx grows with the square of the tasks: with hundreds, a request waits for longer than these tokens live.
@ON_PYPY
@pytest.mark.parametrize(("kind", "tasks"), [("aiohttp", 500), ("httpx", 10)])
def test_a_storm_has_no_failed_request(kind: str, tasks: int, monkeypatch: Any) -> None:
    life = 4
    with StandIn("--token-life", str(life), "--quiet") as stand_in:
        auth = tc_auth.Auth.token(stand_in_module.TOKEN, int(time.time()) + life)
        auth.set_api_path(stand_in.url + "/api")
        auth.renewal_window = 2
        url = stand_in.url + "/api/v3/indicators"
        sent, failed = asyncio.run(storm(kind, auth, url, tasks, 6))
        stats = stand_in.stats()
        print(f"{kind}: {sent:,} requests of {tasks} tasks, {stats}")
        assert failed == []
        assert (stats["lost"], stats["wrong"]) == (0, 0)
        assert 2 <= stats["issued"] == stats["renewal requests"] <= 5

        async def planted(*_: object) -> None:
            pass

        monkeypatch.setattr(_asyncio, "renew", planted)
        auth.update_token("a-token-that-has-expired")
        _, failed = asyncio.run(storm(kind, auth, url, 10, 0.2))
        assert set(failed) == {401}
