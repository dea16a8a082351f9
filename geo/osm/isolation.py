"""Run the extraction in a process of its own, under limits of memory and time."""

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
from geo.osm.request import Request

MEMORY_BYTES = 3 << 30
"""Memory that reading an extract may take; the places of nodes of large files lie on disk."""
_LEAST_S, _S_PER_MB = 600, 10


@dataclass(frozen=True)
class Extracted:
    """What the extraction wrote and counted."""

    folder: Path
    skipped: list[tuple[str, str, int]]
    """Layer, reason and number of what was left out."""
    noted: list[tuple[str, str, int]]
    """Layer, reason and number of what was stored with a remark."""

    def remarks(self) -> list[list[str]]:
        """Return action, layer, reason, key, column and text of each remark."""
        with (self.folder / "remarks.jsonl").open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


def extract(
    request: Request,
    *,
    memory_bytes: int = MEMORY_BYTES,
    seconds: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Extracted:
    """Read an extract in a process of its own.

    Parameters
    ----------
    request : what to read; its folder takes the results.
    memory_bytes, seconds : limits of the process; the time grows with the file unless given.
    progress : called with a line of text now and then; the process is ended where it raises.

    Raises
    ------
    ReadError : the file is damaged, or needs more than the limits.
    """
    file, folder = Path(request.file), Path(request.folder)
    if seconds is None:
        seconds = _LEAST_S + _S_PER_MB * (file.stat().st_size >> 20)
    request = dataclasses.replace(request, memory_bytes=memory_bytes, cpu_s=seconds)
    asked = folder / "request.json"
    asked.write_text(json.dumps(dataclasses.asdict(request)), encoding="utf-8")
    out = folder / "outcome.json"
    # Nothing of this process's surroundings is needed there, and its secrets least of all.
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "HOME", "TMPDIR", "VIRTUAL_ENV")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "geo.osm.extraction", str(asked)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, env=env,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
    late = threading.Timer(seconds * 2, process.kill)
    late.start()
    try:
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            progress(f"reading {file.name}: {int(line):,} objects")
        process.wait()
    finally:
        late.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
    outcome: dict[str, Any] = {"error": "ended"}
    if out.exists():
        outcome = json.loads(out.read_text(encoding="utf-8"))
    if "error" in outcome:
        raise ReadError(f"{file.name} {_WHY[outcome['error']].format(mib=memory_bytes >> 20, s=seconds)}")  # fmt: skip
    counts = [
        [(str(layer), str(reason), int(count)) for layer, reason, count in outcome[name]]
        for name in ("skipped", "noted")
    ]
    return Extracted(folder, *counts)


_WHY = {
    "damaged": "is damaged or not complete; download it again, or make the extract again",
    "memory": "needs more than {mib:,} MiB of memory to read; cut the region out first, for instance "
    "with osmium extract",
    "disk": "cannot be read, since the disk for temporary files is full; make room, or set TMPDIR",
    "ended": "could not be read within {mib:,} MiB of memory and {s:,} s; cut the region out first, "
    "for instance with osmium extract",
}  # fmt: skip
