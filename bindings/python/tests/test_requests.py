"""tc_auth.requests: what is sent, what the caller gets, and where a token may not be."""

from __future__ import annotations

import copy
import gzip
import http.client
import io
import json
import logging
import pickle
import signal
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter
from server import UNAUTHORIZED, Answer, Received, Server
from urllib3.util import Retry

import tc_auth
from tc_auth import events
from tc_auth.requests import Session, TcAuth, TcAuthAdapter
from tc_auth.testing import FakePlatform

SECRET = "the-secret-part-of-the-token"
TOKEN = f"API:5:{SECRET}="


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    with FakePlatform() as platform:
        yield platform


def token_for(server: Server, token: str = TOKEN, expires: int | None = None) -> tc_auth.Auth:
    auth = tc_auth.Auth.token(token, expires)
    auth.set_api_path(server.url + "/api")
    return auth


def hmac_for(server: Server) -> tc_auth.Auth:
    auth = tc_auth.Auth.hmac("1", "key")
    auth.set_api_path(server.url + "/api")
    return auth


def is_renewal(received: Received) -> bool:
    return received.target.startswith("/api/appAuth?")


def renewed(token: str = TOKEN + "x") -> Answer:
    return Answer(200, json.dumps({"success": True, "apiToken": token}).encode())


def without_token(response: requests.Response) -> None:
    """The response, its request and its history do not have the headers."""
    for one in (response, *response.history):
        assert "Authorization" not in one.request.headers
        assert "Timestamp" not in one.request.headers


# --- what is signed

