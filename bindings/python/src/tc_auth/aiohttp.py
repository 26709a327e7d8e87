"""ThreatConnect's API with aiohttp 3.12 and later.

    import aiohttp
    import tc_auth.aiohttp

    auth = tc_auth.Auth.discover()
    async with aiohttp.ClientSession(middlewares=[tc_auth.aiohttp.TcAuthMiddleware(auth)]) as session:
        async with session.get(str(auth.url("/v3/indicators"))) as response:
            print(await response.json())

Pass aiohttp the string of a `tc_auth.URL` as `yarl.URL(str(url), encoded=True)` if it must arrive exactly as it is.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, Fingerprint, TCPConnector
from multidict import CIMultiDict
from yarl import URL

from . import _asyncio, _transport
from ._auth import REVIEW_LIMIT, Auth
from ._session import REVIEW_SECONDS, OnEvent, Session, Signed
from ._status import Advice, RenewalTimeout, TcAuthError

__all__ = ["TcAuthMiddleware"]

AUTHORIZATION = "Authorization"
TIMESTAMP = "Timestamp"


class TcAuthMiddleware:
    """Signs each request, and renews the token when it is due.

    Pass it to `aiohttp.ClientSession(middlewares=[...])`, as the last one, or to a single request. It may be used by several
    sessions, and in several event loops. A request to another server than that of the API path raises `tc_auth.OtherOrigin`;
    a redirect to the same server, and what aiohttp sends again after a lost connection, are signed anew.

    The headers are added when the request has got its connection, and removed when they are written: neither the response, an
    exception nor a trace has them.

    A refused request is sent once more if that can help, and if its body can be sent again: bytes, str, JSON, forms and files
    that can seek, but no generators. Otherwise the refusal is returned, and the next request uses a new token or the corrected
    clock.

    A renewal runs in a thread, on a new connection with the TLS settings and the proxy of the request that needs it. It goes
    on if that request is cancelled. Through a Unix socket a token can't be renewed, and a renewal does not use the proxy of a
    connector of another package, such as one for SOCKS.

    `on_event` is called with a `tc_auth.events.Event`, in the thread of the event loop. It should return soon. What it raises,
    the request raises.
    """

    def __init__(self, auth: Auth, *, on_event: OnEvent | None = None) -> None:
        self._session = Session(auth, on_event)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._session.auth!r}>"

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Called by aiohttp for each request, also after a redirect."""
        attempt = _Attempt(self._session, request)
        response = await attempt.send(handler)
        # An inner middleware can answer without sending anything.
        if attempt.signed is None or not self._session.needs_review(response.status):
            return response
        try:
            return await self._finish(attempt, handler, response)
        except BaseException:  # of on_event, too: the connection of a response that nobody gets must not stay taken
            if attempt.response is not None:
                attempt.response.close()
            raise

    async def _finish(self, attempt: _Attempt, handler: ClientHandlerType, response: ClientResponse) -> ClientResponse:
        """Reviews the response, and sends the request once more if that can help."""
        advice = await attempt.review(response)
        if advice is Advice.RETRY and _can_be_sent_again(attempt.request):
            # An unfinished body holds a connection that the second attempt may need. One that has ended can be returned.
            ended = response.content.is_eof()
            if not ended:
                response.close()
            await attempt.request.close()  # its body may still be under way
            attempt.refusal = response
            try:
                response = await attempt.send(handler)
            except TcAuthError:
                if not ended:
                    raise
            else:
                advice = Advice.ACCEPTED
                if self._session.needs_review(response.status):
                    advice = await attempt.review(response)
        assert attempt.signed is not None
        self._session.refused(attempt.signed, response.status, advice)
        return response


