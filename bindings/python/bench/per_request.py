"""What a signed request costs with requests, and how long a request can take at a renewal.

    python3 per_request.py [SECONDS]      (TcEx's row needs: pip install tcex)

The server is a small one in its own process. Each row sends for SECONDS (1 by default), five times, in turn with the
other rows; the table has the least CPU time of each, in microseconds per request, for one thread and for eight. In the
column "no network" an adapter answers by itself: what is left is requests, and the authorization.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import multiprocessing
import statistics
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any, Callable

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

import tc_auth
from tc_auth.requests import Session, TcAuth

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
ROUNDS = 5
ACCESS_ID, SECRET_KEY, TOKEN = "12345678901234567890", "a-secret-key-of-some-length", "API:5:the-token"
TARGET = "/api/v3/indicators?resultLimit=10"
RENEWAL_SECONDS = 0.05

# --- the server


class Answering(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport, self.received = transport, b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, self.received = self.received.partition(b"\r\n\r\n")
            if b"/api/appAuth?" in head:
                token = f"{TOKEN}{time.monotonic_ns()}"
                body = json.dumps({"success": True, "apiToken": token}).encode()
                asyncio.get_running_loop().call_later(RENEWAL_SECONDS, self.answer, body)
            else:
                self.answer(b'{"status": "Success"}')

    def answer(self, body: bytes) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def serve(ready: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=64)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


# --- the rows


class PurePython(AuthBase):
    """The least that a program without a library does."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        timestamp = str(int(time.time()))
        text = f"{request.path_url}:{request.method}:{timestamp}"
        signature = base64.b64encode(hmac.new(SECRET_KEY.encode(), text.encode(), hashlib.sha256).digest()).decode()
        request.headers["Authorization"] = f"TC {ACCESS_ID}:{signature}"
        request.headers["Timestamp"] = timestamp
        return request


def no_network() -> HTTPAdapter:
    def send(request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url or "", request
        vars(response)["_content"] = b"{}"
        return response

    adapter = HTTPAdapter()
    vars(adapter)["send"] = send  # in a subclass, the signer would ask for what it sends
    return adapter


def session_with(auth: Any) -> Callable[[HTTPAdapter], requests.Session]:
    def make(adapter: HTTPAdapter) -> requests.Session:
        session = requests.Session()
        session.mount("http://", adapter)
        session.auth = auth
        return session

    return make


def rows(url: str) -> dict[str, Callable[[HTTPAdapter], requests.Session]]:
    key_pair, token = tc_auth.Auth.hmac(ACCESS_ID, SECRET_KEY), tc_auth.Auth.token(TOKEN)
    for auth in (key_pair, token):
        auth.set_api_path(url + "/api")
    made = {
        "requests, without authorization": session_with(lambda request: request),
        "key pair: pure Python": session_with(PurePython()),
        "key pair: tc_auth.requests.TcAuth": session_with(TcAuth(key_pair)),
        "key pair: tc_auth.requests.Session": lambda adapter: Session(key_pair, adapter),
        "token: tc_auth.requests.Session": lambda adapter: Session(token, adapter),
    }
    try:
        from tcex.input.field_type.sensitive import Sensitive
        from tcex.requests_tc.auth.hmac_auth import HmacAuth
    except ImportError:
        return made
    return {**made, "key pair: TcEx's HmacAuth": session_with(HmacAuth(ACCESS_ID, Sensitive(SECRET_KEY)))}


def measure(session: requests.Session, url: str, threads: int, longest: list[float] | None = None) -> float:
    """Microseconds of CPU time for a request. Other programs on the machine hardly change it."""
    end, counts = time.perf_counter() + SECONDS, []

    def work() -> None:
        count, started = 0, time.perf_counter()
        while started < end:
            assert session.get(url).status_code == 200
            count += 1
            now = time.perf_counter()
            if longest is not None:
                longest.append(now - started)
            started = now
        counts.append(count)

    begun = time.process_time()
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (time.process_time() - begun) / sum(counts) * 1e6


def costs(url: str) -> None:
    made, least = rows(url), dict[tuple[str, str], float]()
    columns: dict[str, tuple[Callable[[], HTTPAdapter], int]] = {
        "no network": (no_network, 1),
        "one thread": (HTTPAdapter, 1),
        "eight threads": (HTTPAdapter, 8),
    }
    for _ in range(ROUNDS):
        for title, make in made.items():
            for column, (adapter, threads) in columns.items():
                session = make(adapter())
                session.trust_env = False
                cost = measure(session, url + TARGET, threads)
                least[title, column] = min(cost, least.get((title, column), cost))
    print("| CPU µs per request |", " | ".join(columns), "|\n| --- |", " | ".join("---" for _ in columns), "|")
    for title in made:
        print(f"| {title} |", " | ".join(f"{least[title, column]:,.0f}" for column in columns), "|")


def stalls(url: str) -> None:
    """The longest request while a token is renewed, beside the longest without a renewal."""
    print(f"\n| longest request, ms | no renewal | a renewal that takes {RENEWAL_SECONDS * 1000:.0f} ms |")
    print("| --- | --- | --- |")
    for threads in (1, 8):
        cells = []
        for renew in (False, True):
            found = []
            for _ in range(ROUNDS):
                auth = tc_auth.Auth.token(TOKEN, int(time.time()) + 3600)
                auth.set_api_path(url + "/api")
                session = Session(auth, HTTPAdapter(pool_maxsize=threads))
                session.trust_env = False
                if renew:
                    headers = auth.headers("GET", TARGET)
                    threading.Timer(SECONDS / 2, lambda auth=auth, headers=headers: auth.review(headers, 401)).start()
                longest: list[float] = []
                measure(session, url + TARGET, threads, longest)
                assert renew == (auth.current_token().value != TOKEN)
                found.append(max(longest) * 1000)
            cells.append(f"{statistics.median(found):.0f}")
        print(f"| {threads} thread{'s' * (threads > 1)} |", " | ".join(cells), "|")


if __name__ == "__main__":
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    print(f"Python {sys.version.split()[0]}, requests {requests.__version__}, tc_auth {tc_auth.version()}\n")
    address = f"http://127.0.0.1:{here.recv()}"
    costs(address)
    stalls(address)
    server.terminate()
