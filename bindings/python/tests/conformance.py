"""The program that tests/platform/conformance.py and hostile.py drive, for Python.

    python3 conformance.py ADAPTER      requests, httpx, httpx-async or aiohttp: what it sends with

tests/platform/README.md lists the commands.
"""

from __future__ import annotations

import platform
import sys
import urllib.parse
from collections.abc import Sequence
from typing import Callable, Optional

from adapters import Entry, module_of

import tc_auth
from tc_auth import Advice, Auth, Headers, Kind, Renewal, State, Status, Unsealed

Field = Optional[str]
Answer = Optional[Sequence[object]]

ADAPTER = sys.argv[1] if len(sys.argv) > 1 else "requests"
auths: dict[str, Auth] = {}
renewals: dict[str, Renewal] = {}
entries: dict[str, Entry] = {}
commands: dict[str, Callable[..., Answer]] = {}


class Skip(Exception):
    """Python can't express an argument."""


def command(function: Callable[..., Answer]) -> Callable[..., Answer]:
    commands[function.__name__] = function
    return function


def raw(text: str) -> bytes:
    """The bytes that came: those that are not UTF-8 are lone surrogates in `text`."""
    return text.encode("utf-8", "surrogateescape")


def only_unicode(*texts: str) -> None:
    """Where C accepts all bytes and Python takes a str. Lone surrogates in other arguments are refused, as bytes are in C."""
    if any("\udc80" <= char <= "\udcff" for text in texts for char in text):
        raise Skip("a str is Unicode")


def key(text: Field) -> bytes | None:
    return None if text is None else raw(text)


def expiry(text: str) -> int | None:
    return int(text) or None


def keep(name: str, auth: Auth) -> None:
    if name in auths:
        auths[name].close()
    auths[name] = auth


def numbers(kind: type[Status | Advice | Kind | State | Unsealed]) -> list[str]:
    return [f"{member.name}={member.value}" for member in kind]


def name_of(code: Status | Advice) -> str:
    """A number that neither Python nor the library knows has itself as its name."""
    return "UNKNOWN" if code.name == str(code.value) else code.name


@command
def hello() -> Answer:
    language = "Python" if platform.python_implementation() == "CPython" else platform.python_implementation()
    return [f"{language} {platform.python_version()}, {module_of(ADAPTER).NAME}", tc_auth.version()]


@command
def version_number() -> Answer:
    return [tc_auth.version_number()]


@command
def statuses() -> Answer:
    return numbers(Status)


@command
def kinds() -> Answer:
    return numbers(Kind)


@command
def advices() -> Answer:
    return numbers(Advice)


@command
def states() -> Answer:
    return numbers(State)


@command
def unsealeds() -> Answer:
    return numbers(Unsealed)


@command
def status_name(number: str) -> Answer:
    return [name_of(Status(int(number)))]


@command
def advice_name(number: str) -> Answer:
    return [name_of(Advice(int(number)))]


@command
def status_message(number: str) -> Answer:
    return [Status(int(number)).message]


@command
def advice_message(number: str) -> Answer:
    return [Advice(int(number)).message]


@command
def new_hmac(name: str, access_id: str, secret_key: str) -> Answer:
    only_unicode(secret_key)
    keep(name, Auth.hmac(access_id, secret_key))
    return None


@command
def new_token(name: str, token: str, expires: str) -> Answer:
    keep(name, Auth.token(token, expiry(expires)))
    return None


@command
def from_json(name: str, json: str) -> Answer:
    keep(name, Auth.from_json(raw(json)))
    return None


@command
def from_args(name: str, *args: str) -> Answer:
    keep(name, Auth.from_args(args))
    return None


@command
def from_env(name: str) -> Answer:
    keep(name, Auth.from_env())
    return None


@command
def from_param_file(name: str, path: str, secret: str) -> Answer:
    keep(name, Auth.from_parameter_file(path, raw(secret)))
    return None


@command
def discover(name: str, *args: str) -> Answer:
    auth = Auth.discover(args)
    keep(name, auth)
    return [auth.why]


@command
def close(name: str) -> Answer:
    auths[name].close()
    return None


@command
def kind(name: str) -> Answer:
    return [auths[name].kind.name]


@command
def describe(name: str) -> Answer:
    return [str(auths[name])]


@command
def headers(name: str, method: str, url: str, at: str) -> Answer:
    made = auths[name].headers(method, url, at=None if at == "-1" else int(at))
    return [made.authorization, made.timestamp]


@command
def header_block(name: str, method: str, url: str) -> Answer:
    return [auths[name].header_block(method, url)]


@command
def string_to_sign(method: str, url: str, at: str) -> Answer:
    return [tc_auth.string_to_sign(method, url, int(at))]


@command
def set_api_path(name: str, path: str) -> Answer:
    auths[name].set_api_path(path)
    return None


