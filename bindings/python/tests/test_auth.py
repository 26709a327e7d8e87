"""The calls of an Auth, and the errors."""

from __future__ import annotations

import datetime
import json
import pathlib
import pickle
import time
from typing import Any

import pytest

import tc_auth
from tc_auth import Advice, Auth, Kind, State, Status, Unsealed

API = "https://company.example/api"
GOOD = '{"success":true,"apiToken":"API:6:b","apiTokenExpires":"%d"}'
STATUSES = [status for status in Status if status is not Status.OK]


def renewable(expires_in: int = -1) -> Auth:
    auth = Auth.token("API:5:a", int(time.time()) + expires_in)
    auth.set_api_path(API)
    return auth


def ticket(auth: Auth) -> tc_auth.Renewal:
    renewal = auth.poll()
    assert renewal is not None
    return renewal


def test_a_key_pair() -> None:
    with Auth.hmac("1", "key") as auth:
        assert (auth.kind, auth.api_path, auth.poll(), auth.clock_offset) == (Kind.HMAC, None, None, 0)
        assert auth.state() == (State.NONE, 0)
        headers = auth.headers("get", f"{API}/v3?x")
        assert headers.timestamp is not None
        assert abs(headers.timestamp - time.time()) < 5
        auth.verify("GET", f"{API}/v3?x", headers.authorization, str(headers.timestamp))
        assert list(headers) == [("Authorization", headers.authorization), ("Timestamp", str(headers.timestamp))]
        assert headers.as_dict() == dict(headers)
        assert tc_auth.string_to_sign("GET", "/v3?x", 5) == "/v3?x:GET:5"
        for call in (
            auth.current_token,
            auth.family,
            auth.seal,
            lambda: auth.update_token("a"),
            lambda: auth.renewal_window,
        ):
            with pytest.raises(tc_auth.TcAuthError) as error:
                call()
            assert error.value.status is Status.WRONG_KIND
    assert auth.kind is Kind.NONE


def test_a_token() -> None:
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    auth = Auth.token("API:5:a", soon)
    assert (auth.kind, auth.why) == (Kind.TOKEN, None)
    assert auth.state() == (State.NOT_RENEWABLE, pytest.approx(3600, abs=3))
    auth.set_api_path(API + "/")
    assert auth.api_path == API
    assert auth.renewal_window == 60
    assert auth.state() == (State.VALID, pytest.approx(3540, abs=3))
    assert (auth.current_token().value, auth.current_token().expires) == ("API:5:a", int(soon.timestamp()))
    assert auth.headers("GET", "/").as_dict() == {"Authorization": "TC-Token API:5:a"}
    auth.update_token("API:5:b")
    assert (auth.current_token().value, auth.current_token().expires) == ("API:5:b", None)
    assert auth.state() == (State.VALID, None)
    assert str(auth.url("/v3").add_segment("a b").add_query("x", "&")) == f"{API}/v3/a%20b?x=%26"
    assert str(auth.url()) == f"{API}/"


def test_long_tokens() -> None:
    """Longer than the buffer of the binding, also while another thread changes them."""
    auth = Auth.token("a")
    for size in (*range(960, 1040), 2010, 5000, 65000):
        auth.update_token("x" * size)
        assert auth.headers("GET", "/").authorization == "TC-Token " + "x" * size
        assert auth.headers("GET", "/", at=5).authorization == "TC-Token " + "x" * size
        assert auth.header_block("GET", "/") == "Authorization: TC-Token " + "x" * size + "\r\n"
        assert auth.current_token().value == "x" * size
    for size in range(900, 1000):
        hmac = Auth.hmac("1" * size, "key")
        made = hmac.headers("GET", "/")
        assert made.authorization == hmac.headers("GET", "/", at=made.timestamp).authorization


