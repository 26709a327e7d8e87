"""One suite for all bindings: the vectors, and requests to the stand-in, with the same expectations for each language.

    python3 conformance.py run LIBRARY RESULTS LABEL COMMAND...    runs one binding's program, adds to a directory of results
    python3 conformance.py table RESULTS                           prints the results: scenario by language

Scenarios of two processes use the program that was run before as the other one, so that two languages meet. The first
one meets itself.

The program of a binding reads one command per line and replies with one line. Fields are separated by TAB and
percent-encoded; an absent value is "-". README.md lists the commands.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import library
from stand_in import ACCESS_ID, SECRET_KEY, TOKEN
from support import Hop, StandIn

ROOT = pathlib.Path(__file__).parent.parent.parent
VECTORS = ROOT / "tests" / "vectors"
TARGET = "/api/v3/indicators?resultLimit=10"
HARD_TARGET = "/api/v3//x/../y;z/%7e%2F!'()*?q=a+b%20c&empty=&&u=http://h/?x"
UNAUTHORIZED = '{"status": "Failure", "message": "Unauthorized"}'
UNAUTHORIZED_ATTRIBUTE = '{"status": "Failure", "message": "Unauthorized attribute type \'Foo\'"}\n'
ON_A_BASE = {"url_add_segment", "url_add_query"}
SCENARIOS = []


# Scenarios that may be skipped as a whole, by the label of the binding.
READ_ONCE = "401 to a body that can't be sent twice: returned, renewed with the next request"
MAY_SKIP = {"cpp": [READ_ONCE], "java-restinterceptor": [READ_ONCE], "java-feign": [READ_ONCE]}

TIMEOUT_SECONDS = 120


class Skipped(Exception):
    """The language can't express an argument."""


