"""Limit of sign-in attempts by address."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

MAX_ATTEMPTS = 20
"""Attempts of one address within `WINDOW_S`."""
WINDOW_S = 60.0
"""Seconds in which attempts are counted."""


class LoginThrottle:
    """Times of recent sign-in attempts, by address.

    Parameters
    ----------
    clock : callable
        Returns seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def wait_s(self, address: str) -> float:
        """Count one more attempt, unless the address has reached its limit.

        Parameters
        ----------
        address : str
            Address that the attempt comes from.

        Returns
        -------
        float
            Seconds until the next attempt is allowed; 0 if this one is.

        Examples
        --------
        >>> throttle = LoginThrottle(lambda: 100.0)
        >>> [throttle.wait_s("192.0.2.1") for _ in range(MAX_ATTEMPTS + 1)][-2:]
        [0.0, 60.0]
        """
        now = self._clock()
        start = now - WINDOW_S
        with self._lock:
            for idle in [a for a, times in self._times.items() if times and times[-1] < start]:
                del self._times[idle]
            times = self._times.setdefault(address, deque())
            while times and times[0] < start:
                times.popleft()
            if len(times) >= MAX_ATTEMPTS:
                return times[0] + WINDOW_S - now
            times.append(now)
            return 0.0
