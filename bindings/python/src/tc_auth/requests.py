"""ThreatConnect's API with requests.

    import tc_auth.requests

    session = tc_auth.requests.Session(tc_auth.Auth.discover())
    session.get("/v3/indicators").json()

`Session` is a `requests.Session`. `TcAuthAdapter` is for a session of your own, and `TcAuth` for one that has only a
slot for authorization, such as TcEx's.
"""

from __future__ import annotations

import copy
import functools
import io
import re
import socket
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Callable

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import RequestException, UnrewindableBodyError
from requests.utils import rewind_body
from urllib3.util import parse_url
from urllib3.util.proxy import connection_requires_http_tunnel

from . import _session, _transport
from ._auth import REVIEW_LIMIT, Auth
from ._held import Held
from ._session import OnEvent, Signed
from ._status import Advice, TcAuthError

__all__ = ["Session", "TcAuth", "TcAuthAdapter"]


class TcAuthAdapter(BaseAdapter):
    """Signs each request, and renews the token when it is due.

    Mount it on a `requests.Session`. It sends through `adapter`, by default a new `HTTPAdapter`. The headers are added
    to a copy of the request: neither the response nor an exception has them. A request to another server than that of
    the API path raises `tc_auth.OtherOrigin`; a redirect to the same server is signed again. The repeats of a `Retry`
    of urllib3 have the same headers: their signature is valid for five minutes.

    A refused request is sent once more if that can help, and if its body can be sent again: bytes, str and files, but
    no generators. Otherwise the refusal is returned, and the next request uses a new token or the corrected clock.

    A request waits for a renewal for up to a minute, whatever its timeout. The renewal has the TLS settings,
    certificates and proxies of the request that needs it, and a new connection of `adapter`. If that is no
    `HTTPAdapter`, it is one of `renewal_adapter`, by default a new one.

    `on_event` is called with a `tc_auth.events.Event`. It should return soon. For a renewal it runs in another thread;
    what it raises, the request raises.
    """

    def __init__(
        self,
        auth: Auth,
        adapter: BaseAdapter | None = None,
        *,
        on_event: OnEvent | None = None,
        renewal_adapter: HTTPAdapter | None = None,
    ) -> None:
        super().__init__()
        self.adapter = HTTPAdapter() if adapter is None else adapter
        if renewal_adapter is None:
            renewal_adapter = self.adapter if isinstance(self.adapter, HTTPAdapter) else HTTPAdapter()
        self._renewal_adapter = renewal_adapter
        self._session = _session.Session(auth, on_event)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Called by `requests.Session`."""
        settings = {"timeout": timeout, "verify": verify, "cert": cert, "proxies": proxies}

        def authorize() -> tuple[requests.PreparedRequest, Signed]:
            return self._authorize(request, verify, cert, proxies)

        def send(signed_request: requests.PreparedRequest) -> requests.Response:
            outside = sys.exc_info()[1]
            try:
                response = self.adapter.send(signed_request, stream=stream, **settings)
            except Exception as error:
                if isinstance(error, RequestException):
                    error.request = request
                _session.forget_variables(error, outside)
                raise
            response.request, response.url = request, request.url or ""
            vars(response)["connection"] = self  # other hooks send again with this
            return response

        signed_request, signed = authorize()
        response = send(signed_request)
        return _finish(self._session, request, response, signed, authorize, send)

    def _authorize(
        self, request: requests.PreparedRequest, verify: Any, cert: Any, proxies: Mapping[str, str] | None
    ) -> tuple[requests.PreparedRequest, Signed]:
        signed_request = copy.copy(request)
        signed_request.headers = request.headers.copy()
        connect = functools.partial(_connect, self._renewal_adapter, verify, cert, proxies)
        return signed_request, _authorize(self._session, signed_request, self.adapter, proxies, connect)

    def close(self) -> None:
        self.adapter.close()
        self._renewal_adapter.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._session.auth!r}>"


class Session(requests.Session):
    """A `requests.Session` that signs its requests.

    A URL that begins with "/" is joined to the API path: `session.get("/v3/indicators")`. Requests to other servers
    raise `tc_auth.OtherOrigin`, unless you mount an adapter for them. `adapter` and `on_event` are those of
    `TcAuthAdapter`: to repeat requests that had no response, pass `HTTPAdapter(max_retries=...)`.

    It can't be pickled, because of its secrets.
    """

    def __init__(self, auth: Auth, adapter: BaseAdapter | None = None, *, on_event: OnEvent | None = None) -> None:
        super().__init__()
        self._api_path = auth.api_path or ""
        self.auth = _unchanged
        signing = TcAuthAdapter(auth, adapter, on_event=on_event)
        self.mount("https://", signing)
        self.mount("http://", signing)

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Joins the URL to the API path, if it begins with "/"."""
        url = request.url
        if isinstance(url, str) and url.startswith("/"):
            request = copy.copy(request)
            request.url = self._api_path + url
        return super().prepare_request(request)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without any auth, requests would look for a password in ~/.netrc."""
    return request


class TcAuth(AuthBase):
    """Signs the requests of a session that has only a slot for authorization, such as TcEx's.

        tcex.session.tc.auth = TcAuth(auth, tcex.session.tc)

    Prefer `TcAuthAdapter`: with this class the request has the headers afterwards, so who logs requests logs them, and
    after a redirect the signature of a key pair no longer fits. Pass the session if it has proxies or TLS settings of
    its own: a renewal then uses them.
    """

    def __init__(self, auth: Auth, session: requests.Session | None = None, *, on_event: OnEvent | None = None) -> None:
        self._session = _session.Session(auth, on_event)
        self._settings = requests.Session() if session is None else session

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called by requests, when it prepares the request."""
        signed = self._authorize(request)
        hooks: Any = request  # without types
        hooks.register_hook("response", functools.partial(self._answered, signed))
        return request

    def _authorize(self, request: requests.PreparedRequest) -> Signed:
        return _authorize(self._session, request, _DEFAULT, None, self._connect)

    def _connect(self, origin: _transport.Origin, deadline: float) -> _transport.Connection:
        settings = self._settings.merge_environment_settings(origin.url, {}, None, None, None)
        adapter = self._settings.get_adapter(origin.url)
        if not isinstance(adapter, HTTPAdapter):
            adapter = _DEFAULT
        return _connect(adapter, settings["verify"], settings["cert"], settings["proxies"], origin, deadline)

    def _answered(self, signed: Signed, response: requests.Response, **settings: Any) -> requests.Response:
        request = response.request

        def authorize() -> tuple[requests.PreparedRequest, Signed]:
            return request, self._authorize(request)

        def send(signed_request: requests.PreparedRequest) -> requests.Response:
            adapter: BaseAdapter = response.connection
            return adapter.send(signed_request, **settings)

        return _finish(self._session, request, response, signed, authorize, send)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._session.auth!r}>"


