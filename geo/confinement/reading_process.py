"""Reading of a file in a process that can reach the file and nothing else.

The process is forked from an interpreter that has the parsers loaded, confines itself before it
opens the file, and returns Arrow streams in a memory file. Whatever the file makes a parser do, the
caller gets the streams or a `ReadError`.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import logging
import mmap
import os
import signal
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from geo.confinement import gdal, landlock
from geo.confinement.fork_server import Ended, ForkServer, sparse_environment
from geo.confinement.restrictions import Budget, confine
from geo.errors import ColumnError, CrsError, GridcoverError, ReadError
from geo.settings import Settings

_log = logging.getLogger("gridcover.reading")
_ERRORS: dict[str, type[GridcoverError]] = {
    "ReadError": ReadError,
    "CrsError": CrsError,
    "ColumnError": ColumnError,
}
"""Errors that the process may return, by name."""
_LONGEST_MESSAGE = 2_000
_LONGEST_WARNING = 300
_MAX_WARNINGS = 20
_MODULES = (
    "geo.confinement.reading_process",
    "geo.ingest.parsing",
    "pyarrow.pandas_compat",
    "pyarrow.dataset",
)
_OUTCOME_BYTES = 1 << 20
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def environment() -> dict[str, str]:
    """Return the environment variables of the reading process; none holds a secret.

    Returns
    -------
    dict of str to str
        Value by name.
    """
    return {
        **sparse_environment(),
        **gdal.OPTIONS,
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "HOME": "/nonexistent",
    }


_server = ForkServer(_MODULES, environment())
atexit.register(_server.stop)


def start_server() -> None:
    """Start the interpreter before the first file, for processes forked from this one."""
    _server.start()
    if landlock.version() == 0:
        _log.warning("this kernel has no Landlock: files are read with limits, but can name others")


@dataclass(frozen=True)
class Reading:
    """Result of a reading process."""

    content: pa.Buffer
    """What the function wrote."""
    peak_bytes: int
    """Peak memory use of the process."""
    confined: tuple[str, ...]
    """Restrictions in force, as `geo.confinement.restrictions.confine` names them."""
    warnings: tuple[str, ...] = ()
    """Warnings of libraries, for the log."""


@contextlib.contextmanager
def _memory_file(name: str) -> Iterator[int]:
    """Yield the descriptor of a file in memory."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def run_confined(
    target: str,
    path: Path,
    arguments: Mapping[str, Any],
    *,
    settings: Settings,
    drivers: tuple[str, ...] = (),
    beside: tuple[Path, ...] = (),
) -> Reading:
    """Read a file with a function that runs in a confined process.

    Parameters
    ----------
    target : str
        Function as ``module:function``; it is called with the path, an Arrow sink to write to, and
        the arguments.
    path : pathlib.Path
        File to read, the only one that the process can open besides those of the interpreter.
    arguments : mapping of str to object
        Keyword arguments of the function, values that JSON can represent.
    settings : Settings
        Settings with the limits of memory and time.
    drivers : tuple of str, optional
        Drivers of GDAL that the process may use.
    beside : tuple of pathlib.Path, optional
        Files that belong to the file, such as the other parts of a Shapefile.

    Returns
    -------
    Reading
        What the function wrote, with warnings and peak memory.

    Raises
    ------
    ReadError
        If the function raises it or another unknown error, or the process is ended by the file.
    CrsError
        If the function raises it.
    ColumnError
        If the function raises it.
    """
    path = path.absolute()
    request = {
        "target": target,
        "path": str(path),
        "beside": [str(companion.absolute()) for companion in beside],
        "memory_bytes": settings.import_memory_mb << 20,
        "seconds": settings.import_seconds,
        "drivers": list(drivers),
        "arguments": dict(arguments),
    }
    with (
        _memory_file("outcome") as outcome_file,
        _memory_file("content") as content_file,
        tempfile.TemporaryDirectory(prefix="gridcover-", ignore_cleanup_errors=True) as folder,
    ):
        ended = _server.call(
            "geo.confinement.reading_process:_work",
            {"request": request, "folder": folder},
            files=[outcome_file, content_file],
            seconds=settings.import_seconds,
            folder=folder,
        )
        if ended.code != 0:
            raise ReadError(_failure_message(path.name, ended, settings))
        outcome = _read_outcome(outcome_file)
        _log_outcome(path.name, outcome)
        if outcome.get("error") == "MemoryError":
            raise ReadError(_memory_message(path.name, settings))
        if outcome.get("error") is not None:
            error_type = _ERRORS.get(str(outcome["error"]), ReadError)
            raise error_type(str(outcome["message"])[:_LONGEST_MESSAGE])
        return Reading(
            _map_content(content_file),
            ended.peak_bytes,
            tuple(str(name) for name in outcome.get("confined", ())),
            tuple(str(text) for text in outcome.get("warnings", ())),
        )


