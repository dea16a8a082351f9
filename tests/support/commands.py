"""The command line `gridcover` in tests and its results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CommandResult:
    """Output and exit status of a command."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Command:
    """Program and environment that run `gridcover` in a new process."""

    python: str
    env: dict[str, str]
