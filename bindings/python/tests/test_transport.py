"""The renewal of a token, over each kind of connection, and its parser."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import requests.adapters
from server import Answer, Received, Server, Tunnel, certificate

import tc_auth
import tc_auth.requests
from tc_auth import _transport, events
from tc_auth._held import Held
from tc_auth._session import Session
from tc_auth.requests import TcAuthAdapter

TOKEN = "API:5:the-token="
GOOD = json.dumps({"success": True, "apiToken": "API:6:the-next-token="}).encode()
PASSWORD = {"Proxy-Authorization": "Basic " + base64.b64encode(b"user:password").decode()}


def due(url: str) -> tc_auth.Auth:
    auth = tc_auth.Auth.token(TOKEN, int(time.time()) - 10)
    auth.set_api_path(url + "/api")
    return auth


def renew(url: str, connect: _transport.Connect) -> events.Event:
    renewal = due(url).poll()
    assert renewal is not None
    return _transport.exchange(renewal, connect)


@pytest.fixture(scope="module")
def tls() -> Iterator[tuple[ssl.SSLContext, str]]:
    with certificate() as made:
        yield made


def renewal_answer(received: Received) -> Answer:
    """Only to a renewal as it should be."""
    assert received.target == "/api/appAuth?expiredToken=API%3A5%3Athe-token%3D"
    names = sorted(name.lower() for name in received.headers)
    assert names == ["accept", "accept-encoding", "connection", "host", "user-agent"]
    return Answer(200, GOOD)


def ways(context: ssl.SSLContext | None) -> dict[str, ssl.SSLContext | None]:
    return {"http": None, "https": context}


# --- connections


@pytest.mark.parametrize("proxy_scheme", ["none", "http", "https"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_connections_of_the_standard_library(scheme: str, proxy_scheme: str, tls: tuple[ssl.SSLContext, str]) -> None:
    server_context, file = tls
    trusting = ssl.create_default_context(cafile=file)
    with Server(renewal_answer, ways(server_context)[scheme]) as server:
        if proxy_scheme == "none":
            assert renew(server.url, _transport.connector(trusting)) == events.Renewed()
        elif scheme == "http":
            with Server(renewal_through_a_proxy(server), ways(server_context)[proxy_scheme]) as forwarding:
                proxy = _transport.Proxy(forwarding.url, PASSWORD, trusting)
                assert renew(server.url, _transport.connector(trusting, proxy)) == events.Renewed()
        else:
            with Tunnel(ways(server_context)[proxy_scheme]) as tunnel:
                proxy = _transport.Proxy(tunnel.url, PASSWORD, trusting)
                assert renew(server.url, _transport.connector(trusting, proxy)) == events.Renewed()
                assert PASSWORD["Proxy-Authorization"] in tunnel.heads[0]
                assert "the-token" not in tunnel.heads[0]
        assert (len(server.received) == 1) == (scheme == "https" or proxy_scheme == "none")


def renewal_through_a_proxy(server: Server) -> Any:
    def answer(received: Received) -> Answer:
        assert received.target.startswith(server.url + "/api/appAuth?")
        assert received.headers["Proxy-Authorization"] == PASSWORD["Proxy-Authorization"]
        return Answer(200, GOOD)

    return answer


@pytest.mark.parametrize("proxy_scheme", ["none", "http", "https"])
def test_connections_of_requests(proxy_scheme: str, tls: tuple[ssl.SSLContext, str]) -> None:
    server_context, file = tls

    def answer(received: Received) -> Answer:
        return renewal_answer(received) if "appAuth" in received.target else Answer()

    with Server(answer, server_context) as server, Tunnel(ways(server_context).get(proxy_scheme)) as tunnel:
        session = requests.Session()
        session.trust_env = False
        session.verify = file
        session.mount("https://", TcAuthAdapter(due(server.url)))
        if proxy_scheme != "none":
            session.proxies = {"https": tunnel.url.replace("//", "//user:password@")}
        assert session.get(server.url + "/api/v3/x").status_code == 200
        assert len(server.received) == 2
        assert len(tunnel.heads) == (0 if proxy_scheme == "none" else 2)
        assert all("Basic dXNlcjpwYXNzd29yZA==" in head for head in tunnel.heads)


def test_a_certificate_of_a_stranger(tls: tuple[ssl.SSLContext, str]) -> None:
    with Server(renewal_answer, tls[0]) as server:
        failed = events.RenewalFailed(failure="SSLCertVerificationError")
        assert renew(server.url, _transport.connector(ssl.create_default_context())) == failed
        assert server.received == []


@pytest.mark.parametrize("refusal", [b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", b"\r\n\r\n", b"x"])
def test_a_proxy_that_refuses(refusal: bytes, tls: tuple[ssl.SSLContext, str]) -> None:
    with Server(renewal_answer, tls[0]) as server, Tunnel(refusal=refusal) as tunnel:
        connect = _transport.connector(ssl.create_default_context(cafile=tls[1]), _transport.Proxy(tunnel.url))
        assert renew(server.url, connect) == events.RenewalFailed(failure="OSError")
        assert server.received == []


def test_a_proxy_of_another_kind() -> None:
    connect = _transport.connector(proxy=_transport.Proxy("socks5://127.0.0.1:1"))
    assert renew("http://127.0.0.1:1", connect) == events.RenewalFailed(failure="ValueError")


def test_the_next_address_is_tried(monkeypatch: Any) -> None:
    with Server(renewal_answer) as server, socket.create_server(("127.0.0.1", 0)) as closed:
        addresses = [closed.getsockname(), ("127.0.0.1", int(server.url.rpartition(":")[2]))]
        closed.close()
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
        assert renew(server.url, _transport.connector()) == events.Renewed()


# --- responses


class Pieces:
    """A socket that receives what the test says; at the end it raises, or closes."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self.pieces, self.error, self.sent, self.closed = deque(pieces), error, b"", False

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def recv_into(self, view: memoryview) -> int:
        if not self.pieces:
            if self.error is not None:
                raise self.error
            return 0
        piece = self.pieces.popleft()[: len(view)]
        view[: len(piece)] = piece
        return len(piece)

    def settimeout(self, seconds: float) -> None:
        assert 0 < seconds <= 30

    def close(self) -> None:
        self.closed = True


