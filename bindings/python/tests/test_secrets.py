"""No secret is in what Python shows of an object, an error or a log; residue.py searches memory."""

from __future__ import annotations

import copy
import dataclasses
import gc
import io
import json
import logging
import pathlib
import pickle
import pprint
import sys
import time
import traceback
from typing import Any, Callable

import pytest

import tc_auth
from tc_auth import Auth, Headers, _auth, _border

SECRET = "correct-horse-battery-staple"
API = "https://company.example/api"
SOURCE = pathlib.Path(tc_auth.__file__).parent


def token(expires_in: int = 1000) -> Auth:
    auth = Auth.token(SECRET, int(time.time()) + expires_in)
    auth.set_api_path(API)
    return auth


def objects() -> dict[str, Any]:
    hmac, due = Auth.hmac("1", SECRET), token(-1)
    due_too = token(-1)
    renewal, done = due.poll(), due_too.poll()
    assert renewal is not None
    assert done is not None
    done.complete(200, json.dumps({"success": True, "apiToken": SECRET + "2"}))
    return {
        "hmac": hmac, "token": token(), "renewed": due_too, "under way": due, "renewal": renewal, "ended": done,
        "headers": token().headers("GET", "/"), "current": token().current_token(), "ticket": renewal._held[0],
        "handle": hmac._handle, "secret": _border.Secret("x", SECRET, tc_auth.Status.OK), "state": token().state(),
        "body": _border.Body(SECRET), "arguments": _border.Arguments([SECRET]), "changes": token()._changes,
        "url": token().url("/v3"),
    }  # fmt: skip


@dataclasses.dataclass
class Holder:
    value: Any


@pytest.mark.parametrize("name", objects())
def test_what_is_shown(name: str) -> None:
    shown = objects()[name]
    log = io.StringIO()
    logger = logging.Logger("test")
    logger.addHandler(logging.StreamHandler(log))
    logger.error("%s %r", shown, shown)
    texts = [
        repr(shown), str(shown), f"{shown} {shown!r}", pprint.pformat({"a": [shown]}), log.getvalue(),
        repr(Holder(shown)), json.dumps(shown, default=repr), 
    ]  # fmt: skip
    if hasattr(shown, "__dict__"):
        texts.append(repr(vars(shown)))
    assert all(SECRET not in text for text in texts)
    assert SECRET in repr([Holder(SECRET)])


SECRET_HOLDERS = ["hmac", "token", "renewal", "headers", "current"]


