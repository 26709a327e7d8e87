"""What a signed request costs with httpx and aiohttp, and how long a request can take at a renewal.

    python3 per_request_async.py [SECONDS]

The server, the rounds and the tables are those of per_request.py. The columns are tasks of one event loop; the rows of
`httpx.Client` have one thread.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import multiprocessing
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, Callable

import aiohttp
import httpx
from per_request import ACCESS_ID, RENEWAL_SECONDS, ROUNDS, SECONDS, SECRET_KEY, TARGET, TOKEN, serve

import tc_auth
from tc_auth.aiohttp import TcAuthMiddleware
from tc_auth.httpx import AsyncTcAuthTransport, TcAuth, TcAuthTransport

Send = Callable[[], Awaitable[int]]
Opened = Callable[[str], contextlib.AbstractAsyncContextManager[Send]]


def headers(method: str, target: str) -> dict[str, str]:
    """The least that a program without a library does."""
    timestamp = str(int(time.time()))
    digest = hmac.new(SECRET_KEY.encode(), f"{target}:{method}:{timestamp}".encode(), hashlib.sha256).digest()
    return {"Authorization": f"TC {ACCESS_ID}:{base64.b64encode(digest).decode()}", "Timestamp": timestamp}


class PurePython(httpx.Auth):
    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
        request.headers.update(headers(request.method, request.url.raw_path.decode()))
        yield request


async def pure_python(request: aiohttp.ClientRequest, handler: Any) -> aiohttp.ClientResponse:
    request.headers.update(headers(request.method, request.url.raw_path_qs))
    response: aiohttp.ClientResponse = await handler(request)
    return response


def with_httpx(make: Callable[..., Any], **options: Any) -> Opened:
    @contextlib.asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Send]:
        client = make(trust_env=False, timeout=60, **options)

        async def send() -> int:
            answer = client.get(url)
            return (answer if make is httpx.Client else await answer).status_code

        yield send
        if make is httpx.Client:
            client.close()
        else:
            await client.aclose()

    return opened


def with_aiohttp(*middlewares: Any) -> Opened:
    @contextlib.asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Send]:
        async with aiohttp.ClientSession(middlewares=middlewares) as session:

            async def send() -> int:
                async with session.get(url) as response:
                    await response.read()
                    return response.status

            yield send

    return opened


def rows(url: str) -> dict[str, Opened]:
    key_pair, token = tc_auth.Auth.hmac(ACCESS_ID, SECRET_KEY), tc_auth.Auth.token(TOKEN)
    for auth in (key_pair, token):
        auth.set_api_path(url + "/api")
    return {
        "httpx.Client, without authorization": with_httpx(httpx.Client),
        "key pair: pure Python": with_httpx(httpx.Client, auth=PurePython()),
        "key pair: TcAuth": with_httpx(httpx.Client, auth=TcAuth(key_pair)),
        "key pair: TcAuthTransport": with_httpx(httpx.Client, transport=TcAuthTransport(key_pair)),
        "token: TcAuthTransport": with_httpx(httpx.Client, transport=TcAuthTransport(token)),
        "httpx.AsyncClient, without authorization": with_httpx(httpx.AsyncClient),
        "key pair: pure Python ": with_httpx(httpx.AsyncClient, auth=PurePython()),
        "key pair: AsyncTcAuthTransport": with_httpx(httpx.AsyncClient, transport=AsyncTcAuthTransport(key_pair)),
        "token: AsyncTcAuthTransport": with_httpx(httpx.AsyncClient, transport=AsyncTcAuthTransport(token)),
        "aiohttp, without authorization": with_aiohttp(),
        "key pair: pure Python  ": with_aiohttp(pure_python),
        "key pair: TcAuthMiddleware": with_aiohttp(TcAuthMiddleware(key_pair)),
        "token: TcAuthMiddleware": with_aiohttp(TcAuthMiddleware(token)),
    }


async def measure(opened: Opened, url: str, tasks: int, longest: list[float] | None = None) -> float:
    """Microseconds of CPU time for a request."""
    sent = 0

    async def work(send: Send) -> None:
        nonlocal sent
        started = time.perf_counter()
        while started < end:
            assert await send() == 200
            sent += 1
            now = time.perf_counter()
            if longest is not None:
                longest.append(now - started)
            started = now

    async with opened(url + TARGET) as send:
        await asyncio.gather(*(send() for _ in range(tasks)))  # makes the connections
        begun, end = time.process_time(), time.perf_counter() + SECONDS
        await asyncio.gather(*(work(send) for _ in range(tasks)))
        return (time.process_time() - begun) / sent * 1e6


def costs(url: str) -> None:
    made, least = rows(url), dict[tuple[str, int], float]()
    for _ in range(ROUNDS):
        for title, opened in made.items():
            for tasks in (1, 8):
                cost = asyncio.run(measure(opened, url, tasks))
                least[title, tasks] = min(cost, least.get((title, tasks), cost))
    print("| CPU µs per request | one task | eight tasks |\n| --- | --- | --- |")
    for title in made:
        print(f"| {title.strip()} | {least[title, 1]:,.0f} | {least[title, 8]:,.0f} |")


def stalls(url: str) -> None:
    """The longest request while a token is renewed, beside the longest without a renewal."""
    print(f"\n| longest request of 8 tasks, ms | no renewal | a renewal that takes {RENEWAL_SECONDS * 1000:.0f} ms |")
    print("| --- | --- | --- |")
    for title in ("httpx.AsyncClient", "aiohttp"):
        cells = []
        for renew in (False, True):
            found = []
            for _ in range(ROUNDS):
                auth = tc_auth.Auth.token(TOKEN, int(time.time()) + 3600)
                auth.set_api_path(url + "/api")
                if title == "aiohttp":
                    opened = with_aiohttp(TcAuthMiddleware(auth))
                else:
                    opened = with_httpx(httpx.AsyncClient, transport=AsyncTcAuthTransport(auth))
                longest: list[float] = []
                asyncio.run(with_a_renewal(opened, url, auth if renew else None, longest))
                assert renew == (auth.current_token().value != TOKEN)
                found.append(max(longest) * 1000)
            cells.append(f"{statistics.median(found):.0f}")
        print(f"| {title} |", " | ".join(cells), "|")


async def with_a_renewal(opened: Opened, url: str, auth: tc_auth.Auth | None, longest: list[float]) -> None:
    if auth is not None:
        sent = auth.headers("GET", TARGET)
        asyncio.get_running_loop().call_later(SECONDS / 2, auth.review, sent, 401)
    await measure(opened, url, 8, longest)


if __name__ == "__main__":
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    versions = f"httpx {httpx.__version__}, aiohttp {aiohttp.__version__}, tc_auth {tc_auth.version()}"
    print(f"Python {sys.version.split()[0]}, {versions}\n")
    address = f"http://127.0.0.1:{here.recv()}"
    costs(address)
    stalls(address)
    server.terminate()
