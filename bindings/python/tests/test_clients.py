"""tc_auth.httpx and tc_auth.aiohttp: what is sent, what the caller gets, and where a token may not be."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import io
import json
import logging
import os
import pickle
import socket
import socketserver
import ssl
import sys
import threading
import time
import traceback
import types
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpcore
import httpx
import pytest
from clients import KINDS, WHOLE, Client
from event_loop import run
from server import UNAUTHORIZED, Answer, Received, Server, certificate
from test_requests import FAILURES, SECRET, TARGETS, TOKEN, Once, Proxy, Raw, hmac_for, is_renewal, renewed, token_for

import tc_auth
import tc_auth.aiohttp
import tc_auth.httpx
from tc_auth import _transport, events
from tc_auth.testing import FakePlatform

sys.path.append(str(Path(__file__).resolve().parents[3] / "tests" / "platform"))
from stand_in import ACCESS_ID, SECRET_KEY  # noqa: E402
from support import StandIn  # noqa: E402


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    with FakePlatform() as platform:
        yield platform


def without_token(reply: Any) -> None:
    assert "Authorization" not in reply.request_headers
    assert "Timestamp" not in reply.request_headers


# --- what is signed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [FakePlatform.hmac_auth, FakePlatform.token_auth])
def test_a_request_is_accepted(platform: FakePlatform, make: Any, kind: str) -> None:
    with Client(kind, make(platform)) as client:
        for target in TARGETS:
            for method in ("get", "POST"):
                reply = client.request(method, platform.api_path + target, body=b"body")
                assert (reply.status, platform.refused) == (200, []), target
                without_token(reply)
            assert client.get(platform.api_path + target, params={"p": "é /?&%2f"}).status == 200, target
    assert [request.method for request in platform.requests] == ["GET", "POST", "GET"] * len(TARGETS)


@pytest.mark.parametrize("kind", KINDS)
def test_other_credentials_are_replaced(platform: FakePlatform, kind: str) -> None:
    for auth in (platform.hmac_auth(), platform.token_auth()):
        with Client(kind, auth) as client:
            url = platform.api_path + "/v3/x"
            reply = client.get(url, headers={"authorization": "Basic x", "TIMESTAMP": "1"})
            if kind != "aiohttp":
                assert reply.request_headers["Authorization"] == "Basic x"  # the caller's own
            client.get(url.replace("//", "//user:password@"))
    assert (len(platform.requests), platform.refused) == (4, [])
    assert [("Timestamp" in request.headers) for request in platform.requests] == 2 * [True] + 2 * [False]
    for request in platform.requests:
        assert len(request.headers.get_all("Authorization", [])) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_another_server_gets_nothing(platform: FakePlatform, kind: str) -> None:
    with Server(lambda _: Answer()) as other, Client(kind, platform.token_auth()) as client:
        platform.expire_tokens()
        for url in (other.url, platform.url.replace("127.0.0.1", "localhost"), platform.url.replace("http", "https")):
            with pytest.raises(tc_auth.OtherOrigin):
                client.get(url)
        for host in ("other.example", other.url[len("http://") :]):
            with pytest.raises(tc_auth.OtherOrigin):
                client.get(platform.api_path, headers={"host": host})
        with pytest.raises(tc_auth.ArgumentError):
            client.get(platform.api_path, headers={"Host": "127.0.0.1@other.example"})
        assert (other.received, platform.requests, platform.renewals) == ([], [], 0)
        assert client.get(platform.api_path, headers={"Host": platform.url[len("http://") :]}).status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_api_path(kind: str) -> None:
    with pytest.raises(tc_auth.TcAuthError) as raised:
        Client(kind, tc_auth.Auth.hmac("1", "key")).get("http://127.0.0.1:9/")
    assert raised.value.status is tc_auth.Status.API_PATH_MISSING


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_auth(platform: FakePlatform, kind: str) -> None:
    auth = platform.hmac_auth()
    with Client(kind, auth) as client:
        client.get(platform.api_path)
        auth.close()
        with pytest.raises(tc_auth.Closed):
            client.get(platform.api_path)


# --- redirects


@pytest.mark.parametrize("kind", WHOLE)
def test_a_redirect_to_the_same_server_is_signed_again(kind: str) -> None:
    def answer(received: Received) -> Answer:
        return Answer(302, b"", {"Location": "/api/new?x=1"}) if received.target == "/api/old" else Answer()

    with Server(answer) as server, Client(kind, auth := hmac_for(server)) as client:
        reply = client.get(server.url + "/api/old")
        assert reply.status == 200
        without_token(reply)
        assert server.targets() == ["/api/old", "/api/new?x=1"]
        for received in server.received:
            auth.verify("GET", received.target, received.headers["Authorization"], received.headers["Timestamp"])


@pytest.mark.parametrize("kind", ["httpx-auth", "httpx-async-auth"])
def test_a_redirect_with_the_slot_keeps_the_headers(kind: str) -> None:
    """As documented."""
    refused: list[events.Event] = []

    def answer(received: Received) -> Answer:
        return Answer(302, b"", {"Location": "/api/new"}) if received.target == "/api/old" else Once()(received)

    with Server(answer) as server, Client(kind, token_for(server), refused.append) as client:
        reply = client.get(server.url + "/api/old")
        assert reply.status == 200
        without_token(reply)
        assert [type(event) for event in refused] == [events.Renewed, events.Retried]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_server_gets_nothing(kind: str, status: int) -> None:
    """The slot leaves redirects to httpx, which leaves the headers out. The answer is not reviewed, then."""
    seen: list[events.Event] = []
    with Server(lambda _: Answer(401, UNAUTHORIZED)) as other:
        with Server(lambda _: Answer(status, b"", {"Location": other.url})) as server:
            with Client(kind, token_for(server), seen.append) as client:
                if kind in WHOLE:
                    with pytest.raises(tc_auth.OtherOrigin):
                        client.get(server.url + "/api")
                    assert other.received == []
                else:
                    assert client.get(server.url + "/api").status == 401
                    assert [received.headers["Authorization"] for received in other.received] == [None]
            assert (seen, server.targets()) == ([], ["/api"])


# --- bodies, and what is repeated


def generator() -> Iterator[bytes]:
    yield b"0123"
    yield b"456789"


async def async_generator() -> AsyncIterator[bytes]:
    for part in generator():
        await asyncio.sleep(0)
        yield part


async def trio_generator() -> AsyncIterator[bytes]:
    for part in generator():
        yield part


def generator_for(kind: str) -> Any:
    if kind in ("httpx", "httpx-auth"):
        return generator()
    return trio_generator() if kind == "httpx-trio" else async_generator()


def opened(tmp_path: Path, at: int) -> Any:
    file = tmp_path / "body"
    file.write_bytes(b"0123456789")
    body = file.open("rb")
    body.seek(at)
    return body


def bodies(kind: str, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Those that each client sends twice."""
    common: dict[str, dict[str, Any]] = {
        "bytes": {"body": b"0123456789"},
        "str": {"body": "0123456789"},
        "json": {"json": {"name": "value"}},
        "multipart": {"files": {"file": opened(tmp_path, 0)}},
        "multipart, in memory": {"files": {"file": io.BytesIO(b"0123456789")}},
        "none": {},
    }
    if kind == "aiohttp":
        common |= {
            "file": {"body": opened(tmp_path, 0)},
            "moved": {"body": opened(tmp_path, 4)},
            "memory": {"body": io.BytesIO(b"0123456789")},
            "form": {"body": {"name": "value"}},
            "compressed": {"body": b"0123456789", "compress": "gzip"},
            "after a 100": {"body": b"0123456789", "expect100": True},
        }
    else:
        common |= {"form": {"data": {"name": "value"}}}
    return common


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_is_sent_again(kind: str, tmp_path: Path) -> None:
    for name, options in bodies(kind, tmp_path).items():
        happened: list[events.Event] = []
        with Server(Once()) as server, Client(kind, token_for(server), happened.append) as client:
            reply = client.request("POST", server.url + "/api/v3/x", **options)
            assert reply.status == 200, name
            without_token(reply)
            first, _, second = server.received
            assert first.body == second.body, name
            assert len(first.body) > 5 or name == "none", name
            assert first.connection == second.connection, name
        assert happened == [events.Renewed(), events.Retried("POST", "/api/v3/x", 401, tc_auth.Advice.RETRY)], name


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation


