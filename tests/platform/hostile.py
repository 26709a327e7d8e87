"""How each HTTP adapter and example handles a hostile server: one suite for all languages.

    python3 hostile.py run RESULTS LABEL COMMAND...        runs one binding's program, adds to a directory of results
    python3 hostile.py session RESULTS LABEL PROGRAM       the same for examples-c/curl_session.c, which is started for each case
    python3 hostile.py table RESULTS                       prints the results: case by language

Each case has its own server. In most cases, the token is due, the response to its renewal is hostile, and the
Authorization header of the next request shows which token is in use. The cases of one program run at the same time,
because some last until the renewal times out, after 30 seconds. README.md lists what is checked.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import typing

from conformance import Program, certificate, equal, in_seconds

TOKEN = "API:5:the-first-token+of/this=test"
NEW_TOKEN = "API:6:the-next-token+of/this=test"
GOOD = json.dumps({"success": True, "apiToken": NEW_TOKEN, "apiTokenExpires": "4000000000"}).encode()
UNAUTHORIZED = b'{"status":"Failure","message":"Unauthorized"}'
RENEWAL_SECONDS = 30  # the timeout of a renewal
SLACK_SECONDS = 15  # for a busy machine
NONE = "no answer"

# --- the server


@dataclasses.dataclass
class Request:
    """The head of a received request, and the number of its connection."""

    connection: int
    head: str
    at: float

    @property
    def is_renewal(self):
        return "/appAuth?expiredToken=" in self.head.partition("\r\n")[0]

    @property
    def token(self):
        found = re.search(r"^authorization: TC-Token (.*)\r$", self.head, re.IGNORECASE | re.MULTILINE)
        return found and found[1]


class Closed(Exception):
    """The client has closed the connection, or the test is over."""


class Connection:
    """A client's connection, for the script of a case."""

    def __init__(self, server, sock, number):
        self.server, self.sock, self.number = server, sock, number
        self.received = b""

    def read_head(self):
        while b"\r\n\r\n" not in self.received:
            self.received += self.receive()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        return Request(self.number, head.decode("latin-1") + "\r\n", time.monotonic())

    def receive(self):
        while not self.server.over.is_set():
            try:
                part = self.sock.recv(65536)
            except TimeoutError:
                continue
            except OSError as error:
                raise Closed from error
            if not part:
                break
            return part
        raise Closed

    def send(self, data):
        view = memoryview(data)
        while view and not self.server.over.is_set():
            try:
                view = view[self.sock.send(view):]
            except TimeoutError:
                continue
            except OSError as error:
                raise Closed from error
        if view:
            raise Closed

    def drip(self, parts, seconds=0.5):
        """Sends the parts one by one, with pauses; endless if the parts are."""
        for part in parts:
            self.send(part)
            self.server.over.wait(seconds)

    def wait(self):
        """Sends nothing more, and waits until the client closes."""
        while True:
            self.receive()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Closed


class Server:
    """Serves one case: the first request of its kind gets the hostile response, all others a good one."""

    def __init__(self, case, pem=None):
        self.case, self.requests, self.done, self.over = case, [], set(), threading.Event()
        self.lock, self.is_hostile, self.hostile_is_left, self.http2_streams = threading.Lock(), False, False, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.context = None
        if pem:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pem)
            self.context.set_alpn_protocols(["h2", "http/1.1"] if case.http2 else ["http/1.1"])
        self.url = f"http{'s' if pem else ''}://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        number = 0
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            number += 1
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        with sock:
            try:
                sock.settimeout(10)
                if self.context:
                    sock = self.context.wrap_socket(sock, server_side=True)
                with sock:
                    sock.settimeout(0.2)
                    connection = Connection(self, sock, number)
                    if self.context and sock.selected_alpn_protocol() == "h2":
                        Http2(connection).serve()
                    while True:
                        self._answer(connection, connection.read_head())
            except (Closed, OSError):
                pass
        with self.lock:
            self.done.add(number)

    def _answer(self, connection, request):
        with self.lock:
            self.requests.append(request)
            hostile = self.hostile_is_left and self.case.on == ("renewal" if request.is_renewal else "request")
            self.hostile_is_left &= not hostile
        if hostile:
            self.case.script(connection)
            raise Closed
        if request.is_renewal:
            connection.send(response(GOOD))
        elif self.case.on == "request" and request.token != NEW_TOKEN and self.is_hostile:
            connection.send(response(UNAUTHORIZED, "401 Unauthorized"))
        else:
            connection.send(response(b"{}"))

    def be_hostile(self):
        """From now on, responses are hostile; earlier requests do not count."""
        with self.lock:
            self.requests.clear()
            self.is_hostile = self.hostile_is_left = True
            self.http2_streams = 0

    def renewals(self):
        return [request for request in self.requests if request.is_renewal]

    def renewal_is_closed(self):
        with self.lock:
            return all(request.connection in self.done for request in self.renewals())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.listener.close()


