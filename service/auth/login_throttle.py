"""Limit of sign-in attempts by address."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

TRIES, TRIES_S = 20, 60.0
"""Sign-ins that one address may try in so many seconds."""


class LoginThrottle:
    """How often each address tried lately."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def wait_s(self, address: str) -> float:
        """Note one more try; how long to wait where there were too many, else 0."""
        now = self._clock()
        with self._lock:
            for other in [a for a, t in self._times.items() if t and t[-1] < now - TRIES_S]:
                del self._times[other]
            times = self._times.setdefault(address, deque())
            while times and times[0] < now - TRIES_S:
                times.popleft()
            if len(times) >= TRIES:
                return times[0] + TRIES_S - now
            times.append(now)
            return 0.0