@command
def api_path(name: str) -> Answer:
    return [auths[name].api_path]


@command
def set_renewal_window(name: str, seconds: str) -> Answer:
    auths[name].renewal_window = int(seconds)
    return None


@command
def renewal_window(name: str) -> Answer:
    return [auths[name].renewal_window]


@command
def set_clock_offset(name: str, seconds: str) -> Answer:
    auths[name].clock_offset = int(seconds)
    return None


@command
def clock_offset(name: str) -> Answer:
    return [auths[name].clock_offset]


@command
def update_token(name: str, token: str, expires: str) -> Answer:
    auths[name].update_token(token, expiry(expires))
    return None


@command
def token(name: str) -> Answer:
    current = auths[name].current_token()
    return [current.value, current.expires or 0]


@command
def token_state(name: str) -> Answer:
    state, seconds = auths[name].state()
    return [state.name, -1 if seconds is None else seconds]


@command
def poll(name: str, max_wait_ms: str) -> Answer:
    renewal = auths[name].poll(int(max_wait_ms) / 1000)
    if renewal is None:
        return [None]
    renewals[name] = renewal
    return [renewal.url]


@command
def needed(name: str) -> Answer:
    return [int(renewals[name].needed)]


@command
def complete(name: str, http_status: str, body: str) -> Answer:
    return [renewals[name].complete(int(http_status), raw(body))]


@command
def cancel(name: str) -> Answer:
    renewals[name].cancel()
    return None


@command
def family(name: str) -> Answer:
    return [auths[name].family()]


@command
def seal(name: str, secret: Field) -> Answer:
    return [auths[name].seal(key(secret))]


@command
def unseal(name: str, line: str, secret: Field) -> Answer:
    return [auths[name].unseal(raw(line), key(secret)).name]


@command
def share_in(name: str, directory: str, secret: Field) -> Answer:
    auths[name].share_in(directory, key(secret))
    return None


@command
def review(name: str, authorization: str, timestamp: Field, status: str, date: Field, body: str) -> Answer:
    sent = Headers(authorization, None if timestamp is None else int(timestamp))
    return [auths[name].review(sent, int(status), date=date, body=raw(body)).name]


@command
def verify(name: str, method: str, url: str, authorization: Field, timestamp: Field, at: str, tolerance: str) -> Answer:
    auths[name].verify(method, url, authorization, timestamp, at=int(at), tolerance=int(tolerance))
    return None


@command
def url_new(base: str) -> Answer:
    return [tc_auth.URL(base)]


@command
def url_new_for(name: str, path: str) -> Answer:
    return [auths[name].url(path)]


@command
def url_add_segment(base: str, segment: str) -> Answer:
    only_unicode(segment)
    return [tc_auth.URL(base).add_segment(segment)]


@command
def url_add_query(base: str, name: str, value: str) -> Answer:
    only_unicode(name, value)
    return [tc_auth.URL(base).add_query(name, value)]


@command
def client(name: str, certificate: Field, directory: Field = None, secret: Field = None) -> Answer:
    if directory is not None:
        auths[name].share_in(directory, key(secret))
    entries[name] = Entry(ADAPTER, auths[name], certificate)
    return None


@command
def send(name: str, method: str, url: str, body: Field) -> Answer:
    return entries[name].send(method, url, body)


@command
def send_once(name: str, method: str, url: str, body: str) -> Answer:
    return entries[name].send(method, url, body, once=True)


@command
def start(name: str, method: str, url: str) -> Answer:
    entries[name].start(method, url)
    return None


@command
def finish(name: str) -> Answer:
    return entries[name].finish()


@command
def storm(name: str, url: str, threads: str, seconds: str, rejecting_url: Field = None) -> Answer:
    return entries[name].storm(url, int(threads), int(seconds), rejecting_url)


@command
def events(name: str) -> Answer:
    return entries[name].events()


def decode(field: str) -> Field:
    return None if field == "-" else urllib.parse.unquote(field, errors="surrogateescape")


def encode(field: object) -> str:
    if field is None:
        return "-"
    return urllib.parse.quote(str(field), safe="", errors="surrogateescape").replace("-", "%2D")


def run(line: str) -> list[object]:
    """The answer: a status, and fields."""
    name, *arguments = [decode(part) for part in line.split("\t")]
    try:
        return ["OK", *(commands[name or ""](*arguments) or [])]
    except Skip as reason:
        return ["SKIP", reason]
    except tc_auth.TcAuthError as error:
        return [error.status.name, error.explanation if name in ("complete", "discover") else error]
    except Exception as error:
        return ["ERROR", f"{type(error).__name__}: {error}"]


def main() -> None:
    for line in sys.stdin:
        status, *fields = run(line.rstrip("\n"))
        print(status, *map(encode, fields), sep="\t", flush=True)


if __name__ == "__main__":
    main()
