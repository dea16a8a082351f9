"""Rate limit of requests: a token bucket by session, token or address."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.auth.sessions import COOKIE, client_address
from service.responses import problem_response

BURST_S = 10.0
"""Seconds of requests that a bucket holds: a map that opens sends many at once."""
_ADDRESS_FACTOR = 20.0
"""Limit of an address relative to that of a visitor: many may share one address."""
_MAX_BUCKETS = 100_000
"""Buckets in memory, after which full ones are deleted."""
_EXEMPT_PATHS = ("/static/", "/healthz")


class RateLimitMiddleware:
    """Middleware that answers 429 to more requests than allowed, by visitor and by address.

    Static files are exempt.

    Parameters
    ----------
    app : ASGIApp
        Application.
    a_second : float
        Requests per second of one visitor.
    clock : callable, default time.monotonic
        Returns seconds of a monotonic clock.
    """

    def __init__(
        self, app: ASGIApp, a_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.app = app
        self._rate = a_second
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        """Tokens that were left, and when."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith(_EXEMPT_PATHS):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        # By address as well: invented secrets must not get a bucket each.
        wait = max(
            self._take(_visitor_key(request)), self._take(client_address(request), _ADDRESS_FACTOR)
        )
        if wait <= 0:
            await self.app(scope, receive, send)
            return
        response = problem_response(
            429, "too many requests", f"Rate limit exceeded; retry after {wait:.1f} s."
        )
        response.headers["Retry-After"] = str(math.ceil(wait))
        await response(scope, receive, send)

    def _take(self, key: str, factor: float = 1.0) -> float:
        """Take a token from a bucket; return the seconds to wait if it is empty, otherwise 0.

        The bucket is `factor` times as large as that of a visitor.
        """
        rate = self._rate * factor
        now, capacity = self._clock(), rate * BURST_S
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets = {k: b for k, b in self._buckets.items() if now - b[1] < BURST_S}
        tokens, at = self._buckets.get(key, (capacity, now))
        # A clock that is set back adds no tokens and removes none.
        tokens = min(capacity, tokens + max(0.0, now - at) * rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            return (1 - tokens) / rate
        self._buckets[key] = (tokens - 1, now)
        return 0.0


def _visitor_key(request: Request) -> str:
    secret = request.cookies.get(COOKIE) or request.headers.get("authorization")
    if secret:
        return hashlib.sha256(secret.encode()).hexdigest()
    return f"nobody {client_address(request)}"