def test_no_string_ends_at_a_nul() -> None:
    hmac, token = Auth.hmac("1", "key"), Auth.token("a")
    token.set_api_path(API)
    cases: list[tuple[Any, Status]] = [
        (lambda: hmac.headers("GET", "/a\0b"), Status.INVALID_URI_BYTE),
        (lambda: hmac.headers("GET\0", "/"), Status.INVALID_METHOD),
        (lambda: hmac.header_block("GET", "/\0"), Status.INVALID_URI_BYTE),
        (lambda: hmac.headers("GET", "/a\0b", at=5), Status.INVALID_URI_BYTE),
        (lambda: hmac.set_api_path(API + "\0"), Status.INVALID_URI_BYTE),
        (lambda: token.url("/\0"), Status.INVALID_URI_BYTE),
        (lambda: token.update_token("b\0"), Status.INVALID_TOKEN),
        (lambda: token.unseal(token.seal() + "\0"), Status.SEAL_INVALID),
        (lambda: Auth.from_json('{"tc_token":"a"}\0x'), Status.CONFIG_SYNTAX),
    ]
    for call, status in cases:
        with pytest.raises(tc_auth.TcAuthError) as error:
            call()
        assert error.value.status is status


def test_errors_are_of_the_class_that_a_caller_catches() -> None:
    token, hmac = renewable(), Auth.hmac("1", "key")
    hmac.set_api_path(API)
    cases: list[tuple[Any, type[Exception], type[Exception] | None, Status]] = [
        (lambda: token.headers("GET", "/"), tc_auth.TokenExpired, None, Status.TOKEN_EXPIRED),
        (lambda: hmac.headers("GET", "https://other.example"), tc_auth.OtherOrigin, None, Status.OTHER_ORIGIN),
        (lambda: hmac.headers("G T", "/"), tc_auth.ArgumentError, ValueError, Status.INVALID_METHOD),
        (lambda: hmac.headers("GET", "x"), tc_auth.ArgumentError, ValueError, Status.INVALID_URI_FORM),
        (lambda: Auth.from_json("[]"), tc_auth.ConfigError, None, Status.CONFIG_SYNTAX),
        (lambda: Auth.from_args([]), tc_auth.ConfigError, None, Status.NO_CREDENTIALS),
        (lambda: token.unseal("x"), tc_auth.SealError, None, Status.SEAL_INVALID),
        (lambda: token.share_in("/nowhere"), tc_auth.StoreError, OSError, Status.STORE_IO),
        (lambda: hmac.set_api_path(API), tc_auth.TcAuthError, None, Status.ALREADY_SET),
        (lambda: hmac.verify("GET", "/", "TC 1:x", "1"), tc_auth.TcAuthError, None, Status.SIGNATURE_MISMATCH),
    ]
    for call, kind, base, status in cases:
        with pytest.raises(kind) as error:
            call()
        assert isinstance(error.value, tc_auth.TcAuthError)
        assert base is None or isinstance(error.value, base)
        assert type(error.value) is kind
        assert (error.value.status, error.value.name, str(error.value)) == (status, status.name, status.message)
    renewal = ticket(token)
    with pytest.raises(tc_auth.RenewalTimeout) as timeout:
        token.poll()
    assert isinstance(timeout.value, TimeoutError)
    renewal.cancel()


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("explanation", [None, "why"])
def test_errors_are_pickled(status: Status, explanation: str | None) -> None:
    error = tc_auth._status.error_for(status, explanation)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(error, protocol))
        assert type(copy) is type(error)
        assert (copy.status, copy.explanation, str(copy)) == (status, explanation, str(error))
        assert copy.status is status
    assert repr(error) == f"{type(error).__name__}({status.name}: {error})"


@pytest.mark.parametrize("kind", [tc_auth.Closed, tc_auth.Forked])
def test_other_errors_are_pickled(kind: type[tc_auth.TcAuthError]) -> None:
    copy = pickle.loads(pickle.dumps(kind()))  # type: ignore[call-arg]
    assert (type(copy), str(copy)) == (kind, str(kind()))  # type: ignore[call-arg]


def test_numbers_of_a_newer_library() -> None:
    for kind in (Status, Advice, Kind, State, Unsealed):
        unknown = kind(12345)
        assert (unknown.name, str(unknown), f"{unknown}", unknown.value, unknown == 12345) == ("12345",) * 3 + (
            12345,
            True,
        )
        assert pickle.loads(pickle.dumps(unknown)) == unknown
        assert kind(0) is kind(0)
        for bad in (2**31, "OK", 1.5, None):
            with pytest.raises(ValueError, match="is not a valid"):
                kind(bad)
    assert f"{Status.OK} {Advice.RETRY:>6}" == "OK  RETRY"
    assert "unknown" in Status(12345).message.lower()
    assert Advice.RETRY.message


