"""What an adapter did or noticed, for a log.

No event contains a secret key or a token. Later versions may have more events, and more fields.
"""

from __future__ import annotations

import dataclasses
from typing import Union

from ._status import Advice, Status

__all__ = ["Adopted", "Event", "Refused", "RenewalFailed", "Renewed", "Retried"]


@dataclasses.dataclass(frozen=True)
class Renewed:
    """This process has renewed the token."""

    saved: bool = True
    """False if the new token is used, but could not be saved for the other processes (STORE_IO)."""


@dataclasses.dataclass(frozen=True)
class RenewalFailed:
    """A renewal has failed. The old token stays in use."""

    status: Status | None = None
    """Why; None if there was no answer, or only a part of one."""

    message: str = ""
    """The server's message; usually empty."""

    http_status: int = 0
    """The HTTP status of the answer; 0 if there was none."""

    failure: str = ""
    """The name of the exception's class if there was no complete answer, such as "TimeoutError"."""


@dataclasses.dataclass(frozen=True)
class Adopted:
    """A request is the first one with a token that came from another process."""

    method: str
    path: str
    """The path of the URL, without the query."""


@dataclasses.dataclass(frozen=True)
class Retried:
    """A request is sent once more, because its first response was a refusal that another attempt can help."""

    method: str
    path: str
    http_status: int
    advice: Advice


@dataclasses.dataclass(frozen=True)
class Refused:
    """The caller gets a refusal."""

    method: str
    path: str
    http_status: int
    advice: Advice
    """The reason. RETRY if another attempt could help, but was not possible or was already made."""


Event = Union[Renewed, RenewalFailed, Adopted, Retried, Refused]
