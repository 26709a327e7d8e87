"""What the conformance program sends with: a client of httpx with a TcAuthTransport."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx

import tc_auth
import tc_auth.httpx
from tc_auth._session import OnEvent

NAME = f"httpx {httpx.__version__}"


class Client:
    def __init__(self, auth: tc_auth.Auth, certificate: str | None, on_event: OnEvent) -> None:
        inner = httpx.HTTPTransport(verify=context(certificate), http2=True)
        self._client = httpx.Client(
            transport=tc_auth.httpx.TcAuthTransport(auth, inner, on_event=on_event), timeout=45, follow_redirects=True
        )

    def send(self, method: str, url: str, body: bytes | None, once: bool = False) -> tuple[int, str]:
        """The status and the body. With `once`, the body can be read only once."""
        content: bytes | Iterator[bytes] | None = iter([body]) if once and body is not None else body
        try:
            response = self._client.request(method, url, content=content)
        except httpx.RemoteProtocolError:
            if method != "GET":
                raise
            response = self._client.request(method, url)  # other clients repeat it when a kept connection is dead
        return response.status_code, response.text


def context(certificate: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)
