"""Queries and signals of processes in tests."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.support.waiting import wait_until


def is_running(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def accept_interrupts() -> None:
    """Restore SIGINT in a child: a shell ignores it for background processes."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def descendants(pid: int) -> set[int]:
    pids: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            pids |= {child} | descendants(child)
    return pids


def all_ended(pids: set[int], within_s: float = 20.0) -> bool:
    return wait_until(lambda: not any(map(is_running, pids)), within_s=within_s, what=pids)