class Program:
    """A binding's program, which runs commands."""

    def __init__(self, command, stderr=None, **environment):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TC_")}
        self.command, self.other = command, None
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                                        env=inherited | environment, start_new_session=True)

    def ask(self, *fields):
        """The status and the fields of the reply."""
        hangs = threading.Timer(TIMEOUT_SECONDS, self.process.kill)
        hangs.start()
        try:
            self.process.stdin.write("\t".join(map(encode, fields)).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        finally:
            hangs.cancel()
        if not line.endswith(b"\n"):
            raise AssertionError(f"the program ended with status {self.process.wait(10)} at {str(fields)[:200]}")
        status, *answer = [decode(field) for field in line.decode("ascii").rstrip("\r\n").split("\t")]
        if status == "SKIP":
            raise Skipped(*answer)
        return status, answer

    def do(self, *fields):
        """The fields of the reply to a command that must succeed."""
        status, answer = self.ask(*fields)
        equal(status, "OK", f"{fields[:2]} {answer}")
        return answer

    def again(self, **environment):
        """The same program in another environment: a process reads its environment only when it starts."""
        return Program(self.command, **environment)

    def partner(self, **options):
        """The program of another language, for what two processes do; of this one, if no other was run yet."""
        command, environment = self.other or (self.command, {})
        return Program(command, **options, **environment)

    def signal(self, number):
        """To the program, also if it was started by a script."""
        os.killpg(self.process.pid, number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Closing flushes: a program that was killed has not read its last command.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def encode(field):
    if field is None:
        return "-"
    raw = field if isinstance(field, bytes) else str(field).encode("utf-8")
    return re.sub(rb"[^A-Za-z0-9/:.=_?&]", lambda byte: b"%%%02X" % ord(byte[0]), raw).decode("ascii")


def decode(field):
    return None if field == "-" else urllib.parse.unquote(field)


def equal(actual, expected, of_what=""):
    if actual != expected:
        raise AssertionError(f"{of_what}: {actual!r} instead of {expected!r}")


def scenario(title):
    def register(function):
        SCENARIOS.append((title, function))
        return function

    return register


def vectors(name):
    return json.loads((VECTORS / name).read_text("utf-8"))


def argument(value):
    """An argument in the format of the vector files: text, {hex}, or a start and a repeated character."""
    if not isinstance(value, dict):
        return value
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    return value["start"] + value["fill"] * value["times"]


class Tally:
    """How many cases were run, and how many the language can't express."""

    def __init__(self):
        self.run = self.skipped = 0

    @contextlib.contextmanager
    def case(self):
        try:
            yield
        except Skipped:
            self.skipped += 1
        else:
            self.run += 1

    def __str__(self):
        if self.run < max(1, 10 * self.skipped):
            raise AssertionError(f"only {self.run} were run, {self.skipped} were not")
        return f"{self.run} of {self.run + self.skipped}" if self.skipped else str(self.run)


# --- the vectors


def enumeration(prefix):
    """The names and numbers of the header."""
    header = (ROOT / "include" / "tc_auth.h").read_text("utf-8")
    return {name: int(value) for name, value in re.findall(rf"TC_AUTH_{prefix}_(\w+) = (\d+)", header)}


@scenario("numbers of the statuses, kinds, advices, states, outcomes, as in the header")
def enumerations(program):
    commands = {"statuses": "STATUS", "kinds": "KIND", "advices": "ADVICE", "states": "STATE", "unsealeds": "UNSEALED"}
    for command, prefix in commands.items():
        expected = [f"{name}={value}" for name, value in enumeration(prefix).items()]
        equal(sorted(program.do(command)), sorted(expected))
    return "same"


ODD_NUMBERS = [100, -1, 2**31 - 1, -(2**31)]


@scenario("names of the statuses and advices, as in the header")
def names(program):
    tally = Tally()
    for command, prefix in [("status_name", "STATUS"), ("advice_name", "ADVICE")]:
        known = {number: name for name, number in enumeration(prefix).items()}
        for number in [*range(30), 99, *ODD_NUMBERS]:
            with tally.case():
                equal(program.do(command, number), [known.get(number, "UNKNOWN")], number)
    return tally


@scenario("messages of the statuses and advices: the library's own")
def messages(program):
    tally = Tally()
    for number in [*range(30), 99, *ODD_NUMBERS]:
        for command in ("status_message", "advice_message"):
            with tally.case():
                equal(program.do(command, number), [getattr(LIBRARY, f"tc_auth_{command}")(number).decode()])
    return tally


@scenario("the version, as text and as a number")
def version(program):
    text, number = LIBRARY.tc_auth_version().decode(), LIBRARY.tc_auth_version_number()
    equal(program.do("hello")[1], text)
    equal(program.do("version_number"), [str(number)])
    equal(f"{number >> 16}.{number >> 8 & 255}.{number & 255}", text)
    return text


@scenario("signatures: `hmac.json`")
def signatures(program):
    tally = Tally()
    for vector in vectors("hmac.json"):
        if vector.get("core_only"):
            continue
        name, method, uri, timestamp = vector["name"], vector["method"], vector["uri"], vector["timestamp"]
        with tally.case():
            program.do("new_hmac", "h", vector["access_id"], vector["secret_key"])
            expected = [vector["authorization"], str(timestamp)]
            equal(program.do("headers", "h", method, uri, timestamp), expected, name)
            equal(program.do("string_to_sign", method, uri, timestamp), [vector["string_to_sign"]], name)
            sent = uri.split("#")[0]  # no client sends a fragment, and none is accepted
            program.do("verify", "h", method, sent, *expected, timestamp, 0)
    return tally


@scenario("calls with good and bad arguments: `calls.json`")
def calls(program):
    file, tally = vectors("calls.json"), Tally()
    for case in file["cases"]:
        call, on, arguments = case["call"], case.get("on"), [argument(value) for value in case["args"]]
        with tally.case():
            if on and call not in ON_A_BASE:
                make_fixture(program, file["handles"][on])
            status, answer = program.ask(call, *call_target(call, on), *arguments)
            equal(status, case["status"], f"{case['name']} {answer}")
            if "result" in case:
                equal(answer[0], case["result"], case["name"])
    return tally


def call_target(call, on):
    if call in ON_A_BASE:
        return [on]
    return ["h"] if on or call.startswith("new_") else []


def make_fixture(program, fixture):
    if "token" in fixture:
        program.do("new_token", "h", fixture["token"], fixture["expires"])
    else:
        program.do("new_hmac", "h", fixture["access_id"], fixture["secret_key"])
    if "api_path" in fixture:
        program.do("set_api_path", "h", fixture["api_path"])


@scenario("strings that hold a NUL: refused before they reach C")
def nul(program):
    program.do("new_hmac", "h", "1", "k")
    program.do("new_token", "t", "a", 0)
    program.do("set_api_path", "t", "https://company.example/api")
    cases = [
        ("INVALID_ACCESS_ID", "new_hmac", "x", "1\0", "k"),
        ("INVALID_SECRET_KEY", "new_hmac", "x", "1", "k\0ey"),
        ("INVALID_TOKEN", "new_token", "x", "a\0", 0),
        ("INVALID_TOKEN", "update_token", "t", "b\0", 0),
        ("INVALID_METHOD", "headers", "h", "GET\0", "/", 1),
        ("INVALID_METHOD", "string_to_sign", "GET\0", "/", 1),
        ("INVALID_URI_BYTE", "headers", "h", "GET", "/\0", 1),
        ("INVALID_URI_BYTE", "string_to_sign", "GET", "/\0", 1),
        ("INVALID_URI_BYTE", "set_api_path", "h", "https://h\0"),
        ("INVALID_URI_BYTE", "url_new", "/\0a"),
        ("INVALID_URI_BYTE", "url_new_for", "t", "/\0a"),
        ("INVALID_ARGUMENT", "url_add_segment", "/", "a\0b"),
        ("INVALID_ARGUMENT", "url_add_query", "/", "a\0", "b"),
        ("INVALID_ARGUMENT", "url_add_query", "/", "a", "\0"),
        ("INVALID_ARGUMENT", "from_args", "x", "--tc_token", "a\0b"),
        ("INVALID_ARGUMENT", "discover", "x", "--tc_token", "a\0b"),
        ("INVALID_ARGUMENT", "from_param_file", "x", "a\0b", "0123456789abcdef"),
        ("INVALID_ARGUMENT", "from_param_file", "x", "a", "\x000123456789abcde"),
        ("MALFORMED_AUTHORIZATION", "verify", "t", "GET", "/", "TC-Token a\0", None, 1, 0),
        ("MALFORMED_AUTHORIZATION", "verify", "h", "GET", "/", "TC 1:x", "1\0", 1, 0),
        ("INVALID_METHOD", "verify", "h", "GET\0", "/", "TC 1:x", "1", 1, 0),
        ("INVALID_URI_BYTE", "verify", "h", "GET", "/\0", "TC 1:x", "1", 1, 0),
    ]
    tally = Tally()
    for expected, *command in cases:
        with tally.case():
            equal(program.ask(*command)[0], expected, command)
    equal(program.do("token", "t"), ["a", "0"], "the token after a refused update")
    return tally


@scenario("header lines as they go over the wire")
def blocks(program):
    bad = [("INVALID_METHOD", "G T", "/"), ("INVALID_METHOD", "GET\0", "/"), ("INVALID_URI_FORM", "GET", "x"),
           ("INVALID_URI_BYTE", "GET", "/\0"), ("OTHER_ORIGIN", "GET", "https://other.example/")]
    tally = Tally()
    for length in (1, 100, 1000, 10_000):
        with tally.case():
            program.do("new_token", "h", "x" * length, 0)
            equal(program.do("header_block", "h", "GET", "/"), ["Authorization: TC-Token " + "x" * length + "\r\n"])
    program.do("new_token", "h", "x", 1)
    equal(program.ask("header_block", "h", "GET", "/")[0], "TOKEN_EXPIRED")
    program.do("new_hmac", "h", ACCESS_ID, SECRET_KEY)
    program.do("set_api_path", "h", "https://company.example/api")
    with tally.case():
        [block] = program.do("header_block", "h", "post", TARGET)
        found = re.fullmatch("Authorization: (.*)\r\nTimestamp: ([0-9]+)\r\n", block)
        equal(program.do("headers", "h", "POST", TARGET, found[2]), list(found.groups()))
        equal(abs(int(found[2]) - time.time()) < 10, True)
    for expected, *arguments in bad:
        with tally.case():
            equal(program.ask("header_block", "h", *arguments)[0], expected, arguments)
    return tally


@scenario("API path and renewal window can be read")
def getters(program):
    program.do("new_token", "h", "a", 0)
    equal(program.do("api_path", "h"), [None])
    program.do("set_api_path", "h", "https://company.example/api/")
    equal(program.do("api_path", "h"), ["https://company.example/api"])
    equal(program.do("renewal_window", "h"), ["60"])
    for seconds in ("0", "86400"):
        program.do("set_renewal_window", "h", seconds)
        equal(program.do("renewal_window", "h"), [seconds])
    program.do("new_hmac", "k", "1", "k")
    equal(program.do("api_path", "k"), [None])
    equal(program.ask("renewal_window", "k")[0], "WRONG_KIND")
    return "same"


def in_state(program, expected, least, most):
    state, seconds = program.do("token_state", "h")
    equal(state, expected)
    equal(least <= int(seconds) <= most, True, f"{state}: {seconds} s")


def renewable(program, expires):
    program.do("new_token", "h", "API:5:a", expires)
    program.do("set_api_path", "h", "https://company.example/api")


@scenario("each of the 7 states of a token, and for how long")
def states(program):
    program.do("new_hmac", "h", "1", "k")
    in_state(program, "NONE", 0, 0)

    program.do("new_token", "h", "API:5:a", 0)
    in_state(program, "NOT_RENEWABLE", -1, -1)
    for token in ("API:5:a", "APIV2:a"):
        program.do("new_token", "h", token, in_seconds(1000))
        in_state(program, "NOT_RENEWABLE", 990, 1001)
    program.do("new_token", "h", "API:5:a", 1)
    in_state(program, "NOT_RENEWABLE", 0, 0)

    renewable(program, 0)
    in_state(program, "VALID", -1, -1)
    renewable(program, in_seconds(1000))
    in_state(program, "VALID", 930, 941)
    program.do("set_renewal_window", "h", 100)
    in_state(program, "VALID", 890, 901)
    program.do("set_clock_offset", "h", 300)
    in_state(program, "VALID", 590, 601)
    program.do("set_clock_offset", "h", 1000)
    in_state(program, "DUE", 0, 0)

    renewable(program, 1)
    in_state(program, "DUE", 0, 0)
    equal(program.do("poll", "h", 0) != [None], True, "a ticket")
    in_state(program, "UNDER_WAY", 100, 120)
    program.do("cancel", "h")
    in_state(program, "PAUSED", 1, 6)
    equal(program.do("poll", "h", 0), [None])

    for expires, least, most in [(0, -1, -1), (in_seconds(1000), 990, 1001), (1, 0, 0)]:
        renewable(program, expires)
        equal(program.do("review", "h", "TC-Token API:5:a", None, 401, None, UNAUTHORIZED), ["RETRY"])
        equal(program.do("poll", "h", 0) != [None], True, "a ticket")
        equal(program.ask("complete", "h", 200, '{"success": false}')[0], "RENEWAL_REFUSED")
        in_state(program, "REFUSED", least, most)
    program.do("update_token", "h", "API:5:b", 0)
    in_state(program, "VALID", -1, -1)
    return "all"


@scenario("a message to a service App: `apiToken`, `expireSeconds`")
def service_message(program):
    message = {"command": "CreateConfig", "triggerId": 1, "apiToken": "SVC:5:a=", "expireSeconds": 2_000_000_000}
    program.do("from_json", "h", json.dumps(message))
    equal(program.do("token", "h"), ["SVC:5:a=", "2000000000"])
    program.do("from_json", "h", json.dumps(message | {"expireSeconds": "2000000001"}))
    equal(program.do("token", "h"), ["SVC:5:a=", "2000000001"])
    for member in ({"tc_token": "SVC:5:a="}, {"tc_token_expires": 2_000_000_000}):
        equal(program.ask("from_json", "h", json.dumps(message | member))[0], "CONFIG_SYNTAX", "both names at once")
    equal(program.ask("from_args", "h", "--apiToken", "SVC:5:a=")[0], "NO_CREDENTIALS", "not in arguments")
    return "same"


@scenario("a time of -1 is refused, and is not \"now\"")
def minus_one(program):
    program.do("new_token", "t", "a", 0)
    cases = [("new_token", "x", "a", -1), ("update_token", "t", "a", -1), ("string_to_sign", "GET", "/", -1)]
    for command in cases:
        equal(program.ask(*command)[0], "INVALID_TIME", command)
    return len(cases)


@scenario("refusals of the server: `review.json`")
def reviews(program):
    tally = Tally()
    program.do("new_hmac", "h", ACCESS_ID, SECRET_KEY)
    for case in vectors("review.json"):
        for name, kind in [("h", "hmac"), ("t", "token")]:
            program.do("new_token", "t", "sent", 0)
            with tally.case():
                sent = ["TC-Token sent", None] if kind == "token" else [f"TC {ACCESS_ID}:c2ln", "1513703787"]
                answer = program.do("review", name, *sent, case["http_status"], None, argument(case["body"]))
                equal(answer, [case[kind]], case["name"])
    return tally


@scenario("sources of credentials: `credentials.json`")
def credentials(program):
    tally = Tally()
    with tempfile.TemporaryDirectory() as directory:
        large = pathlib.Path(directory, "large")
        large.write_bytes(bytes((1 << 20) + 1))
        for case in vectors("credentials.json"):
            with tally.case(), contextlib.ExitStack() as stack:
                source, file = case["source"], case.get("file")
                path = str(large if file == "large" else VECTORS / "params" / file) if file else ""
                inputs = {
                    "json": [argument(case.get("json"))],
                    "param_file": [path, case.get("key")],
                }.get(source, case.get("args", []))
                if source in ("env", "discover"):
                    variables = dict(case.get("env", {}))
                    if source == "discover" and file:
                        variables["TC_APP_PARAM_FILE"] = path
                    if source == "discover" and "key" in case:
                        variables["TC_APP_PARAM_KEY"] = case["key"]
                    program_of_case = stack.enter_context(program.again(**variables))
                else:
                    program_of_case = program
                command = source if source == "discover" else f"from_{source}"
                status, answer = program_of_case.ask(command, "c", *inputs)
                equal(status, case["status"], f"{case['name']} {answer}")
                if "why" in case:
                    equal(answer, [case["why"]], case["name"])
                if "describe" in case:
                    equal(program_of_case.do("describe", "c"), [case["describe"]], case["name"])
    return tally


@scenario("sealed tokens: `sealed.json`")
def sealed(program):
    tally, file = Tally(), vectors("sealed.json")
    for case in file["sealed"]:
        key, name = argument(case["key"]), case["name"]
        with tally.case():
            program.do("new_token", "h", argument(case["first"]), 0)
            equal(program.do("family", "h"), [case["family"]], name)
            is_first = case["generation"] == 0 and case["expires"] is None
            equal(program.do("unseal", "h", case["line"], key), ["SAME" if is_first else "ADOPTED"], name)
            equal(program.do("token", "h"), [argument(case["token"]), str(case["expires"] or 0)], name)
            equal(program.do("seal", "h", key), [case["line"]], name)
            equal(program.do("unseal", "h", case["line"], key), ["SAME"], name)
    for case in file["refused"]:
        with tally.case():
            program.do("new_token", "h", argument(case["first"]), 0)
            before = program.do("seal", "h", None)
            status = program.ask("unseal", "h", argument(case["line"]), argument(case["key"]))[0]
            equal(status, case["status"], case["name"])
            equal(program.do("seal", "h", None), before, case["name"])
    for command in [("family", "k"), ("seal", "k", None), ("unseal", "k", "TC1.", None)]:
        program.do("new_hmac", "k", "1", "k")
        equal(program.ask(*command)[0], "WRONG_KIND", command)
    equal(program.ask("seal", "h", "a\0")[0], "INVALID_ARGUMENT", "a key with NUL")
    equal(program.ask("unseal", "h", "TC1.", "a\0")[0], "INVALID_ARGUMENT", "a key with NUL")
    return tally


@scenario("one language seals a token, another unseals it, and back")
def sealed_between_languages(program):
    with program.partner() as partner:
        for key in (None, "9f86d081884c7d659a2feaa0c55ad015", "k\nold"):
            for one in (program, partner):
                one.do("new_token", "h", TOKEN, 0)
            equal(program.do("family", "h"), partner.do("family", "h"))
            for generation, (sealer, reader) in enumerate([(program, partner), (partner, program), (program, partner)], 1):
                sealer.do("update_token", "h", f"API:5:{generation}=", 2_000_000_000 + generation)
                [line] = sealer.do("seal", "h", key)
                [before] = reader.do("seal", "h", key)
                equal(reader.do("unseal", "h", line, key), ["ADOPTED"])
                equal(reader.do("token", "h"), [f"API:5:{generation}=", str(2_000_000_000 + generation)])
                equal(reader.do("seal", "h", key), [line], "the same text")
                equal(reader.do("unseal", "h", before, key), ["OLDER"])
                equal(reader.ask("unseal", "h", line, "another")[0], "SEAL_INVALID")
    return "both ways"


@scenario("a renewal that another process has made is not needed")
def needed(program):
    with program.partner() as partner:
        for one in (program, partner):
            one.do("new_token", "h", TOKEN, 1)
            one.do("set_api_path", "h", "https://company.example/api")
        equal(program.do("poll", "h", 0) != [None], True, "a ticket")
        equal(program.do("needed", "h"), ["1"])
        partner.do("update_token", "h", "API:5:newer", in_seconds(1000))
        equal(program.do("unseal", "h", *partner.do("seal", "h", None), None), ["ADOPTED"])
        equal(program.do("needed", "h"), ["0"])
        program.do("cancel", "h")
        in_state(program, "VALID", 930, 941)
        equal(program.do("poll", "h", 0), [None])
    return "0"


# --- requests to the stand-in, sent by the binding's HTTP adapter


def hmac_client(program, url, certificate=None, access_id=ACCESS_ID, secret_key=SECRET_KEY):
    program.do("new_hmac", "h", access_id, secret_key)
    program.do("set_api_path", "h", url + "/api")
    program.do("client", "h", certificate)


def token_client(program, url, expires=0, token=TOKEN):
    program.do("new_token", "h", token, expires)
    program.do("set_api_path", "h", url + "/api")
    program.do("client", "h", None)


def send(program, url, method="GET", body=None, command="send"):
    """The HTTP status and the body; without a response, the name of an error instead of the status."""
    status, answer = program.ask(command, "h", method, url, body)
    return (int(answer[0]), answer[1]) if status == "OK" else (status, answer)


def counted(stand_in, **expected):
    stats = stand_in.stats()
    equal({name: stats[name.replace("_", " ")] for name in expected}, expected)


@contextlib.contextmanager
def expired_without_known_expiry(program):
    """A stand-in whose token has expired, while the client knows of no expiry."""
    with StandIn("--token-life", "2") as stand_in:
        time.sleep(3.1)
        token_client(program, stand_in.url)
        yield stand_in


def due_with_a_kept_connection(program, stand_in):
    """A valid token that is due, because the client was told that the platform rejected it."""
    token_client(program, stand_in.url, in_seconds(40))
    equal(send(program, stand_in.url + TARGET)[0], 200, "with a connection that is then kept")
    equal(program.do("review", "h", f"TC-Token {TOKEN}", None, 401, None, UNAUTHORIZED), ["RETRY"])


def in_seconds(seconds):
    return int(time.time()) + seconds


@scenario("a signed request is verified, whatever the client does to its path")
def signed(program):
    with StandIn() as stand_in:
        hmac_client(program, stand_in.url)
        cases = [(method, TARGET, body) for method, body in METHODS] + [("GET", HARD_TARGET, None)]
        for method, target, body in cases:
            status, answer = send(program, stand_in.url + target, method, body)
            equal(status, 200, answer)
            equal(json.loads(answer)["data"]["received"], len(body or ""))
            arrived = stand_in.lines.get(timeout=10)
            if not arrived.startswith(f"verified signature: {method.upper()} /api/v3/"):
                raise AssertionError(arrived)
        return len(cases)


METHODS = [("GET", None), ("get", None), ("POST", '{"a": "b"}'), ("PUT", "x" * 100_000), ("DELETE", None), ("PATCH", "{}")]


@scenario("tampered with on the way: `BAD_SIGNATURE`, sent once")
def tampered(program):
    change = lambda request: request.replace(b"resultLimit=10", b"resultLimit=11")
    with StandIn() as stand_in, Hop(stand_in.port, change) as hop:
        hmac_client(program, hop.url)
        equal(send(program, hop.url + TARGET)[0], 401)
        equal(program.do("events", "h"), ["refused BAD_SIGNATURE 401"])
        counted(stand_in, refused=1, verified=0)
    return "401"


@scenario("a wrong secret key, an unknown access id: told apart, sent once")
def wrong_credentials(program):
    for wrong, advice in [({"secret_key": "another"}, "BAD_SIGNATURE"), ({"access_id": "1"}, "ACCESS_DENIED")]:
        with StandIn() as stand_in:
            hmac_client(program, stand_in.url, **wrong)
            equal(send(program, stand_in.url + TARGET)[0], 401)
            equal(program.do("events", "h"), [f"refused {advice} 401"])
            counted(stand_in, refused=1, verified=0)
    return "401"


@scenario("an expired token is renewed before it is sent")
def expired(program):
    with StandIn("--token-life", "60") as stand_in:
        token_client(program, stand_in.url, in_seconds(-10))
        equal(send(program, stand_in.url + TARGET)[0], 200)
        equal(program.do("events", "h"), ["renewal OK"])
        counted(stand_in, issued=1, renewal_requests=1, refused=0, verified=1)
    return "200"


@scenario("an expired token that can't be renewed: `TOKEN_EXPIRED`, nothing is sent")
def expired_for_good(program):
    with StandIn() as stand_in:
        token_client(program, stand_in.url, in_seconds(-10), "APIV2:1:x")
        equal(send(program, stand_in.url + TARGET)[0], "TOKEN_EXPIRED")
        counted(stand_in, renewal_requests=0, refused=0, verified=0)
    return "refused"


@scenario("one of 8 threads renews, slowly, the others wait")
def renewal(program):
    with StandIn("--token-life", "60", "--faults", "slow:1", "--quiet") as stand_in:
        token_client(program, stand_in.url, in_seconds(-10))
        equal(program.do("storm", "h", stand_in.url + TARGET, 8, 2)[1], "0", "failed")
        counted(stand_in, issued=1, renewal_requests=1, refused=0)
    return "0 failed"


@scenario("401, and a newer token is there: sent again with that, no renewal")
def newer_token(program):
    arrived, replaced = threading.Event(), threading.Event()

    def hold_the_first(request):
        arrived.set()
        replaced.wait(10)
        return request

    with StandIn("--token", "the-newer-one") as stand_in, Hop(stand_in.port, hold_the_first) as hop:
        token_client(program, hop.url, 0, "the-older-one")
        program.do("start", "h", "GET", hop.url + TARGET)
        equal(arrived.wait(10), True)
        program.do("update_token", "h", "the-newer-one", 0)
        replaced.set()
        status, answer = program.ask("finish", "h")
        equal((status, answer[0]), ("OK", "200"))
        equal(program.do("events", "h"), ["retried RETRY 401"])
        counted(stand_in, verified=1, refused=1, renewal_requests=0)
    return "200"


@scenario("a token of another process is used, and reported as adopted; own renewals and updates are not")
def adopted(program):
    with program.partner() as partner:
        with StandIn() as stand_in:
            token_client(program, stand_in.url)
            equal(send(program, stand_in.url + TARGET)[0], 200)
            partner.do("new_token", "h", TOKEN, 0)
            partner.do("update_token", "h", issue(stand_in), 0)
            equal(program.do("unseal", "h", *partner.do("seal", "h", None), None), ["ADOPTED"])
            for expected in ["adopted"], []:
                equal(send(program, stand_in.url + TARGET)[0], 200)
                equal(program.do("events", "h"), expected)
            program.do("update_token", "h", issue(stand_in), in_seconds(1000))
            equal(send(program, stand_in.url + TARGET)[0], 200)
            equal(program.do("events", "h"), [], "after an update of its own")
            [current, _] = program.do("token", "h")
            program.do("update_token", "h", current, in_seconds(-1))
            for expected in ["renewal OK"], []:
                equal(send(program, stand_in.url + TARGET)[0], 200)
                equal(program.do("events", "h"), expected)
    return "once"


def issue(stand_in):
    """Another token."""
    with urllib.request.urlopen(stand_in.url + "/_issue", timeout=10) as answer:
        return json.load(answer)["tc_token"]


@scenario("401 to the current token: renewed, and sent again with its body")
def renewed_after_a_refusal(program):
    with expired_without_known_expiry(program) as stand_in:
        status, answer = send(program, stand_in.url + TARGET, "POST", "x" * 70_000)
        equal(status, 200, answer)
        equal(json.loads(answer)["data"]["received"], 70_000)
        equal(program.do("events", "h"), ["renewal OK", "retried RETRY 401"])
        counted(stand_in, verified=1, refused=1, renewal_requests=1)
    return "200"


@scenario(READ_ONCE)
def body_that_can_not_be_sent_again(program):
    with expired_without_known_expiry(program) as stand_in:
        status, answer = send(program, stand_in.url + TARGET, "POST", "once", "send_once")
        equal((status, json.loads(answer)["message"]), (401, "Unauthorized"))
        counted(stand_in, verified=0, refused=1, renewal_requests=0)
        equal(send(program, stand_in.url + TARGET)[0], 200)
        counted(stand_in, verified=1, refused=1, renewal_requests=1)
    return "401, 200"


@scenario("status 400, and a message that only begins with \"Unauthorized\": returned as it is, sent once, no renewal")
def error_about_an_attribute(program):
    arrived = []

    def record(request):
        arrived.append(request)
        return request

    with StandIn() as stand_in, Hop(stand_in.port, record) as hop:
        token_client(program, hop.url)
        equal(send(program, hop.url + "/api/v3/attribute"), (400, UNAUTHORIZED_ATTRIBUTE))
        equal(send(program, hop.url + TARGET)[0], 200, "the next request")
        paths = [request.split()[1].decode().partition("?")[0] for request in arrived]
        equal(paths, ["/api/v3/attribute", "/api/v3/indicators"])
        equal(program.do("token", "h"), [TOKEN, "0"])
        equal(program.do("events", "h"), [])
        counted(stand_in, verified=1, refused=0, renewal_requests=0)
    return "400"


@scenario("a refusal of 200 KB reaches the caller whole")
def long_refusal(program):
    body = json.dumps({"message": "Access Denied", "padding": "x" * 200_000})
    head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with Hop(0, answer=(head + body).encode()) as hop:
        hmac_client(program, hop.url)
        equal(send(program, hop.url + TARGET), (403, body))
        equal(program.do("events", "h"), ["refused UNKNOWN 403"])  # a message is searched for in 64 KiB
    return "403"


@scenario("clock 20 minutes slow, HTTPS: corrected, and sent again")
def clock(program):
    for offset in (1200, -1200):
        with certificate() as (pem, only_the_certificate):
            with StandIn("--clock-offset", str(offset), "--tls", pem) as stand_in:
                hmac_client(program, stand_in.url, only_the_certificate)
                equal(send(program, stand_in.url + TARGET)[0], 200)
                corrected = int(program.do("clock_offset", "h")[0])
                equal(abs(corrected - offset) <= 3, True, f"{corrected} for {offset}")
                equal(program.do("events", "h"), ["retried RETRY 401"])
                equal(send(program, stand_in.url + TARGET)[0], 200)
                counted(stand_in, verified=2, refused=1)
    return "200"


@contextlib.contextmanager
def certificate():
    """A self-signed certificate for 127.0.0.1: a PEM file with its key, and one without."""
    with tempfile.TemporaryDirectory() as directory:
        both, key, only = (str(pathlib.Path(directory, name)) for name in ("both.pem", "key.pem", "certificate.pem"))
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
        subprocess.run([*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", only],
                       check=True, capture_output=True)
        pathlib.Path(both).write_text(pathlib.Path(key).read_text() + pathlib.Path(only).read_text())
        yield both, only


@scenario("clock 20 minutes slow, HTTPS, but from a cache, or with two dates: not believed")
def clock_of_a_cache(program):
    for header in ("Age: 1", "Date: Thu, 01 Jan 2026 00:00:00 GMT"):
        with certificate() as (pem, only_the_certificate):
            with StandIn("--clock-offset", "1200", "--tls", pem, "--header", header) as stand_in:
                hmac_client(program, stand_in.url, only_the_certificate)
                equal(send(program, stand_in.url + TARGET)[0], 401)
                equal(program.do("clock_offset", "h"), ["0"], header)
    return "401"


@scenario("clock 20 minutes slow, plain HTTP: not believed")
def clock_over_http(program):
    with StandIn("--clock-offset", "1200") as stand_in:
        hmac_client(program, stand_in.url)
        equal(send(program, stand_in.url + TARGET)[0], 401)
        equal(program.do("clock_offset", "h"), ["0"])
        equal(program.do("events", "h"), ["refused CLOCK_SKEW 401"])
        counted(stand_in, verified=0, refused=1)
    return "401"


# fault of the renewal; what the observer sees; the response to the caller's request
FAULTS = [
    ("ok", "renewal OK", 200),
    ("500", "renewal RENEWAL_BAD_RESPONSE Internal Server Error", 200),
    ("html", "renewal RENEWAL_BAD_RESPONSE", 200),
    ("drop", "renewal CANCELLED", 200),
    ("refuse", "renewal RENEWAL_REFUSED Token *** may not be renewed", 200),
    ("lost", "renewal CANCELLED", 401),
]


def fault_scenario(fault, event, expected):
    def run(program):
        with StandIn("--token-life", "60", "--faults", fault) as stand_in:
            due_with_a_kept_connection(program, stand_in)
            equal(send(program, stand_in.url + TARGET)[0], expected)
            refused = ["refused TOKEN_REJECTED 401"] if expected == 401 else []
            equal(program.do("events", "h"), [event, *refused])
            counted(stand_in, renewal_requests=1)
        return expected

    scenario(f"renewal, asked for once, fault `{fault}`: `{event.removeprefix('renewal ')}`, and then")(run)


for row in FAULTS:
    fault_scenario(*row)


@scenario("renewal while all kept connections are dead: on a new one")
def renewal_on_a_new_connection(program):
    with StandIn("--token-life", "60", "--dead-connections") as stand_in:
        due_with_a_kept_connection(program, stand_in)
        equal(send(program, stand_in.url + TARGET)[0], 200)
        equal(program.do("events", "h"), ["renewal OK"])
        counted(stand_in, renewal_requests=1, issued=1)
    return "200"


@scenario("redirected to another server: that one gets nothing")
def redirected(program):
    with StandIn() as elsewhere:
        location = f"Location: {elsewhere.url}/api/elsewhere\r\n".encode()
        answer = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n" + location + b"\r\n"
        with Hop(0, answer=answer) as hop:
            hmac_client(program, hop.url)
            # Some clients return the redirect to their caller, and some follow it as far as allowed.
            equal(send(program, hop.url + TARGET)[0] in (302, "OTHER_ORIGIN"), True)
        counted(elsewhere, verified=0, refused=0)
    return "nothing"


@scenario("a request to another server: `OTHER_ORIGIN`, nothing is sent")
def other_origin(program):
    with StandIn() as ours, StandIn() as other:
        hmac_client(program, ours.url)
        for url in (other.url, ours.url.replace("127.0.0.1", "localhost")):
            equal(send(program, url + TARGET)[0], "OTHER_ORIGIN")
        for stand_in in (ours, other):
            counted(stand_in, verified=0, refused=0)
    return "refused"


@scenario("without an API path: `API_PATH_MISSING`, nothing is sent")
def no_api_path(program):
    with StandIn() as stand_in:
        program.do("new_hmac", "h", ACCESS_ID, SECRET_KEY)
        status = program.ask("client", "h", None)[0]
        if status == "OK":
            status = send(program, stand_in.url + TARGET)[0]
        equal(status, "API_PATH_MISSING")
        counted(stand_in, verified=0, refused=0)
    return "refused"


@scenario("8 threads without pause, tokens that live 2 s, for 5 s: none failed")
def storm(program):
    with StandIn("--token-life", "2", "--quiet") as stand_in:
        token_client(program, stand_in.url, in_seconds(2))
        program.do("set_renewal_window", "h", 1)
        requests, failed = program.do("storm", "h", stand_in.url + TARGET, 8, 5)
        equal(failed, "0", f"of {requests}")
        stats = stand_in.stats()
        equal(stats["issued"], stats["renewal requests"], "one expiry, one renewal")
        equal(2 <= stats["issued"] <= 7, True, f"5 are usual, a busy machine makes fewer; {stats}")
        equal(stats["refused"] <= 8 * stats["issued"], True, stats)
    return f"{int(requests):,} sent"


@scenario("one endpoint rejects every token, for 7 s: at most 2 renewals, all other requests succeed")
def rejecting_endpoint(program):
    with StandIn("--quiet") as stand_in:  # its tokens have no expiry: only rejections cause renewals
        token_client(program, stand_in.url)
        start = time.monotonic()
        command = ("storm", "h", stand_in.url + TARGET, 4, 7, stand_in.url + "/api/v3/rejected")
        requests, failed, rejected = map(int, program.do(*command))
        equal(time.monotonic() - start < 20, True, "no request hangs")
        stats = stand_in.stats()
        equal(failed, 0, f"failed of {requests} and {rejected}; {stats}")
        equal(rejected > 50, True, f"only {rejected} to the endpoint that rejects")
        equal(stats["renewal requests"] in (1, 2), True, f"the first at once, the second after 5 s or 6; {stats}")
        equal(stats["refused"] <= 4 * stats["issued"], True, f"only what was in flight may meet a 401; {stats}")
        events = program.do("events", "h")
        equal(events.count("renewal OK"), stats["renewal requests"], "renewals that the observer saw")
        equal(events.count("refused TOKEN_REJECTED 401"), rejected, "refusals that the observer saw")
        equal(set(events), {"renewal OK", "retried RETRY 401", "refused TOKEN_REJECTED 401"})
    return f"{requests:,} sent, {rejected:,} rejected"


# --- processes that share a token in a directory

KEY = "9f86d081884c7d659a2feaa0c55ad015"


def new_shared(program, url, directory, expires=None):
    """The handle of a process, which always starts with the first token."""
    program.do("new_token", "h", TOKEN, in_seconds(-10) if expires is None else expires)
    program.do("set_api_path", "h", url + "/api")
    program.do("client", "h", None, directory, KEY)


@scenario("share_in: what it refuses")
def refused_directories(program):
    with tempfile.TemporaryDirectory() as directory:
        unsafe = pathlib.Path(directory, "unsafe")
        unsafe.mkdir()
        unsafe.chmod(0o777)
        program.do("new_token", "h", TOKEN, 0)
        for expected, *arguments in [
            ("STORE_IO", directory + "/missing", None),
            ("STORE_IO", str(unsafe), None),
            ("INVALID_ARGUMENT", directory, ""),
            ("INVALID_ARGUMENT", directory, "k\0"),
            ("OK", directory, KEY),
            ("ALREADY_SET", directory, KEY),
        ]:
            equal(program.ask("share_in", "h", *arguments)[0], expected, arguments)
        program.do("new_token", "h", TOKEN, 0)
        equal(program.ask("share_in", "h", directory, "another")[0], "SEAL_INVALID")
        program.do("set_api_path", "h", "https://company.example/api")
        equal(program.ask("client", "h", None, directory, "another")[0], "SEAL_INVALID", "the option of the adapter")
        program.do("new_hmac", "k", "1", "k")
        equal(program.ask("share_in", "k", directory, None)[0], "WRONG_KIND")
        contents = b"".join(file.read_bytes() for file in pathlib.Path(directory).iterdir() if file.is_file())
        equal(TOKEN.encode() in contents or KEY.encode() in contents, False, "a secret in a file")
    return "same"


def adopted_at_the_start(program):
    """A binding may or may not report that its first request used the token of another process."""
    equal(program.do("events", "h") in ([], ["adopted"]), True, "nothing but an adoption is reported")


@scenario("two languages share a token: one renews, the other adopts, and a third process finds it")
def shared_token(program):
    with program.partner() as partner, program.again() as third, StandIn() as stand_in:
        with tempfile.TemporaryDirectory() as directory:
            new_shared(program, stand_in.url, directory)
            new_shared(partner, stand_in.url, directory)
            equal(send(program, stand_in.url + TARGET)[0], 200)
            equal(program.do("events", "h"), ["renewal OK"])
            equal(send(partner, stand_in.url + TARGET)[0], 200)
            adopted_at_the_start(partner)
            equal(send(program, stand_in.url + TARGET)[0], 200)
            equal(program.do("events", "h"), [])
            new_shared(third, stand_in.url, directory)
            equal(send(third, stand_in.url + TARGET)[0], 200)
            adopted_at_the_start(third)
            counted(stand_in, renewal_requests=1, refused=0, verified=4)
            partner.do("update_token", "h", issue(stand_in), 0)
            for one, expected in [(partner, []), (program, ["adopted"]), (third, ["adopted"])]:
                equal(send(one, stand_in.url + TARGET)[0], 200)
                equal(one.do("events", "h"), expected)
                equal(one.do("token", "h"), partner.do("token", "h"))
            counted(stand_in, renewal_requests=1, refused=0, verified=7)
    return "1 renewal"


def with_a_ticket(program, holder, partner, url, directory):
    """Three processes that share an expired token; the second one has the ticket, whose URL is returned."""
    for one in (program, holder, partner):
        new_shared(one, url, directory)
    [ticket] = holder.do("poll", "h", 0)
    for one in (program, partner):
        equal(one.ask("poll", "h", 0)[0], "RENEWAL_TIMEOUT", "while another process renews")
        in_state(one, "UNDER_WAY", 1, 120)
    return ticket


@scenario("the process that renews is killed before it has asked: the next one renews at once")
def killed_holder(program):
    with program.partner() as partner, program.again() as holder, StandIn() as stand_in:
        with tempfile.TemporaryDirectory() as directory:
            with_a_ticket(program, holder, partner, stand_in.url, directory)
            holder.signal(signal.SIGKILL)
            start = time.monotonic()
            for one in (partner, program):
                equal(send(one, stand_in.url + TARGET)[0], 200)
            equal(time.monotonic() - start < 10, True, "nobody waits for the dead process")
            equal(partner.do("events", "h"), ["renewal OK"])
            adopted_at_the_start(program)
            counted(stand_in, renewal_requests=1, refused=0, verified=2)
    return "200"


@scenario("the process that renews is stopped: others wait, nobody renews twice, and all use its token when it goes on")
def stopped_holder(program):
    with program.partner() as partner, program.again() as holder, StandIn() as stand_in:
        with tempfile.TemporaryDirectory() as directory:
            url = with_a_ticket(program, holder, partner, stand_in.url, directory)
            holder.signal(signal.SIGSTOP)
            for one in (program, partner):
                one.do("start", "h", "GET", stand_in.url + TARGET)
            with urllib.request.urlopen(url, timeout=10) as answer:
                renewed = answer.read()
            time.sleep(2)
            for one in (program, partner):
                equal(one.ask("poll", "h", 100)[0], "RENEWAL_TIMEOUT")
            counted(stand_in, renewal_requests=1, refused=0, verified=0)
            holder.signal(signal.SIGCONT)
            holder.do("complete", "h", 200, renewed)
            for one in (program, partner):
                status, answer = one.ask("finish", "h")
                equal((status, answer[0]), ("OK", "200"))
                adopted_at_the_start(one)
                equal(one.do("token", "h"), holder.do("token", "h"))
            counted(stand_in, renewal_requests=1, refused=0, verified=2)
    return "200"


class Fleet:
    """Processes of two languages that send without a pause; each that is killed is replaced."""

    LIFE, SECONDS, THREADS = 4, 12, 2

    def __init__(self, program, stand_in, directory):
        self.stand_in, self.directory = stand_in, directory
        self.end = time.monotonic() + self.SECONDS
        self.requests, self.failed, self.finished, self.mistakes, self.killed = 0, 0, 0, [], set()
        makers = [program.again, program.partner] * 2
        self.running = [None] * len(makers)
        self.threads = [threading.Thread(target=self.work, args=pair, daemon=True) for pair in enumerate(makers)]

    def work(self, slot, make):
        try:
            while (left := self.end - time.monotonic()) > 1:
                self.live(slot, make, int(left))
        except Exception as error:  # whatever it is: a thread must not end unnoticed
            self.mistakes.append(repr(error))

    def live(self, slot, make, seconds):
        with make() as one:
            self.running[slot] = one
            try:
                new_shared(one, self.stand_in.url, self.directory, in_seconds(self.LIFE))
                requests, failed = map(int, one.do("storm", "h", self.stand_in.url + TARGET, self.THREADS, seconds))
                self.requests += requests
                self.failed += failed
                self.finished += 1
            except (AssertionError, OSError):
                if one not in self.killed:
                    raise

    def kill_one(self):
        """After a renewal was saved: a process that dies between the platform's answer and that takes the token along."""
        saved = self.saved()
        while time.monotonic() < self.end - 3 and self.saved() == saved:
            time.sleep(0.01)
        renewed = time.monotonic()
        time.sleep(random.uniform(0, 0.5))
        one = random.choice(self.running)
        # One that was killed stays in its slot until its successor has started.
        if one not in self.killed and time.monotonic() < min(renewed + 0.7, self.end - 3):
            self.killed.add(one)
            one.signal(signal.SIGKILL)

    def saved(self):
        return sorted(file.read_text()[:20] for file in pathlib.Path(self.directory).glob("*.token"))

    def run(self):
        for thread in self.threads:
            thread.start()
        while time.monotonic() < self.end - 3:
            self.kill_one()
        for thread in self.threads:
            thread.join(60)


@scenario("4 processes of two languages share a token that lives 4 s, and are killed at random, for 12 s: none failed")
def fleet(program):
    options = ["--quiet", "--token-life", str(Fleet.LIFE)]
    with StandIn(*options) as stand_in, tempfile.TemporaryDirectory() as directory:
        processes = Fleet(program, stand_in, directory)
        processes.run()
        stats = stand_in.stats()
    equal(processes.mistakes, [])
    equal(processes.failed, 0, "failed requests of those that were not killed")
    # One that is killed at the end may have too little time for a successor.
    equal(processes.finished >= 2, True, f"only {processes.finished} came to their end")
    equal(len(processes.killed) > 1, True, f"only {len(processes.killed)} were killed")
    equal((stats["lost"], stats["wrong"]), (0, 0), "tokens lost, tokens that were never issued")
    equal(stats["renewal requests"], stats["issued"], "one renewal for each expiry")
    equal(3 <= stats["issued"] <= 12, True, stats)
    return f"{processes.requests:,} sent, {len(processes.killed)} killed"


# --- the two commands


def run(results, label, *command):
    failed, cells = 0, {}
    results = pathlib.Path(results)
    results.mkdir(parents=True, exist_ok=True)
    others = sorted(results.glob("*.json"), key=lambda file: file.stat().st_mtime)
    other = json.loads(others[-1].read_text()) if others else {"runtime": "itself"}
    with Program(command) as program:
        if others:
            program.other = other["command"], other["environment"]
        runtime, version = program.do("hello")
        print(f"{label}: {runtime}, tc_auth {version}; the other process: {other['runtime']}")
        for title, function in SCENARIOS:
            try:
                cells[title] = str(function(program))
            except Skipped as reason:
                cells[title] = f"not run: {reason}"
                if title not in MAY_SKIP.get(label, []):
                    failed += 1
                    cells[title] = "FAILED"
                    print(f"    it may not be skipped: {reason}")
            except (AssertionError, OSError) as error:
                failed += 1
                cells[title] = "FAILED"
                print(f"    {error}")
            print(f"  {cells[title]:>12}  {title}", flush=True)
            if program.process.poll() is not None:
                raise SystemExit(f"{label}: the program ended")
    environment = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    column = {"runtime": runtime, "cells": cells, "command": command, "environment": environment}
    (results / f"{label}.json").write_text(json.dumps(column))
    print(f"{len(cells) - failed} scenarios as expected, {failed} not")
    return failed == 0


def table(results):
    columns = [json.loads(file.read_text()) for file in sorted(pathlib.Path(results).glob("*.json"))]
    notes = []
    print("| scenario |", " | ".join(column["runtime"] for column in columns), "|")
    print("| --- |" + " --- |" * len(columns))
    for title, _ in SCENARIOS:
        cells = []
        for column in columns:
            cell = column["cells"].get(title, "not run")
            if cell.startswith("not run: "):
                notes.append(cell.removeprefix("not run: "))
                cell = f"not run ({len(notes)})"
            cells.append(cell)
        print(f"| {title} |", " | ".join(cells), "|")
    for number, note in enumerate(notes, 1):
        print(f"\n({number}) {note}")
    return bool(columns) and not any("FAILED" in column["cells"].values() for column in columns)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    LIBRARY = library.load(arguments.pop(0)) if what == "run" else None
    sys.exit(0 if {"run": run, "table": table}[what](*arguments) else 1)
