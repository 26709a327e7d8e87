"""Searches what OpenTelemetry, Sentry and a log at DEBUG record about requests and renewals for the token.

python3 tracing.py ADAPTER [planted]      requests, httpx, httpx-async or aiohttp; planted: renew with urllib
"""

from __future__ import annotations

import io
import json
import logging
import sys
import time
import urllib.request
from typing import Any

import sentry_sdk
from adapters import Entry
from opentelemetry import trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib import URLLibInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from server import UNAUTHORIZED, Answer, Received, Server

import tc_auth
from tc_auth import _transport

SECRET = "the-secret-part"
TOKEN = f"API:5:{SECRET}="


class Reports(sentry_sdk.transport.Transport):
    """Keeps what Sentry would send."""

    reports: list[str] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.reports.append(envelope.serialize().decode("utf-8", "replace"))


def answer(received: Received) -> Answer:
    authorization = received.headers["Authorization"] or ""
    if "appAuth" in received.target:
        return Answer(200, b"{}" if "once" in received.target else renewed())
    if received.target.endswith("/dropped"):
        return Answer(0)
    return Answer() if authorization.endswith("-next") else Answer(401, UNAUTHORIZED)


def renewed() -> bytes:
    return json.dumps({"success": True, "apiToken": TOKEN + "-next"}).encode()


def auth_for(server: Server, token: str, expires: int | None) -> tc_auth.Auth:
    auth = tc_auth.Auth.token(token, expires)
    auth.set_api_path(server.url + "/api")
    return auth


def fetch(answer: _transport._Answer, url: str, connect: _transport.Connect) -> None:
    """A mistake that must be found."""
    with urllib.request.urlopen(url) as response:
        body = response.read()
        answer._view[: len(body)], answer._body, answer.status = body, (0, len(body)), response.status


def main(adapter: str, planted: str = "") -> None:
    if planted:
        _transport._Answer.fetch = fetch  # type: ignore[method-assign]
    log, spans = io.StringIO(), InMemorySpanExporter()
    logging.basicConfig(level=logging.DEBUG, stream=log)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    for instrumentor in (RequestsInstrumentor, URLLib3Instrumentor, URLLibInstrumentor, HTTPXClientInstrumentor,
                         AioHttpClientInstrumentor):  # fmt: skip
        instrumentor().instrument()
    sentry_sdk.init("http://key@127.0.0.1:9/1", transport=Reports(), traces_sample_rate=1.0, send_default_pii=True)
    expired = int(time.time()) - 10
    with Server(answer) as server, sentry_sdk.start_transaction(name="all"):
        # It is renewed before a request, and after a refusal.
        for expires in (expired, None):
            entry = Entry(adapter, auth_for(server, TOKEN, expires), None)
            assert entry.send("GET", server.url + "/api/v3/traced", None)[0] == "200"
            assert entry.events()[0] == "renewal OK"
        # A renewal fails, and a request without an answer.
        for token, expires, path in [(TOKEN + "once", expired, "/"), (TOKEN + "-next", None, "/dropped")]:
            entry = Entry(adapter, auth_for(server, token, expires), None)
            try:
                entry.send("GET", server.url + "/api/v3/traced" + path, None)
                raise AssertionError("no error")
            except Exception as error:
                logging.exception("failed")
                sentry_sdk.capture_exception(error)
    sentry_sdk.flush()
    recorded = {
        "log": log.getvalue(),
        "OpenTelemetry": "".join(span.to_json() for span in spans.get_finished_spans()),
        "Sentry": "".join(Reports.reports),
    }
    assert sum("appAuth" in received.target for received in server.received) == 3
    for where, text in recorded.items():
        assert "/api/v3/traced" in text, f"{where} has recorded nothing"
        for secret in (SECRET, "appAuth"):
            position = text.find(secret)
            assert position < 0, f"{where}: ...{text[max(0, position - 1000) : position + 100]}"
    print(", ".join(f"{where}: {len(text)} characters" for where, text in recorded.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])
