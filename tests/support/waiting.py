"""Waits for conditions of processes, databases and pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

POLL_S = 0.02
T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, within_s: float = 300.0, what: object = "") -> T:
    """Return the value of a condition once it is true; fail after `within_s` seconds."""
    end = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s:g} s: {what() if callable(what) else what}")
        time.sleep(POLL_S)
    return value
