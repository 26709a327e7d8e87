"""What the headers of one request cost, and a poll; without a client.

    python3 per_call.py [ROUNDS]      (TcEx's row needs: pip install tcex)

The rows are measured in turn, ROUNDS times (100 by default). The table has the least CPU time of each, in nanoseconds per
call, for one thread and for eight.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import sys
import threading
import time
from typing import Any, Callable

import tc_auth

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
CALLS = 500
ACCESS_ID, SECRET_KEY = "12345678901234567890", "a-secret-key-of-some-length-as-they-have-64-characters-in-reality"
TARGET = "/api/v3/indicators?resultLimit=10"

KEY = SECRET_KEY.encode()
Call = Callable[[], object]


def usual() -> dict[str, str]:
    timestamp = str(int(time.time()))
    digest = hmac.new(KEY, f"{TARGET}:GET:{timestamp}".encode(), hashlib.sha256).digest()
    return {"Authorization": f"TC {ACCESS_ID}:{base64.b64encode(digest).decode()}", "Timestamp": timestamp}


def rows() -> dict[str, Call]:
    auth = tc_auth.Auth.hmac(ACCESS_ID, SECRET_KEY)
    token = tc_auth.Auth.token("API:5:" + "x" * 120, int(time.time()) + 86400)
    token.set_api_path("https://company.example/api")
    found: dict[str, Call] = {"`hmac` and `base64`": usual}
    tcex = tcex_call()
    if tcex is not None:
        found["TcEx, `HmacAuth`"] = tcex
    found.update({
        "`Auth.headers()`": lambda: auth.headers("GET", TARGET),
        "`Auth.header_block()`": lambda: auth.header_block("GET", TARGET),
        "`Auth.poll()`": auth.poll,
        "`Auth.headers()`, token": lambda: token.headers("GET", TARGET),
        "`Auth.poll()`, token": token.poll,
    })  # fmt: skip
    made = auth.headers("GET", TARGET)
    assert made.timestamp is not None
    digest = hmac.new(KEY, f"{TARGET}:GET:{made.timestamp}".encode(), hashlib.sha256).digest()
    assert made.authorization == f"TC {ACCESS_ID}:{base64.b64encode(digest).decode()}"
    return found


def tcex_call() -> Call | None:
    try:
        import requests
        from tcex.input.field_type.sensitive import Sensitive
        from tcex.requests_tc.auth.hmac_auth import HmacAuth
    except ImportError:
        print("SKIP  TcEx: pip install tcex", file=sys.stderr)
        return None
    auth: Any = HmacAuth(ACCESS_ID, Sensitive(SECRET_KEY))
    request = requests.Request("GET", "https://company.example" + TARGET).prepare()
    return lambda: auth(request)


def one_thread(call: Call) -> float:
    start = time.process_time_ns()
    for _ in range(CALLS):
        call()
    return (time.process_time_ns() - start) / CALLS


def eight_threads(call: Call) -> float:
    begun = threading.Barrier(9)

    def work() -> None:
        begun.wait()
        for _ in range(CALLS):
            call()
        begun.wait()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    start = time.process_time_ns()
    begun.wait()
    begun.wait()
    used = time.process_time_ns() - start
    for thread in threads:
        thread.join()
    return used / CALLS / 8


def main() -> None:
    calls = rows()
    least: dict[str, list[float]] = {name: [float("inf")] * 2 for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            for column, measure in enumerate((one_thread, eight_threads)):
                least[name][column] = min(least[name][column], measure(call))
    print(f"{sys.implementation.name} {sys.version.split()[0]}, tc_auth {tc_auth.version()}; ns of CPU per call")
    print("| | one thread | eight threads |")
    print("| --- | ---: | ---: |")
    for name, columns in least.items():
        print(f"| {name} |", " | ".join(f"{column:,.0f}" for column in columns), "|")


if __name__ == "__main__":
    main()
