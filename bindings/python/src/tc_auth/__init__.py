"""Authorization headers for the ThreatConnect API: HMAC-SHA256 signatures, or an API token that is renewed in time.

    >>> import tc_auth
    >>> auth = tc_auth.Auth.hmac("12345678901234567890", "my secret key")
    >>> auth.headers("GET", "/api/v3/indicators?resultLimit=10", at=1513703787).timestamp
    1513703787

tc_auth.requests, tc_auth.httpx and tc_auth.aiohttp sign the requests of these clients, and renew the token.
"""

from __future__ import annotations

from ._auth import REVIEW_LIMIT, Auth, string_to_sign
from ._library import version, version_number
from ._renewal import Renewal
from ._status import (
    Advice,
    ArgumentError,
    Closed,
    ConfigError,
    Forked,
    Kind,
    OtherOrigin,
    RenewalFailed,
    RenewalTimeout,
    SealError,
    State,
    Status,
    StoreError,
    TcAuthError,
    TokenExpired,
    Unsealed,
)
from ._url import URL
from ._values import Headers, Token, TokenState

__all__ = [
    "REVIEW_LIMIT",
    "URL",
    "Advice",
    "ArgumentError",
    "Auth",
    "Closed",
    "ConfigError",
    "Forked",
    "Headers",
    "Kind",
    "OtherOrigin",
    "Renewal",
    "RenewalFailed",
    "RenewalTimeout",
    "SealError",
    "State",
    "Status",
    "StoreError",
    "TcAuthError",
    "Token",
    "TokenExpired",
    "TokenState",
    "Unsealed",
    "string_to_sign",
    "version",
    "version_number",
]
