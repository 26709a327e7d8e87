"""ThreatConnect's API with httpx.

    import httpx
    import tc_auth.httpx

    auth = tc_auth.Auth.discover()
    with httpx.Client(transport=tc_auth.httpx.TcAuthTransport(auth), base_url=auth.api_path) as client:
        print(client.get("/v3/indicators").json())

`AsyncTcAuthTransport` is for `httpx.AsyncClient`, on asyncio or trio. `TcAuth` is for the `auth` argument of both clients.
"""

from __future__ import annotations

import base64
import ssl
import sys
import time
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any, Union

import httpx

from . import _asyncio, _transport
from ._auth import REVIEW_LIMIT, Auth
from ._session import REVIEW_SECONDS, OnEvent, Session, Signed, forget_variables
from ._status import Advice, TcAuthError

__all__ = ["AsyncTcAuthTransport", "TcAuth", "TcAuthTransport"]

Settings = Union[httpx.HTTPTransport, httpx.AsyncHTTPTransport]


class TcAuthTransport(httpx.BaseTransport):
    """Signs each request, and renews the token when it is due.

    Pass it to `httpx.Client(transport=...)`, or in `mounts`. It sends through `transport`, by default a new
    `httpx.HTTPTransport`. The headers are added to a copy of the request: neither the response, an event hook nor an
    exception has them. A request to another server than that of the API path raises `tc_auth.OtherOrigin`; a redirect to the
    same server is signed again.

    A refused request is sent once more if that can help, and if its body can be sent again: bytes, str, JSON and forms, also
    with files that can seek, but no generators. Otherwise the refusal is returned, and the next request uses a new token or
    the corrected clock. A server that pauses in the body of a refusal for more than 10 seconds causes a `ReadTimeout`, also if
    your own limit is longer.

    A renewal is sent on a new connection, with the TLS settings and the proxy of `transport`. If that is no
    `httpx.HTTPTransport`, pass one with these settings as `renewal`; it sends nothing. Through a SOCKS proxy or a Unix socket
    a token can't be renewed.

    `on_event` is called with a `tc_auth.events.Event`. It should return soon. For a renewal it runs in another thread; what it
    raises, the request raises.
    """

    def __init__(
        self,
        auth: Auth,
        transport: httpx.BaseTransport | None = None,
        *,
        on_event: OnEvent | None = None,
        renewal: Settings | None = None,
    ) -> None:
        self._session = Session(auth, on_event)
        self._transport = httpx.HTTPTransport() if transport is None else transport
        self._connect = _Connect(self._transport if renewal is None else renewal)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Called by httpx."""
        flow = _Flow(self._session, request)
        response = self._send(flow)
        try:
            while flow.needs_review(response):
                body = _Body(flow, response)
                body.read_beginning()
                if not flow.review(response, body):
                    break
                body.make_room()
                try:
                    response = self._send(flow)
                except TcAuthError:
                    if not body.ended:
                        raise
                    break
            flow.end(response)
        except BaseException:  # of on_event, too: the connection of a response that nobody gets must not stay taken
            response.close()
            raise
        return response

    def _send(self, flow: _Flow) -> httpx.Response:
        _transport.renew(self._session, self._connect)
        outside = sys.exc_info()[1]
        try:
            return self._transport.handle_request(flow.sign())
        except Exception as error:
            forget_variables(error, outside)
            raise

    def close(self) -> None:
        self._transport.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._session.auth!r}>"


class AsyncTcAuthTransport(httpx.AsyncBaseTransport):
    """The same for `httpx.AsyncClient`, on asyncio or trio. The event loop is not blocked: a renewal runs in a thread.

    A renewal goes on if its request is cancelled, because others wait for the new token. `on_event` is called in the thread
    of the event loop.
    """

    def __init__(
        self,
        auth: Auth,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        on_event: OnEvent | None = None,
        renewal: Settings | None = None,
    ) -> None:
        self._session = Session(auth, on_event)
        self._transport = httpx.AsyncHTTPTransport() if transport is None else transport
        self._connect = _Connect(self._transport if renewal is None else renewal)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Called by httpx."""
        flow = _Flow(self._session, request)
        response = await self._send(flow)
        try:
            while flow.needs_review(response):
                body = _AsyncBody(flow, response)
                await body.read_beginning()
                if not flow.review(response, body):
                    break
                await body.make_room()
                try:
                    response = await self._send(flow)
                except TcAuthError:
                    if not body.ended:
                        raise
                    break
            flow.end(response)
        except BaseException:  # of on_event, too: the connection of a response that nobody gets must not stay taken
            await response.aclose()
            raise
        return response

    async def _send(self, flow: _Flow) -> httpx.Response:
        await _asyncio.renew(self._session, self._connect)
        outside = sys.exc_info()[1]
        try:
            return await self._transport.handle_async_request(flow.sign())
        except Exception as error:
            forget_variables(error, outside)
            raise

    async def aclose(self) -> None:
        await self._transport.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._session.auth!r}>"


