"""tc_auth.testing: the fake platform refuses what the platform refuses, and its fixture is found."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import tc_auth
from tc_auth.requests import Session
from tc_auth.testing import FakePlatform, Request

pytest_plugins = ["pytester"]


def get(platform: FakePlatform, target: str, headers: dict[str, str]) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(
            urllib.request.Request(platform.url + target, headers=headers), timeout=10
        ) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_answers() -> None:
    def count(request: Request) -> Any:
        return {"received": request.json, "query": request.query, "header": request.headers["X-Test"]}

    with FakePlatform() as platform:
        platform.answer("GET", "/v3/indicators", {"data": [1]})
        platform.answer("post", "/v3/indicators", count, status=201)
        platform.answer("GET", "/v3/raw", b"raw", status=404)
        for auth in (platform.hmac_auth(), platform.token_auth()):
            session = Session(auth)
            assert session.get("/v3/indicators", params={"resultLimit": 1}).json() == {"data": [1]}
            response = session.post("/v3/indicators?a=b&a=", json=[1, 2], headers={"X-Test": "x"})
            assert response.status_code == 201
            assert response.json() == {"received": [1, 2], "query": {"a": ["b", ""]}, "header": "x"}
            assert session.get("/v3/raw").content == b"raw"
            assert session.delete("/v3/other").json() == {"status": "Success"}
            assert session.put("/v3/other", data=iter([b"ab", b"c"])).ok
            assert platform.requests[-1].body == b"abc"
            assert session.head("/v3/other").ok
        assert [request.method for request in platform.requests] == ["GET", "POST", "GET", "DELETE", "PUT", "HEAD"] * 2
        assert platform.requests[0].path == "/v3/indicators"
        assert platform.refused == []


def test_a_body_in_chunks_and_the_request_shows_no_header() -> None:
    with FakePlatform() as platform:
        Session(platform.token_auth()).get("/v3/x")
        assert "TC-Token" not in repr(platform.requests)


def signed(auth: tc_auth.Auth, method: str = "GET", target: str = "/api/v3/x", **arguments: Any) -> dict[str, str]:
    return auth.headers(method, target, **arguments).as_dict()


def test_what_is_refused() -> None:
    with FakePlatform() as platform:
        auth = platform.hmac_auth()
        stranger = tc_auth.Auth.hmac("1", FakePlatform.secret_key)
        wrong_key = tc_auth.Auth.hmac(FakePlatform.access_id, "another")
        now = int(time.time())
        refused = {
            "Unauthorized": [{}, {"Authorization": "Basic x"}, {"Authorization": "TC-Token API:1:x"}],
            "Access Denied": [signed(stranger), {"Authorization": "TC x"}],
            "Invalid timestamp": [signed(auth) | {"Timestamp": "x"}, {"Authorization": signed(auth)["Authorization"]}],
            "Timestamp out of acceptable time range": [signed(auth, at=now - 310), signed(auth, at=now + 310)],
            "Signature data did not match expected result": [
                signed(wrong_key), signed(auth, "POST"), signed(auth, target="/api/v3/y")],
        }  # fmt: skip
        for message, requests in refused.items():
            for headers in requests:
                status, body = get(platform, "/api/v3/x", headers)
                assert (status, message.encode() in body) == (401, True), (message, body)
        assert platform.refused == [message for message, requests in refused.items() for _ in requests]
        assert platform.requests == []
        assert get(platform, "/api/v3/x", signed(auth, at=now - 290))[0] == 200


def test_tokens() -> None:
    with FakePlatform(token_life=3600) as platform:
        auth = platform.token_auth()
        first = auth.current_token()
        assert first.expires is not None and 3590 < first.expires - time.time() <= 3600
        session = Session(auth)
        assert session.get("/v3/x").ok and platform.renewals == 0
        platform.expire_tokens()
        assert session.get("/v3/x").ok and platform.renewals == 1
        assert (auth.current_token().value != first.value, platform.refused) == (True, ["Unauthorized"])
        # The old token was replaced: it can't be used or renewed.
        assert get(platform, "/api/v3/x", {"Authorization": "TC-Token " + first.value})[0] == 401
        target = "/api/appAuth?expiredToken=" + urllib.parse.quote(first.value, safe="")
        assert get(platform, target, {})[0] == 401
        auth = platform.token_auth()
        platform.expire_tokens()
        platform.refuse_renewals()
        assert Session(auth).get("/v3/x").status_code == 401
        assert auth.state().state is tc_auth.State.REFUSED


def test_tokens_without_expiry_and_a_wrong_clock() -> None:
    with FakePlatform(clock_offset=1200) as platform:
        assert platform.token_auth().current_token().expires is None
        assert Session(platform.token_auth()).get("/v3/x").ok
        assert Session(platform.hmac_auth()).get("/v3/x").status_code == 401
        assert platform.refused == ["Timestamp out of acceptable time range"]


def test_it_needs_no_pytest() -> None:
    program = "import sys, tc_auth.testing; tc_auth.testing.FakePlatform().close(); sys.exit('pytest' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tc_auth.testing.plugin import fake_platform")
    pytester.makepyfile("""
        from tc_auth.requests import Session

        def test_mine(fake_platform):
            assert Session(fake_platform.token_auth()).get("/v3/x").ok
            assert len(fake_platform.requests) == 1
    """)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_entry_point() -> None:
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\ntc_auth = "tc_auth.testing.plugin"\n' in text


def test_a_function_that_raises() -> None:
    def fails(request: object) -> object:
        raise ValueError("no such owner")

    with FakePlatform() as platform:
        auth = platform.hmac_auth()
        platform.answer("GET", "/v3/x", fails)
        status, body = get(platform, "/api/v3/x", signed(auth))
        assert status == 500
        assert "no such owner" in json.loads(body)["message"]
