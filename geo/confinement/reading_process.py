"""Read files in a process of its own that can reach the file and nothing else.

The process is forked from an interpreter that has the parsers loaded, confines itself before it opens
the file, and hands the table over as Arrow in memory. Whatever the file makes a parser do, the caller
gets a table or a `ReadError`.
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
    "ReadError": ReadError, "CrsError": CrsError, "ColumnError": ColumnError,
}  # fmt: skip
_LONGEST_MESSAGE = 2_000
_MOST_WARNINGS = 20
_MODULES = (
    "geo.confinement.reading_process", "geo.ingest.parsing", "pyarrow.pandas_compat", "pyarrow.dataset",
)  # fmt: skip
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def environment() -> dict[str, str]:
    """Return the variables of the process that reads: what loading needs, and no secret of the service."""
    own = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "HOME": "/nonexistent"}  # fmt: skip
    return {**sparse_environment(), **gdal.OPTIONS, **own}


_server = ForkServer(_MODULES, environment())
atexit.register(_server.stop)


def start() -> None:
    """Start the interpreter ahead of the first file, for processes that are forked from this one."""
    _server.start()
    if landlock.version() == 0:
        _log.warning("this kernel has no Landlock: files are read with limits, but can name others")


@dataclass(frozen=True)
class Reading:
    """What a process read, and what it took."""

    content: pa.Buffer
    peak_bytes: int
    confined: tuple[str, ...]
    """Names of what the system could confine, as `geo.confinement.restrictions.confine` says them."""
    warnings: tuple[str, ...] = ()
    """What libraries warned of; the caller reports it in words of ours."""


@contextlib.contextmanager
def _memory_file(name: str) -> Iterator[int]:
    number = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        yield number
    finally:
        os.close(number)


def run_confined(
    target: str,
    path: Path,
    arguments: Mapping[str, Any],
    *,
    settings: Settings,
    drivers: tuple[str, ...] = (),
    beside: tuple[Path, ...] = (),
) -> Reading:
    """Have a file read by a function in a confined process.

    Parameters
    ----------
    target : `module:function`, called with the path, a sink of Arrow to write to, and the arguments.
    path : the file, the only one it can open beside the interpreter's own.
    arguments : what JSON can say.
    settings : memory and time that it may use.
    drivers : of GDAL, the only ones that are left to it.
    beside : files that belong to it, such as the other parts of a Shapefile.

    Raises
    ------
    ReadError, CrsError, ColumnError : as the function raises them, or the process died of the file.
    """
    path = path.absolute()
    request = {
        "target": target, "path": str(path), "beside": [str(p.absolute()) for p in beside],
        "memory_bytes": settings.import_memory_mb << 20, "seconds": settings.import_seconds,
        "drivers": list(drivers), "arguments": dict(arguments),
    }  # fmt: skip
    with (
        _memory_file("outcome") as outcome,
        _memory_file("content") as content,
        tempfile.TemporaryDirectory(prefix="gridcover-", ignore_cleanup_errors=True) as folder,
    ):
        ended = _server.call(
            "geo.confinement.reading_process:_work", {"request": request, "folder": folder},
            files=[outcome, content], seconds=settings.import_seconds, folder=folder,
        )  # fmt: skip
        if ended.code != 0:
            raise ReadError(_why(path.name, ended, settings))
        told = _outcome(outcome)
        if told.get("trace"):
            _log.debug("reading %s: %s", path.name, told["trace"])
        if told.get("error") == "MemoryError":
            raise ReadError(_too_much(path.name, settings))
        if told.get("error") is not None:
            kind = _ERRORS.get(str(told["error"]), ReadError)
            raise kind(str(told["message"])[:_LONGEST_MESSAGE])
        heard = tuple(str(text) for text in told.get("warnings", ()))
        for text in heard:
            _log.debug("%s: %s", path.name, text)
        confined = tuple(str(name) for name in told.get("confined", ()))
        return Reading(_mapped(content), ended.peak_bytes, confined, heard)


def _outcome(number: int) -> dict[str, Any]:
    try:
        told = json.loads(os.pread(number, 1 << 20, 0))
    except ValueError as error:
        raise ReadError("the process that read the file returned unreadable data") from error
    return dict(told)


def _mapped(number: int) -> pa.Buffer:
    """Return what was written, which nobody can change any more."""
    size = os.fstat(number).st_size
    if size == 0:
        return pa.py_buffer(b"")
    fcntl.fcntl(number, fcntl.F_ADD_SEALS, _SEALS)
    return pa.py_buffer(mmap.mmap(number, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))


def _why(name: str, ended: Ended, settings: Settings) -> str:
    if ended.ended_by == "time" or ended.code == -signal.SIGXCPU:
        return (
            f"{name} takes more than {settings.import_seconds} s to read; import its parts, or let it "
            "take longer with GRIDCOVER_IMPORT_SECONDS"
        )
    if ended.code in (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGBUS):
        return _too_much(name, settings)
    return (
        f"{name} cannot be read: it is damaged in a way that ends the program that reads it; export it "
        "anew"
    )


def _too_much(name: str, settings: Settings) -> str:
    return (
        f"{name} needs more than {settings.import_memory_mb} MiB of memory to read; import its parts, or "
        "allow more with GRIDCOVER_IMPORT_MEMORY_MB"
    )


def _work(files: list[int], *, request: dict[str, Any], folder: str) -> None:
    """Confine this process, read, and write what came of it; runs in the forked process."""
    outcome, content = files
    path = Path(request["path"])
    module, name = request["target"].split(":")
    read = getattr(__import__(module, fromlist=[name]), name)
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    gdal.keep_drivers(request["drivers"])
    _replace_all_but({0, 1, 2, outcome, content}, null)
    memory = request["memory_bytes"]
    # Unpacking and the table itself are bounded by the same number as the memory.
    budget = Budget(memory, request["seconds"], output_bytes=memory)
    told: dict[str, Any] = {}
    tempfile.tempdir = folder
    try:
        told["confined"] = confine(
            budget, readable=[path, *map(Path, request["beside"])], writable=[Path(folder)]
        )
        with warnings.catch_warnings(record=True) as heard, pa.OSFile(content, "wb") as sink:
            warnings.simplefilter("always")
            read(path, sink, **request["arguments"])
        texts = [str(one.message)[:300] for one in heard if _concerns_data(one)]
        told["warnings"] = list(dict.fromkeys(texts))[:_MOST_WARNINGS]
    except MemoryError:
        told = {"error": "MemoryError"}
    except (ReadError, CrsError, ColumnError) as error:
        told = {
            "error": type(error).__name__, "message": str(error),
            "trace": "" if error.__cause__ is None else _trace(error.__cause__),
        }  # fmt: skip
    except BaseException as error:  # noqa: BLE001
        told = {
            "error": "ReadError", "trace": _trace(error),
            "message": f"{path.name} cannot be read: it is damaged, or of another format than its name "
            "says; export it anew",
        }  # fmt: skip
    os.pwrite(outcome, json.dumps(told).encode(), 0)


def _concerns_data(warning: warnings.WarningMessage) -> bool:
    """Whether a library warns of the file, and not of how it is called."""
    return warning.category is UserWarning or (
        issubclass(warning.category, RuntimeWarning) and "pyogrio" in str(warning.filename)
    )


def _replace_all_but(kept: set[int], null: int) -> None:
    """Let every other descriptor that was inherited lead nowhere.

    Closing them would free numbers that libraries still take for their own: PROJ closes the one of
    its database after a fork, which would by then be that of the file.
    """
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if number not in kept | {null}:
            with contextlib.suppress(OSError):
                os.fstat(number)  # the one of the listing itself is closed by now
                os.dup2(null, number)


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-_LONGEST_MESSAGE:]