class TcAuth(httpx.Auth):
    """Signs and renews, for the `auth` argument of `httpx.Client`, `httpx.AsyncClient` and their requests.

    Prefer the transports. With this class, event hooks see the headers. A redirect is sent with the headers of the first
    request: with a key pair, the server refuses that. If the redirect leads to another server, httpx leaves the headers out,
    and `tc_auth.OtherOrigin` is not raised.

    A renewal has the TLS settings and the proxy of `renewal`, which sends nothing; by default those of a client without
    options.
    """

    def __init__(self, auth: Auth, *, on_event: OnEvent | None = None, renewal: Settings | None = None) -> None:
        self._session = Session(auth, on_event)
        self._connect = _Connect(renewal)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Called by `httpx.Client`."""
        with _AuthFlow(self._session, request) as flow:
            _transport.renew(self._session, self._connect)
            response = yield flow.sign()
            while flow.needs_review(response):
                body = _Body(flow, response)
                body.read_beginning()
                if not flow.review(response, body):
                    break
                body.make_room()
                try:
                    _transport.renew(self._session, self._connect)
                    signed = flow.sign()
                except TcAuthError:
                    if not body.ended:
                        raise
                    break
                body.cut(response)
                response = yield signed
            flow.end(response)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Called by `httpx.AsyncClient`."""
        with _AuthFlow(self._session, request) as flow:
            await _asyncio.renew(self._session, self._connect)
            response = yield flow.sign()
            while flow.needs_review(response):
                body = _AsyncBody(flow, response)
                await body.read_beginning()
                if not flow.review(response, body):
                    break
                await body.make_room()
                try:
                    await _asyncio.renew(self._session, self._connect)
                    signed = flow.sign()
                except TcAuthError:
                    if not body.ended:
                        raise
                    break
                body.cut(response)
                response = yield signed
            flow.end(response)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._session.auth!r}>"