TARGETS = [
    "/v3/indicators?resultLimit=10",
    "/v3//x/../y;z/%7e%2F!'()*?q=a+b%20c&empty=&&u=http://h/?x",
    '/v3/%2f%c3%a9[a]{b}|^`<>"?[x]={y}|^`<>"',
    "/v3/é?ü=漢",
    "/v3/a b?c d",
    "/v3/a#fragment",
    "?a=b",
    "",
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("make", [FakePlatform.hmac_auth, FakePlatform.token_auth])
def test_a_request_is_accepted(platform: FakePlatform, make: Any, target: str) -> None:
    session = Session(make(platform))
    for method in ("get", "POST"):
        response = session.request(method, platform.api_path + target, params={"p": "é /?&%2f"}, data=b"body")
        assert (response.status_code, platform.refused) == (200, [])
        without_token(response)
    assert [request.method for request in platform.requests] == ["GET", "POST"]


@pytest.mark.parametrize("path", ["//api/v3/x", "/api//v3/../%7e%2f", "/api/%zz", "/api/v3/[a]"])
def test_a_request_that_was_assembled_by_hand(platform: FakePlatform, path: str) -> None:
    session = Session(platform.hmac_auth())
    prepared = session.prepare_request(requests.Request("GET", platform.url))
    prepared.url, prepared.method = platform.url + path, "get"
    assert session.send(prepared).status_code == 200
    assert prepared.url == platform.url + path
    assert platform.refused == []


def test_a_path_is_joined_to_the_api_path(platform: FakePlatform) -> None:
    platform.answer("GET", "/v3/owners", {"data": ["x"]})
    session = Session(platform.hmac_auth())
    assert session.get("/v3/owners").json() == {"data": ["x"]}
    request = requests.Request("GET", "/v3/owners")
    assert session.send(session.prepare_request(request)).json() == {"data": ["x"]}
    assert request.url == "/v3/owners"
    session.get("//evil.example/x")
    assert platform.requests[-1].path == "//evil.example/x"


def test_other_credentials_are_replaced(platform: FakePlatform, tmp_path: Path, monkeypatch: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password netrc-password\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(platform.url) == ("user", "netrc-password")
    for auth in (platform.hmac_auth(), platform.token_auth()):
        session = Session(auth)
        response = session.get("/v3/x", headers={"authorization": "Basic x", "TIMESTAMP": "1"})
        assert response.request.headers["Authorization"] == "Basic x"  # the caller's own
        session.get("/v3/x", auth=("user", "password"))
        session.get(platform.api_path.replace("//", "//user:password@"))
        plain = requests.Session()
        plain.mount("http://", TcAuthAdapter(auth))
        plain.get(platform.api_path)
        plain.auth = ("user", "password")
        plain.get(platform.api_path)
    assert (len(platform.requests), platform.refused) == (10, [])
    assert [("Timestamp" in request.headers) for request in platform.requests] == 5 * [True] + 5 * [False]


def test_another_server_gets_nothing(platform: FakePlatform) -> None:
    with Server(lambda _: Answer()) as other:
        session = Session(platform.token_auth())
        platform.expire_tokens()
        for url in (other.url, platform.url.replace("127.0.0.1", "localhost"), platform.url.replace("http", "https")):
            with pytest.raises(tc_auth.OtherOrigin) as raised:
                session.get(url + "/path")
            assert url in str(raised.value)
            assert "path;" not in str(raised.value)
        for host in ("other.example", b"other.example", other.url[len("http://") :]):
            with pytest.raises(tc_auth.OtherOrigin):
                session.get("/v3/x", headers={"host": host})
        with pytest.raises(tc_auth.ArgumentError):
            session.get("/v3/x", headers={"Host": "127.0.0.1@other.example"})
        assert session.get("/v3/x", headers={"Host": platform.url[len("http://") :]}).status_code == 200
        assert other.received == []
        session.mount(other.url, HTTPAdapter())
        session.get(other.url)
        assert other.received[0].headers["Authorization"] is None


def test_without_an_api_path() -> None:
    with pytest.raises(tc_auth.TcAuthError) as raised:
        Session(tc_auth.Auth.hmac("1", "key"))
    assert raised.value.status is tc_auth.Status.API_PATH_MISSING


def test_a_closed_auth(platform: FakePlatform) -> None:
    auth = platform.hmac_auth()
    session = Session(auth)
    session.get("/v3/x")
    auth.close()
    with pytest.raises(tc_auth.Closed):
        session.get("/v3/x")


# --- redirects


def test_a_redirect_to_the_same_server_is_signed_again(platform: FakePlatform) -> None:
    def answer(received: Received) -> Answer:
        return Answer(302, b"", {"Location": "/api/new?x=[y]"}) if received.target == "/api/old" else Answer()

    with Server(answer) as server:
        auth = hmac_for(server)
        response = Session(auth).get("/old")
        assert response.status_code == 200
        without_token(response)
        for received in server.received:
            auth.verify("GET", received.target, received.headers["Authorization"], received.headers["Timestamp"],
                        at=int(time.time()), tolerance=60)  # fmt: skip
        assert server.targets() == ["/api/old", "/api/new?x=%5By%5D"]


def test_a_redirect_to_another_server_gets_nothing() -> None:
    with Server(lambda _: Answer()) as other, Server(lambda _: Answer(302, b"", {"Location": other.url})) as server:
        with pytest.raises(tc_auth.OtherOrigin):
            Session(token_for(server)).get("/v3/x")
        assert other.received == []


# --- bodies, and what is repeated


class Once:
    """A platform whose token has expired: the first request is refused, the renewed token is accepted."""

    def __init__(self, refusal: bytes = UNAUTHORIZED, headers: dict[str, str] | None = None) -> None:
        self.refusal = Answer(401, refusal, headers or {})

    def __call__(self, received: Received) -> Answer:
        if is_renewal(received):
            assert received.headers["Authorization"] is None
            return renewed()
        return Answer() if received.headers["Authorization"] == f"TC-Token {TOKEN}x" else self.refusal


def generator() -> Iterator[bytes]:
    yield b"0123"
    yield b"456789"


def opened(tmp_path: Path, at: int) -> Any:
    file = tmp_path / "body"
    file.write_bytes(b"0123456789")
    body = file.open("rb")
    body.seek(at)
    return body


@pytest.mark.parametrize("where", ["adapter", "slot"])
@pytest.mark.parametrize("kind", ["bytes", "str", "bytearray", "file", "moved", "memory", "form", "json", "multipart"])
def test_a_body_is_sent_again(where: str, kind: str, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {
        "bytes": {"data": b"0123456789"},
        "str": {"data": "0123456789"},
        "bytearray": {"data": bytearray(b"0123456789")},
        "file": {"data": opened(tmp_path, 0)},
        "moved": {"data": opened(tmp_path, 4)},
        "memory": {"data": io.BytesIO(b"0123456789")},
        "form": {"data": {"name": "value"}},
        "json": {"json": {"name": "value"}},
        "multipart": {"files": {"file": opened(tmp_path, 0)}},
    }[kind]
    happened: list[events.Event] = []
    with Server(Once()) as server:
        response = client(where, token_for(server), happened.append).post(server.url + "/api/v3/x", **arguments)
        assert response.status_code == 200
        first, _, second = server.received
        assert first.body == second.body and len(first.body) > 5
        assert first.connection == second.connection
    assert happened == [events.Renewed(), events.Retried("POST", "/api/v3/x", 401, tc_auth.Advice.RETRY)]


def client(
    where: str, auth: tc_auth.Auth, on_event: Any = None, adapter: HTTPAdapter | None = None
) -> requests.Session:
    if where == "adapter":
        return Session(auth, adapter, on_event=on_event)
    session = requests.Session()
    if adapter is not None:
        session.mount("http://", adapter)
    session.auth = TcAuth(auth, session, on_event=on_event)
    return session


@pytest.mark.parametrize("where", ["adapter", "slot"])
def test_a_body_that_can_not_be_sent_again(where: str) -> None:
    class Unseekable(io.BytesIO):
        def seek(self, *_: object) -> int:
            raise OSError

    happened: list[events.Event] = []
    for body in (generator(), iter([b"0123"]), Unseekable(b"0123")):
        with Server(Once()) as server:
            session = client(where, token_for(server), happened.append)
            response = session.post(server.url + "/api", data=body)
            assert (response.status_code, response.content) == (401, UNAUTHORIZED)
            assert happened == [events.Refused("POST", "/api", 401, tc_auth.Advice.RETRY)]
            assert session.get(server.url + "/api").status_code == 200
            assert len(server.received) == 3
        happened.clear()


@pytest.mark.parametrize("where", ["adapter", "slot"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_reaches_the_caller_whole(where: str, stream: bool) -> None:
    text = json.dumps({"message": "Access Denied", "padding": "x" * 200_000}).encode()
    packed = {"Content-Encoding": "gzip"}
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
    for body, headers in [
        (text, {}),
        (gzip.compress(text), packed),
        (chunks, {"Transfer-Encoding": "chunked"}),
        (b"", {}),
    ]:
        happened: list[events.Event] = []
        with Server(lambda _: Answer(403, body, headers)) as server:
            session = client(where, hmac_for(server), happened.append)
            for _ in range(3):
                response = session.get(server.url + "/api", stream=stream)
                assert response.content == (text if body else b"")
                assert response.headers.items() >= headers.items()
            assert {received.connection for received in server.received} == {0}
        assert [type(event) for event in happened] == 3 * [events.Refused]


def test_a_refusal_can_be_read_in_each_way() -> None:
    body = json.dumps({"message": "Access Denied", "padding": "é" * 50_000}, indent=0).encode()
    headers = {"Content-Encoding": "gzip", "Set-Cookie": "a=b"}
    with Server(lambda _: Answer(403, gzip.compress(body), headers)) as server:
        session = Session(hmac_for(server))
        assert b"".join(session.get("/", stream=True).iter_content(1000)) == body
        assert b"\n".join(session.get("/", stream=True).iter_lines()) == body
        assert gzip.decompress(session.get("/", stream=True).raw.read()) == body
        assert session.get("/", stream=True).raw.read(decode_content=True) == body
        assert session.cookies.get_dict() == {"a": "b"}
        with session.get("/", stream=True) as response:
            assert body.startswith(next(response.iter_content(10)))
        assert session.get("/").json()["message"] == "Access Denied"


def test_the_message_of_a_packed_refusal_is_read() -> None:
    happened: list[events.Event] = []
    message = b'{"message": "Access Denied"}'
    for body, encoding, advice in [
        (gzip.compress(message), "gzip", tc_auth.Advice.ACCESS_DENIED),
        (message, "identity", tc_auth.Advice.ACCESS_DENIED),
        (b"not gzip", "gzip", tc_auth.Advice.UNKNOWN),
        (gzip.compress(bytes(10 << 20)), "gzip", tc_auth.Advice.UNKNOWN),
    ]:
        with Server(lambda _: Answer(403, body, {"Content-Encoding": encoding})) as server:
            Session(hmac_for(server), on_event=happened.append).get("/", stream=True)
        assert happened.pop() == events.Refused("GET", "/api/", 403, advice)


@pytest.mark.parametrize("where", ["adapter", "slot"])
def test_no_connection_is_lost(where: str) -> None:
    """The only connection of a pool that blocks is given back, whatever the caller does with the refusal."""
    large = b"x" * 1_000_000
    with Server(lambda received: Answer(int(received.target[-3:]), large)) as server:
        adapter = HTTPAdapter(pool_maxsize=1, pool_block=True)
        session = client(where, hmac_for(server), adapter=adapter)
        for status in (400, 401, 403) * 2:
            with session.get(f"{server.url}/api/{status}", stream=True) as response:
                assert response.raw.read(10) == large[:10]
            session.get(f"{server.url}/api/{status}", stream=True).close()
            assert session.get(f"{server.url}/api/{status}").content == large


def test_an_unfinished_refusal_does_not_hold_the_connection() -> None:
    with Server(Once(UNAUTHORIZED + b" " * 1_000_000)) as server:
        session = Session(token_for(server), HTTPAdapter(pool_maxsize=1, pool_block=True))
        sent = threading.Thread(target=session.get, args=("/v3/x",), daemon=True)
        sent.start()
        sent.join(20)
        assert not sent.is_alive()
        assert len(server.received) == 3


@pytest.mark.parametrize("where", ["adapter", "slot"])
def test_a_refusal_is_returned_if_it_can_not_be_signed_again(where: str) -> None:
    def answer(received: Received) -> Answer:
        return Answer(500) if is_renewal(received) else Answer(401, refusal)

    for refusal in (UNAUTHORIZED, UNAUTHORIZED + b" " * 1_000_000):
        with Server(answer) as server:
            auth = token_for(server)
            session = client(where, auth, lambda _, auth=auth: auth.close())
            if refusal == UNAUTHORIZED:
                response = session.get(server.url + "/api")
                assert (response.status_code, response.content) == (401, refusal)
            else:  # it was not read to its end
                with pytest.raises(tc_auth.Closed):
                    session.get(server.url + "/api")
            assert len(server.received) == 2


def test_streamed_responses() -> None:
    with Server(lambda _: Answer(200, b"0123456789" * 10_000)) as server:
        response = Session(token_for(server)).get("/", stream=True)
        assert response.raw.tell() == 0
        assert sum(map(len, response.iter_content(999))) == 100_000


@pytest.mark.skipif(not hasattr(urllib3.HTTPResponse, "read1"), reason="urllib3 waits for the end")
def test_a_body_that_never_ends(monkeypatch: Any) -> None:
    monkeypatch.setattr("tc_auth._session.REVIEW_SECONDS", 0.3)
    start = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\n" + b'{"message": "Access Denied"}'
    with Raw(start) as server:
        happened: list[events.Event] = []
        session = Session(hmac_for(server), on_event=happened.append)
        response = session.get("/", stream=True)
        assert next(response.iter_content(4)) == b'{"me'
        assert happened == [events.Refused("GET", "/api/", 403, tc_auth.Advice.ACCESS_DENIED)]
        [reader] = [thread for thread in threading.enumerate() if thread.name == "tc_auth review"]
        response.close()  # during a read
        reader.join(5)
        assert not reader.is_alive()


class Raw(Server):
    """Sends these bytes to each connection, and then nothing, or the end."""

    def __init__(self, start: bytes, *, closes: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._connections: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                self._connections.append(connection)
                connection.recv(65536)
                connection.sendall(start)
                if closes:
                    connection.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=serve, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.close()


# --- other features of requests


def test_repeats_of_urllib3_have_the_same_signature() -> None:
    answers = iter([Answer(503), Answer(503), Answer(200)])
    with Server(lambda _: next(answers)) as server:
        auth = hmac_for(server)
        retries = Retry(3, status_forcelist=[503], backoff_factor=0, allowed_methods=None)
        response = Session(auth, HTTPAdapter(max_retries=retries)).post("/v3/x", data=b"x")
        assert response.status_code == 200
        signatures = {received.headers["Authorization"] for received in server.received}
        assert (len(server.received), len(signatures)) == (3, 1)


@pytest.mark.parametrize("where", ["adapter", "slot"])
def test_hooks_see_the_last_response_once(where: str) -> None:
    seen: list[int] = []
    with Server(Once()) as server:
        session = client(where, token_for(server))
        session.hooks["response"].append(lambda response, **_: seen.append(response.status_code))
        session.get(server.url + "/api")
    assert seen == [200]


def test_a_hook_that_sends_again_is_signed(platform: FakePlatform) -> None:
    """Such as those for other kinds of authorization."""

    def again(response: requests.Response, **settings: Any) -> requests.Response:
        response.close()
        adapter: BaseAdapter = response.connection  # type: ignore[attr-defined]
        return adapter.send(response.request, **settings)

    assert Session(platform.hmac_auth()).get("/v3/x", hooks={"response": again}).status_code == 200
    assert (len(platform.requests), platform.refused) == (2, [])


def test_a_request_without_a_body_in_the_answer() -> None:
    with Server(Once()) as server:
        assert Session(token_for(server)).head("/v3/x").status_code == 200
        assert [received.method for received in server.received] == ["HEAD", "GET", "HEAD"]


def test_timeouts_and_errors_are_those_of_requests() -> None:
    auth = tc_auth.Auth.hmac("1", "key")
    with Raw(b"") as server:
        with pytest.raises(requests.ReadTimeout) as raised:
            Session(token_for(server)).get("/", timeout=0.1)
        assert raised.value.request is not None
        assert "Authorization" not in raised.value.request.headers
    with socket.create_server(("127.0.0.1", 0)) as listener:
        auth.set_api_path(f"http://127.0.0.1:{listener.getsockname()[1]}")
    with pytest.raises(requests.ConnectionError):
        Session(auth).get("/", timeout=1)


def test_it_can_not_be_copied(platform: FakePlatform) -> None:
    session = Session(platform.token_auth())
    for make in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="can't be copied or pickled"):
            make(session)
    assert platform.issue_token()[0][:6] not in repr(vars(session))
    assert "token" in repr(session.get_adapter("https://x"))


def test_around_an_adapter_that_is_not_for_http(platform: FakePlatform) -> None:
    class Mock(BaseAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            seen.append(request.headers["Authorization"])
            response = requests.Response()
            response.status_code = 200 if len(set(seen)) > 1 else 401
            response._content = UNAUTHORIZED  # type: ignore[attr-defined]
            return response

        def close(self) -> None:
            seen.append("closed")

    seen: list[str] = []
    session = Session(platform.token_auth(), Mock())
    assert session.get("/v3/x").status_code == 200
    assert (len(seen), platform.renewals) == (2, 1)
    session.close()
    assert seen[-1] == "closed"


def test_an_error_of_on_event_reaches_the_request(platform: FakePlatform) -> None:
    def on_event(event: events.Event) -> None:
        raise LookupError(event)

    session = Session(platform.token_auth(), on_event=on_event)
    platform.expire_tokens()
    with pytest.raises(LookupError):
        session.get("/v3/x")
    assert session.get("/v3/x").status_code == 200
    platform.answer("GET", "/v3/x", {"message": "Access Denied"}, status=403)
    with pytest.raises(LookupError):
        session.get("/v3/x")


# --- renewals


def test_one_of_many_threads_renews(platform: FakePlatform) -> None:
    session = Session(platform.token_auth(), HTTPAdapter(pool_maxsize=16))
    platform.expire_tokens()
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(session.get("/v3/x").status_code)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses, platform.renewals) == ([200] * 16, 1)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_ctrl_c_does_not_lose_the_new_token() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def answer(received: Received) -> Answer:
        if is_renewal(received):
            begun.set()
            go_on.wait(10)
        return Once()(received)

    with Server(answer) as server:
        happened: list[events.Event] = []
        auth = token_for(server, expires=int(time.time()) - 10)
        session = Session(auth, on_event=happened.append)
        previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        start = time.monotonic()
        try:
            with pytest.raises(KeyboardInterrupt):
                session.get("/")
        finally:
            signal.signal(signal.SIGALRM, previous)
        assert time.monotonic() - start < 3
        assert begun.is_set() and happened == []
        go_on.set()
        assert session.get("/").status_code == 200
        assert happened == [events.Renewed()]
        assert sum(map(is_renewal, server.received)) == 1


FAILURES = {
    "refused": Answer(200, b'{"success": false, "message": "no"}'),
    "not found": Answer(404, b"<html>"),
    "a redirect": Answer(302, b"", {"Location": "/elsewhere"}),
    "too short": Answer(200, b"{}", {"Content-Length": "10"}),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_renewal_shows_no_token(failure: str, capfd: Any, caplog: Any) -> None:
    """Neither in the event and the exception, with all variables of all functions, nor in the log."""
    caplog.set_level(logging.DEBUG)
    http.client.HTTPConnection.debuglevel = 1
    happened: list[events.Event] = []

    def answer(received: Received) -> Answer:
        return FAILURES[failure] if is_renewal(received) else Answer(401, UNAUTHORIZED)

    try:
        with Server(answer) as server:
            session = Session(token_for(server, expires=int(time.time()) - 10), on_event=happened.append)
            with pytest.raises(tc_auth.TokenExpired) as raised:
                session.get("/v3/x")
            assert "its renewal failed" in str(raised.value) or "refused to renew" in str(raised.value)
            assert len(server.received) == 1
    finally:
        http.client.HTTPConnection.debuglevel = 0
    assert isinstance(happened[0], events.RenewalFailed)
    one: BaseException | None = raised.value
    shown = [repr(happened), caplog.text, *capfd.readouterr()]
    while one is not None:
        shown += traceback.TracebackException.from_exception(one, capture_locals=True).format()
        one = one.__cause__ or one.__context__
    assert "session" in "".join(shown)
    assert SECRET not in "".join(shown)


def test_an_error_after_signing_shows_no_token() -> None:
    """A trace with the variables of all functions, as Sentry reports it."""
    with Raw(b"") as server:
        try:
            Session(token_for(server)).get("/v3/x", timeout=0.1)
        except requests.ReadTimeout as error:
            report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert "signed_request = <PreparedRequest" in report
        assert SECRET not in report


def test_logs_at_debug_show_no_token(caplog: Any, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    with Server(Once()) as server:
        session = Session(token_for(server, expires=int(time.time()) - 10))
        assert session.get("/v3/x").status_code == 200
        assert any(map(is_renewal, server.received))
    assert "urllib3.connectionpool" in caplog.text
    assert SECRET not in caplog.text + "".join(capfd.readouterr())


def test_a_wire_dump_shows_no_renewal(capfd: Any) -> None:
    """http.client prints all headers that it sends, if it is told to; so it must not send the renewal."""
    http.client.HTTPConnection.debuglevel = 1
    try:
        with Server(Once()) as server:
            assert Session(token_for(server, expires=int(time.time()) - 10)).get("/v3/x").status_code == 200
    finally:
        http.client.HTTPConnection.debuglevel = 0
    printed = capfd.readouterr().out
    assert "send: b'GET /api/v3/x" in printed
    assert "appAuth" not in printed


# --- proxies


class Proxy(Server):
    """Forwards requests for http, and keeps them."""

    def __init__(self) -> None:
        super().__init__(self.forward)

    @staticmethod
    def forward(received: Received) -> Answer:
        parts = requests.utils.urlparse(received.target)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
        path = received.target.partition(parts.netloc)[2]
        headers = {name: value for name, value in received.headers.items() if not name.lower().startswith("proxy-")}
        connection.putrequest(received.method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(received.body)
        response = connection.getresponse()
        answer = Answer(response.status, response.read())
        connection.close()
        return answer


@pytest.mark.parametrize("where", ["adapter", "slot"])
def test_a_proxy_with_a_password(where: str) -> None:
    with Server(Once()) as server, Proxy() as proxy:
        session = client(where, token_for(server, expires=int(time.time()) - 10))
        session.proxies = {"http": proxy.url.replace("//", "//user:password@")}
        assert session.get(server.url + "/api/v3/x%2f").status_code == 200
        assert [received.headers["Proxy-Authorization"] for received in proxy.received] == 2 * [
            "Basic dXNlcjpwYXNzd29yZA=="
        ]
        assert [received.target.startswith(server.url) for received in proxy.received] == [True, True]
        assert [is_renewal(received) for received in server.received] == [True, False]
        for received in server.received:
            assert not [name for name in received.headers if name.lower() in ("cookie", "proxy-authorization")]


def test_signatures_through_a_proxy(platform: FakePlatform) -> None:
    with Proxy() as proxy:
        session = Session(platform.hmac_auth())
        session.proxies = {"http": proxy.url}
        for target in TARGETS:
            assert session.get(platform.api_path + target).status_code == 200
        assert len(proxy.received) == len(TARGETS)


def test_a_failed_request_leaves_no_header_in_variables() -> None:
    """What urllib3 and http.client have in their variables, error reports show."""
    with Server(lambda _: Answer(200)) as server:
        closed = server.url
        token = token_for(server)
    session = Session(token)
    try:
        raise ValueError("of the application")
    except ValueError as outside:
        with pytest.raises(requests.ConnectionError) as raised:
            session.get("/v3/x", params={"seen": "here"})
        application = outside
    shown = []
    one: BaseException | None = raised.value
    while one is not None and one is not application:
        shown += traceback.TracebackException.from_exception(one, capture_locals=True).format()
        one = one.__cause__ or one.__context__
    assert one is application  # its variables were not touched
    assert closed.rpartition(":")[2] in "".join(shown)
    assert "test_requests.py" in "".join(shown)
    assert SECRET not in "".join(shown)


def test_an_observer_that_raises_costs_no_connection() -> None:
    def observer(event: events.Event) -> None:
        if isinstance(event, events.Refused):
            raise ValueError("of the observer")

    with Server(lambda _: Answer(403, b"x" * 70_000)) as server:
        adapter = HTTPAdapter(pool_maxsize=1, pool_block=True)
        session = Session(token_for(server), adapter, on_event=observer)
        errors = []
        for _ in range(3):
            with pytest.raises(ValueError, match="of the observer") as raised:
                session.get("/v3/x", stream=True, timeout=5)
            errors.append(raised.value)
        assert len(server.received) == 3
