"""A stand-in for the ThreatConnect platform: an HTTP server that checks the authorization of requests.

It shares no code with the library. It reads the request line as bytes, computes the signature with Python's own hmac,
and responds with the platform's messages. README.md says what is the same as on the platform.

    python3 stand_in.py [--help]

Prints its port on standard output, then one line per request on standard error, and ends with its parent. GET /_stats
returns, without authorization, how many requests were verified and refused, and how many tokens issued. `wrong` are
requests that no correct client sends: with a wrong signature, or a token that was never issued. `lost` are renewals of
a token whose successor was sent, so the client must have lost it. GET /_issue issues another token, as JSON like in a
parameter file: for use after one was lost.
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import random
import re
import secrets
import socket
import ssl
import sys
import threading
import time
import urllib.parse

ACCESS_ID = "12345678901234567890"
SECRET_KEY = "tc_auth-example-secret"
TOKEN = "API:5:stand-in+token/with=:colons:"
WINDOW_SECONDS = 300


class Refused(Exception):
    """The platform's message, and its HTTP status."""

    def __init__(self, message, status=401):
        super().__init__(message)
        self.status = status


def expected_signature(secret_key, target, method, timestamp):
    string_to_sign = b":".join([target, method, timestamp])
    digest = hmac.new(secret_key.encode("utf-8"), string_to_sign, hashlib.sha256).digest()
    return base64.b64encode(digest)


class Tokens:
    """The valid tokens and their renewals. A token becomes invalid when its successor is issued."""

    def __init__(self, token, life, faults):
        self.lock = threading.Lock()
        self.life = life
        self.good = {token: time.time() + life if life else None}  # with their expiries
        self.faults = iter(faults)
        self.issued = 0
        self.ever = {token}
        self.told = set()  # tokens whose successor was sent

    def is_good(self, token, now):
        with self.lock:
            return token in self.good and (self.good[token] is None or now < self.good[token])

    def next_fault(self):
        with self.lock:
            return next(self.faults, "ok")

    def renew(self, token, now, tell):
        """The successor of a token, expired or not, with its expiry; None for a token that was replaced already."""
        with self.lock:
            if token not in self.good:
                return None
            del self.good[token]
            if tell:
                self.told.add(token)
            return self.add(now)

    def issue(self, now):
        with self.lock:
            return self.add(now)

    def add(self, now):
        self.issued += 1
        token = f"API:{self.issued}:{secrets.token_urlsafe(18)}+/="
        self.ever.add(token)
        self.good[token] = int(now) + self.life if self.life else None
        return token, self.good[token]


