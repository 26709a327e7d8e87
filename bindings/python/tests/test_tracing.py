"""OpenTelemetry, Sentry and a log at DEBUG: none of them gets a token or the URL of a renewal."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

for _package in ("opentelemetry.instrumentation", "sentry_sdk"):
    pytest.importorskip(_package)


PROGRAM = pathlib.Path(__file__).with_name("tracing.py")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("adapter", ["requests", "httpx", "httpx-async", "aiohttp"])
def test_nothing_that_traces_sees_the_token(adapter: str) -> None:
    result = run(adapter)
    assert result.returncode == 0, result.stderr[-3000:]


def test_a_planted_mistake_is_found() -> None:
    result = run("requests", "planted")
    assert (result.returncode, "AssertionError: OpenTelemetry: ..." in result.stderr) == (1, True), result.stderr