class _Flow:
    """A request, which is signed for each attempt. It does no input or output."""

    def __init__(self, session: Session, request: httpx.Request) -> None:
        self._session, self._request = session, request
        self._signed: Signed | None = None
        self._refusal = 0  # the HTTP status of the first attempt, if there is a second one
        self._advice = Advice.ACCEPTED
        self._timeout: dict[str, Any] = {}
        self._scheme, self._host = request.url.scheme, request.url.netloc.decode("ascii")
        # Check before the renewal: a request to another server must not cause one.
        session.check(self._scheme, self._host)
        for name in request.headers.get_list("Host"):
            session.check(self._scheme, name)

    def sign(self) -> httpx.Request:
        """A copy of the request, with the headers."""
        request = self._request
        # As httpx writes it: the extension replaces the path and the query.
        target = request.extensions.get("target", request.url.raw_path).decode("latin-1")
        url = f"{self._scheme}://{self._host}{target}" if target.startswith("/") else target
        self._signed = self._session.sign(request.method, url, scheme=self._scheme, path=target.partition("?")[0])
        if self._refusal:
            self._session.retried(self._signed, self._refusal)
        others = [field for field in request.headers.raw if field[0].lower() not in (b"authorization", b"timestamp")]
        headers = httpx.Headers([*others, *((name.encode(), value.encode()) for name, value in self._signed.fields())])
        self._timeout = dict(request.extensions.get("timeout", {}))
        extensions = {**request.extensions, "timeout": self._timeout}
        return httpx.Request(request.method, request.url, headers=headers, stream=request.stream, extensions=extensions)

    def needs_review(self, response: httpx.Response) -> bool:
        self._advice = Advice.ACCEPTED
        return self._session.needs_review(response.status_code)

    def limit_pauses(self) -> None:
        """In the body of the response: httpx looks at the limit again when it begins to read that."""
        self._timeout["read"] = min(REVIEW_SECONDS, self._timeout.get("read") or REVIEW_SECONDS)

    def review(self, response: httpx.Response, body: _Held) -> bool:
        """Whether to send the request once more."""
        assert self._signed is not None
        fields = response.headers.multi_items()
        beginning = _decoded(response, b"".join(body.held))
        self._advice = self._session.review(self._signed, response.status_code, fields, beginning)
        if self._refusal or self._advice is not Advice.RETRY or not _can_be_sent_again(self._request):
            return False
        self._refusal = response.status_code
        return True

    def end(self, response: httpx.Response) -> None:
        """The caller gets this response."""
        assert self._signed is not None
        self._session.refused(self._signed, response.status_code, self._advice)


class _AuthFlow(_Flow):
    """The request of a client, which can follow redirects, and whose response has the signed request."""

    def __init__(self, session: Session, request: httpx.Request) -> None:
        super().__init__(session, request)
        self._sent: list[httpx.Request] = []

    def sign(self) -> httpx.Request:
        self._sent.append(super().sign())
        return self._sent[-1]

    def needs_review(self, response: httpx.Response) -> bool:
        sent = response.request
        if sent is self._sent[-1]:
            response.request = self._request
        else:
            self._sent += [sent, *(redirect.request for redirect in response.history)]
        assert self._signed is not None
        is_signed = sent.headers.get("Authorization") == self._signed.headers.authorization
        return super().needs_review(response) and is_signed

    def __enter__(self) -> _AuthFlow:
        return self

    def __exit__(self, *_: object) -> None:
        """Exceptions have the request, too."""
        for request in self._sent:
            for name in ("Authorization", "Timestamp"):
                request.headers.pop(name, None)


def _can_be_sent_again(request: httpx.Request) -> bool:
    stream = request.stream
    if isinstance(stream, httpx.ByteStream):
        return True
    fields = getattr(stream, "fields", None)  # of a form with files
    if fields is None:
        return False
    files = [getattr(field, "file", b"") for field in fields]
    return all(isinstance(file, (str, bytes)) or _can_seek(file) for file in files)


def _can_seek(file: Any) -> bool:
    try:
        return bool(file.seekable())
    except Exception:
        return False


def _decoded(response: httpx.Response, beginning: bytes) -> bytes:
    """The beginning of the body as the caller will read it."""
    encoding = response.headers.get("Content-Encoding")
    if encoding is None:
        return beginning
    decoder = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=_Pieces(beginning))
    text = b""
    try:
        for part in decoder.iter_bytes():
            text += part
            if len(text) >= REVIEW_LIMIT:
                break
    except httpx.DecodingError:  # the caller gets it, too
        pass
    return text


