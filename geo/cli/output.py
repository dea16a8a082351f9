"""Output of commands: progress and notices on standard error, results on standard output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console

console = Console(stderr=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@contextmanager
def report_progress() -> Iterator[Callable[[str], None]]:
    """Show the current step: a spinner on a terminal, otherwise one line per step.

    Yields
    ------
    callable
        Takes the description of the step that begins.
    """
    started = time.monotonic()
    if console.is_terminal:
        with console.status("") as status:
            yield lambda step: status.update(f"{step} …")
        return

    def print_step(step: str) -> None:
        elapsed = time.monotonic() - started
        console.print(f"[{elapsed:6.1f} s] {step}", markup=False, highlight=False)

    yield print_step


def print_json(data: Any) -> None:
    """Write a result as JSON to standard output.

    Parameters
    ----------
    data : object
        Dictionaries, lists and scalars; other objects are written as their text.
    """
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n")
