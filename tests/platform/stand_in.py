"""A stand-in for the ThreatConnect platform: an HTTP server that checks the authorization of what arrives.

It shares no code with the library. It reads the request line as bytes, computes the signature with Python's own hmac,
and answers with the platform's messages. See README.md for what it is faithful to.

    python3 stand_in.py [--access-id ID] [--secret-key KEY] [--token TOKEN] [--clock-offset SECONDS]

Prints its port on standard output, then one line a request on standard error, and ends with its parent.
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import threading
import time

ACCESS_ID = "12345678901234567890"
SECRET_KEY = "tc_auth-example-secret"
TOKEN = "API:5:stand-in+token/with=:colons:"
WINDOW_SECONDS = 300


class Refused(Exception):
    """The platform's message, and the HTTP status that it comes with."""

    def __init__(self, message, status=401):
        super().__init__(message)
        self.status = status


def expected_signature(secret_key, target, method, timestamp):
    string_to_sign = b":".join([target, method, timestamp])
    digest = hmac.new(secret_key.encode("utf-8"), string_to_sign, hashlib.sha256).digest()
    return base64.b64encode(digest)


class Platform(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, options):
        super().__init__(("127.0.0.1", 0), Handler)
        self.options = options

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
        if not hmac.compare_digest(token.encode("latin-1"), self.options.token.encode("utf-8")):
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
            raise Refused("Signature data did not match expected result")
        return "signature"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tc_auth-stand-in"

    def __getattr__(self, name):
        if name.startswith("do_"):  # the base class looks up one of these for each method; all are treated alike
            return self.answer
        raise AttributeError(name)

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # Not self.path: the base class changes "//" at its start, and would hide what was sent.
        method, target, _version = self.raw_requestline.split()
        wire = (method + b" " + target).decode("latin-1")
        try:
            how = self.server.check(method, target, self.headers)
        except Refused as refused:
            self.log(f'refused {refused.status} "{refused}": {wire}')
            self.reply(refused.status, {"status": "Failure", "message": str(refused)})
        else:
            self.log(f"verified {how}: {wire}")
            self.reply(200, {"status": "Success", "data": {"verified": how}})

    def reply(self, status, value):
        body = json.dumps(value).encode("utf-8") + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def date_time_string(self, timestamp=None):
        """The Date header tells the stand-in's time, also when that is set wrong."""
        return super().date_time_string(self.server.now() if timestamp is None else timestamp)

    def log(self, line):
        print(line, file=sys.stderr, flush=True)

    def log_message(self, *_):
        """The base class would log a second line for each request."""


def end_with_parent():
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description="A stand-in for the ThreatConnect platform.")
    parser.add_argument("--access-id", default=ACCESS_ID, help=f"the one that is known: {ACCESS_ID}")
    parser.add_argument("--secret-key", default=SECRET_KEY, help=f"its secret key: {SECRET_KEY}")
    parser.add_argument("--token", default=TOKEN, help=f"the one that is good: {TOKEN}")
    parser.add_argument("--clock-offset", type=int, default=0, metavar="SECONDS", help="how far its clock is off: 0")
    server = Platform(parser.parse_args())
    print(server.server_port, flush=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