class _Attempt:
    """A request, which is signed each time it is sent."""

    def __init__(self, session: Session, request: ClientRequest) -> None:
        self.session, self.request = session, request
        self.signed: Signed | None = None
        self.response: ClientResponse | None = None
        self.refusal: ClientResponse | None = None  # to the first attempt

    async def prepare(self) -> None:
        """Renews the token if it is due."""
        request = self.request
        url = request.url
        # Check before the renewal: a request to another server must not cause one.
        self.session.check(url.scheme, url.raw_authority)
        for host in request.headers.getall("Host", ()):
            self.session.check(url.scheme, host)
        try:
            await _asyncio.renew(self.session, _Connect(request))
        except RenewalTimeout as error:
            raise _timeout(error) from None

    async def send(self, handler: ClientHandlerType) -> ClientResponse:
        await self.prepare()
        request = self.request
        send, show = request.send, getattr(request, "_on_headers_request_sent", None)
        # aiohttp calls this when the request has got its connection: until then the token may have been replaced, and the
        # clock may have passed the time of a signature.
        replaced: dict[str, Any] = {"send": lambda connection: self._sign_and_send(send, connection)}
        if show is not None:
            replaced["_on_headers_request_sent"] = _without_secrets(show)
        vars(request).update(replaced)
        try:
            self.response = await handler(request)
            return self.response
        finally:
            for name in replaced:
                vars(request).pop(name, None)

    async def _sign_and_send(self, send: Callable[[Any], Awaitable[ClientResponse]], connection: Any) -> ClientResponse:
        await self.prepare()
        request = self.request
        url = request.url
        target = f"{url.scheme}://{url.raw_authority}{url.raw_path_qs}"
        self.signed = self.session.sign(request.method, target, scheme=url.scheme, path=url.raw_path)
        if self.refusal is not None:
            self.session.retried(self.signed, self.refusal.status)
        headers = request.headers
        self._remove_headers()
        headers.update(self.signed.fields())
        try:
            return await send(connection)
        finally:
            self._remove_headers()

    def _remove_headers(self) -> None:
        for name in (AUTHORIZATION, TIMESTAMP):
            self.request.headers.popall(name, None)

    async def review(self, response: ClientResponse) -> Advice:
        assert self.signed is not None
        body = await _beginning(response)
        return self.session.review(self.signed, response.status, response.headers.items(), body)


def _without_secrets(show: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """The call that shows the headers to the traces of the session."""

    async def show_others(method: str, url: URL, headers: CIMultiDict[str]) -> None:
        others = headers.copy()
        others[AUTHORIZATION] = "***"
        await show(method, url, others)

    return show_others


def _can_be_sent_again(request: ClientRequest) -> bool:
    body = request.body
    if isinstance(body, bytes):  # b"" is no body
        return True
    return not getattr(body, "consumed", True)


async def _beginning(response: ClientResponse) -> bytes:
    """What arrives in time of the first bytes of the body. They stay there: the caller reads all of it."""
    content = response.content
    deadline = time.monotonic() + REVIEW_SECONDS
    while not content.is_eof() and content.exception() is None:
        left = deadline - time.monotonic()
        # aiohttp reads no more than its limit until somebody takes something.
        if left <= 0 or content.total_bytes >= min(REVIEW_LIMIT, content.get_read_buffer_limits()[1]):
            break
        try:
            await asyncio.wait_for(content.wait_eof(), min(left, 0.02))
        except asyncio.TimeoutError:
            pass
        except Exception:  # the caller gets it, too
            break
    return b"".join(getattr(content, "_buffer", ()))[:REVIEW_LIMIT]


class _Connect:
    """Connects as aiohttp would for this request."""

    def __init__(self, request: ClientRequest) -> None:
        self._request = request

    def __call__(self, origin: _transport.Origin, deadline: float) -> _transport.Connection:
        request = self._request
        if not isinstance(request.session.connector, TCPConnector):  # who listens at the address may be somebody else
            raise ValueError
        settings = [request.ssl, getattr(request.session.connector, "_ssl", True)]
        setting = next((setting for setting in settings if setting is not True), True)
        context = setting if isinstance(setting, ssl.SSLContext) else None
        if isinstance(setting, Fingerprint) or setting is False:
            context = _unverified()
        connection = _transport.connector(context, self._proxy(context))(origin, deadline)
        if isinstance(setting, Fingerprint) and origin.scheme == "https":
            try:
                certificate = connection.sock.getpeercert(True)
                if hashlib.sha256(certificate).digest() != setting.fingerprint:
                    raise ssl.SSLError
            except BaseException:
                connection.sock.close()
                raise
        return connection

    def _proxy(self, context: ssl.SSLContext | None) -> _transport.Proxy | None:
        request = self._request
        url = request.proxy
        if url is None:
            return None
        fields = CIMultiDict(request.proxy_headers or ())
        if request.proxy_auth is not None:
            fields["Proxy-Authorization"] = request.proxy_auth.encode()
        elif url.raw_user is not None or url.raw_password is not None:
            user = f"{url.user or ''}:{url.password or ''}".encode("latin-1")
            fields["Proxy-Authorization"] = "Basic " + base64.b64encode(user).decode("ascii")
        return _transport.Proxy(str(url), dict(fields), context)


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


if sys.version_info >= (3, 11):

    def _timeout(error: RenewalTimeout) -> RenewalTimeout:
        return error

else:

    class _RenewalTimeout(RenewalTimeout, asyncio.TimeoutError):
        """aiohttp turns every other OSError into one of its own."""

    def _timeout(error: RenewalTimeout) -> RenewalTimeout:
        return _RenewalTimeout(error.status, error.explanation)