_DEFAULT = HTTPAdapter()


# A URL that urllib3 does not change. parse_url() would take a third of the time that signing costs.
_PLAIN_URL = re.compile(r"(https?)://([a-z0-9.-]+(?::[0-9]+)?)(/[A-Za-z0-9_~/-]*)(?:\?[A-Za-z0-9._~&=-]*)?")


def _authorize(
    session: _session.Session,
    request: requests.PreparedRequest,
    adapter: BaseAdapter,
    proxies: Any,
    connect: _transport.Connect,
) -> Signed:
    """Renews the token if it is due, and adds the headers."""
    if (plain := _PLAIN_URL.fullmatch(request.url or "")) is not None:
        scheme, host, path = plain.groups()
    else:
        # As urllib3 will write it, which encodes more than requests does.
        url = parse_url(request.url or "")
        request.url = url.url
        scheme, host, path = url.scheme or "", url.netloc or "", url.path or "/"
    request.method = (request.method or "GET").upper()  # the upper case is signed
    target = request.path_url
    if isinstance(adapter, HTTPAdapter) and (target.startswith("//") or type(adapter) is not HTTPAdapter):
        target = adapter.request_url(request, proxies)  # what it sends
    # Check before the renewal: a request to another server must not cause one.
    session.check(scheme, host)
    if (name := request.headers.get("Host")) is not None:
        session.check(scheme, name.decode("latin-1") if isinstance(name, bytes) else name)
    _transport.renew(session, connect)
    url_as_sent = f"{scheme}://{host}{target}" if target.startswith("/") else target
    signed = session.sign(request.method, url_as_sent, scheme=scheme, path=path)
    request.headers.pop("Timestamp", None)
    request.headers.update(signed.fields())
    return signed


def _finish(
    session: _session.Session,
    request: requests.PreparedRequest,
    response: requests.Response,
    signed: Signed,
    authorize: Callable[[], tuple[requests.PreparedRequest, Signed]],
    send: Callable[[requests.PreparedRequest], requests.Response],
) -> requests.Response:
    """Reviews the response, and sends the request once more if that can help."""
    if not session.needs_review(response.status_code):
        return response
    try:
        advice, held = _review(session, signed, response)
        if advice is Advice.RETRY and _can_be_sent_again(request):
            # An unfinished body holds a connection that the renewal may need, so it is closed before.
            kept = _keep(response, held)
            response.close()
            try:
                signed_request, second = authorize()
            except TcAuthError:
                if not kept:
                    raise
            else:
                session.retried(signed, response.status_code)
                signed, response = second, send(signed_request)
                advice = Advice.ACCEPTED
                if session.needs_review(response.status_code):
                    advice, _ = _review(session, signed, response)
        session.refused(signed, response.status_code, advice)
        return response
    except BaseException:  # of on_event, too: the connection of a response that nobody gets must not stay taken
        response.close()
        raise