class Platform(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, options):
        super().__init__(("127.0.0.1", 0), Handler)
        self.options = options
        self.tokens = Tokens(options.token, options.token_life, options.faults)
        self.counters = {"verified": 0, "refused": 0, "wrong": 0, "lost": 0, "renewal requests": 0}
        self.counters_lock = threading.Lock()
        if options.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(options.tls)
            # The connection's thread does the handshake, not the accepting one.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def count(self, what):
        with self.counters_lock:
            self.counters[what] += 1

    def now(self):
        return int(time.time()) + self.options.clock_offset

    def check(self, method, target, headers):
        """Raises Refused, or returns how the request was authorized."""
        authorization = self.only(headers, "Authorization")
        if authorization.startswith("TC-Token "):
            return self.check_token(authorization.removeprefix("TC-Token "))
        if authorization.startswith("TC "):
            return self.check_signature(method, target, authorization, self.only(headers, "Timestamp"))
        raise Refused("Unauthorized")

    @staticmethod
    def only(headers, name):
        """A header that comes twice could mean one thing to a proxy and another to the platform."""
        values = headers.get_all(name, [])
        if len(values) != 1:
            raise Refused("Unauthorized" if name == "Authorization" else "Invalid timestamp")
        return values[0]

    def check_token(self, token):
        if not self.tokens.is_good(token, self.now()):
            if token not in self.tokens.ever:
                self.count("wrong")
            raise Refused("Unauthorized")
        return "token"

    def check_signature(self, method, target, authorization, timestamp):
        access_id, _, signature = authorization.removeprefix("TC ").rpartition(":")
        if access_id != self.options.access_id:
            raise Refused("Access Denied")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
            raise Refused("Invalid timestamp")
        if abs(int(timestamp) - self.now()) > WINDOW_SECONDS:
            raise Refused("Timestamp out of acceptable time range")
        expected = expected_signature(self.options.secret_key, target, method, timestamp.encode("ascii"))
        if not hmac.compare_digest(signature.encode("latin-1"), expected):
            self.count("wrong")
            raise Refused("Signature data did not match expected result")
        return "signature"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tc_auth-stand-in"
    disable_nagle_algorithm = True
    used = False  # one instance per connection
    wbufsize = -1  # headers and body in one packet

    def __getattr__(self, name):
        if name.startswith("do_"):  # the base class looks up one of these for each method; all are treated alike
            return self.answer
        raise AttributeError(name)

    def answer(self):
        if self.used and self.server.options.dead_connections:
            return self.drop()
        self.used = True
        received = self.read_body()
        # Not self.path: the base class changes "//" at its start, and would hide what was sent.
        method, target, _version = self.raw_requestline.split()
        wire = (method + b" " + target).decode("latin-1")
        path, _, query = target.decode("latin-1").partition("?")
        if path == "/_stats":
            return self.reply(200, self.server.counters | {"issued": self.server.tokens.issued})
        if path == "/_issue":
            token, expires = self.server.tokens.issue(self.server.now())
            return self.reply(200, {"tc_token": token, "tc_token_expires": expires})
        if path.rstrip("/") == "/api/appAuth":
            return self.renew(urllib.parse.parse_qs(query, strict_parsing=True).get("expiredToken", [""])[0])
        if path == "/api/v3/rejected":  # an endpoint that rejects every token
            return self.reply(401, {"status": "Failure", "message": "Unauthorized"})
        if path == "/api/v3/attribute":  # an endpoint with an unrelated error
            return self.reply(400, {"status": "Failure", "message": "Unauthorized attribute type 'Foo'"})
        try:
            how = self.server.check(method, target, self.headers)
        except Refused as refused:
            self.server.count("refused")
            self.log(f'refused {refused.status} "{refused}": {wire}')
            self.reply(refused.status, {"status": "Failure", "message": str(refused)})
        else:
            self.server.count("verified")
            if not self.server.options.quiet:
                self.log(f"verified {how}: {wire}")
            self.reply(200, {"status": "Success", "data": {"verified": how, "received": received}})
        return None

    def read_body(self):
        """Reads the body, which is not signed, and returns its length."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        received = 0
        while size := int(self.rfile.readline(), 16):
            received += len(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return received

    def renew(self, token):
        """A renewal, with the next fault of the list."""
        self.server.count("renewal requests")
        fault, _, argument = self.server.tokens.next_fault().partition(":")
        self.log(f"renewal, fault: {fault}")
        if token in self.server.tokens.told:
            self.server.count("lost")
        if "Authorization" in self.headers:
            return self.reply(400, {"success": False, "message": "the renewal takes no Authorization header"})
        if fault == "500":
            return self.reply(500, {"message": "Internal Server Error"})
        if fault == "html":
            return self.send(502, "text/html", b"<html><body><h1>502 Bad Gateway</h1></body></html>")
        if fault == "drop":
            return self.drop()
        if fault == "refuse":
            return self.reply(200, {"success": False, "message": f"Token {token} may not be renewed"})
        renewed = self.server.tokens.renew(token, self.server.now(), tell=fault != "lost")
        if fault == "slow":
            time.sleep(float(argument))  # the old token is invalid now, and the new one not sent yet
        if fault == "lost":
            return self.drop()
        if renewed is None:
            self.log("renewal of a token that was replaced: refused")
            return self.reply(401, {"success": False, "message": "Unauthorized"})
        answer = {"success": True, "apiToken": renewed[0]} | ({"apiTokenExpires": str(renewed[1])} if renewed[1] else {})
        # The platform escapes "=", which finds clients without a real JSON parser.
        return self.send(200, "application/json", json.dumps(answer).replace("=", "\\u003d").encode("utf-8"))

    def drop(self):
        """Closes the connection without a response."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def reply(self, status, value):
        self.send(status, "application/json", json.dumps(value).encode("utf-8") + b"\n")

    def send(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, _, value in (header.partition(": ") for header in self.server.options.header):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def date_time_string(self, timestamp=None):
        """The Date header has the stand-in's time, even if that is set wrong."""
        return super().date_time_string(self.server.now() if timestamp is None else timestamp)

    def log(self, line):
        sys.stderr.write(line + "\n")  # in one write, because many threads log
        sys.stderr.flush()

    def log_message(self, *_):
        """The base class would log a second line for each request."""


FAULTS = ["500", "html", "drop", "refuse", "lost", "slow:0.2", "slow:1"]


def half(seed):
    """Endless; about half of them are faults."""
    rng = random.Random(seed)
    while True:
        yield rng.choice(FAULTS) if rng.random() < 0.5 else "ok"


def faults(text):
    if text.startswith("half:"):
        return half(text)
    listed = [fault.strip() for fault in text.split(",")]
    for fault in listed:
        if not re.fullmatch(r"ok|500|html|drop|refuse|lost|slow:\d+(\.\d+)?", fault):
            raise argparse.ArgumentTypeError(f"no such fault: {fault!r}")
    return listed


def end_with_parent():
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description="A stand-in for the ThreatConnect platform.",
                                     formatter_class=argparse.RawTextHelpFormatter)  # which does not wrap tokens
    parser.add_argument("--access-id", default=ACCESS_ID, help=f"the valid one: {ACCESS_ID}")
    parser.add_argument("--secret-key", default=SECRET_KEY, help=f"its secret key: {SECRET_KEY}")
    parser.add_argument("--token", default=TOKEN, help=f"the valid one: {TOKEN}")
    parser.add_argument("--clock-offset", type=int, default=0, metavar="SECONDS", help="how far its clock is off: 0")
    parser.add_argument("--token-life", type=int, default=0, metavar="SECONDS",
                        help="how long each token is valid: 0, for ever")
    parser.add_argument("--faults", type=faults, default=[], metavar="LIST",
                        help="what happens to the renewals, one after the other, separated by commas:\nok, 500, html, "
                        "slow:SECONDS, drop, refuse, or lost (the response, after the token was replaced);\n"
                        "or half:SEED, about half of all renewals")
    parser.add_argument("--tls", metavar="FILE", help="speak HTTPS, with the certificate and the key of this PEM file")
    parser.add_argument("--header", action="append", default=[], metavar="LINE", help="add it to each response")
    parser.add_argument("--dead-connections", action="store_true",
                        help="drop a connection that is kept as soon as a second request comes")
    parser.add_argument("--quiet", action="store_true", help="log refusals and renewals only")
    server = Platform(parser.parse_args())
    print(server.server_port, flush=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
