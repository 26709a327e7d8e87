"""What the conformance program sends with: a session of aiohttp with a TcAuthMiddleware, in the event loop of a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import yarl
from client_httpx import context
from client_httpx_async import read_once
from event_loop import run, start

import tc_auth
import tc_auth.aiohttp
from tc_auth._session import OnEvent

NAME = f"aiohttp {aiohttp.__version__}"


class Client:
    def __init__(self, auth: tc_auth.Auth, certificate: str | None, on_event: OnEvent) -> None:
        middleware = tc_auth.aiohttp.TcAuthMiddleware(auth, on_event=on_event)
        self._session = run(self._open(certificate, middleware))

    def __del__(self) -> None:
        start(self._session.close())

    async def _open(
        self, certificate: str | None, middleware: tc_auth.aiohttp.TcAuthMiddleware
    ) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=context(certificate))
        timeout = aiohttp.ClientTimeout(total=45)
        return aiohttp.ClientSession(connector=connector, timeout=timeout, middlewares=[middleware])

    def send(self, method: str, url: str, body: bytes | None, once: bool = False) -> tuple[int, str]:
        """The status and the body. With `once`, the body can be read only once."""
        return run(self._send(method, url, body, once))

    async def _send(self, method: str, url: str, body: bytes | None, once: bool) -> tuple[int, str]:
        data: bytes | AsyncIterator[bytes] | None = read_once(body) if once and body is not None else body
        async with self._session.request(method, yarl.URL(url, encoded=True), data=data) as response:
            return response.status, await response.text()
