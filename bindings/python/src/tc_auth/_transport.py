"""The renewal of a token: one GET, written to a new connection by hand.

The URL contains the token. Every HTTP client of Python shows URLs to somebody: httpx, urllib3 and http.client to their
logs, and all of them to the tools that trace requests. Some repeat a GET. So none of them is used.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple
from urllib.parse import SplitResult, urlsplit

from . import events
from ._renewal import Renewal
from ._session import PATIENCE_SECONDS, RENEWAL_SECONDS, Session
from ._status import Status, StoreError, TcAuthError, error_for

# How many bytes of a response are read. A valid one has a few hundred.
LIMIT = 1 << 20


class Origin(NamedTuple):
    """Where a renewal goes. This is all that a proxy selector or a TLS setting may know of its URL."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/"


class Connection(NamedTuple):
    """A new connection."""

    # A socket, or what has the same sendall, recv_into, settimeout and close.
    sock: Any

    # The header fields for a proxy that gets the whole URL; None if this is a connection or a tunnel to the server.
    proxy_fields: Mapping[str, str] | None = None


# Makes a new connection before the deadline, a time of time.monotonic(). Its exceptions are not passed on.
Connect = Callable[[Origin, float], Connection]


def renew(session: Session, connect: Connect) -> None:
    """Waits until another request's renewal ends, or renews if this request is the one that must."""
    renewal = session.auth.poll(PATIENCE_SECONDS)
    if renewal is None:
        return
    done = start(renewal, connect, session.happened)
    deadline = time.monotonic() + PATIENCE_SECONDS
    longest = 0.1 if sys.platform == "win32" else PATIENCE_SECONDS  # there, Ctrl-C does not end a wait
    while not done.done() and (rest := deadline - time.monotonic()) > 0:
        concurrent.futures.wait([done], min(rest, longest))
    if not done.done():  # a proxy or a name server that never answers
        raise error_for(Status.RENEWAL_TIMEOUT)
    done.result()  # an exception of on_event


def start(
    renewal: Renewal, connect: Connect, report: Callable[[events.Event], None]
) -> concurrent.futures.Future[None]:
    """Renews in a thread of its own.

    The renewal continues if its request is interrupted, by Ctrl-C or by a timeout of gevent or Celery: others wait for
    the new token, and the old one is invalid as soon as the server has answered. The program does not end before it.
    """
    done: concurrent.futures.Future[None] = concurrent.futures.Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            report(exchange(renewal, connect))
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    try:
        threading.Thread(target=run, name="tc_auth renewal").start()
    except RuntimeError:  # the interpreter is ending, or there can be no more threads
        run()
    return done


def exchange(renewal: Renewal, connect: Connect) -> events.Event:
    """Sends the renewal once and completes it. This may block for RENEWAL_SECONDS, or as long as `connect` does."""
    with renewal:  # cancelled, if it is not completed
        answer = _Answer()
        answer.fetch(renewal.url, connect)
        try:
            if answer.status == 0:
                return events.RenewalFailed(failure=answer.failure)
            # Also if the transfer failed: what came may contain the new token, and the old one is then invalid.
            renewal.complete(answer.status, answer.body)
        except StoreError:
            return events.Renewed(saved=False)
        except TcAuthError as error:
            if answer.failure and error.status == Status.RENEWAL_BAD_RESPONSE:
                return events.RenewalFailed(http_status=answer.status, failure=answer.failure)
            return events.RenewalFailed(error.status, error.explanation or "", answer.status)
        finally:
            answer.wipe()
    return events.Renewed()


