"""A server whose answers a test decides, and the messages that a refusal has."""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from email.message import Message
from typing import Callable, NamedTuple

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
    """Serves each request with what `answer` returns, and keeps it. With status 0 it closes the connection."""

    def __init__(self, answer: Callable[[Received], Answer], context: ssl.SSLContext | None = None) -> None:
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
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                fields = {"Content-Length": str(len(body))} | headers if "Transfer-Encoding" not in headers else headers
                for name, value in fields.items():
                    self.send_header(name, value)
                self.end_headers()
                if method != "HEAD":
                    self.wfile.write(body)

            do_CONNECT = do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = respond

            def handle_expect_100(self) -> bool:
                goes_on = super().handle_expect_100()
                self.wfile.flush()
                return goes_on

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
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def targets(self) -> list[str]:
        return [received.target for received in self.received]

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Tunnel:
    """A proxy that connects to any server, and keeps the heads of the requests that it got."""

    def __init__(self, context: ssl.SSLContext | None = None, refusal: bytes = b"") -> None:
        self.heads: list[str] = []
        self._context, self._refusal = context, refusal
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._context is not None:
                client = self._context.wrap_socket(client, server_side=True)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            self.heads.append(head.decode("latin-1"))
            if self._refusal:
                client.sendall(self._refusal)
                client.close()
                return
            host, port = head.split()[1].decode().split(":")
            server = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 Connected\r\nX-Padding: x\r\n\r\n")
            threading.Thread(target=relay, args=(client, server), daemon=True).start()
            relay(server, client)

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def relay(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def certificate() -> Iterator[tuple[ssl.SSLContext, str]]:
    """For servers on 127.0.0.1, and the file that clients must trust."""
    with tempfile.TemporaryDirectory() as directory:
        key, file = (str(pathlib.Path(directory, name)) for name in ("key.pem", "certificate.pem"))
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
        )
        more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", file]
        subprocess.run([*command.split(), *more], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, key)
        yield context, file