class Http2:
    """Enough of HTTP/2 to be hostile: a response to each stream, or an error."""

    PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    HEADERS, RST_STREAM, SETTINGS, GOAWAY = 1, 3, 4, 7
    END_STREAM_AND_HEADERS, ACK = 0x5, 0x1

    def __init__(self, connection):
        self.connection = connection

    def frame(self, kind, flags, stream, payload=b""):
        self.connection.send(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def serve(self):
        received = self.connection.receive()
        while len(received) < len(self.PREFACE):
            received += self.connection.receive()
        received = received[len(self.PREFACE):]
        self.frame(self.SETTINGS, 0, 0)
        while True:
            while len(received) < 9 or len(received) < 9 + int.from_bytes(received[:3], "big"):
                received += self.connection.receive()
            length, kind, flags = int.from_bytes(received[:3], "big"), received[3], received[4]
            stream = int.from_bytes(received[5:9], "big")
            received = received[9 + length:]
            if kind == self.SETTINGS and not flags & self.ACK:
                self.frame(self.SETTINGS, self.ACK, 0)
            elif kind == self.HEADERS:
                self.stream(stream)

    def stream(self, stream):
        server = self.connection.server
        with server.lock:
            server.http2_streams += 1
            hostile = server.is_hostile and (server.case.again or server.http2_streams == 1)
        if hostile:
            server.case.script(self, stream)
        else:
            self.frame(self.HEADERS, self.END_STREAM_AND_HEADERS, stream, b"\x88")  # :status 200


def response(body, status="200 OK", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def head(*headers, status="200 OK"):
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]).encode() + b"\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = "Transfer-Encoding: chunked"

# --- the cases


@dataclasses.dataclass
class Case:
    title: str
    script: typing.Callable
    on: str = "renewal"  # or "request": which one gets the hostile response
    adopted: bool | None = False  # whether the token of the response is in use afterwards; None: either is right
    within: float = 5  # seconds from the renewal, or the request, to the next request
    answers: tuple = (200,)  # what the caller may get at last
    http2: bool = False
    again: bool = False  # over HTTP/2 each stream gets the hostile response
    tls: bool = False


CASES = []


def case(title, **expected):
    def register(script):
        CASES.append(Case(title, script, **expected))
        return script

    return register


GIVEN_UP = {"within": RENEWAL_SECONDS}


@case("a good response", adopted=True)
def good(connection):
    connection.send(response(GOOD))
    connection.wait()


@case("a good response of many short parts", adopted=True)
def parts(connection):
    connection.drip((bytes([byte]) for byte in response(GOOD)), 0.005)
    connection.wait()


@case("a good response before the connection closes, without a length", adopted=True)
def until_the_end(connection):
    connection.send(head("Connection: close") + GOOD)


@case("silence", **GIVEN_UP)
def silence(connection):
    connection.wait()


@case("a status line that never ends", **GIVEN_UP)
def endless_status_line(connection):
    connection.send(b"HTTP/1.1 200 ")
    connection.drip(forever(b"O"))


