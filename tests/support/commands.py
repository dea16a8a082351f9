"""Running `gridcover` in tests, and what it printed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CommandResult:
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Command:
    """How to run `gridcover` in a process of its own."""

    python: str
    env: dict[str, str]
