"""A fake platform for the tests of your own program. It needs no network and no pytest.

    from tc_auth.testing import FakePlatform

    with FakePlatform() as platform:
        platform.answer("GET", "/v3/indicators", {"data": []})
        session = tc_auth.requests.Session(platform.token_auth())
        platform.expire_tokens()
        assert session.get("/v3/indicators").json() == {"data": []}
        assert platform.renewals == 1

With pytest, the fixture `fake_platform` is one of these.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import http.server
import json
import secrets
import sys
import threading
import time
import urllib.parse
from email.message import Message
from types import TracebackType
from typing import Any, Callable, Union

from .._auth import Auth

__all__ = ["Answer", "FakePlatform", "Request"]

_WINDOW_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Request:
    """A request with a valid authorization."""

    method: str
    path: str
    """Without the API path and the query, such as "/v3/indicators"."""

    query: dict[str, list[str]]
    headers: Message = dataclasses.field(repr=False)
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


Answer = Union[Any, Callable[[Request], Any]]
"""A value that is sent as JSON; bytes, which are sent as they are; or a function that returns one of these."""


class FakePlatform:
    """A server on this machine that checks the authorization of requests as ThreatConnect's platform does.

    It accepts one key pair, and the tokens that it has issued. A renewal invalidates the old token. All requests with a
    valid authorization are kept in `requests`. What was not given to `answer()` gets status 200 and
    `{"status": "Success"}`.
    """

    access_id = "12345678901234567890"
    secret_key = "fake-platform-secret-key"

    requests: list[Request]
    """The requests that were accepted, in this order. Renewals are not among them."""

    refused: list[str]
    """The platform's messages to requests with an invalid authorization."""

    renewals: int
    """How many renewals were asked for."""

    def __init__(self, *, token_life: int | None = None, clock_offset: int = 0) -> None:
        """Tokens live for `token_life` seconds. The clock of the platform is `clock_offset` seconds fast."""
        self.token_life = token_life
        self.clock_offset = clock_offset
        self.requests, self.refused, self.renewals = [], [], 0
        self._refuse_renewals = False
        self._answers: dict[tuple[str, str], tuple[int, Answer]] = {}
        self._lock = threading.Lock()
        self._tokens: dict[str, float | None] = {}  # those that are known, with their expiry
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def api_path(self) -> str:
        """What the platform gives to an App as tc_api_path."""
        return self.url + "/api"

    def hmac_auth(self) -> Auth:
        """An Auth with the platform's key pair and API path."""
        auth = Auth.hmac(self.access_id, self.secret_key)
        auth.set_api_path(self.api_path)
        return auth

    def token_auth(self) -> Auth:
        """An Auth with a new token and the platform's API path."""
        auth = Auth.token(*self.issue_token())
        auth.set_api_path(self.api_path)
        return auth

    def issue_token(self) -> tuple[str, int | None]:
        """Another valid token, and its expiry in Unix seconds."""
        with self._lock:
            return self._issue()

    def expire_tokens(self) -> None:
        """Expires all tokens now. They can still be renewed.

        The next request is refused, and the Auth renews its token: once a minute, because a server that rejects each new
        token must not cause a renewal with each request. For a second renewal in one test make another token_auth().
        """
        with self._lock:
            self._tokens = dict.fromkeys(self._tokens, 0.0)

    def refuse_renewals(self, refuse: bool = True) -> None:
        """From now on, a renewal is refused for good."""
        self._refuse_renewals = refuse

    def answer(self, method: str, path: str, answer: Answer, status: int = 200) -> None:
        """Answers requests with this method and path, which is without the API path and the query."""
        self._answers[method.upper(), path] = status, answer

    def close(self) -> None:
        """Stops the server."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> FakePlatform:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _now(self) -> int:
        return int(time.time()) + self.clock_offset

    def _issue(self) -> tuple[str, int | None]:
        token = f"API:{len(self._tokens) + 1}:{secrets.token_urlsafe(18)}+/="
        expires = None if self.token_life is None else self._now() + self.token_life
        self._tokens[token] = expires
        return token, expires

    def _renew(self, token: str) -> tuple[int, Any]:
        with self._lock:
            self.renewals += 1
            if self._refuse_renewals:
                return 200, {"success": False, "message": "The token may not be renewed"}
            if token not in self._tokens:
                return 401, {"success": False, "message": "Unauthorized"}
            successor, expires = self._issue()
            del self._tokens[token]
            return 200, {"success": True, "apiToken": successor, "apiTokenExpires": expires and str(expires)}

    def _objection(self, method: str, target: str, headers: Message) -> str | None:
        """The platform's message to a request that it refuses."""
        values = headers.get_all("Authorization", [])
        scheme, _, value = "".join(values).partition(" ")
        if len(values) == 1 and scheme == "TC-Token":
            with self._lock:
                expires = self._tokens.get(value, 0.0)
            return None if expires is None or self._now() < expires else "Unauthorized"
        if len(values) != 1 or scheme != "TC":
            return "Unauthorized"
        return self._objection_to_signature(value, f"{target}:{method}", "".join(headers.get_all("Timestamp", [])))

    def _objection_to_signature(self, value: str, signed: str, timestamp: str) -> str | None:
        access_id, _, signature = value.rpartition(":")
        if access_id != self.access_id:
            return "Access Denied"
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
            return "Invalid timestamp"
        if abs(int(timestamp) - self._now()) > _WINDOW_SECONDS:
            return "Timestamp out of acceptable time range"
        digest = hmac.new(self.secret_key.encode(), f"{signed}:{timestamp}".encode("latin-1"), hashlib.sha256).digest()
        if not hmac.compare_digest(signature.encode("latin-1"), base64.b64encode(digest)):
            return "Signature data did not match expected result"
        return None

    def _respond(self, method: str, target: str, headers: Message, body: bytes) -> tuple[int, Any]:
        parts = urllib.parse.urlsplit("//host" + target)
        query = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
        path = parts.path[len("/api") :] if parts.path.startswith("/api/") else parts.path
        if path.rstrip("/") == "/appAuth":
            return self._renew(query.get("expiredToken", [""])[0])
        objection = self._objection(method, target, headers)
        if objection is not None:
            self.refused.append(objection)
            return 401, {"status": "Failure", "message": objection}
        request = Request(method, path, query, headers, body)
        self.requests.append(request)
        status, answer = self._answers.get((method, path), (200, {"status": "Success"}))
        try:
            return status, answer(request) if callable(answer) else answer
        except Exception as error:
            return 500, {"status": "Failure", "message": f"the function for {method} {path} raised {error!r}"}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up does not read its response."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _handler(platform: FakePlatform) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # headers and body in one packet
        raw_requestline: bytes

        def respond(self) -> None:
            # Not self.path: the base class changes "//" at its start.
            method, target, _ = self.raw_requestline.decode("latin-1").split()
            status, value = platform._respond(method, target, self.headers, self.read_body())
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if method != "HEAD":
                self.wfile.write(content)

        do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = respond

        def read_body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(platform._now() if timestamp is None else timestamp)

        def log_message(self, format: str, *args: object) -> None:
            """Not on standard error."""

    return Handler