def _read_outcome(descriptor: int) -> dict[str, Any]:
    """Return what the process reported of its work."""
    try:
        outcome = json.loads(os.pread(descriptor, _OUTCOME_BYTES, 0))
    except ValueError as error:
        raise ReadError("the process that read the file returned unreadable data") from error
    return dict(outcome)


def _log_outcome(name: str, outcome: Mapping[str, Any]) -> None:
    if outcome.get("trace"):
        _log.debug("reading %s: %s", name, outcome["trace"])
    for text in outcome.get("warnings", ()):
        _log.debug("%s: %s", name, text)


def _map_content(descriptor: int) -> pa.Buffer:
    """Return the content of a file in memory, sealed against changes."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return pa.py_buffer(b"")
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return pa.py_buffer(mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))


def _failure_message(name: str, ended: Ended, settings: Settings) -> str:
    """Return the message for a process that did not end by itself."""
    if ended.ended_by == "time" or ended.code == -signal.SIGXCPU:
        return (
            f"{name} takes more than {settings.import_seconds} s to read; import its parts, or let "
            "it take longer with GRIDCOVER_IMPORT_SECONDS"
        )
    if ended.code in (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGBUS):
        return _memory_message(name, settings)
    return (
        f"{name} cannot be read: it is damaged in a way that ends the program that reads it; "
        "export it again"
    )


def _memory_message(name: str, settings: Settings) -> str:
    return (
        f"{name} needs more than {settings.import_memory_mb} MiB of memory to read; import its "
        "parts, or allow more with GRIDCOVER_IMPORT_MEMORY_MB"
    )


def _work(files: list[int], *, request: dict[str, Any], folder: str) -> None:
    """Confine this process, read the file and report the outcome; runs in the forked process."""
    outcome_file, content_file = files
    path = Path(request["path"])
    module, name = request["target"].split(":")
    read = getattr(__import__(module, fromlist=[name]), name)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    gdal.keep_drivers(request["drivers"])
    _redirect_others({0, 1, 2, outcome_file, content_file}, null)
    memory_bytes = request["memory_bytes"]
    # Unpacked files and the table have the same limit as the memory.
    budget = Budget(memory_bytes, request["seconds"], output_bytes=memory_bytes)
    outcome: dict[str, Any] = {}
    tempfile.tempdir = folder
    try:
        outcome["confined"] = confine(
            budget, readable=[path, *map(Path, request["beside"])], writable=[Path(folder)]
        )
        with warnings.catch_warnings(record=True) as caught, pa.OSFile(content_file, "wb") as sink:
            warnings.simplefilter("always")
            read(path, sink, **request["arguments"])
        texts = [
            str(warning.message)[:_LONGEST_WARNING] for warning in caught if _concerns_data(warning)
        ]
        outcome["warnings"] = list(dict.fromkeys(texts))[:_MAX_WARNINGS]
    except MemoryError:
        outcome = {"error": "MemoryError"}
    except (ReadError, CrsError, ColumnError) as error:
        outcome = {
            "error": type(error).__name__,
            "message": str(error),
            "trace": "" if error.__cause__ is None else _trace(error.__cause__),
        }
    except BaseException as error:  # noqa: BLE001
        message = (
            f"{path.name} cannot be read: it is damaged, or of another format than its name says; "
            "export it again"
        )
        outcome = {"error": "ReadError", "trace": _trace(error), "message": message}
    os.pwrite(outcome_file, json.dumps(outcome).encode(), 0)


def _concerns_data(warning: warnings.WarningMessage) -> bool:
    """Return whether a warning concerns the file and not how a library is called."""
    return warning.category is UserWarning or (
        issubclass(warning.category, RuntimeWarning) and "pyogrio" in str(warning.filename)
    )


def _redirect_others(needed: set[int], null: int) -> None:
    """Redirect every other inherited descriptor to the null device.

    Closing them would free numbers that libraries still use: PROJ closes that of its database
    after a fork, which could by then be that of the file.
    """
    for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if descriptor not in needed | {null}:
            with contextlib.suppress(OSError):
                os.fstat(descriptor)  # that of the listing itself is closed by now
                os.dup2(null, descriptor)


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-_LONGEST_MESSAGE:]