@pytest.mark.parametrize("name", SECRET_HOLDERS)
def test_what_is_not_copied(name: str) -> None:
    held = objects()[name]
    calls: list[Callable[[], Any]] = [
        lambda: copy.copy(held), lambda: copy.deepcopy(held), lambda: copy.deepcopy([held]), lambda: json.dumps(held),
        lambda: dataclasses.asdict(Holder(held)), lambda: vars(held),
    ]  # fmt: skip
    calls += [
        lambda protocol=protocol: pickle.dumps({"a": held}, protocol)  # type: ignore[misc]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]
    for call in calls:
        with pytest.raises(TypeError) as error:
            call()
        assert SECRET not in str(error.value)


def failing_calls() -> dict[str, Callable[[], Any]]:
    due = token(-1)
    renewal = due.poll()
    assert renewal is not None
    ended = token(-1).poll()
    assert ended is not None
    ended.cancel()
    answer = json.dumps({"success": False, "apiToken": SECRET})
    hmac = Auth.hmac("1", "key")
    return {
        "hmac, the id": lambda: Auth.hmac("", SECRET),
        "hmac, the id's type": lambda: Auth.hmac(1, SECRET),  # type: ignore[arg-type]
        "hmac, the key": lambda: Auth.hmac("1", SECRET + "\n"),
        "hmac, a NUL": lambda: Auth.hmac("1", SECRET + "\0"),
        "hmac, a surrogate": lambda: Auth.hmac("1", SECRET + "\ud800"),
        "hmac, bytes": lambda: Auth.hmac("1", SECRET.encode()),  # type: ignore[arg-type]
        "token": lambda: Auth.token(SECRET + " "),
        "token, the expiry": lambda: Auth.token(SECRET, -5),
        "token, the expiry's type": lambda: Auth.token(SECRET, 1.5),  # type: ignore[arg-type]
        "update_token": lambda: token().update_token(SECRET + " "),
        "from_json": lambda: Auth.from_json(json.dumps({"tc_token": SECRET, "tc_api_path": 5})),
        "from_json, a list": lambda: Auth.from_json([SECRET]),  # type: ignore[arg-type]
        "from_json, a surrogate": lambda: Auth.from_json(SECRET + "\ud800"),
        "from_args": lambda: Auth.from_args(["--tc_token", SECRET, "--tc_token", SECRET]),
        "from_args, a NUL": lambda: Auth.from_args(["--tc_token", SECRET + "\0"]),
        "from_args, bytes": lambda: Auth.from_args([SECRET.encode()]),  # type: ignore[list-item]
        "from_args, a str": lambda: Auth.from_args(SECRET),
        "discover": lambda: Auth.discover(["--tc_token", SECRET, "--tc_token", SECRET]),
        "from_parameter_file": lambda: Auth.from_parameter_file("/nowhere", SECRET),
        "from_parameter_file, a NUL": lambda: Auth.from_parameter_file("/nowhere", SECRET + "\0"),
        "from_parameter_file, the path": lambda: Auth.from_parameter_file("a\0", SECRET),
        "headers": lambda: due.headers("GET", "/"),
        "headers, at": lambda: due.headers("GET", "/", at=10**10),
        "header_block": lambda: token().header_block("G T", "/"),
        "verify": lambda: token().verify("GET", "/", "TC-Token " + SECRET + "x", None),
        "verify, a NUL": lambda: token().verify("GET", "/", "TC-Token " + SECRET + "\0", None),
        "verify, the URL": lambda: token().verify("GET", "", "TC-Token " + SECRET, None),
        "verify, bytes": lambda: token().verify("GET", "/", SECRET.encode(), None),  # type: ignore[arg-type]
        "review": lambda: hmac.review(Headers("TC-Token " + SECRET), 401),
        "review, the headers": lambda: hmac.review({"Authorization": SECRET}, 401),  # type: ignore[arg-type]
        "review, the body": lambda: token().review(Headers("TC-Token " + SECRET), 401, body=[SECRET]),  # type: ignore[arg-type]
        "complete": lambda: renewal.complete(500, answer),
        "complete, again": lambda: ended.complete(500, answer),
        "complete, the status": lambda: ended.complete("500", answer),  # type: ignore[arg-type]
        "complete, a dict": lambda: ended.complete(500, {"apiToken": SECRET}),  # type: ignore[arg-type]
        "seal": lambda: token().seal(SECRET + "\0"),
        "seal, too short a key": lambda: token().seal(SECRET + "\x01"),
        "unseal": lambda: token().unseal("TC1.x", SECRET),
        "unseal, the key": lambda: token().unseal("TC1.x", SECRET + "\0"),
        "share_in": lambda: token().share_in("/nowhere", SECRET),
        "share_in, the key": lambda: token().share_in("/nowhere", [SECRET]),  # type: ignore[arg-type]
    }


def report(error: BaseException, frames: Callable[[str], bool]) -> str:
    """What a tool for error reports shows: the variables of each function."""
    made = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert made.stack
    parts = ["".join(made.format_exception_only()), repr(error), str(error), repr(error.args), repr(vars(error))]
    while made is not None:
        parts += [repr(frame.locals) for frame in made.stack if frames(frame.filename)]
        made = made.__context__ or made.__cause__  # type: ignore[assignment]
    return "\n".join(parts)


def in_package(file: str) -> bool:
    return SOURCE in pathlib.Path(file).parents


@pytest.mark.parametrize("name", failing_calls())
def test_error_reports(name: str) -> None:
    call = failing_calls()[name]
    with pytest.raises((tc_auth.TcAuthError, TypeError)) as error:
        call()
    assert SECRET not in report(error.value, in_package)
    assert error.value.__context__ is None
    assert error.value.__cause__ is None


def test_the_search_of_error_reports_finds_a_planted_secret() -> None:
    def planted(value: str) -> None:
        raise ValueError

    with pytest.raises(ValueError, match="^$") as error:
        planted(SECRET)
    assert SECRET in report(error.value, lambda _: True)
    assert SECRET not in report(error.value, in_package)


def test_buffers_are_wiped() -> None:
    """Also after a failure, and those that are kept for the next call."""
    token().headers("GET", "/")
    with pytest.raises(tc_auth.ArgumentError):
        token().headers("GET", "x")
    assert _auth._buffers
    assert not any(any(buffer) for buffer, _, _ in _auth._buffers)


def test_what_a_forked_child_needs_is_kept_only_while_the_token_is_shared(tmp_path: pathlib.Path) -> None:
    """In bytearrays, which are wiped."""
    tmp_path.chmod(0o700)
    auth = token()
    assert auth._origin is None
    auth.share_in(tmp_path, "a key of 32 characters, or longer")
    origin: Any = auth._origin
    copies = [origin.token, origin.key]
    assert copies == [SECRET.encode() + b"\0", b"a key of 32 characters, or longer\0"]
    auth.close()
    assert not any(any(kept) for kept in copies)

    auth = token()
    auth.share_in(tmp_path, b"a key of 32 characters, or longer")
    origin = auth._origin
    copies = [origin.token, origin.key]
    del auth, origin
    gc.collect()
    assert not any(any(kept) for kept in copies)

    with pytest.raises(tc_auth.TcAuthError):
        token().share_in("/nowhere")
    hmac = Auth.hmac("1", SECRET)
    with pytest.raises(tc_auth.TcAuthError):
        hmac.share_in(tmp_path)
    assert hmac._origin is None


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="it looks for strings that CPython keeps")
def test_no_str_of_the_token_is_kept() -> None:
    auth = token()
    for _ in range(3):
        auth._changes.adopted(auth.headers("GET", "/").authorization, auth._changes.counted())
    auth.current_token()
    gc.collect()
    kept = [value for value in gc.get_referents(auth._changes, auth) if isinstance(value, (str, bytes, bytearray))]
    assert kept == []
