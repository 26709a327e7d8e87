"""What the conformance program sends with: an asynchronous client of httpx, in the event loop of a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
from client_httpx import context
from event_loop import run

import tc_auth
import tc_auth.httpx
from tc_auth._session import OnEvent

NAME = f"httpx {httpx.__version__}, asyncio"


class Client:
    def __init__(self, auth: tc_auth.Auth, certificate: str | None, on_event: OnEvent) -> None:
        inner = httpx.AsyncHTTPTransport(verify=context(certificate), http2=True)
        transport = tc_auth.httpx.AsyncTcAuthTransport(auth, inner, on_event=on_event)
        self._client = httpx.AsyncClient(transport=transport, timeout=45, follow_redirects=True)

    def send(self, method: str, url: str, body: bytes | None, once: bool = False) -> tuple[int, str]:
        """The status and the body. With `once`, the body can be read only once."""
        return run(self._send(method, url, body, once))

    async def _send(self, method: str, url: str, body: bytes | None, once: bool) -> tuple[int, str]:
        content: bytes | AsyncIterator[bytes] | None = read_once(body) if once and body is not None else body
        try:
            response = await self._client.request(method, url, content=content)
        except httpx.RemoteProtocolError:
            if method != "GET":
                raise
            response = await self._client.request(method, url)  # as in client_httpx
        return response.status_code, response.text


async def read_once(body: bytes) -> AsyncIterator[bytes]:
    await asyncio.sleep(0)
    yield body
