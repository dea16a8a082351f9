"""Removal of every privilege of the running process that parsing a file does not need."""

from __future__ import annotations

import ctypes
import os
import resource
import site
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from geo.confinement import landlock, seccomp

_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_READ_SEARCH = 2
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Budget:
    """Limits of a process."""

    memory_bytes: int
    """Private writable memory."""
    seconds: int
    """Elapsed time, which the caller enforces; the kernel ends the process after this number of
    seconds on every processor."""
    output_bytes: int
    """Size of each file that it writes."""
    open_files: int = 64
    """Number of open file descriptors."""


def confine(
    budget: Budget, *, readable: Sequence[Path] = (), writable: Sequence[Path] = ()
) -> list[str]:
    """Confine this process irrevocably; call it before any byte of the file is parsed.

    Parameters
    ----------
    budget : Budget
        Limits from now on.
    readable : sequence of pathlib.Path, optional
        Files, and folders with their content, that can be read besides those of Python.
    writable : sequence of pathlib.Path, optional
        Folders in which files can be made, changed and removed.

    Returns
    -------
    list of str
        Names of the restrictions in force: limits, landlock, capabilities, seccomp. Landlock needs
        Linux 5.13, seccomp an x86-64 or aarch64 processor.
    """
    in_force = ["limits"]
    _limit(budget)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return in_force
    if landlock.restrict([*_needed_by_python(), *readable], writable):
        in_force.append("landlock")
    if _drop_capabilities(libc):
        in_force.append("capabilities")
    if seccomp.deny_sockets_and_processes():
        in_force.append("seccomp")
    return in_force


def _limit(budget: Budget) -> None:
    """Set the resource limits of this process, at most the hard limits it has."""
    cpu_seconds = budget.seconds * max(os.cpu_count() or 1, 1)
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, budget.memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, budget.output_bytes),
        (resource.RLIMIT_NOFILE, budget.open_files),
    ):
        hard = resource.getrlimit(kind)[1]
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (value, value))


def _needed_by_python() -> Iterator[Path]:
    """Yield folders of the interpreter, its packages with their data, and system libraries."""
    import geo

    folders = {Path(sys.prefix), Path(sys.base_prefix), Path("/usr"), Path("/lib"), Path("/lib64")}
    packages = (folder for folder in sys.path if folder.endswith(_PACKAGE_FOLDERS))
    folders |= {Path(folder) for folder in packages}
    folders.add(Path(site.getusersitepackages()))
    folders |= {Path(folder) for folder in geo.__path__}
    for folder in sorted(folders):
        if folder.is_dir() and folder != Path("/"):
            yield folder
    yield from (device for device in (Path("/dev/null"), Path("/dev/urandom")) if device.exists())


def _drop_capabilities(libc: ctypes.CDLL) -> bool:
    """Drop the capabilities of root except reading any file, which Landlock restricts."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    current = (ctypes.c_uint32 * 6)()
    if libc.capget(header, current) != 0:
        return False
    mask = 1 << _CAP_DAC_READ_SEARCH
    reduced = (ctypes.c_uint32 * 6)(current[0] & mask, current[1] & mask, 0, 0, 0, 0)
    return bool(libc.capset(header, reduced) == 0)