class _Answer:
    """The answer to a renewal, in memory that is wiped."""

    def __init__(self) -> None:
        self.status = 0  # if there was none
        self.failure = ""  # the name of an exception's class
        self._memory = bytearray(LIMIT)
        self._view = memoryview(self._memory)
        self._body = (0, 0)

    @property
    def body(self) -> memoryview:
        return self._view[slice(*self._body)]

    def wipe(self) -> None:
        self._view[:] = bytes(LIMIT)

    def fetch(self, url: str, connect: Connect) -> None:
        """Sends the renewal. It raises nothing, because an exception may hold the URL."""
        deadline = time.monotonic() + RENEWAL_SECONDS
        connection = None
        try:
            connection = connect(origin_of(urlsplit(url)), deadline)
            self._send(url, connection, deadline)
            self._receive(_Reader(connection.sock, deadline, self._memory, self._view))
        except Exception as error:
            self.failure = type(error).__name__
        finally:
            if connection is not None:
                _close(connection.sock)

    @staticmethod
    def _send(url: str, connection: Connection, deadline: float) -> None:
        parts = urlsplit(url)
        target = url if connection.proxy_fields is not None else url[url.index("/", len(parts.scheme) + 3) :]
        fields = {
            "Host": parts.netloc,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": "tc_auth",
            **(connection.proxy_fields or {}),
        }
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError
        connection.sock.settimeout(left(deadline))
        connection.sock.sendall("\r\n".join(lines).encode("latin-1"))

    def _receive(self, reader: _Reader) -> None:
        status, fields = reader.head()
        while 100 <= status < 200 and status != 101:
            status, fields = reader.head()
        self.status = status
        if status in (101, 204, 304):
            return
        start = reader.at
        try:
            if "chunked" in fields.get("transfer-encoding", [""])[-1].lower():
                reader.chunks()
            elif "transfer-encoding" not in fields and "content-length" in fields:
                reader.exactly(_length(fields["content-length"]))
            else:
                reader.to_the_end()
        finally:
            self._body = (start, reader.written)


class TooLong(Exception):
    """A response has more than LIMIT bytes."""


class _Reader:
    """Reads a response into memory. The body stays there, without what frames it."""

    def __init__(self, sock: Any, deadline: float, memory: bytearray, view: memoryview) -> None:
        self._sock, self._deadline, self._memory, self._view = sock, deadline, memory, view
        self._end = 0  # of what was received
        self.at = 0  # where to read on
        self.written = 0  # the end of the body

    def _more(self) -> bool:
        """Receives something. False at the end."""
        if self._end == len(self._memory):
            raise TooLong
        self._sock.settimeout(left(self._deadline))
        count: int = self._sock.recv_into(self._view[self._end :])
        self._end += count
        return count > 0

    def _line(self) -> bytes:
        searched = self.at
        while (found := self._memory.find(b"\n", searched, self._end)) < 0:
            searched = self._end
            if not self._more():
                raise EOFError
        line = bytes(self._view[self.at : found])
        self.at = found + 1
        return line[:-1] if line.endswith(b"\r") else line

    def head(self) -> tuple[int, dict[str, list[str]]]:
        """The status and the header fields of a response."""
        first = re.match(rb"HTTP/1\.[01] ([1-9][0-9]{2})( |$)", self._line())
        if first is None:
            raise ValueError
        fields: dict[str, list[str]] = {}
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            fields.setdefault(name.lower(), []).append(value.strip(" \t"))
        self.written = self.at
        return int(first[1]), fields

    def to_the_end(self) -> None:
        self.written = self._end
        while self._more():
            self.written = self._end

    def exactly(self, size: int) -> None:
        """Reads so many bytes, and moves them to the end of the body."""
        while size > 0:
            if self.at == self._end and not self._more():
                raise EOFError
            count = min(size, self._end - self.at)
            self._view[self.written : self.written + count] = self._memory[self.at : self.at + count]
            self.written += count
            self.at += count
            size -= count

    def chunks(self) -> None:
        while size := _size_of_chunk(self._line()):
            self.exactly(size)
            if self._line():
                raise ValueError
        while line := self._line():  # trailers
            if b":" not in line:
                raise ValueError


def _size_of_chunk(line: bytes) -> int:
    digits = line.partition(b";")[0].strip(b" \t")
    if not re.fullmatch(rb"[0-9a-fA-F]{1,15}", digits):
        raise ValueError
    return int(digits, 16)


