"""TcEx, the vendor's own framework, as an oracle: for the same request and time, it must create the same headers.

    python3 compare_tcex.py LIBRARY    (needs: pip install tcex==4.0.11)
"""

import importlib.metadata
import random
import sys
from unittest import mock

import library
import requests
from tcex.input.field_type.sensitive import Sensitive
from tcex.requests_tc.auth.hmac_auth import HmacAuth

COUNT = 500
SEED = 20261122
NOW = 1_700_000_000
ACCESS_ID = "12345678901234567890"
SECRET_KEY = "sécret $`\"\\ % key"

PIECES = ["api", "v2", "v3", "indicators", "~", "a b", "é", "%C3%A9", "%7e", "%2F", "x+y", "..", ".", "", "a:b", "@", "!'()*",
          "http://evil.example/a?b", "1.2.3.4", "[1-2]", "{a}", "a;b=c", "$&,=", "|", "\\", "^", "`", "<x>", '"q"', "漢字"]
HOSTS = ["company.example", "COMPANY.example:8443", "user@company.example", "127.0.0.1:80", "[2001:db8::1]"]
METHODS = ["GET", "get", "Post", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]


def random_request(rng):
    path = "".join("/" + rng.choice(PIECES) for _ in range(rng.randrange(6)))
    url = f"{rng.choice(['http', 'https', 'HTTPS'])}://{rng.choice(HOSTS)}{path}"
    if rng.random() < 0.5:
        url += "?" + "&".join(f"{rng.choice(PIECES)}={rng.choice(PIECES)}" for _ in range(rng.randrange(4)))
    if rng.random() < 0.2:
        url += "#" + rng.choice(PIECES)
    params = [(rng.choice(PIECES), rng.choice(PIECES)) for _ in range(rng.randrange(3))]
    return requests.Request(rng.choice(METHODS), url, params=params or None).prepare()


def main():
    auth = library.Auth.hmac(library.load(sys.argv[1]), ACCESS_ID, SECRET_KEY)
    tcex = HmacAuth(ACCESS_ID, Sensitive(SECRET_KEY))
    rng = random.Random(SEED)
    equal, targets = 0, set()
    for _ in range(COUNT):
        request = random_request(rng)
        with mock.patch("time.time", return_value=NOW + 0.75):
            theirs = tcex(request).headers
        expected = (theirs["Authorization"], int(theirs["Timestamp"]))
        # Both forms that a caller can pass: the whole URL, and the request target.
        for uri in (request.url, request.path_url):
            got = auth.headers(request.method, uri, NOW)
            assert got == expected, f"{request.method} {uri}: {got} instead of {expected}"
        equal += 1
        targets.add(request.path_url)
    print(f"TcEx {importlib.metadata.version('tcex')}: {equal} of {COUNT} requests, {len(targets)} different targets,"
          f" have the same headers (seed {SEED})")


if __name__ == "__main__":
    main()