class _Pieces(httpx.SyncByteStream):
    """Short pieces: a piece can become a thousand times as long when it is decompressed."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), 512):
            yield self._data[start : start + 512]


class _Held:
    """The body of a refusal, whose beginning is read for the review. The caller still gets all of it, and its error."""

    def __init__(self, flow: _Flow, response: httpx.Response) -> None:
        self._source: Any = response.stream
        self._parts: Any = None
        self._error: Exception | None = None
        self.held: list[bytes] = []
        self.ended = False
        if response.is_stream_consumed:  # by an event hook
            self.held, self.ended = [response.content], True
        else:
            flow.limit_pauses()
            response.stream = self  # type: ignore[assignment]

    def _wants_more(self, deadline: float) -> bool:
        return not self.ended and sum(map(len, self.held)) < REVIEW_LIMIT and time.monotonic() < deadline

    def _end(self, error: Exception | None = None) -> None:
        self.ended, self._error = True, error

    def cut(self, response: httpx.Response) -> None:
        """For a client that reads the whole body before the next attempt."""
        if not response.is_stream_consumed:
            response.stream = httpx.ByteStream(b"".join(self.held))


class _Body(_Held, httpx.SyncByteStream):
    def read_beginning(self) -> None:
        deadline = time.monotonic() + REVIEW_SECONDS
        self._parts = iter(self._source)
        while self._wants_more(deadline):
            try:
                self.held.append(next(self._parts))
            except StopIteration:
                self._end()
            except Exception as error:
                self._end(error)

    def make_room(self) -> None:
        """The second attempt may need the connection."""
        self._source.close()

    def __iter__(self) -> Iterator[bytes]:
        yield from self.held
        if self._error is not None:
            raise self._error
        if not self.ended:
            yield from self._parts

    def close(self) -> None:
        self._source.close()


class _AsyncBody(_Held, httpx.AsyncByteStream):
    async def read_beginning(self) -> None:
        deadline = time.monotonic() + REVIEW_SECONDS
        self._parts = self._source.__aiter__()
        while self._wants_more(deadline):
            try:
                self.held.append(await self._parts.__anext__())
            except StopAsyncIteration:
                self._end()
            except Exception as error:
                self._end(error)

    async def make_room(self) -> None:
        """The second attempt may need the connection."""
        await self.aclose()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.held:
            yield part
        if self._error is not None:
            raise self._error
        if not self.ended:
            async for part in self._parts:
                yield part

    async def aclose(self) -> None:
        await self._source.aclose()


class _Connect:
    """Connects like a transport of httpx."""

    def __init__(self, transport: object) -> None:
        self._transport = transport
        self._default: ssl.SSLContext | None = None

    def __call__(self, origin: _transport.Origin, deadline: float) -> _transport.Connection:
        pool = getattr(self._transport, "_pool", None)
        if getattr(pool, "_uds", None) is not None:  # who listens at the address may be somebody else
            raise ValueError
        context = getattr(pool, "_ssl_context", None)
        if context is None:
            if self._default is None:
                self._default = httpx.create_ssl_context()
            context = self._default
        if not getattr(pool, "_http2", False):
            return _transport.connector(context, self._proxy(pool, origin))(origin, deadline)
        # With the context of an HTTP/2 client, the server could choose HTTP/2. The client sets this again before each
        # connection, so it may come between.
        while True:
            context.set_alpn_protocols(["http/1.1"])
            connection = _transport.connector(context, self._proxy(pool, origin))(origin, deadline)
            protocol = getattr(connection.sock, "selected_alpn_protocol", None)
            if protocol is None or protocol() != "h2":
                return connection
            connection.sock.close()

    def _proxy(self, pool: Any, origin: _transport.Origin) -> _transport.Proxy | None:
        if self._transport is None:
            return _proxy_of_the_environment(origin)
        url = getattr(pool, "_proxy_url", None)
        if url is None:
            return None
        fields = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in getattr(pool, "_proxy_headers", [])
        }
        text = f"{url.scheme.decode('ascii')}://{url.host.decode('ascii')}:{url.port}"
        return _transport.Proxy(text, fields, getattr(pool, "_proxy_ssl_context", None))


def _proxy_of_the_environment(origin: _transport.Origin) -> _transport.Proxy | None:
    proxies = urllib.request.getproxies()
    url = proxies.get(origin.scheme) or proxies.get("all")
    if not url or urllib.request.proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    proxy = httpx.Proxy(url if "://" in url else f"http://{url}")
    fields = {}
    if proxy.auth is not None:
        user = ":".join(proxy.auth).encode()
        fields["Proxy-Authorization"] = "Basic " + base64.b64encode(user).decode("ascii")
    return _transport.Proxy(str(proxy.url), fields)
