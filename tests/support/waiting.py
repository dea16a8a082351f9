"""Waiting for what a process, a database or a page does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

POLL_S = 0.02
T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, within_s: float = 300.0, what: object = "") -> T:
    """Return what a condition gives once that is true; fail if it is not within a time."""
    end = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s:g} s: {what() if callable(what) else what}")
        time.sleep(POLL_S)
    return value