def test_a_renewal() -> None:
    auth = renewable()
    with ticket(auth) as renewal:
        assert renewal.url == f"{API}/appAuth?expiredToken=API%3A5%3Aa"
        assert renewal.needed
        assert auth.state().state is State.UNDER_WAY
        assert renewal.complete(200, GOOD % (time.time() + 1000)) is None
        assert not renewal.needed
        for call in (lambda: renewal.url, lambda: renewal.complete(200, b"")):
            with pytest.raises(tc_auth.Closed):
                call()
        renewal.cancel()
    assert auth.current_token().value == "API:6:b"
    assert auth.poll() is None


def test_a_renewal_that_fails() -> None:
    for status, body, expected, message in [
        (200, '{"success":false,"message":"no API:5:a here"}', Status.RENEWAL_REFUSED, "no *** here"),
        (500, b'{"message":"later"}', Status.RENEWAL_BAD_RESPONSE, "later"),
        (500, bytearray(b""), Status.RENEWAL_BAD_RESPONSE, None),
        (2**40, memoryview(b"x"), Status.RENEWAL_BAD_RESPONSE, "x"),
    ]:
        auth = renewable()
        with pytest.raises(tc_auth.RenewalFailed) as error:
            ticket(auth).complete(status, body)
        assert (error.value.status, error.value.explanation) == (expected, message)
        assert str(error.value) == expected.message + (f" ({message})" if message else "")
        assert auth.poll() is None


def test_a_renewal_that_is_left_is_cancelled() -> None:
    auth = renewable()
    with ticket(auth):
        pass
    assert auth.state().state is State.PAUSED
    auth.update_token("API:5:c", 1)
    with pytest.raises(ZeroDivisionError), ticket(auth):
        raise ZeroDivisionError
    assert auth.state().state is State.PAUSED


def test_a_body_of_another_type_leaves_the_renewal_open() -> None:
    renewal = ticket(renewable())
    with pytest.raises(TypeError, match="body must be bytes or a str, not dict"):
        renewal.complete(200, {"apiToken": "b"})  # type: ignore[arg-type]
    assert renewal.needed
    renewal.complete(200, GOOD % (time.time() + 1000))


def test_review() -> None:
    auth = renewable(1000)
    sent = auth.headers("GET", "/")
    assert auth.review(sent, 200) is Advice.ACCEPTED
    assert auth.review(sent, 401, body='{"message":"Unauthorized"}') is Advice.RETRY
    assert auth.state().state is State.DUE

    hmac = Auth.hmac("1", "key")
    headers, body = hmac.headers("GET", "/"), b'{"message":"Timestamp out of acceptable time range"}'
    date = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    for bad in ("\0", "\ud800", "yesterday"):
        assert hmac.review(headers, 401, date=bad, body=body) is Advice.CLOCK_SKEW
    assert hmac.review(headers, 401, date=date.strftime("%a, %d %b %Y %H:%M:%S GMT"), body=body) is Advice.RETRY
    assert hmac.clock_offset == pytest.approx(3600, abs=3)
    # Only the beginning counts.
    assert hmac.review(headers, 401, body=b" " * tc_auth.REVIEW_LIMIT + body) is Advice.UNKNOWN


def test_sources(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["program", "--tc_token=API:5:x", "--tc_api_path", API])
    auth = Auth.discover()
    assert (auth.kind, auth.api_path, auth.current_token().value) == (Kind.TOKEN, API, "API:5:x")
    assert auth.why is not None
    assert "arguments: tc_token" in auth.why
    with pytest.raises(tc_auth.ConfigError) as error:
        Auth.discover(())
    assert error.value.status is Status.NO_CREDENTIALS
    assert "arguments: nothing" in str(error.value)
    monkeypatch.setenv("TC_API_ACCESS_ID", "77")
    monkeypatch.setenv("TC_API_SECRET_KEY", "key")
    assert "77" in str(Auth.from_env())
    assert "77" in str(Auth.discover([]))
    text = json.dumps({"tc_token": "API:5:y", "tc_token_expires": 2_000_000_000})
    for source in (text, text.encode(), "\ufeff" + text):
        assert Auth.from_json(source).current_token().value == "API:5:y"
    params = pathlib.Path(__file__).resolve().parents[3] / "tests" / "vectors"
    case = next(
        case for case in json.loads((params / "credentials.json").read_text()) if case["source"] == "param_file"
    )
    for path in (params / "params" / case["file"], str(params / "params" / case["file"])):
        for key in (case["key"], case["key"].encode()):
            assert Auth.from_parameter_file(path, key).kind is Kind.TOKEN


