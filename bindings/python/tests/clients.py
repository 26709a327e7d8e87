"""The clients of httpx and aiohttp, with one interface for the tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import aiohttp
import httpx
import trio
import yarl
from event_loop import run

import tc_auth
import tc_auth.aiohttp
import tc_auth.httpx
from tc_auth._session import OnEvent

KINDS = ["httpx", "httpx-auth", "httpx-async", "httpx-async-auth", "httpx-trio", "aiohttp"]

# Those that check and sign each hop, and show the headers to nobody. The others have only a slot.
WHOLE = [kind for kind in KINDS if not kind.endswith("auth")]


@dataclasses.dataclass
class Reply:
    status: int
    body: bytes

    # Those of the request, as the caller sees it afterwards.
    request_headers: Mapping[str, str]


class Client:
    """It follows redirects. The options are those of the client, and `verify`, `http2`, `connections` and `unix` for all."""

    def __init__(self, kind: str, auth: tc_auth.Auth, on_event: OnEvent | None = None, **options: Any) -> None:
        self._kind, self._auth, self._on_event = kind, auth, on_event
        self._options = {"timeout": 10, **options}
        if kind == "aiohttp":
            self._session: aiohttp.ClientSession = run(self._open())
        elif kind != "httpx-trio":
            self._client: Any = self._make()

    def request(self, method: str, url: str, body: Any = None, **options: Any) -> Reply:
        if self._kind == "aiohttp":
            return run(self._aiohttp(method, url, body, options))
        options.pop("is_encoded", None)
        if body is not None:
            options["content"] = body
        if self._kind == "httpx-trio":  # a run of trio can't use the connections of another one
            reply: Reply = trio.run(self._once, method, url, options)
            return reply
        if "async" in self._kind:
            return run(self._httpx(self._client, method, url, options))
        return _reply(self._client.request(method, url, **options))

    def get(self, url: str, **options: Any) -> Reply:
        return self.request("GET", url, **options)

    def beginning(self, url: str, count: int) -> bytes:
        """So many bytes of the body. The rest is not read."""
        if self._kind == "aiohttp":
            return run(self._beginning_of_aiohttp(url, count))
        if "async" in self._kind:
            return run(self._beginning_of_httpx(url, count))
        with self._client.stream("GET", url) as response:
            return next(response.iter_bytes(count)) if count else b""

    async def _beginning_of_aiohttp(self, url: str, count: int) -> bytes:
        async with self._session.get(url) as response:
            return await response.content.read(count)

    async def _beginning_of_httpx(self, url: str, count: int) -> bytes:
        async with self._client.stream("GET", url) as response:
            part: bytes = await response.aiter_bytes(count).__anext__() if count else b""
            return part

    def close(self) -> None:
        if self._kind == "aiohttp":
            run(self._session.close())
        elif "async" in self._kind:
            run(self._client.aclose())
        elif self._kind != "httpx-trio":
            self._client.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self) -> Any:
        options = {"follow_redirects": True, **self._options}
        is_sync = self._kind in ("httpx", "httpx-auth")
        inner: dict[str, Any] = {name: options.pop(name) for name in ("verify", "http2") if name in options}
        if "proxy" in options:
            inner["proxy"] = httpx.Proxy(options.pop("proxy"))
        if "unix" in options:
            inner["uds"] = options.pop("unix")
        if "connections" in options:
            inner["limits"] = httpx.Limits(max_connections=options.pop("connections"))
        inner_transport: Any = (httpx.HTTPTransport if is_sync else httpx.AsyncHTTPTransport)(**inner)
        make_client: Any = httpx.Client if is_sync else httpx.AsyncClient
        if self._kind.endswith("auth"):
            settings = inner_transport if inner else None
            options["auth"] = tc_auth.httpx.TcAuth(self._auth, on_event=self._on_event, renewal=settings)
            return make_client(transport=inner_transport, **options)
        make_transport: Any = tc_auth.httpx.TcAuthTransport if is_sync else tc_auth.httpx.AsyncTcAuthTransport
        return make_client(transport=make_transport(self._auth, inner_transport, on_event=self._on_event), **options)

    async def _once(self, method: str, url: str, options: Any) -> Reply:
        async with self._make() as client:
            return await self._httpx(client, method, url, options)

    @staticmethod
    async def _httpx(client: Any, method: str, url: str, options: Any) -> Reply:
        return _reply(await client.request(method, url, **options))

    async def _open(self) -> aiohttp.ClientSession:
        options = dict(self._options)
        options["timeout"] = aiohttp.ClientTimeout(total=options["timeout"])
        connections, verify = options.pop("connections", 100), options.pop("verify", True)
        if "unix" in options:
            options["connector"] = aiohttp.UnixConnector(options.pop("unix"))
        else:
            options["connector"] = aiohttp.TCPConnector(ssl=verify, limit=connections)
        middleware = tc_auth.aiohttp.TcAuthMiddleware(self._auth, on_event=self._on_event)
        cookies = aiohttp.CookieJar(unsafe=True)  # also of addresses without a name
        return aiohttp.ClientSession(middlewares=[middleware], cookie_jar=cookies, **options)

    async def _aiohttp(self, method: str, url: str, body: Any, options: dict[str, Any]) -> Reply:
        if "files" in options:
            body = aiohttp.FormData()
            for name, file in options.pop("files").items():
                body.add_field(name, file)
        target = yarl.URL(url, encoded=options.pop("is_encoded", False))
        async with self._session.request(method, target, data=body, **options) as response:
            return Reply(response.status, await response.read(), response.request_info.headers)


def _reply(response: httpx.Response) -> Reply:
    return Reply(response.status_code, response.content, response.request.headers)
