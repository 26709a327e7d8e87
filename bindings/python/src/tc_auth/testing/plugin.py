"""The fixture for pytest, which finds it by the package's entry point."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import FakePlatform


@pytest.fixture
def fake_platform() -> Iterator[FakePlatform]:
    """A fake ThreatConnect platform."""
    with FakePlatform() as platform:
        yield platform