def test_after_close() -> None:
    auth = renewable()
    renewal = ticket(auth)
    auth.close()
    auth.close()
    assert (str(auth), auth.kind, auth.api_path) == ("closed", Kind.NONE, None)
    assert not renewal.needed
    assert renewal.complete(200, GOOD % 2_000_000_000) is None
    for call in (
        lambda: auth.headers("GET", "/"),
        lambda: auth.headers("GET", "/", at=5),
        lambda: auth.header_block("GET", "/"),
        lambda: auth.verify("GET", "/", None, None),
        auth.poll,
        auth.state,
        auth.current_token,
        auth.url,
        auth.family,
        auth.seal,
        lambda: auth.unseal("x"),
        lambda: auth.update_token("a"),
        lambda: auth.share_in("/tmp"),
        lambda: auth.set_api_path(API),
        lambda: auth.clock_offset,
        lambda: auth.renewal_window,
        lambda: auth.review(tc_auth.Headers("TC-Token a"), 401),
    ):
        with pytest.raises(tc_auth.Closed) as error:
            call()
        assert str(error.value) == "the Auth, Renewal or URL was closed or used up before"


def test_how_they_are_shown() -> None:
    auth, hmac = Auth.token("API:5:a"), Auth.hmac("1", "key")
    assert repr(auth) == f"<tc_auth.Auth {auth}>"
    assert str(auth).startswith("token; no expiry;")
    assert str(hmac).startswith("HMAC; access id 1;")
    assert repr(auth.current_token()) == "<tc_auth.Token ***, expires None>"
    assert repr(auth.headers("GET", "/")) == "<tc_auth.Headers TC-Token ***>"
    assert str(hmac.headers("GET", "/")) == "<tc_auth.Headers TC ***>"
    assert repr(tc_auth.URL("/v3")) == "URL('/v3')"
    with ticket(renewable()) as renewal:
        assert repr(renewal) == "<tc_auth.Renewal under way>"
    assert repr(renewal) == "<tc_auth.Renewal that has ended>"


def test_waits_are_numbers() -> None:
    for auth in (Auth.token("API:5:a"), Auth.hmac("1", "key")):
        for good in (0, 0.0, 1, 1.5, float("inf"), 10**400):
            assert auth.poll(good) is None
        for bad in (-1, -0.1, float("nan"), float("-inf"), -(10**400)):
            with pytest.raises(tc_auth.ArgumentError):
                auth.poll(bad)
        for other in ("1", None, b""):
            with pytest.raises(TypeError, match="max_wait must be a number"):
                auth.poll(other)  # type: ignore[arg-type]


def test_an_auth_is_made_by_its_class_methods() -> None:
    with pytest.raises(TypeError, match=r"use Auth\.hmac"):
        Auth()


def test_changes_of_the_token_by_another_process() -> None:
    """What `adopted` reports: a token that is used for the first time, and that this process has not set."""
    auth, other = Auth.token("API:5:a"), Auth.token("API:5:a")

    def adopted() -> bool:
        before = auth._changes.counted()
        return auth._changes.adopted(auth.headers("GET", "/").authorization, before)

    assert [adopted(), adopted()] == [False, False]
    auth.update_token("API:5:b")
    assert [adopted(), adopted()] == [False, False]
    other.unseal(auth.seal())
    other.update_token("API:5:c")
    auth.unseal(other.seal())
    assert [adopted(), adopted()] == [True, False]
    auth.update_token("API:5:d")
    assert not adopted()
    # Signed before a change, and looked at after it: it may be the older token.
    auth.update_token("API:5:never-seen")
    before = auth._changes.counted()
    signed = auth.headers("GET", "/").authorization
    auth.update_token("API:5:e")
    assert not auth._changes.adopted(signed, before)
    assert not adopted()
