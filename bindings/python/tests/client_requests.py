"""What the conformance program sends with: a Session of tc_auth.requests."""

from __future__ import annotations

from collections.abc import Iterator

import requests
from requests.adapters import HTTPAdapter

import tc_auth
import tc_auth.requests
from tc_auth._session import OnEvent

NAME = f"requests {requests.__version__}"


class Client:
    def __init__(self, auth: tc_auth.Auth, certificate: str | None, on_event: OnEvent) -> None:
        # By default, requests does not repeat what was sent on a dead connection.
        adapter = HTTPAdapter(pool_maxsize=32, max_retries=1)
        self.session = tc_auth.requests.Session(auth, adapter, on_event=on_event)
        self.session.trust_env = False  # REQUESTS_CA_BUNDLE would win over the certificate
        self.session.verify = certificate or True

    def send(self, method: str, url: str, body: bytes | None, once: bool = False) -> tuple[int, str]:
        """The status and the body. With `once`, the body can be read only once."""
        data: bytes | Iterator[bytes] | None = iter([body]) if once and body is not None else body
        response = self.session.request(method, url, data=data, allow_redirects=True, timeout=45)
        return response.status_code, response.text