def _review(session: _session.Session, signed: Signed, response: requests.Response) -> tuple[Advice, Held | None]:
    held = _hold(response)
    if held is None:  # not from a server, or already read
        body = response.content
    else:
        body = _decoded(held.beginning(_session.REVIEW_SECONDS), response.headers.get("Content-Encoding"))
    fields: Iterable[tuple[str, str]] = response.headers.items()
    if isinstance(response.raw, urllib3.HTTPResponse):
        fields = response.raw.headers.iteritems()  # does not join equal names
    return session.review(signed, response.status_code, fields, body), held


def _hold(response: requests.Response) -> Held | None:
    """Replaces the raw response by one of which the beginning is read."""
    raw = response.raw
    if vars(response).get("_content") or not isinstance(raw, urllib3.HTTPResponse):
        return None

    def close() -> None:
        if not held.ended:
            _shut_down(raw)
        raw.close()
        raw.release_conn()

    # Older versions of urllib3 have no read1: of a refusal that never ends, then nobody gets the beginning.
    held = Held(functools.partial(getattr(raw, "read1", raw.read), decode_content=False), close)
    like_a_file: Any = held
    original: Any = _Original(raw, held)
    response.raw = urllib3.HTTPResponse(
        body=like_a_file,
        headers=raw.headers,
        status=raw.status,
        version=raw.version,
        reason=raw.reason,
        preload_content=False,
        decode_content=raw.decode_content,
        original_response=original,
        enforce_content_length=False,  # raw does that
    )
    return held


class _Original:
    """What requests reads cookies from, and what urllib3 closes."""

    def __init__(self, raw: Any, held: Held) -> None:
        self.msg = getattr(raw._original_response, "msg", None)
        self.close = held.close
        self.isclosed = lambda: held.closed


def _shut_down(raw: Any) -> None:
    """Ends a read of another thread: close() would wait for it."""
    with suppress(Exception):
        if hasattr(raw, "shutdown"):  # urllib3 2.3
            raw.shutdown()
        else:
            raw._fp.fp.raw._sock.shutdown(socket.SHUT_RDWR)


def _keep(response: requests.Response, held: Held | None) -> bool:
    """Reads the body, if that does not block, so that it remains after close()."""
    if held is not None and not held.ended:
        return False
    try:
        return response.content is not None
    except RequestException:
        return False


def _decoded(body: bytes, encoding: str | None) -> bytes:
    """The body without its Content-Encoding, as far as it goes."""
    if not encoding:
        return body
    headers = {"Content-Encoding": encoding}
    try:
        return urllib3.HTTPResponse(io.BytesIO(body), headers, preload_content=False).read(REVIEW_LIMIT)
    except urllib3.exceptions.HTTPError:
        return b""


def _can_be_sent_again(request: requests.PreparedRequest) -> bool:
    """Goes back to the beginning of the body."""
    if request.body is None or isinstance(request.body, (bytes, str, bytearray, memoryview)):
        return True
    try:
        rewind_body(request)
    except UnrewindableBodyError:
        return False
    return True


def _connect(
    adapter: Any,
    verify: Any,
    cert: Any,
    proxies: Mapping[str, str] | None,
    origin: _transport.Origin,
    deadline: float,
) -> _transport.Connection:
    """Connects as the adapter does, to its proxy if it has one, but outside of its pool."""
    request = requests.Request("GET", origin.url).prepare()
    if hasattr(adapter, "get_connection_with_tls_context"):  # requests 2.32
        pool: Any = adapter.get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
    else:
        pool = adapter.get_connection(origin.url, proxies)
    adapter.cert_verify(pool, origin.url, verify, cert)
    connection = pool._new_conn()
    connection.timeout = _transport.left(deadline)
    tunnel = connection_requires_http_tunnel(pool.proxy, pool.proxy_config, origin.scheme)
    if tunnel:
        # The timeout is that of each read: a proxy could send a byte from time to time.
        watch = threading.Timer(connection.timeout, lambda: connection.sock.shutdown(socket.SHUT_RDWR))
        watch.daemon = True
        watch.start()
        try:
            pool._prepare_proxy(connection)
        finally:
            watch.cancel()
    if connection.sock is None:
        connection.connect()
    if connection.sock is None:
        raise OSError
    return _transport.Connection(connection.sock, None if tunnel or pool.proxy is None else pool.proxy_headers)
