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
"""Seconds of requests that may come at once, as a map does that opens."""
_ADDRESS_FACTOR = 20.0
"""An address may ask as much as so many visitors: a whole office may stand behind one."""
_MAX_VISITORS = 100_000
"""Visitors that are counted at a time."""


class RateLimitMiddleware:
    """Middleware: 429 for who asks too much, by session, token or address; files of ours are free."""

    def __init__(
        self, app: ASGIApp, a_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.app = app
        self._rate = a_second
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith(("/static/", "/healthz")):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        # By address as well: made-up secrets must not open a bucket each.
        wait = max(
            self._take(_visitor_key(request)), self._take(client_address(request), _ADDRESS_FACTOR)
        )
        if wait <= 0:
            await self.app(scope, receive, send)
            return
        answer = problem_response(
            429, "too many requests", f"You ask too much at once; wait {wait:.1f} s."
        )
        answer.headers["Retry-After"] = str(math.ceil(wait))
        await answer(scope, receive, send)

    def _take(self, who: str, times: float = 1.0) -> float:
        """Take one from a bucket, so many times as large as a visitor's; seconds to wait where it is empty."""
        rate = self._rate * times
        now, full = self._clock(), rate * BURST_S
        if len(self._left) > _MAX_VISITORS:
            self._left = {k: v for k, v in self._left.items() if now - v[1] < BURST_S}
        left, at = self._left.get(who, (full, now))
        # A clock that is set back fills nothing and empties nothing.
        left = min(full, left + max(0.0, now - at) * rate)
        if left < 1:
            self._left[who] = (left, now)
            return (1 - left) / rate
        self._left[who] = (left - 1, now)
        return 0.0


def _visitor_key(request: Request) -> str:
    said = request.cookies.get(COOKIE) or request.headers.get("authorization")
    return (
        hashlib.sha256(said.encode()).hexdigest() if said else f"nobody {client_address(request)}"
    )
