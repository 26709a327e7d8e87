"""TcEx's own session with tc_auth in its slot for authorization: requests, and how many of them failed.

    python3 tcex_session.py [SECONDS [LIFE]]      (needs: pip install tcex==5.0.0, or another version)

Each of 8 threads has a TcSession, as in TcEx, and sends without a pause to the stand-in, whose tokens live for LIFE
seconds. The rows with TcEx's own classes are for comparison. TcEx's Token gets an interval (5 instead of 150 s) and a
window (10 instead of 600 s) that fit such tokens.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import pathlib
import sys
import threading
import time
from typing import Any, Callable

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "tests" / "platform"))
os.environ["TC_TOKEN_SLEEP_INTERVAL"] = "5"

from stand_in import ACCESS_ID, SECRET_KEY, TOKEN
from support import StandIn
from tcex.app.token.token import Token
from tcex.input.field_type.sensitive import Sensitive
from tcex.requests_tc.auth.hmac_auth import HmacAuth
from tcex.requests_tc.auth.token_auth import TokenAuth
from tcex.requests_tc.tc_session import TcSession

import tc_auth
from tc_auth.requests import TcAuth, TcAuthAdapter

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 60
LIFE = int(sys.argv[2]) if len(sys.argv) > 2 else 15
WINDOW = 10
THREADS = 8

MakeSession = Callable[[], TcSession]
running: list[Token] = []  # TcEx's, each of which has a thread


def with_api_path(auth: tc_auth.Auth, url: str) -> tc_auth.Auth:
    auth.set_api_path(url + "/api")
    return auth


def token_auth(url: str) -> tc_auth.Auth:
    auth = with_api_path(tc_auth.Auth.token(TOKEN, int(time.time()) + LIFE), url)
    auth.renewal_window = WINDOW
    return auth


def hmac_auth(url: str) -> tc_auth.Auth:
    return with_api_path(tc_auth.Auth.hmac(ACCESS_ID, SECRET_KEY), url)


def in_the_slot(make_auth: Callable[[str], tc_auth.Auth], url: str) -> MakeSession:
    auth = make_auth(url)

    def make() -> TcSession:
        session = TcSession(None, base_url=url + "/api")
        session.auth = TcAuth(auth, session)
        return session

    return make


def as_adapter(make_auth: Callable[[str], tc_auth.Auth], url: str) -> MakeSession:
    auth = make_auth(url)

    def make() -> TcSession:
        session = TcSession(None, base_url=url + "/api")
        session.mount("http://", TcAuthAdapter(auth, session.get_adapter("https://")))
        return session

    return make


def tcex_token(url: str) -> MakeSession:
    token = Token(url + "/api")
    token.token_window = WINDOW
    token.register_token("MainThread", TOKEN, int(time.time()) + LIFE)
    running.append(token)
    return lambda: TcSession(TokenAuth(token.get_token), base_url=url + "/api")


def tcex_hmac(url: str) -> MakeSession:
    return lambda: TcSession(HmacAuth(ACCESS_ID, Sensitive(SECRET_KEY)), base_url=url + "/api")


ROWS: dict[str, Callable[[str], MakeSession]] = {
    "token: TcAuth in the slot": lambda url: in_the_slot(token_auth, url),
    "token: TcAuthAdapter": lambda url: as_adapter(token_auth, url),
    "token: TcEx's TokenAuth": tcex_token,
    "key pair: TcAuth in the slot": lambda url: in_the_slot(hmac_auth, url),
    "key pair: TcAuthAdapter": lambda url: as_adapter(hmac_auth, url),
    "key pair: TcEx's HmacAuth": tcex_hmac,
}


def storm(make: MakeSession) -> tuple[int, int, float]:
    """Requests, failures, and the longest time that a request took."""
    end = time.monotonic() + SECONDS
    counts: list[tuple[int, int, float]] = []

    def work() -> None:
        session, requests, failed, longest = make(), 0, 0, 0.0
        while (started := time.monotonic()) < end:
            requests += 1
            try:
                sent = session.post("/v3/indicators", params={"q": "a b"}, json={"n": requests})
                failed += sent.status_code != 200
            except Exception:
                failed += 1
            longest = max(longest, time.monotonic() - started)
        counts.append((requests, failed, longest))

    threads: list[Any] = [threading.Thread(target=work, name=f"storm-{number}") for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(count[0] for count in counts), sum(count[1] for count in counts), max(count[2] for count in counts)


def main() -> bool:
    logging.disable(logging.CRITICAL)
    print(f"TcEx {importlib.metadata.version('tcex')}, {THREADS} threads, {SECONDS} s, tokens that live {LIFE} s\n")
    print("| authorization | requests | failed | refused at first | renewals | longest request |")
    print("| --- | --- | --- | --- | --- | --- |")
    ours_failed = 0
    for title, row in ROWS.items():
        with StandIn("--quiet", "--token-life", str(LIFE)) as stand_in:
            requests, failed, longest = storm(row(stand_in.url))
            stats = stand_in.stats()
            while running:
                running.pop().shutdown = True
        print(
            f"| {title} | {requests:,} | {failed} | {stats['refused']} | {stats['issued']} | {longest:.2f} s |",
            flush=True,
        )
        ours_failed += 0 if "TcEx" in title else failed
    return ours_failed == 0


if __name__ == "__main__":
    succeeded = main()
    sys.stdout.flush()
    os._exit(0 if succeeded else 1)  # TcEx's Token has a thread that does not end