@case("headers that never end", **GIVEN_UP)
def endless_headers(connection):
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.drip(forever(b"X-Padding: x\r\n"))


@case("a body that never ends and has no JSON", **GIVEN_UP)
def endless_body(connection):
    connection.send(head(CHUNKED) + chunk(GOOD[:20]))
    connection.drip(forever(chunk(b" ")))


@case("a whole body, and the transfer never ends", adopted=True, **GIVEN_UP)
def whole_and_endless(connection):
    connection.send(head(CHUNKED) + chunk(GOOD))
    connection.wait()


@case("a whole body, and white space without end", adopted=True, **GIVEN_UP)
def whole_and_dripping(connection):
    connection.send(head(CHUNKED) + chunk(GOOD))
    connection.drip(forever(chunk(b" ")))


# A whole body, and then a wrong end: at once, or a moment later.
WRONG_ENDS = {
    "no last chunk": (head(CHUNKED) + chunk(GOOD), b""),
    "no chunk after it": (head(CHUNKED) + chunk(GOOD), b"no chunk\r\n\r\n"),
    "a bad trailer": (head(CHUNKED, "Trailer: X") + chunk(GOOD), b"0\r\nno trailer\r\n\r\n"),
    "a Content-Length that is one too long": (head(f"Content-Length: {len(GOOD) + 1}") + GOOD, b""),
}

for _title, _parts in WRONG_ENDS.items():

    @case(f"a whole body, and {_title}", adopted=True)
    def wrong_end(connection, parts=_parts):
        connection.send(b"".join(parts))

    @case(f"a whole body, and a moment later {_title}", adopted=True)
    def wrong_end_later(connection, parts=_parts):
        connection.send(parts[0])
        connection.server.over.wait(0.3)
        connection.send(parts[1])


@case("a Content-Length that is one too short")
def length_too_short(connection):
    connection.send(head(f"Content-Length: {len(GOOD) - 1}") + GOOD)
    connection.wait()


@case("a reset in the middle of the body")
def reset(connection):
    connection.send(head(f"Content-Length: {len(GOOD)}") + GOOD[:40])
    connection.server.over.wait(0.2)
    connection.reset()


@case("no byte, and a reset")
def reset_at_once(connection):
    connection.reset()


@case("no byte, and the end")
def end_at_once(_connection):
    pass


@case("10 GB", within=RENEWAL_SECONDS)
def large(connection):
    connection.send(head("Content-Length: 10737418240"))
    connection.drip(forever(b" " * (1 << 16), 10 << 14), 0)


@case("an unrequested gzip bomb of 10 GB", within=RENEWAL_SECONDS)
def gzip_bomb(connection):
    import zlib

    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(squeezer.compress(b" " * (1 << 20)) for _ in range(64))
    connection.send(head("Content-Encoding: gzip", CHUNKED))
    connection.drip((chunk(bomb) for _ in range(160)), 0)


@case("100, 102 and 103 before a good response", adopted=True)
def informational(connection):
    lines = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    connection.send(lines + response(GOOD))
    connection.wait()


@case("100 without end", **GIVEN_UP)
def endless_informational(connection):
    connection.drip(forever(b"HTTP/1.1 100 Continue\r\n\r\n"), 0.05)


@case("101 Switching Protocols, and silence", **GIVEN_UP)
def switching(connection):
    connection.send(head("Connection: Upgrade", "Upgrade: websocket", status="101 Switching Protocols"))
    connection.wait()


for _status in ("301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"):

    @case(f"{_status[:3]} to another path")
    def redirect(connection, status=_status):
        connection.send(response(b"", status, f"Location: {connection.server.url}/elsewhere"))
        connection.wait()


@case("401 with WWW-Authenticate")
def challenge(connection):
    connection.send(response(b"", "401 Unauthorized", 'WWW-Authenticate: Basic realm="x"', "WWW-Authenticate: Negotiate"))
    connection.wait()


