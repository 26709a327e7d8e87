"""The storm compared with TcEx, the vendor's own framework: the same stand-in, token life, threads and time.

    python3 storm.py DIRECTORY_OF_THE_PROGRAMS [SECONDS [LIFE]]    (needs: pip install tcex==4.0.11)

Prints a table. TcEx runs with a shorter interval (TC_TOKEN_SLEEP_INTERVAL=5 instead of 150 seconds) and a smaller
window (10 instead of 600), because its defaults do not fit tokens that are valid for half a minute.
"""

import importlib.metadata
import logging
import os
import re
import subprocess
import sys
import threading
import time

from support import StandIn

os.environ["TC_TOKEN_SLEEP_INTERVAL"] = "5"
PROGRAMS = sys.argv[1]
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 120
LIFE = int(sys.argv[3]) if len(sys.argv) > 3 else 30
WINDOW = 10
THREADS = 16
TOKEN = "API:5:storm+token="


def ours(stand_in):
    arguments = [LIFE, WINDOW, THREADS, SECONDS, stand_in.url, TOKEN]
    command = [f"{PROGRAMS}/storm", *map(str, arguments)]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    requests, failed, longest = re.match(r"requests (\d+) failed (\d+) longest_ms (\d+)", output).groups()
    return int(requests), int(failed), int(longest) / 1000


def tcex(stand_in):
    from tcex.app.token.token import Token
    from tcex.requests_tc.auth.token_auth import TokenAuth
    from tcex.requests_tc.tc_session import TcSession

    logging.disable(logging.CRITICAL)
    token = Token(stand_in.url + "/api")
    token.token_window = WINDOW
    token.register_token("MainThread", TOKEN, int(time.time()) + LIFE)
    ends = time.monotonic() + SECONDS
    counts = []

    def worker():
        session = TcSession(TokenAuth(token.get_token), base_url=stand_in.url + "/api")
        requests = failed = 0
        longest = 0.0
        while (started := time.monotonic()) < ends:
            requests += 1
            try:
                failed += session.get("/v3/indicators?resultLimit=1").status_code != 200
            except Exception:
                failed += 1
            longest = max(longest, time.monotonic() - started)
        counts.append((requests, failed, longest))

    threads = [threading.Thread(target=worker, name=f"storm-{number}") for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    token.shutdown = True
    return sum(c[0] for c in counts), sum(c[1] for c in counts), max(c[2] for c in counts)


def main():
    print(f"{THREADS} threads, tokens that live {LIFE} s, {SECONDS} s")
    print("| client | requests | failed | first-try 401s | renewals | longest stall |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, run in (("tc_auth", ours), (f"TcEx {importlib.metadata.version('tcex')}", tcex)):
        with StandIn("--quiet", "--token", TOKEN, "--token-life", str(LIFE)) as stand_in:
            requests, failed, longest = run(stand_in)
            seen = stand_in.stats()
        row = [name, requests, failed, seen["refused"], seen["issued"], f"{longest:.3f} s"]
        print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    main()
