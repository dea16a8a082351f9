"""Extraction in a separate process, under limits of memory and time."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geo.errors import ReadError
from geo.osm.request import OUTCOME_FILE, REMARKS_FILE, Request

MEMORY_BYTES = 3 << 30
"""Memory limit for reading an extract; node locations of large files are on disk."""
_BASE_S, _S_PER_MB = 600, 10
_PASSED_VARIABLES = (
    "PATH",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "LANG",
    "HOME",
    "TMPDIR",
    "VIRTUAL_ENV",
)
"""Environment variables of the process; none holds a secret."""
_MESSAGES = {
    "damaged": "is damaged or not complete; download it again, or make the extract again",
    "memory": "needs more than {mib:,} MiB of memory to read; cut the region out first, for "
    "instance with osmium extract",
    "disk": "cannot be read, since the disk for temporary files is full; make room, or set TMPDIR",
    "ended": "could not be read within {mib:,} MiB of memory and {s:,} s; cut the region out "
    "first, for instance with osmium extract",
}
"""Message by error of the process."""


@dataclass(frozen=True)
class Extracted:
    """Result of an extraction."""

    folder: Path
    """Folder with an Arrow file for each layer."""
    skipped: list[tuple[str, str, int]]
    """Layer, reason and number of objects that were left out."""
    noted: list[tuple[str, str, int]]
    """Layer, reason and number of rows with a remark."""

    def remarks(self) -> list[list[str]]:
        """Return the remarks on single objects.

        Returns
        -------
        list of list of str
            Action, layer, reason, key, column and text of each remark.
        """
        with (self.folder / REMARKS_FILE).open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


def extract(
    request: Request,
    *,
    memory_bytes: int = MEMORY_BYTES,
    seconds: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Extracted:
    """Read an extract in a separate process.

    Parameters
    ----------
    request : Request
        File, rules, and the folder for the results.
    memory_bytes : int, optional
        Memory limit of the process.
    seconds : int or None, optional
        Limit of processor time; the process is killed after twice this elapsed time. None for 600 s
        and 10 s per MiB of the file.
    progress : callable, optional
        Called with a line of text at intervals; the process is killed if it raises.

    Returns
    -------
    Extracted
        Folder of the results, and counts.

    Raises
    ------
    ReadError
        If the file is damaged, or reading it exceeds the limits.
    """
    file, folder = Path(request.file), Path(request.folder)
    if seconds is None:
        seconds = _BASE_S + _S_PER_MB * (file.stat().st_size >> 20)
    request = dataclasses.replace(request, memory_bytes=memory_bytes, cpu_s=seconds)
    request_file = folder / "request.json"
    request_file.write_text(json.dumps(dataclasses.asdict(request)), encoding="utf-8")
    _run_process(
        request_file,
        folder / "errors",
        timeout_s=seconds * 2,
        on_count=lambda count: progress(f"reading {file.name}: {count:,} objects"),
    )
    outcome: dict[str, Any] = {"error": "ended"}
    outcome_file = folder / OUTCOME_FILE
    if outcome_file.exists():
        outcome = json.loads(outcome_file.read_text(encoding="utf-8"))
    if "error" in outcome:
        message = _MESSAGES[outcome["error"]].format(mib=memory_bytes >> 20, s=seconds)
        raise ReadError(f"{file.name} {message}")
    counts = [
        [(str(layer), str(reason), int(count)) for layer, reason, count in outcome[name]]
        for name in ("skipped", "noted")
    ]
    return Extracted(folder, *counts)


def _run_process(
    request_file: Path, error_file: Path, *, timeout_s: float, on_count: Callable[[int], None]
) -> None:
    """Run the extraction and report the number of objects read; kill it if the report raises."""
    env = {name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ}
    with error_file.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "geo.osm.extraction", str(request_file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=env,
            cwd=Path(__file__).parents[2],
        )
    timer = threading.Timer(timeout_s, process.kill)
    timer.start()
    try:
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            on_count(int(line))
        process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
