"""Whatever a caller passes: the call succeeds, or raises a TcAuthError or a TypeError. It never crashes or cuts values off."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import math
import os
import sys
import tempfile
import time
import urllib.parse
from typing import Any, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tc_auth
from tc_auth import Auth, Headers, Status, TcAuthError, _border

settings.register_profile("tc_auth", deadline=None, suppress_health_check=list(HealthCheck), max_examples=150)
settings.load_profile("tc_auth")

# Also lone surrogates and NUL, which st.text() makes only if asked.
TEXTS = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=())),
    st.text("\0\x01 /?#%:aZ~\x7f\x80\xff\ud800\udc80\udfff\U0001f600", max_size=20),
    st.sampled_from(["", "\0", "a\0", "\ud800", "a" * 100_000, "\U0001f600" * 50_000]),
)
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from(
        [bound + step for bound in (0, 2**31, 2**32, 2**63, 2**64, -(2**31), -(2**63)) for step in (-1, 0, 1)]
    ),
    st.sampled_from([10**11 - 1, 10**11, 86400, 86401, -86400, -86401, 10**400, -(10**400)]),
)
ANYTHING = st.one_of(
    TEXTS, NUMBERS, st.binary(), st.binary().map(bytearray), st.binary().map(lambda raw: memoryview(raw)), st.none(), st.booleans(),
    st.floats(), st.lists(TEXTS, max_size=3), st.just(object()), st.dictionaries(TEXTS, NUMBERS, max_size=2),
    st.datetimes(timezones=st.one_of(st.none(), st.just(datetime.timezone.utc))),
)  # fmt: skip
# Visible ASCII, and more often than not what is expected.
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


def status_of(call: Callable[[], Any]) -> Status:
    try:
        call()
    except TcAuthError as error:
        assert error.__context__ is None
        return error.status
    return Status.OK


def encoded(text: str, errors: str = "strict") -> bytes | None:
    try:
        return text.encode("utf-8", errors)
    except UnicodeEncodeError:
        return None


def is_visible(text: str) -> bool:
    return bool(text) and all("\x21" <= char <= "\x7e" for char in text)


def token_due() -> Auth:
    auth = Auth.token("API:5:a", int(time.time()) - 1)
    auth.set_api_path("https://company.example/api")
    return auth


HMAC = Auth.hmac("1", "key")
TOKEN = Auth.token("API:5:a")
TOKEN.set_api_path("https://company.example/api")
SENT = Headers("TC-Token API:5:a")
SEALED = TOKEN.seal()

# Each public call, with each argument in turn replaced.
CALLS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "hmac": (Auth.hmac, ["1", "key"]),
    "token": (Auth.token, ["a", None]),
    "from_json": (Auth.from_json, ['{"tc_token":"a"}']),
    "from_args": (Auth.from_args, [["--tc_token", "a"]]),
    "from_args, an argument": (lambda arg: Auth.from_args(["--tc_token", arg]), ["a"]),
    "discover": (Auth.discover, [["--tc_token", "a"]]),
    "from_parameter_file": (Auth.from_parameter_file, ["/nowhere", "0123456789abcdef"]),
    "set_api_path": (lambda path: Auth.hmac("1", "key").set_api_path(path), ["https://company.example"]),
    "clock_offset": (lambda seconds: setattr(Auth.hmac("1", "key"), "clock_offset", seconds), [0]),
    "renewal_window": (lambda seconds: setattr(Auth.token("a"), "renewal_window", seconds), [0]),
    "headers": (lambda method, url, at: HMAC.headers(method, url, at=at), ["GET", "/", None]),
    "header_block": (HMAC.header_block, ["GET", "/"]),
    "verify": (
        lambda method, url, authorization, timestamp, at, tolerance: HMAC.verify(
            method, url, authorization, timestamp, at=at, tolerance=tolerance
        ),
        ["GET", "/", "TC 1:x", "1", 1, 300],
    ),
    "url": (TOKEN.url, ["/v3"]),
    "URL": (tc_auth.URL, ["/v3"]),
    "add_segment": (lambda segment: tc_auth.URL("/").add_segment(segment), ["a"]),
    "add_query": (lambda name, value: tc_auth.URL("/").add_query(name, value), ["a", "b"]),
    "update_token": (Auth.token("b").update_token, ["a", None]),
    "poll": (TOKEN.poll, [0]),
    "complete": (lambda status, body: token_due().poll().complete(status, body), [200, b"{}"]),  # type: ignore[union-attr]
    "review": (
        lambda sent, status, date, body: TOKEN.review(sent, status, date=date, body=body),
        [SENT, 401, "Sat, 01 Jan 2000 00:00:00 GMT", b"{}"],
    ),
    "review, the headers": (
        lambda authorization, timestamp: TOKEN.review(Headers(authorization, timestamp), 401),
        ["TC-Token a", None],
    ),
    "seal": (TOKEN.seal, ["key"]),
    "unseal": (TOKEN.unseal, [SEALED, None]),
    "share_in": (Auth.token("a").share_in, ["/nowhere", None]),
    "string_to_sign": (tc_auth.string_to_sign, ["GET", "/", 1]),
}


@pytest.mark.parametrize("name", CALLS)
@given(st.data())
def test_any_argument(name: str, data: st.DataObject) -> None:
    call, good = CALLS[name]
    arguments = list(good)
    replaced = data.draw(st.integers(0, len(arguments) - 1))
    arguments[replaced] = data.draw(ANYTHING)
    try:
        call(*arguments)
    except (TcAuthError, TypeError) as error:
        assert error.__context__ is None
        assert type(error) is not TypeError or str(error).count("must be"), error  # none of ctypes or an operator


def signature(key: bytes, text: str) -> str:
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


@given(access_id=TEXTS | VISIBLE, key=TEXTS | VISIBLE)
def test_keys(access_id: str, key: str) -> None:
    made = []
    status = status_of(lambda: made.append(Auth.hmac(access_id, key)))
    control = any(ord(char) < 0x20 or char == "\x7f" for char in key)
    surrogate = any("\ud800" <= char <= "\udfff" for char in key)
    refused = set()
    if not is_visible(access_id):
        refused.add(Status.INVALID_ACCESS_ID)
    if not key or control or surrogate or key.startswith("\ufeff"):
        refused.add(Status.INVALID_SECRET_KEY)
    if refused:
        assert status in refused
        return
    expected = signature(key.encode(), "/a?b:GET:5")
    assert made[0].headers("GET", "/a?b", at=5).authorization == f"TC {access_id}:{expected}"


@given(url=VISIBLE.map("/".__add__), method=st.sampled_from(["GET", "post", "x-y", "!#$%&'*+.^_`|~"]))
def test_signatures(url: str, method: str) -> None:
    target = url.partition("#")[0]
    at = int(time.time())
    expected = signature(b"key", f"{target}:{method.upper()}:{at}")
    assert HMAC.headers(method, url, at=at).as_dict() == {"Authorization": f"TC 1:{expected}", "Timestamp": str(at)}
    now = HMAC.headers(method, url)
    assert now.timestamp is not None
    assert now.authorization == HMAC.headers(method, url, at=now.timestamp).authorization
    assert HMAC.header_block(method, url).startswith("Authorization: TC 1:")


@given(token=TEXTS | VISIBLE, expires=st.none() | NUMBERS)
def test_tokens(token: str, expires: int | None) -> None:
    made: list[Auth] = []
    status = status_of(lambda: made.append(Auth.token(token, expires)))
    refused = set()
    if not is_visible(token):
        refused.add(Status.INVALID_TOKEN)
    if expires is not None and not 0 <= expires < 10**11:
        refused.add(Status.INVALID_TIME)
    if refused:
        assert status in refused
    else:
        current = made[0].current_token()
        assert (current.value, current.expires) == (token, expires or None)
        assert made[0].headers("GET", "/", at=0).authorization == f"TC-Token {token}"
        if not expires:
            assert made[0].header_block("GET", "/") == f"Authorization: TC-Token {token}\r\n"


@given(
    st.datetimes(timezones=st.sampled_from([datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=-9))]))
)
def test_datetimes(moment: datetime.datetime) -> None:
    second = math.floor((moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)).total_seconds())
    made: list[Auth] = []
    status = status_of(lambda: made.append(Auth.token("a", moment)))
    if 0 <= second < 10**11:
        assert made[0].current_token().expires == (second or None)
    else:
        assert status is Status.INVALID_TIME
    assert status_of(lambda: Auth.token("a", moment.replace(tzinfo=None))) is Status.INVALID_TIME


@given(NUMBERS)
def test_numbers(number: int) -> None:
    auth = Auth.token("a")
    for name, least in (("clock_offset", -86400), ("renewal_window", 0)):
        before = getattr(auth, name)
        status = status_of(lambda name=name: setattr(auth, name, number))  # type: ignore[misc]
        if least <= number <= 86400:
            assert getattr(auth, name) == number
        else:
            assert (status, getattr(auth, name)) == (Status.INVALID_ARGUMENT, before)
    expected = Status.OK if 0 <= number < 10**11 else Status.INVALID_TIME
    assert status_of(lambda: HMAC.headers("GET", "/", at=number)) is expected
    assert status_of(lambda: tc_auth.string_to_sign("GET", "/", number)) is expected
    # A number that does not fit is no HTTP status, and looks like none.
    assert HMAC.review(HMAC.headers("GET", "/"), 401 + (number << 32)) is (
        tc_auth.Advice.UNKNOWN if number == 0 else tc_auth.Advice.ACCEPTED
    )


@pytest.mark.parametrize("value", [1.0, 1.5, float("nan"), "1", None, datetime.timedelta(seconds=1)])
def test_no_fraction_is_dropped(value: Any) -> None:
    auth = Auth.token("a")
    for call in (
        lambda: setattr(auth, "clock_offset", value),
        lambda: setattr(auth, "renewal_window", value),
        lambda: tc_auth.string_to_sign("GET", "/", value),
        lambda: auth.review(SENT, value),
    ):
        with pytest.raises(TypeError, match="must be an int"):
            call()


@given(TEXTS)
def test_segments(segment: str) -> None:
    made: list[str] = []
    status = status_of(lambda: made.append(str(tc_auth.URL("/a").add_segment(segment))))
    query = status_of(lambda: made.append(str(tc_auth.URL("/a").add_query("n", segment))))
    if "\0" in segment or any("\ud800" <= char <= "\udfff" for char in segment):
        assert status is query is Status.INVALID_ARGUMENT
        return
    assert query is Status.OK
    quoted = urllib.parse.quote(segment, safe="")
    assert made[-1] == f"/a?n={quoted}"
    if segment in ("", ".", ".."):
        assert status is Status.INVALID_ARGUMENT
    else:
        assert made[0] == f"/a/{quoted}"


@given(
    st.text(st.characters(codec=None, exclude_categories=())), st.sampled_from(["strict", "surrogateescape", "replace"])
)
def test_a_secret_is_encoded_as_python_does(text: str, errors: str) -> None:
    with _border.Secret("text", text, Status.INVALID_ARGUMENT, errors=errors) as secret:
        expected = encoded(text, errors)
        if expected is None:
            assert status_of(lambda: secret.chars) is Status.INVALID_ARGUMENT
            return
        assert secret.copy() == expected + b"\0"
        assert secret.chars.raw[: secret.length + 1] == expected + b"\0"
        assert (status_of(lambda: secret.string) is Status.OK) == (b"\0" not in expected)
    assert not any(secret.chars.raw)


@given(
    st.one_of(st.binary(), st.text(), st.binary().map(bytearray), st.binary().map(lambda raw: memoryview(raw))),
    st.integers(0, 9),
)
def test_a_body_is_passed_as_it_is(body: Any, limit: int) -> None:
    raw = body.encode("utf-8", "replace") if isinstance(body, str) else bytes(body)
    for most in (None, limit):
        with _border.Body(body, most) as passed:
            text = passed.chars if isinstance(passed.chars, bytes) else passed.chars.raw
            assert text[: passed.length] == raw[:most]
    # Not what is next to each other in memory.
    spread = memoryview(raw)[::2]
    with _border.Body(spread) as passed:
        assert passed.chars.raw[: passed.length] == raw[::2]


@given(key=st.one_of(st.none(), TEXTS, st.binary(), VISIBLE))
def test_sealed(key: str | bytes | None) -> None:
    one, other = Auth.token("API:5:a"), Auth.token("API:5:a")
    one.update_token("API:5:b", 2_000_000_000)
    made: list[str] = []
    if status_of(lambda: made.append(one.seal(key))) is Status.OK:
        assert other.unseal(made[0], key) is tc_auth.Unsealed.ADOPTED
        assert other.current_token().value == "API:5:b"
        assert other.unseal(made[0].encode(), key) is tc_auth.Unsealed.SAME
        assert status_of(lambda: other.unseal(made[0], "another key")) is Status.SEAL_INVALID
    else:
        assert status_of(lambda: other.unseal("TC1.", key)) is Status.INVALID_ARGUMENT


@given(st.lists(TEXTS, max_size=4))
def test_arguments_of_a_program(args: list[str]) -> None:
    """A command line has no NUL, and Python makes lone surrogates U+DC80 to U+DCFF of bytes that are not UTF-8."""
    status = status_of(lambda: Auth.from_args(args))
    raw = [encoded(arg, "surrogateescape") for arg in args]
    is_bad = any(arg is None or b"\0" in arg for arg in raw)
    assert status is (Status.INVALID_ARGUMENT if is_bad else Status.NO_CREDENTIALS)


def test_paths(tmp_path: Any) -> None:
    """A str, bytes of the file system as Python has them, or a path."""
    for path in (str(tmp_path), tmp_path, os.path.join(str(tmp_path), "\udcff")):
        assert status_of(lambda path=path: Auth.from_parameter_file(path, "k" * 16)) is Status.CONFIG_IO  # type: ignore[misc]
    for path in ("a\0", "\ud800"):
        assert status_of(lambda path=path: Auth.from_parameter_file(path, "k" * 16)) is Status.INVALID_ARGUMENT  # type: ignore[misc]
    if sys.platform != "win32":
        with tempfile.TemporaryDirectory() as directory:
            auth = Auth.token("a")
            auth.share_in(tmp_path.__class__(directory))
            assert os.listdir(directory)


class SlyText(str):
    """A str whose methods do not tell the truth."""

    __slots__ = ()

    def lie(self, *_: Any) -> Any:
        return 10**6

    encode = isascii = __len__ = __contains__ = __getitem__ = __iter__ = lie


class SlyBytes(bytes):
    """The same for bytes."""

    __slots__ = ()

    def lie(self, *_: Any) -> Any:
        return 10**6

    __len__ = __contains__ = __getitem__ = __iter__ = lie


class SlyArray(bytearray):
    """The same for a bytearray."""

    __slots__ = ()

    def lie(self, *_: Any) -> Any:
        return 10**6

    __len__ = __contains__ = __getitem__ = __iter__ = lie


def test_a_subclass_is_taken_for_what_it_is() -> None:
    """Not for what its methods say: C would read beyond its end."""
    assert (
        HMAC.headers(SlyText("GET"), SlyText("/"), at=5).authorization == HMAC.headers("GET", "/", at=5).authorization
    )
    assert HMAC.header_block(SlyText("GET"), SlyText("/"))
    assert Auth.token(SlyText("a")).current_token().value == "a"
    sealed = TOKEN.seal()
    for kind in (SlyBytes, SlyArray):
        for value in (b"", b"{}"):
            with _border.Body(kind(value), 5) as body:
                assert body.length == len(value)
                assert bytes(body.chars[: body.length] if kind is SlyArray else bytes(body.chars)) == value
        assert TOKEN.unseal(kind(sealed.encode())) is tc_auth.Unsealed.SAME
        assert Auth.from_json(kind(b'{"tc_token":"a"}')).current_token().value == "a"
    assert TOKEN.unseal(SlyText(sealed)) is tc_auth.Unsealed.SAME
    assert TOKEN.seal(SlyText("a" * 32)) == TOKEN.seal("a" * 32)
    with _border.Body(SlyText("{}"), 1) as body:
        assert (body.length, body.chars[:1]) == (1, b"{")