def received(*pieces: bytes, error: Exception | None = None) -> tuple[int, bytes, str]:
    """Status, body and failure."""
    answer, sock = _transport._Answer(), Pieces(*pieces, error=error)
    answer.fetch("https://company.example/api/appAuth?expiredToken=x", lambda *_: _transport.Connection(sock))
    assert sock.closed
    assert sock.sent.startswith(b"GET /api/appAuth?expiredToken=x HTTP/1.1\r\nHost: company.example\r\n")
    return answer.status, bytes(answer.body), answer.failure


def head(*fields: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


CHUNKED = head("transfer-encoding: Chunked")

RESPONSES = [
    (head("Content-Length: 5") + b"12345", 200, b"12345", ""),
    (head("content-LENGTH:5 ") + b"123456", 200, b"12345", ""),
    (head("Content-Length: 5, 5", "Content-Length: 5") + b"12345", 200, b"12345", ""),
    (head("Content-Length: 5") + b"1234", 200, b"1234", "EOFError"),
    (head("Content-Length: 0"), 200, b"", ""),
    (head("Content-Length: 5", "Content-Length: 6") + b"12345", 200, b"", "ValueError"),
    (head("Content-Length: +5") + b"12345", 200, b"", "ValueError"),
    (head("Content-Length: -1") + b"12345", 200, b"", "ValueError"),
    (head("Content-Length: ") + b"12345", 200, b"", "ValueError"),
    (head() + b"12345", 200, b"12345", ""),
    (b"HTTP/1.0 200\nX: y\n\n12345", 200, b"12345", ""),
    (CHUNKED + b"3\r\n123\r\n2\r\n45\r\n0\r\n\r\n", 200, b"12345", ""),
    (CHUNKED + b"3 ;x=y\r\n123\r\n00\r\nTrailer: x\r\n\r\n", 200, b"123", ""),
    (CHUNKED + b"3\r\n123\r\n2\r\n4", 200, b"1234", "EOFError"),
    (CHUNKED + b"3\r\n123\r\n", 200, b"123", "EOFError"),
    (CHUNKED + b"3\r\n123x\r\n0\r\n\r\n", 200, b"123", "ValueError"),
    (CHUNKED + b"3\r\n123\r\n-1\r\n", 200, b"123", "ValueError"),
    (CHUNKED + b"3\r\n123\r\n\r\n", 200, b"123", "ValueError"),
    (CHUNKED + b"3\r\n123\r\n0\r\nno trailer\r\n\r\n", 200, b"123", "ValueError"),
    (head("Transfer-Encoding: chunked", "Content-Length: 2") + b"3\r\n123\r\n0\r\n\r\n", 200, b"123", ""),
    (head("Transfer-Encoding: gzip", "Content-Length: 2") + b"12345", 200, b"12345", ""),
    (head(status="100 Continue") + head(status="103 X") + head("Content-Length: 1") + b"1", 200, b"1", ""),
    (head(status="101 Switching Protocols") + b"12345", 101, b"", ""),
    (head(status="204 No Content") + b"12345", 204, b"", ""),
    (head(status="500 Internal Server Error") + b"12345", 500, b"12345", ""),
    (b"", 0, b"", "EOFError"),
    (b"HTTP/1.1 200 OK\r\n", 0, b"", "EOFError"),
    (b"HTTP/2 200 OK\r\n\r\n", 0, b"", "ValueError"),
    (b"HTTP/1.1 2000 OK\r\n\r\n", 0, b"", "ValueError"),
    (b"HTTP/1.1 099 OK\r\n\r\n", 0, b"", "ValueError"),
    (b"\x16\x03\x01\r\n\r\n", 0, b"", "ValueError"),
]


@pytest.mark.parametrize("wire, status, body, failure", RESPONSES)
def test_a_response(wire: bytes, status: int, body: bytes, failure: str) -> None:
    assert received(*([wire] if wire else [])) == (status, body, failure)
    assert received(*(bytes([byte]) for byte in wire)) == (status, body, failure)
    for at in range(1, len(wire)):
        assert received(wire[:at], wire[at:]) == (status, body, failure)


def test_what_came_before_an_error_counts() -> None:
    for wire in (head("Content-Length: 9"), CHUNKED + b"9\r\n", head()):
        assert received(wire + b"12345", error=TimeoutError()) == (200, b"12345", "TimeoutError")


def test_at_most_one_megabyte() -> None:
    megabyte = b"x" * (1 << 20)
    for start in (head("Content-Length: 10737418240"), head(), CHUNKED + b"fffffff\r\n"):
        status, body, failure = received(start, megabyte[: -len(start)], megabyte)
        assert (status, body.strip(b"x"), failure) == (200, b"", "TooLong")
        assert len(body) == (1 << 20) - len(start)
    endless = head("X: y" * 1000)
    assert received(endless[:-4], *[b"\r\nX: y"] * 200_000)[::2] == (0, "TooLong")


def test_the_memory_is_wiped() -> None:
    answer = _transport._Answer()
    answer.fetch("http://h/", lambda *_: _transport.Connection(Pieces(head("Content-Length: 5") + b"12345")))
    assert bytes(answer.body) == b"12345"
    answer.wipe()
    assert not any(answer._memory)


def test_a_line_break_in_a_proxy_field() -> None:
    sock = Pieces()
    answer = _transport._Answer()
    answer.fetch("http://h/", lambda *_: _transport.Connection(sock, {"X": "a\r\nGET /"}))
    assert (answer.failure, sock.sent, sock.closed) == ("ValueError", b"", True)


def test_an_error_shows_no_url() -> None:
    def connect(origin: _transport.Origin, deadline: float) -> _transport.Connection:
        assert (origin.url, deadline > time.monotonic()) == ("http://[::1]:8080/", True)
        raise LookupError(origin)

    assert renew("http://[::1]:8080", connect) == events.RenewalFailed(failure="LookupError")


# --- time and threads


def test_the_deadline_holds_for_the_whole_renewal(monkeypatch: Any) -> None:
    """Also if a server, or a proxy, sends a byte from time to time."""
    monkeypatch.setattr(_transport, "RENEWAL_SECONDS", 0.5)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def drip() -> None:
            for _ in range(3):
                client, _ = listener.accept()
                with client:
                    while not over.wait(0.05):
                        try:
                            client.send(b"H")
                        except OSError:
                            break

        threading.Thread(target=drip, daemon=True).start()
        for api, connect in [
            (url, _transport.connector()),
            ("https://company.example", _transport.connector(proxy=_transport.Proxy(url))),
            (url.replace("http", "https"), _transport.connector()),
        ]:
            start = time.monotonic()
            event = renew(api, connect)
            assert isinstance(event, events.RenewalFailed), event
            assert time.monotonic() - start < 3
        over.set()


def test_the_deadline_holds_for_a_proxy_of_requests(monkeypatch: Any) -> None:
    monkeypatch.setattr(_transport, "RENEWAL_SECONDS", 0.5)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            client, _ = listener.accept()
            client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            with contextlib.suppress(OSError):
                while not over.wait(0.05):
                    client.send(b"x")

        threading.Thread(target=drip, daemon=True).start()
        proxies = {"https": f"http://127.0.0.1:{listener.getsockname()[1]}"}
        connect = functools.partial(tc_auth.requests._connect, requests.adapters.HTTPAdapter(), True, None, proxies)
        start = time.monotonic()
        event = renew("https://company.example", connect)
        assert isinstance(event, events.RenewalFailed) and event.failure, event
        assert time.monotonic() - start < 3
        over.set()


def test_nothing_is_sent_after_the_deadline(monkeypatch: Any) -> None:
    monkeypatch.setattr(_transport, "RENEWAL_SECONDS", 0.05)
    sock = Pieces()

    def slow(*_: Any) -> _transport.Connection:
        time.sleep(0.1)
        return _transport.Connection(sock)

    assert renew("http://h", slow) == events.RenewalFailed(failure="TimeoutError")
    assert (sock.sent, sock.closed) == (b"", True)


def test_a_request_does_not_wait_for_ever(monkeypatch: Any) -> None:
    monkeypatch.setattr(_transport, "PATIENCE_SECONDS", 0.1)
    go_on = threading.Event()

    def stuck(*_: Any) -> _transport.Connection:
        go_on.wait(10)
        raise OSError

    session = Session(due("http://h"))
    for _ in range(2):  # the one that renews, and one that waits for it
        with pytest.raises(tc_auth.RenewalTimeout):
            _transport.renew(session, stuck)
    go_on.set()


def test_without_threads(monkeypatch: Any) -> None:
    """At the end of the interpreter no thread can be started."""

    start = threading.Thread.start

    def no_thread(thread: threading.Thread) -> None:
        if thread.name == "tc_auth renewal":
            raise RuntimeError("can't create new thread at interpreter shutdown")
        start(thread)

    with Server(renewal_answer) as server:
        monkeypatch.setattr(threading.Thread, "start", no_thread)
        happened: list[events.Event] = []
        _transport.renew(Session(due(server.url), happened.append), _transport.connector())
        assert happened == [events.Renewed()]


# --- the rest of what is bounded


def test_a_truncated_renewal_is_no_answer() -> None:
    for body, expected in [
        (b"{", events.RenewalFailed(http_status=200, failure="EOFError")),
        (b'{"success": false}', events.RenewalFailed(tc_auth.Status.RENEWAL_REFUSED, http_status=200)),
        (GOOD, events.Renewed()),
    ]:
        wire = head(f"Content-Length: {len(body) + 1}") + body
        event = renew("http://h", lambda *_, wire=wire: _transport.Connection(Pieces(wire)))
        assert event == expected


def test_a_long_line_in_many_pieces_is_searched_once() -> None:
    class Counting(bytearray):
        searched = 0

        def find(self, what: Any, start: int = 0, end: int = 0) -> int:  # type: ignore[override]
            Counting.searched += end - start
            return super().find(what, start, end)

    memory = Counting(_transport.LIMIT)
    sock = Pieces(b"HTTP/1.1 200 OK\r\nX: ", *[b"12345678"] * 10_000)
    reader = _transport._Reader(sock, time.monotonic() + 20, memory, memoryview(memory))
    with pytest.raises(EOFError):
        reader.head()
    assert Counting.searched < 100_000


def test_a_proxy_whose_answer_never_ends() -> None:
    class Endless(Pieces):
        def recv(self, size: int) -> bytes:
            return b"x" * size

    with pytest.raises(OSError) as raised:
        _transport._tunnel(Endless(), _transport.Origin("https", "h", 443), {}, time.monotonic() + 20)
    assert not isinstance(raised.value, TimeoutError)


def test_of_a_refusal_only_the_beginning_is_held() -> None:
    sizes: list[int] = []

    def read(size: int) -> bytes:
        sizes.append(size)
        return b"x" * min(size, 1000)

    held = Held(read, lambda: None)
    assert len(held.beginning(10)) == tc_auth.REVIEW_LIMIT
    before = len(sizes)
    assert len(held.read(100_000)) == tc_auth.REVIEW_LIMIT
    assert len(sizes) == before
    assert len(held.read(100)) == 100


def test_an_error_of_a_refusal_reaches_the_caller() -> None:
    parts = iter([b"abc", b"def"])

    def read(_: int) -> bytes:
        for part in parts:
            return part
        raise LookupError

    closed: list[bool] = []
    held = Held(read, lambda: closed.append(True))
    assert held.beginning(10) == b"abcdef"
    assert held.read(4) == b"abcd"
    assert held.read(4) == b"ef"
    for _ in range(2):
        with pytest.raises(LookupError):
            held.read(4)
    held.close()
    held.close()
    assert closed == [True]
