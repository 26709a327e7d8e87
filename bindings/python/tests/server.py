"""A server whose answers a test decides, and the messages that a refusal has."""

from __future__ import annotations

import http.server
import json
import threading
from email.message import Message
from typing import Any, Callable, NamedTuple

UNAUTHORIZED = json.dumps({"status": "Failure", "message": "Unauthorized"}).encode()


class Received(NamedTuple):
    method: str
    target: str
    headers: Message
    body: bytes
    connection: int


class Answer(NamedTuple):
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = {}


class Server:
    """Serves each request with what `answer` returns, and keeps it."""

    def __init__(self, answer: Callable[[Received], Answer], wrap: Callable[[Any], Any] | None = None) -> None:
        self.received: list[Received] = []
        server, connections = self, iter(range(1 << 30))

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def setup(self) -> None:
                super().setup()
                self.number = next(connections)

            def respond(self) -> None:
                method, target, _ = self.raw_requestline.decode("latin-1").split()
                received = Received(method, target, self.headers, self.read_body(), self.number)
                server.received.append(received)
                status, body, headers = answer(received)
                self.send_response(status)
                fields = {"Content-Length": str(len(body))} | headers if "Transfer-Encoding" not in headers else headers
                for name, value in fields.items():
                    self.send_header(name, value)
                self.end_headers()
                if method != "HEAD":
                    self.wfile.write(body)

            do_CONNECT = do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = respond

            def read_body(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.scheme = "http"
        if wrap is not None:
            self._server.socket, self.scheme = wrap(self._server.socket), "https"
        self.url = f"{self.scheme}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def targets(self) -> list[str]:
        return [received.target for received in self.received]

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