def _length(values: list[str]) -> int:
    lengths = {value.strip() for text in values for value in text.split(",")}
    length = lengths.pop()
    if lengths or not re.fullmatch("[0-9]{1,18}", length):
        raise ValueError
    return int(length)


def left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _close(sock: Any) -> None:
    with contextlib.suppress(Exception):
        sock.close()


def origin_of(parts: SplitResult) -> Origin:
    default = 443 if parts.scheme == "https" else 80
    return Origin(parts.scheme, parts.hostname or "", default if parts.port is None else parts.port)


# --- connections of the standard library


class Proxy(NamedTuple):
    """A proxy, with the header fields that it gets, such as Proxy-Authorization."""

    url: str
    fields: Mapping[str, str] = {}
    context: ssl.SSLContext | None = None  # for a proxy with https


def connector(context: ssl.SSLContext | None = None, proxy: Proxy | None = None) -> Connect:
    """Connects with the standard library; without a context, with its default one."""

    def connect(origin: Origin, deadline: float) -> Connection:
        first = origin if proxy is None else origin_of(urlsplit(proxy.url))
        if first.scheme not in ("http", "https"):
            raise ValueError
        sock = _socket(first, deadline)
        try:
            if proxy is not None:
                if first.scheme == "https":
                    sock = _tls(sock, first.host, proxy.context, deadline)
                if origin.scheme == "http":
                    return Connection(sock, proxy.fields)
                _tunnel(sock, origin, proxy.fields, deadline)
            if origin.scheme == "https":
                sock = _tls(sock, origin.host, context, deadline)
        except BaseException:
            _close(sock)
            raise
        return Connection(sock)

    return connect


def _socket(origin: Origin, deadline: float) -> Any:
    error: Exception = OSError()
    for family, kind, protocol, _, address in socket.getaddrinfo(origin.host, origin.port, 0, socket.SOCK_STREAM):
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(left(deadline))
            sock.connect(address)
            return sock
        except OSError as problem:
            error = problem
            if sock is not None:
                sock.close()
    raise error


def _tunnel(sock: Any, origin: Origin, fields: Mapping[str, str], deadline: float) -> None:
    host = urlsplit(origin.url).netloc
    lines = [
        f"CONNECT {host} HTTP/1.1",
        f"Host: {host}",
        *(f"{name}: {value}" for name, value in fields.items()),
        "",
        "",
    ]
    sock.settimeout(left(deadline))
    sock.sendall("\r\n".join(lines).encode("latin-1"))
    # One byte at a time: what follows the head belongs to the server.
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        sock.settimeout(left(deadline))
        byte = sock.recv(1)
        head += byte
        if not byte or len(head) > 1 << 16:
            raise OSError
    if not re.match(rb"HTTP/1\.[01] 2", head):
        raise OSError


def _tls(sock: Any, host: str, context: ssl.SSLContext | None, deadline: float) -> Any:
    context = context or ssl.create_default_context()
    sock.settimeout(left(deadline))
    if isinstance(sock, (ssl.SSLSocket, _Inner)):
        return _Inner(sock, host, context, deadline)
    return context.wrap_socket(sock, server_hostname=host)


class _Inner:
    """TLS inside of TLS: a tunnel through a proxy with https."""

    def __init__(self, sock: Any, host: str, context: ssl.SSLContext, deadline: float) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._deadline = deadline
        self._run(self._tls.do_handshake)

    def settimeout(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def sendall(self, data: bytes) -> None:
        while data:
            data = data[self._run(functools.partial(self._tls.write, data)) :]

    def recv_into(self, view: memoryview) -> int:
        return int(self._run(functools.partial(self._tls.read, len(view), view)))

    def close(self) -> None:
        self._sock.close()

    def _run(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._flush()
                received = self._sock.recv(1 << 16)
                if received:
                    self._incoming.write(received)
                else:
                    self._incoming.write_eof()
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        self._sock.settimeout(left(self._deadline))
        self._sock.sendall(self._outgoing.read())