def pipe() -> Any:
    reading, writing = os.pipe()
    with open(writing, "wb") as file:
        file.write(b"01")
    return open(reading, "rb")


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_can_not_be_sent_again(kind: str) -> None:
    for name in ("generator", "unseekable"):
        happened: list[events.Event] = []
        with Server(Once()) as server, Client(kind, token_for(server), happened.append) as client:
            options: dict[str, Any] = {"body": generator_for(kind)}
            if name == "unseekable":
                options = {"body": pipe()} if kind == "aiohttp" else {"files": {"file": Unseekable(b"01")}}
            reply = client.request("POST", server.url + "/api", **options)
            assert (reply.status, reply.body) == (401, UNAUTHORIZED), name
            assert happened == [events.Refused("POST", "/api", 401, tc_auth.Advice.RETRY)], name
            assert client.get(server.url + "/api").status == 200
            assert len(server.received) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_refusal_is_returned(kind: str) -> None:
    happened: list[events.Event] = []

    def answer(received: Received) -> Answer:
        if is_renewal(received):
            return Once()(received)
        return Answer(401, UNAUTHORIZED)

    with Server(answer) as server, Client(kind, token_for(server), happened.append) as client:
        reply = client.get(server.url + "/api")
        assert (reply.status, reply.body) == (401, UNAUTHORIZED)
        assert len(server.received) == 3
    assert [type(event) for event in happened] == [events.Renewed, events.Retried, events.Refused]
    assert happened[-1] == events.Refused("GET", "/api", 401, tc_auth.Advice.TOKEN_REJECTED)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_is_sent_twice_at_most(kind: str) -> None:
    """Also if another token is there each time."""
    happened: list[events.Event] = []

    def answer(received: Received) -> Answer:
        auth.update_token(f"token-{len(server.received)}")
        return Answer(401, UNAUTHORIZED)

    with Server(answer) as server, Client(kind, auth := token_for(server), happened.append) as client:
        assert client.get(server.url + "/api").status == 401
        assert len(server.received) == 2
    assert [(type(event), event.advice.name) for event in happened] == [
        (events.Retried, "RETRY"),
        (events.Refused, "RETRY"),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_that_ended_is_returned_if_there_is_no_second_attempt(kind: str) -> None:
    """The renewal says that the token has expired."""
    happened: list[events.Event] = []

    def answer(received: Received) -> Answer:
        if is_renewal(received):
            auth.update_token(TOKEN, 1)
            return Answer(200, b'{"success": false}')
        return Answer(401, UNAUTHORIZED)

    with Server(answer) as server, Client(kind, auth := token_for(server), happened.append) as client:
        reply = client.get(server.url + "/api")
        assert (reply.status, reply.body) == (401, UNAUTHORIZED)
        assert happened[-1] == events.Refused("GET", "/api", 401, tc_auth.Advice.RETRY)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_reaches_the_caller_whole(kind: str) -> None:
    text = json.dumps({"message": "Access Denied", "padding": "x" * 600_000}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (1000, b"x" * 1000) for _ in range(300)) + b"0\r\n\r\n"
    for wire, headers, body in [
        (text, {}, text),
        (gzip.compress(text), {"Content-Encoding": "gzip"}, text),
        (chunks, {"Transfer-Encoding": "chunked"}, b"x" * 300_000),
        (b"", {}, b""),
    ]:
        happened: list[events.Event] = []
        with Server(lambda _: Answer(403, wire, headers)) as server:
            with Client(kind, hmac_for(server), happened.append) as client:
                for _ in range(3):
                    assert client.get(server.url + "/api").body == body
                if kind != "httpx-trio":
                    assert {received.connection for received in server.received} == {0}
        assert [type(event) for event in happened] == 3 * [events.Refused]


@pytest.mark.parametrize("kind", KINDS)
def test_the_message_of_a_packed_refusal_is_read(kind: str) -> None:
    message = b'{"message": "Access Denied"}'
    for body, encoding, advice in [
        (gzip.compress(message), "gzip", tc_auth.Advice.ACCESS_DENIED),
        (message, "identity", tc_auth.Advice.ACCESS_DENIED),
        (gzip.compress(bytes(10 << 20)), "gzip", tc_auth.Advice.UNKNOWN),
    ]:
        happened: list[events.Event] = []
        with Server(lambda _: Answer(403, body, {"Content-Encoding": encoding})) as server:
            with Client(kind, hmac_for(server), happened.append) as client:
                assert client.get(server.url + "/api").status == 403
        assert happened == [events.Refused("GET", "/api", 403, advice)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_breaks_off(kind: str) -> None:
    """The refusal is reviewed, and the caller gets the client's own error."""
    happened: list[events.Event] = []
    start = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\n" + b'{"message": "Access Denied"}'
    with Raw(start, closes=True) as server, Client(kind, hmac_for(server), happened.append) as client:
        with pytest.raises(Exception) as raised:
            client.get(server.url + "/api")
        assert type(raised.value).__module__.split(".")[0] == kind.split("-")[0]
    assert happened == [events.Refused("GET", "/api", 403, tc_auth.Advice.ACCESS_DENIED)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_pauses(kind: str, monkeypatch: Any) -> None:
    """The review goes on after a while."""
    for module in ("_session", "httpx", "aiohttp"):
        monkeypatch.setattr(f"tc_auth.{module}.REVIEW_SECONDS", 0.3)
    happened: list[tuple[float, events.Event]] = []
    start = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\n" + b'{"message": "Access Denied"}'
    began = time.monotonic()
    with Raw(start) as server, Client(
        kind, hmac_for(server), lambda event: happened.append((time.monotonic() - began, event)), timeout=3
    ) as client:  # fmt: skip
        with pytest.raises(Exception):
            client.get(server.url + "/api")
    [(took, event)] = happened
    assert event == events.Refused("GET", "/api", 403, tc_auth.Advice.ACCESS_DENIED)
    assert took < 2.5


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "httpx-trio"])
def test_a_refusal_that_never_ends_makes_room(kind: str, monkeypatch: Any) -> None:
    """For the second attempt, which needs the only connection."""
    for module in ("httpx", "aiohttp"):
        monkeypatch.setattr(f"tc_auth.{module}.REVIEW_SECONDS", 0.3)
    happened: list[events.Event] = []
    with Server(Once(headers={"Content-Length": "1000"})) as server:
        with Client(kind, token_for(server), happened.append, connections=1, timeout=5) as client:
            for _ in range(2):
                assert client.request("POST", server.url + "/api", b"x" * 1_000_000).status == 200
    assert [type(event) for event in happened] == [events.Renewed, events.Retried]


LARGE = b"0123456789" * 500_000


class Early(socketserver.StreamRequestHandler):
    """Refuses the old token as soon as it has the headers, and reads the body only then."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while target := self.rfile.readline():
                fields = list(iter(self.rfile.readline, b"\r\n"))
                is_new = any(field.strip().endswith(b"=x") for field in fields)
                if b"appAuth" in target:
                    self.answer(b"200 OK", renewed().body)
                elif is_new:
                    self.server.bodies.append(self.rfile.read(len(LARGE)))  # type: ignore[attr-defined]
                    self.answer(b"200 OK", b"{}")
                else:
                    self.answer(b"401 Unauthorized", UNAUTHORIZED)
                    time.sleep(0.2)
                    self.rfile.read(len(LARGE))

    def answer(self, status: bytes, body: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "httpx-trio"])
@pytest.mark.parametrize("is_file", [False, True])
def test_a_refusal_while_the_body_is_sent(kind: str, is_file: bool, tmp_path: Path) -> None:
    """The second attempt sends all of it, from its beginning."""
    file = tmp_path / "body"
    file.write_bytes(LARGE)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Early) as server, file.open("rb") as opened_file:
        server.bodies = []  # type: ignore[attr-defined]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        auth = tc_auth.Auth.token(TOKEN)
        auth.set_api_path(f"http://127.0.0.1:{server.server_address[1]}/api")
        with Client(kind, auth) as client:
            body = opened_file if is_file and kind == "aiohttp" else LARGE
            assert client.request("POST", f"{auth.api_path}/x", body).status == 200
        assert server.bodies == [LARGE]  # type: ignore[attr-defined]
        server.shutdown()


# --- renewals


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_on_event_reaches_the_request(platform: FakePlatform, kind: str) -> None:
    def on_event(event: events.Event) -> None:
        raise LookupError(event)

    with Client(kind, platform.token_auth(), on_event) as client:
        platform.expire_tokens()
        url = platform.api_path + "/v3/x"
        with pytest.raises(LookupError):
            client.get(url)
        assert client.get(url).status == 200
        platform.answer("GET", "/v3/x", {"message": "Access Denied"}, status=403)
        with pytest.raises(LookupError):
            client.get(url)
        assert client.get(platform.api_path).status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_another_renewal_that_takes_too_long(kind: str, monkeypatch: Any) -> None:
    for module in ("_asyncio", "_transport"):
        monkeypatch.setattr(f"tc_auth.{module}.PATIENCE_SECONDS", 0.2)
    with Server(Once()) as server:
        ticket = (auth := token_for(server, expires=int(time.time()) - 10)).poll()
        assert ticket is not None
        with Client(kind, auth) as client, pytest.raises(tc_auth.RenewalTimeout):
            client.get(server.url + "/api")
        ticket.cancel()


@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_with_a_password(kind: str) -> None:
    with Server(Once()) as server, Proxy() as proxy:
        auth = token_for(server, expires=int(time.time()) - 10)
        with Client(kind, auth, proxy=proxy.url.replace("//", "//user:password@")) as client:
            assert client.get(server.url + "/api/v3/x%2f").status == 200
        assert [received.headers["Proxy-Authorization"] for received in proxy.received] == 2 * [
            "Basic dXNlcjpwYXNzd29yZA=="
        ]
        assert [received.target.startswith(server.url) for received in proxy.received] == [True, True]
        assert [is_renewal(received) for received in server.received] == [True, False]
        for received in server.received:
            assert not [name for name in received.headers if name.lower() in ("cookie", "proxy-authorization")]


@pytest.mark.parametrize("kind", ["httpx-auth", "aiohttp"])
def test_a_proxy_of_the_environment(kind: str, monkeypatch: Any) -> None:
    with Server(Once()) as server, Proxy() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:password@"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        auth = token_for(server, expires=int(time.time()) - 10)
        options = {"trust_env": True} if kind == "aiohttp" else {}
        with Client(kind, auth, **options) as client:
            assert client.get(server.url + "/api").status == 200
            assert "appAuth" in proxy.received[0].target
            assert proxy.received[0].headers["Proxy-Authorization"] == "Basic dXNlcjpwYXNzd29yZA=="
            count = len(proxy.received)
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            auth.update_token(TOKEN, 1)
            assert client.get(server.url + "/api").status == 200
            assert len(proxy.received) == count


# --- where a token may not be


class Context:
    """TLS with a certificate for 127.0.0.1."""

    def __init__(self, server: ssl.SSLContext, file: str, *protocols: str) -> None:
        self.server = server
        self.server.set_alpn_protocols(list(protocols))
        self.client = ssl.create_default_context(cafile=file)
        self.fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(Path(file).read_text())).digest()


@pytest.fixture(scope="module")
def tls() -> Iterator[Context]:
    with certificate() as (server, file):
        yield Context(server, file, "http/1.1")


def report(error: BaseException) -> str:
    """All that a tool such as Sentry shows: the exception and those before it, with the variables of all functions."""
    shown: list[str] = []
    one: BaseException | None = error
    while one is not None:
        shown += traceback.TracebackException.from_exception(one, capture_locals=True).format()
        one = one.__cause__ or one.__context__
    return "".join(shown)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_renewal_shows_no_token(kind: str, failure: str, capfd: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    happened: list[events.Event] = []

    def answer(received: Received) -> Answer:
        return FAILURES[failure] if is_renewal(received) else Answer(401, UNAUTHORIZED)

    with Server(answer) as server:
        auth = token_for(server, expires=int(time.time()) - 10)
        with Client(kind, auth, happened.append) as client, pytest.raises(tc_auth.TokenExpired) as raised:
            client.get(server.url + "/api/v3/x")
        assert len(server.received) == 1
    assert isinstance(happened[0], events.RenewalFailed)
    shown = report(raised.value)
    assert "client" in shown
    assert SECRET not in shown + repr(happened) + caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"no HTTP\r\n\r\n"])
def test_an_error_after_signing_shows_no_token(kind: str, start: bytes, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    with Raw(start, closes=b"no" in start) as server, Client(kind, token_for(server), timeout=0.3) as client:
        with pytest.raises(Exception) as raised:
            client.get(server.url + "/api/v3/x")
        shown = report(raised.value)
        assert "client" in shown
        assert SECRET not in shown + caplog.text
        request = getattr(raised.value, "request", None)  # of httpx
        if request is not None:
            assert "Authorization" not in request.headers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_debug", [False, True])
def test_logs_show_no_token(kind: str, is_debug: bool, caplog: Any, capfd: Any, tls: Context) -> None:
    """At DEBUG, also of asyncio in its debug mode, for which every step is slow. Over TLS, because that logs, too."""
    caplog.set_level(logging.DEBUG if is_debug else logging.INFO)
    with Server(Once(), tls.server) as server:
        auth = token_for(server, expires=int(time.time()) - 10)
        with Client(kind, auth, verify=tls.client) as client:
            run(debug_loop(is_debug))
            try:
                assert client.request("POST", server.url + "/api/v3/x", b"body").status == 200
                auth.update_token(TOKEN)
                assert client.request("POST", server.url + "/api/v3/x", b"body").status == 200  # after a refusal
            finally:
                run(debug_loop(False))
        assert sum(map(is_renewal, server.received)) == 2
    expected = {"httpx-trio": "httpcore"}.get(kind, "asyncio" if "async" in kind or kind == "aiohttp" else "httpcore")
    assert not is_debug or expected in caplog.text
    assert SECRET not in caplog.text + "".join(capfd.readouterr())


async def debug_loop(is_debug: bool) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(is_debug)
    loop.slow_callback_duration = 0.0 if is_debug else 0.1


@pytest.mark.parametrize("kind", WHOLE)
def test_nobody_else_sees_the_headers(kind: str) -> None:
    """Neither the hooks of httpx, nor the traces of aiohttp, nor the report of a status."""
    if kind == "aiohttp":
        seen = run(traced())
    else:
        seen = hooked(kind)
    assert any("v3/x" in text for text in seen)
    assert SECRET not in "".join(seen)


def hooked(kind: str) -> list[str]:
    seen: list[str] = []

    def hook(message: Any) -> None:
        request = getattr(message, "request", message)
        seen.append(f"{request.url} {list(request.headers.raw)}")

    async def async_hook(message: Any) -> None:
        hook(message)

    hooks = {event: [hook if kind == "httpx" else async_hook] for event in ("request", "response")}
    with Server(Once()) as server, Client(kind, token_for(server), event_hooks=hooks) as client:
        assert client.get(server.url + "/api/v3/x").status == 200
        assert len(server.received) == 3
    return seen


async def traced() -> list[str]:
    seen: list[str] = []

    async def trace(_session: Any, _context: Any, parameters: Any) -> None:
        fields = dict(getattr(parameters, "headers", {}))
        seen.append(f"{type(parameters).__name__} {parameters} {json.dumps(fields)}")

    config = aiohttp.TraceConfig()
    names = [name for name in dir(config) if name.startswith("on_")]
    for name in names:
        getattr(config, name).append(trace)
    with Server(Once()) as server:
        middleware = tc_auth.aiohttp.TcAuthMiddleware(token_for(server))
        async with aiohttp.ClientSession(middlewares=[middleware], trace_configs=[config]) as session:
            async with session.post(server.url + "/api/v3/x", data=b"x") as response:
                assert response.status == 200
            async with session.get(server.url + "/api/v3/x") as response:
                response.status = 404
                with pytest.raises(aiohttp.ClientResponseError) as raised:
                    response.raise_for_status()
                seen.append(repr(raised.value) + report(raised.value))
            middleware._session.auth.close()
    kinds = {text.partition(" ")[0] for text in seen}
    assert {"TraceRequestHeadersSentParams", "TraceRequestEndParams", "TraceRequestChunkSentParams"} <= kinds
    headers_sent = [text for text in seen if text.startswith("TraceRequestHeadersSent")]
    assert len(headers_sent) == 3
    assert all('"Authorization": "***"' in text for text in headers_sent)
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_no_repr_shows_a_secret(kind: str, platform: FakePlatform) -> None:
    with Client(kind, platform.token_auth()) as client:
        for one in vars(client).values():
            assert platform.issue_token()[0][:6] not in repr(one)
    for make in (
        tc_auth.httpx.TcAuth, tc_auth.httpx.TcAuthTransport, tc_auth.httpx.AsyncTcAuthTransport,
        tc_auth.aiohttp.TcAuthMiddleware,
    ):  # fmt: skip
        one = make(platform.token_auth())
        assert repr(one).startswith(f"<{make.__name__} <tc_auth.Auth ")
        with pytest.raises(TypeError, match="can't be copied or pickled|cannot pickle"):
            pickle.dumps(one)


# --- TLS


@pytest.mark.parametrize("kind", KINDS)
def test_a_renewal_trusts_whom_the_client_trusts(kind: str, tls: Context) -> None:
    happened: list[events.Event] = []
    with Server(Once(), tls.server) as server:
        with Client(kind, token_for(server, expires=int(time.time()) - 10), happened.append) as client:
            with pytest.raises(aiohttp.ClientSSLError if kind == "aiohttp" else tc_auth.TokenExpired):
                client.get(server.url + "/api")
        assert happened == [events.RenewalFailed(failure="SSLCertVerificationError")]
        assert server.received == []
        auth = token_for(server, expires=int(time.time()) - 10)
        with Client(kind, auth, happened.append, verify=tls.client) as client:
            assert client.get(server.url + "/api").status == 200
        assert happened[1:] == [events.Renewed()]


class Racing(ssl.SSLContext):
    """Of a client for HTTP/2, which has just made a connection, and makes another one between two calls."""

    calls = 0

    def set_alpn_protocols(self, protocols: Any) -> None:
        self.calls += 1
        super().set_alpn_protocols(["http/1.1", "h2"] if self.calls < 3 else protocols)


@pytest.mark.parametrize("kind", ["httpx", "httpx-auth", "httpx-async", "httpx-async-auth"])
def test_a_renewal_is_sent_over_http_1(kind: str) -> None:
    """Also if the client speaks HTTP/2, and the server prefers it."""
    happened: list[events.Event] = []
    with certificate() as (context, file):
        context.set_alpn_protocols(["h2", "http/1.1"])
        racing = Racing(ssl.PROTOCOL_TLS_CLIENT)
        racing.load_verify_locations(file)
        racing.set_alpn_protocols(["http/1.1", "h2"])
        with Server(Once(), context) as server:
            auth = token_for(server, expires=int(time.time()) - 10)
            with Client(kind, auth, happened.append, verify=racing, http2=True) as client:
                with contextlib.suppress(Exception):  # the server does not speak HTTP/2 at all
                    client.get(server.url + "/api")
                assert happened == [events.Renewed()]
                assert racing.calls > 2


@pytest.mark.parametrize("setting", ["right", "wrong", False])
def test_the_tls_settings_of_a_request_of_aiohttp(setting: Any, tls: Context) -> None:
    happened: list[events.Event] = []
    fingerprint = aiohttp.Fingerprint(tls.fingerprint if setting == "right" else bytes(32))

    async def send() -> None:
        with Server(Once(), tls.server) as server:
            auth = token_for(server, expires=int(time.time()) - 10)
            middleware = tc_auth.aiohttp.TcAuthMiddleware(auth, on_event=happened.append)
            async with aiohttp.ClientSession(middlewares=[middleware]) as session:
                async with session.get(server.url + "/api", ssl=fingerprint if setting else False) as response:
                    assert response.status == 200

    if setting == "wrong":
        with pytest.raises(aiohttp.ServerFingerprintMismatch):
            run(send())
        assert happened == [events.RenewalFailed(failure="SSLError")]
    else:
        run(send())
        assert happened == [events.Renewed()]


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "httpx-trio"])
def test_a_renewal_is_not_sent_to_somebody_else(kind: str, tmp_path: Path) -> None:
    """Who has a Unix socket does not mean the server at this address."""
    happened: list[events.Event] = []
    with Server(Once()) as server:
        auth = token_for(server, expires=int(time.time()) - 10)
        with Client(kind, auth, happened.append, unix=str(tmp_path / "socket")) as client:
            with pytest.raises((tc_auth.TokenExpired, aiohttp.ClientConnectorError)):
                client.get(server.url + "/api")
        assert server.received == []
    assert happened == [events.RenewalFailed(failure="ValueError")]


def test_a_renewal_is_not_sent_past_a_socks_proxy() -> None:
    pool = types.SimpleNamespace(_proxy_url=httpcore.URL("socks5://127.0.0.1:9"), _ssl_context=None, _proxy_headers=[])
    connect = tc_auth.httpx._Connect(types.SimpleNamespace(_pool=pool))
    with Server(lambda _: Answer()) as server, pytest.raises(ValueError):
        connect(_transport.origin_of(urlsplit(server.url)), time.monotonic() + 5)


# --- what the clients do with URLs, connections and cookies

BUILT = ["a/b é", "100%", "x+y&z=;:@!$'()*,", '[]{}|^`<>"\\~', "%2F%20"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_built_url_arrives_as_it_is(platform: FakePlatform, kind: str) -> None:
    auth = platform.hmac_auth()
    with Client(kind, auth) as client:
        for text in BUILT:
            url = auth.url("/v3")
            url.add_segment(text)
            url.add_query("q", text)
            assert client.get(str(url), is_encoded=True).status == 200
            [request] = platform.requests
            assert (request.path, request.query) == (
                str(url)[len(platform.api_path) :].partition("?")[0],
                {"q": [text]},
            )
            platform.requests.clear()
    assert platform.refused == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_base_url_of_a_client(platform: FakePlatform, kind: str) -> None:
    with Client(kind, platform.hmac_auth(), base_url=platform.api_path + "/") as client:
        assert client.get("v3/x?a=b", params={} if kind == "aiohttp" else None).status == 200
    assert [request.path for request in platform.requests] == ["/v3/x"]


@pytest.mark.skipif(httpcore.__version__ < "1.0.4", reason="httpcore does not have it")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "aiohttp"])
def test_a_target_of_its_own(platform: FakePlatform, kind: str) -> None:
    """An extension of httpx: it does not change this path."""
    with Client(kind, platform.hmac_auth()) as client:
        target = b"/api/v3/../x//%7e?a=[b]"
        assert client.get(platform.api_path, extensions={"target": target}).status == 200
    assert [request.path for request in platform.requests] == ["/v3/../x//%7e"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "httpx-trio"])
def test_cookies(kind: str) -> None:
    """Those of the client reach the platform, but not with a renewal."""
    cookie = {"Set-Cookie": "a=b; Path=/"}

    def answer(received: Received) -> Answer:
        return Once()(received)._replace(headers=cookie)

    with Server(answer) as server:
        with Client(kind, auth := token_for(server)) as client:
            auth.review(auth.headers("GET", server.url), 401, body=UNAUTHORIZED)
            assert client.get(server.url + "/api").status == 200
            assert client.get(server.url + "/api").status == 200
        cookies = [(is_renewal(received), received.headers["Cookie"]) for received in server.received]
        assert cookies == [(True, None), (False, None), (False, "a=b")]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "httpx-trio"])
def test_no_connection_is_lost(kind: str) -> None:
    """The only connection is given back, whatever the caller does with the refusal."""
    large = b"x" * 1_000_000
    with Server(lambda received: Answer(int(received.target[-3:]), large)) as server:
        with Client(kind, hmac_for(server), connections=1) as client:
            for status in (400, 401, 403) * 2:
                url = f"{server.url}/api/{status}"
                assert client.beginning(url, 10) == large[:10]
                assert client.beginning(url, 0) == b""
                assert client.get(url).body == large


def test_aiohttp_signs_what_it_repeats() -> None:
    """It repeats a request on a kept connection that is dead. The middleware sees that as another request."""
    with StandIn("--dead-connections") as stand_in:
        auth = tc_auth.Auth.hmac(ACCESS_ID, SECRET_KEY)
        auth.set_api_path(stand_in.url + "/api")
        seen: list[str] = []

        async def send() -> None:
            async def outer(request: Any, handler: Any) -> Any:
                seen.append(request.method)
                return await handler(request)

            middlewares = [outer, tc_auth.aiohttp.TcAuthMiddleware(auth)]
            async with aiohttp.ClientSession(middlewares=middlewares) as session:
                for method in ("GET", "PUT"):
                    async with session.request(method, stand_in.url + "/api/v3/x", data=b"x") as response:
                        assert response.status == 200

        run(send())
        assert seen == ["GET", "PUT", "PUT"]
        assert (stand_in.stats()["verified"], stand_in.stats()["refused"]) == (2, 0)


@pytest.mark.parametrize("change", ["another token", "it expired", "a later clock"])
def test_aiohttp_signs_when_there_is_a_connection(change: str) -> None:
    """While the request waited for it, the token was replaced or expired, or the time of a signature passed."""
    arrived, go_on = threading.Event(), threading.Event()

    def answer(received: Received) -> Answer:
        if is_renewal(received):
            return Answer(200, json.dumps({"success": True, "apiToken": "the-newer-one"}).encode())
        arrived.set()
        go_on.wait(10)
        return Answer()

    async def send() -> None:
        middlewares = [tc_auth.aiohttp.TcAuthMiddleware(auth)]
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(middlewares=middlewares, connector=connector) as session:

            async def get() -> None:
                async with session.get(server.url + "/api") as response:
                    assert response.status == 200

            tasks = [asyncio.ensure_future(get()) for _ in range(2)]
            while not arrived.is_set():
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            if change == "another token":
                auth.update_token("the-newer-one")
            elif change == "it expired":
                auth.update_token(TOKEN, int(time.time()) - 10)
            else:
                auth.clock_offset = 1000
            go_on.set()
            await asyncio.gather(*tasks)

    with Server(answer) as server:
        auth = hmac_for(server) if change == "a later clock" else token_for(server)
        run(send())
        first, second = (received.headers for received in server.received if not is_renewal(received))
        if change == "a later clock":
            assert int(second["Timestamp"]) - int(first["Timestamp"]) >= 1000
        else:
            values = [headers["Authorization"] for headers in (first, second)]
            assert values == [f"TC-Token {TOKEN}", "TC-Token the-newer-one"]


def test_aiohttp_with_a_middleware_for_one_request(platform: FakePlatform) -> None:
    """That answers for the platform, too: then nothing is signed."""
    middleware = tc_auth.aiohttp.TcAuthMiddleware(platform.hmac_auth())

    async def send() -> None:
        async with aiohttp.ClientSession() as session:

            async def instead(request: Any, handler: Any) -> Any:
                return await session.get(platform.url + "/elsewhere")

            async with session.get(platform.api_path, middlewares=[middleware]) as response:
                assert response.status == 200
            async with session.get(platform.api_path, middlewares=[middleware, instead]) as response:
                assert response.status == 401

    run(send())
    assert (len(platform.requests), platform.refused) == (1, ["Unauthorized"])


@pytest.mark.parametrize("kind", ["httpx", "httpx-async"])
def test_around_a_transport_that_is_not_for_http(platform: FakePlatform, kind: str) -> None:
    """Such as a mock. The settings for the renewal are then those of another transport."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200) if len(set(seen)) > 1 else httpx.Response(401, content=UNAUTHORIZED)

    async def send() -> int:
        transport = tc_auth.httpx.AsyncTcAuthTransport(auth, mock, renewal=httpx.AsyncHTTPTransport())
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.get(platform.api_path)).status_code

    auth, mock = platform.token_auth(), httpx.MockTransport(answer)
    if kind == "httpx":
        transport = tc_auth.httpx.TcAuthTransport(auth, mock, renewal=httpx.HTTPTransport())
        assert httpx.Client(transport=transport).get(platform.api_path).status_code == 200
    else:
        assert run(send()) == 200
    assert (len(seen), platform.renewals) == (2, 1)


@pytest.mark.parametrize("kind", ["httpx-auth", "httpx-async-auth"])
def test_a_hook_that_reads_the_response(kind: str) -> None:
    def hook(response: httpx.Response) -> None:
        response.read()

    async def async_hook(response: httpx.Response) -> None:
        await response.aread()

    hooks = {"response": [hook if kind == "httpx-auth" else async_hook]}
    with Server(Once()) as server, Client(kind, token_for(server), event_hooks=hooks) as client:
        assert client.get(server.url + "/api").status == 200
        assert len(server.received) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_an_observer_that_raises_costs_no_connection(kind: str) -> None:
    def observer(event: events.Event) -> None:
        if isinstance(event, events.Refused):
            raise ValueError("of the observer")

    errors = []
    with Server(lambda _: Answer(403, b"x" * 1_000_000)) as server:
        with Client(kind, token_for(server), observer, connections=1, timeout=5) as client:
            for _ in range(3):
                with pytest.raises(ValueError, match="of the observer") as raised:
                    client.get(server.url + "/api/v3/x")
                errors.append(raised.value)
        assert len(server.received) == 3