@case("407 with Proxy-Authenticate")
def proxy_challenge(connection):
    connection.send(response(b"", "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="x"'))
    connection.wait()


for _status in ("408 Request Timeout", "421 Misdirected Request", "425 Too Early", "429 Too Many Requests",
                "503 Service Unavailable"):

    @case(f"{_status[:3]} with Retry-After")
    def later(connection, status=_status):
        connection.send(response(b"", status, "Retry-After: 0", "Connection: close"))


@case("204 without a body")
def no_content(connection):
    connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    connection.wait()


@case("HTML")
def html(connection):
    connection.send(response(b"<html><body>Sign in</body></html>", "200 OK", "Content-Type: text/html"))
    connection.wait()


@case("a cookie, and a good response", adopted=True)
def cookie(connection):
    connection.send(response(GOOD, "200 OK", "Set-Cookie: session=1; Path=/"))
    connection.wait()


@case("a header of 1 MB", adopted=None, within=RENEWAL_SECONDS)
def long_header(connection):
    connection.send(b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * (1 << 20) + b"\r\n")
    connection.send(response(GOOD)[len("HTTP/1.1 200 OK\r\n"):])
    connection.wait()


@case("100,000 headers", adopted=None, within=RENEWAL_SECONDS)
def many_headers(connection):
    connection.send(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: x\r\n" % number for number in range(100_000)))
    connection.send(response(GOOD)[len("HTTP/1.1 200 OK\r\n"):])
    connection.wait()


@case("what is no HTTP")
def garbage(connection):
    connection.send(os.urandom(64) + b"\r\n\r\n" + GOOD)


@case("a second response after the first", adopted=True)
def surplus(connection):
    connection.send(response(GOOD) + response(UNAUTHORIZED, "401 Unauthorized"))
    connection.wait()


REFUSED = {"on": "request", "adopted": True}


@case("401 to the request, whole", **REFUSED)
def refused(connection):
    connection.send(response(UNAUTHORIZED, "401 Unauthorized", "Connection: close"))


@case("401 to the request, cut", **REFUSED)
def refused_and_cut(connection):
    connection.send(head(f"Content-Length: {len(UNAUTHORIZED) + 10}", status="401 Unauthorized") + UNAUTHORIZED)


@case("401 to the request, without the last chunk", **REFUSED)
def refused_without_last_chunk(connection):
    connection.send(head(CHUNKED, status="401 Unauthorized") + chunk(UNAUTHORIZED))


@case("401 to the request, and the transfer never ends", within=RENEWAL_SECONDS, **REFUSED)
def refused_without_end(connection):
    connection.send(head(CHUNKED, status="401 Unauthorized") + chunk(UNAUTHORIZED))
    connection.wait()


@case("401 to the request, drop by drop", within=RENEWAL_SECONDS, **REFUSED)
def refused_dripping(connection):
    connection.send(head(CHUNKED, status="401 Unauthorized") + chunk(UNAUTHORIZED))
    connection.drip(forever(chunk(b" ")))


@case("401 to the request, of 10 GB", within=RENEWAL_SECONDS, **REFUSED)
def refused_large(connection):
    connection.send(head("Content-Length: 10737418240", status="401 Unauthorized") + UNAUTHORIZED)
    connection.drip(forever(b" " * (1 << 16), 10 << 14), 0)


# The error codes of HTTP/2 (RFC 9113, 7), and an unknown one.
CODES = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
         "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
         "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED", "unknown"]
HTTP2 = {"on": "http2", "adopted": True, "http2": True, "tls": True, "answers": (200, NONE), "within": RENEWAL_SECONDS}

for _number, _code in enumerate(CODES):

    @case(f"HTTP/2, each request ends with RST_STREAM {_code}", again=True, **HTTP2)
    def reset_stream(http2, stream, number=_number):
        http2.frame(Http2.RST_STREAM, 0, stream, struct.pack(">I", number))

    @case(f"HTTP/2, GOAWAY {_code}", **HTTP2)
    def go_away(http2, _stream, number=_number):
        http2.frame(Http2.GOAWAY, 0, 0, struct.pack(">II", 0, number))
        raise Closed


def forever(part, times=1 << 62):
    return (part for _ in range(times))


# Limits of a runtime: whether the token is adopted (None: either is right), and why.
JAVA = ["java-ffm", "java-jna"] + [f"java-{client}" for client in (
    "ashttpclient", "okhttp", "apache", "rest", "restinterceptor", "web", "feign")]
IN_JAVA = None, "java.net.http can drop what came together with a wrong end"
LIMITS = {("dotnet-mono", "100, 102 and 103 before a good response"): (False, "Mono takes a 1xx for the response")} | {
    (label, "a whole body, and no chunk after it"): IN_JAVA for label in JAVA}
_unknown = {title for _, title in LIMITS} - {case.title for case in CASES}
assert not _unknown, f"LIMITS names cases that are not there: {_unknown}"
# Before Java 21, only the garbage collector closes a client and its connections.
KEEPS_CONNECTIONS = {"java-jna"}


def cases_of(label):
    return [dataclasses.replace(case, adopted=LIMITS.get((label, case.title), [case.adopted])[0]) for case in CASES]


# --- what is checked

TARGET = "/api/v3/indicators"
SECRETS = re.compile("(first|next)-token")


@dataclasses.dataclass
class Outcome:
    """The outcome of one case for the caller."""

    answer: typing.Any  # the HTTP status, or NONE
    token: str | None  # the one in use afterwards, if known
    texts: str  # all texts for the caller, the observer and the log


def check(label, case, server, outcome):
    """Raises AssertionError, or returns the text for the table."""
    with server.lock:
        requests = list(server.requests)
    renewals = [request for request in requests if request.is_renewal]
    equal(len(renewals), 1, "renewals")
    equal([request.head.split()[1].partition("?")[0] for request in requests if not request.is_renewal],
          [TARGET] * (len(requests) - 1), "paths of the other requests")
    for request in requests:
        if re.search(r"^cookie:", request.head, re.IGNORECASE | re.MULTILINE):
            raise AssertionError("a cookie was sent")
    if renewals[0].token is not None or re.search(r"^(proxy-)?authorization:", renewals[0].head, re.I | re.M):
        raise AssertionError("the renewal has an Authorization header")
    if SECRETS.search(outcome.texts):
        raise AssertionError(f"a token was shown: {outcome.texts[:500]}")
    if outcome.answer not in case.answers:
        raise AssertionError(f"answer {outcome.answer}: {outcome.texts[:500]}")
    after = requests[requests.index(renewals[0]) + 1:]
    # The example in C has several threads, so requests with the old token may still arrive.
    settled = after[-1:] if label == "c" else after
    in_use = {request.token for request in settled} | ({outcome.token} if outcome.token else set())
    allowed = {TOKEN, NEW_TOKEN} if case.adopted is None else {NEW_TOKEN if case.adopted else TOKEN}
    if len(in_use) > 1 or not in_use <= allowed:
        raise AssertionError(f"in use: {sorted({TOKEN: 'the old token', NEW_TOKEN: 'the new token'}.get(t, 'another') for t in in_use)}")
    if after:
        began = renewals[0] if case.on == "renewal" else requests[0]
        took = after[0].at - began.at
        if took > case.within + SLACK_SECONDS:
            raise AssertionError(f"it took {took:.0f} s")
    if label not in KEEPS_CONNECTIONS and not all(number in server.done for number in {request.connection for request in renewals}):
        raise AssertionError("the connection of the renewal is still open")
    adopted = case.adopted if case.adopted is not None else in_use == {NEW_TOKEN}
    return f"{'adopted' if adopted else 'kept'}, {outcome.answer}"


def eventually(condition, seconds):
    """Waits for the condition, and returns whether it became true."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


# --- the bindings


class Process:
    """The resources that a binding's program uses, as the kernel counts them."""

    def __init__(self, program):
        self.program, self.directory = program, pathlib.Path("/proc", str(program.process.pid))
        while children := (self.directory / "task" / self.directory.name / "children").read_text().split():
            self.directory = pathlib.Path("/proc", children[0])  # the program is started by a script

    def tasks(self):
        """Goroutines in Go, threads elsewhere."""
        status, answer = self.program.ask("tasks")
        return int(answer[0]) if status == "OK" else len(list((self.directory / "task").iterdir()))

    def sockets(self):
        count = 0
        for link in (self.directory / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                count += os.readlink(link).startswith("socket:")
        return count

    def peak_megabytes(self):
        return int(re.search(r"VmHWM:\s+(\d+)", (self.directory / "status").read_text())[1]) // 1024


def run(results, label, *command):
    with tempfile.TemporaryFile("w+") as log, certificate() as (pem, authority), Program(command, stderr=log) as program:
        runtime, _ = program.do("hello")
        process = Process(program)
        servers = [Server(case, pem if case.tls else None) for case in cases_of(label)]
        ready = [(number, server) for number, server in enumerate(servers) if connect(program, number, server, authority)]
        cells = {server.case.title: "FAILED" for server in servers}
        before = process.tasks(), process.sockets()
        for number, server in ready:
            make_due(program, number, server.case)
            server.be_hostile()
        for number, server in ready:
            program.do("start", f"h{number}", "GET", server.url + TARGET)
        for number, server in ready:
            cells[server.case.title] = outcome_of(label, program, number, server)
            print(f"  {cells[server.case.title]:>12}  {server.case.title}", flush=True)
        for server in servers:
            server.over.set()
        cells.update(used_afterwards(process, before))
        cells["a good response, truncated after each byte"] = cut_everywhere(program)
        log.seek(0)
        cells["tokens in what the program has logged"] = "FAILED" if SECRETS.search(log.read()) else "none"
    return save(results, label, runtime, cells)


def connect(program, number, server, authority):
    """Creates a handle and a client, which renew and send one request, so that what they keep is allocated."""
    name = f"h{number}"
    program.do("new_token", name, TOKEN, in_seconds(-10))
    program.do("set_api_path", name, server.url + "/api")
    program.do("client", name, authority if server.case.tls else None)
    status, answer = program.ask("send", name, "GET", server.url + TARGET, None)
    events = program.do("events", name)
    if (status, events) != ("OK", ["renewal OK"]):
        print(f"    {server.case.title}: before anything hostile: {status} {answer} {events}")
    return status == "OK"


def make_due(program, number, case):
    name = f"h{number}"
    program.do("update_token", name, TOKEN, in_seconds(3600))
    if case.on != "request":
        sent = f"TC-Token {TOKEN}"
        equal(program.do("review", name, sent, None, 401, None, UNAUTHORIZED), ["RETRY"])


def outcome_of(label, program, number, server):
    name = f"h{number}"
    status, answer = program.ask("finish", name)
    texts = " ".join(map(str, [status, *answer, *program.do("events", name)]))
    outcome = Outcome(int(answer[0]) if status == "OK" else NONE, program.do("token", name)[0], texts)
    if label not in KEEPS_CONNECTIONS:
        eventually(server.renewal_is_closed, 10)
    try:
        return check(label, server.case, server, outcome)
    except AssertionError as error:
        print(f"    {server.case.title}: {error}; {SECRETS.sub('***', texts)[:300]}")
        return "FAILED"


def used_afterwards(process, before):
    """Pooled threads may exist for another minute."""
    allowed = before[0] + max(3, len(CASES) // 4), before[1] + 3
    eventually(lambda: process.tasks() <= allowed[0] and process.sockets() <= allowed[1], 90)
    after = process.tasks(), process.sockets()
    cells = {}
    for what, was, is_now, most in zip(("threads or goroutines", "sockets"), before, after, allowed):
        cells[f"{what}, before and after"] = f"{was}, {is_now}" if is_now <= most else "FAILED"
        if is_now > most:
            print(f"    {what}: {was} before, {is_now} after")
    peak = process.peak_megabytes()
    cells["memory, at most 1 GB"] = f"{peak} MB" if peak < 1024 else "FAILED"
    return cells


def cut_everywhere(program):
    """The token is adopted if and only if all of the JSON has arrived."""
    count = 0
    for wire, whole in ((response(GOOD), len(response(GOOD))), (head(CHUNKED) + chunk(GOOD) + chunk(b""), None)):
        whole = whole or wire.index(GOOD) + len(GOOD)
        for length in range(len(wire) + 1):
            def script(connection, length=length):
                connection.send(wire[:length])
                if whole <= length < len(wire):
                    connection.server.over.wait(0.3)  # what arrives together with the end can be lost: see LIMITS

            cut = Case("cut", script, adopted=length >= whole)
            with Server(cut) as server:
                server.be_hostile()
                program.do("new_token", "cut", TOKEN, in_seconds(3600))
                program.do("set_api_path", "cut", server.url + "/api")
                program.do("client", "cut", None)
                program.do("review", "cut", f"TC-Token {TOKEN}", None, 401, None, UNAUTHORIZED)
                equal(program.do("send", "cut", "GET", server.url + TARGET, None)[0], "200")
                token = program.do("token", "cut")[0]
                if len(server.renewals()) != 1 or token != (NEW_TOKEN if cut.adopted else TOKEN):
                    print(f"    truncated after {length} bytes: {len(server.renewals())} renewals, {'new' if token == NEW_TOKEN else 'old'}")
                    return "FAILED"
            count += 1
    return str(count)


# --- the example in C


def session(results, label, path):
    """The program makes 20 requests in 4 threads with a token that has expired, or, for a refusal, does not expire."""
    cells = {}
    with certificate() as (pem, authority):
        servers = [Server(case, pem if case.tls else None) for case in cases_of(label)]
        processes = []
        for server in servers:
            server.be_hostile()
            variables = {"TC_TOKEN": TOKEN, "TC_API_PATH": server.url + "/api", "CERTIFICATE": authority}
            if server.case.on != "request":
                variables["TC_TOKEN_EXPIRES"] = str(in_seconds(-10))
            processes.append(subprocess.Popen([path, server.url + TARGET], env=variables, text=True,
                                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        for server, process in zip(servers, processes):
            text = process.communicate(timeout=120)[0]
            eventually(server.renewal_is_closed, 10)
            answer = 200 if process.returncode == 0 else NONE
            if server.case.adopted is not True and process.returncode == 1:  # the token has expired: nothing is sent
                answer = 200 if len(server.requests) == 1 else NONE
            try:
                cells[server.case.title] = check(label, server.case, server, Outcome(answer, None, text))
            except AssertionError as error:
                print(f"    {server.case.title}: {error}; {SECRETS.sub('***', text)[:300]}")
                cells[server.case.title] = "FAILED"
            server.over.set()
    return save(results, label, "C", cells)


# --- the results


def save(results, label, runtime, cells):
    failed = sum(cell == "FAILED" for cell in cells.values())
    results = pathlib.Path(results)
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{label}.json").write_text(json.dumps({"runtime": runtime, "cells": cells}))
    print(f"{len(cells) - failed} cases as expected, {failed} not")
    return failed == 0


def table(results):
    files = sorted(pathlib.Path(results).glob("*.json"))
    columns = [json.loads(file.read_text()) for file in files]
    titles = list(dict.fromkeys(title for column in columns for title in column["cells"]))
    print("| case |", " | ".join(column["runtime"] for column in columns), "|")
    print("| --- |" + " --- |" * len(columns))
    for title in titles:
        print(f"| {title} |", " | ".join(column["cells"].get(title, "-") for column in columns), "|")
    for (label, title), (_, reason) in LIMITS.items():
        if any(file.stem == label for file in files):
            print(f"\n{label}, {title}: {reason}")
    return bool(columns) and not any("FAILED" in column["cells"].values() for column in columns)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    sys.exit(0 if {"run": run, "session": session, "table": table}[what](*arguments) else 1)
