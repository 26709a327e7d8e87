"""What must work wherever a wheel can be installed: a signature, a renewal, a shared directory. It needs no other package."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import urllib.request

import tc_auth
from tc_auth.testing import FakePlatform


def get(auth: tc_auth.Auth) -> int:
    """Sends a request, and renews the token before, if it is due."""
    renewal = auth.poll(10)
    if renewal is not None:
        with renewal, urllib.request.urlopen(renewal.url) as response:
            renewal.complete(response.status, response.read())
    url = str(auth.url("/v3/indicators"))
    request = urllib.request.Request(url, headers=auth.headers("GET", url).as_dict())
    with urllib.request.urlopen(request) as response:
        return response.status


def main() -> None:
    auth = tc_auth.Auth.hmac("12345678901234567890", "tc_auth-example-secret")
    headers = auth.headers("GET", "/api/v3/indicators", at=1513703787)
    assert headers.authorization == "TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks="
    with FakePlatform(token_life=3600) as fake, tempfile.TemporaryDirectory() as directory:
        assert get(fake.hmac_auth()) == 200
        token, _ = fake.issue_token()
        # Two that share a token, as two processes do: an expiry of 1 is long past.
        auths = [tc_auth.Auth.token(token, 1) for _ in range(2)]
        for auth in auths:
            auth.set_api_path(fake.api_path)
            auth.share_in(directory, "a key of this test")
            assert get(auth) == 200
        assert fake.renewals == 1 and not fake.refused
        for auth in auths:
            auth.close()
    assert os.path.dirname(tc_auth._library.file) == os.path.dirname(os.path.abspath(tc_auth.__file__))
    print(
        "signed and renewed:",
        sys.implementation.name,
        platform.python_version(),
        sys.platform,
        os.path.basename(tc_auth._library.file),
    )


if __name__ == "__main__":
    main()
