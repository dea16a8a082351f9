"""Take from the running process everything that parsing a file does not need."""

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


@dataclass(frozen=True)
class Budget:
    """What a process may use."""

    memory_bytes: int
    """Of private memory that can be written to."""
    seconds: int
    """Of time on the clock, which who waits for the process sees to; the kernel ends it after as
    many seconds of each processor."""
    output_bytes: int
    """Of any one file it writes."""
    open_files: int = 64


def confine(
    budget: Budget, *, readable: Sequence[Path] = (), writable: Sequence[Path] = ()
) -> list[str]:
    """Confine this process for good; call it before any byte of the file is parsed.

    Parameters
    ----------
    budget : what it may use from here on.
    readable : files, and folders with all in them, that it may read beside Python's own.
    writable : folders in which it may make and remove files.

    Returns
    -------
    The names of what the system could do: limits, landlock, capabilities, seccomp. A kernel without
    Landlock (before 5.13) or another processor than x86-64 and aarch64 leaves out its part.
    """
    done = ["limits"]
    _limit(budget)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return done
    if landlock.restrict([*_needed_by_python(), *readable], writable):
        done.append("landlock")
    if _drop_capabilities(libc):
        done.append("capabilities")
    if seccomp.deny_sockets_and_processes():
        done.append("seccomp")
    return done


def _limit(budget: Budget) -> None:
    cpu = budget.seconds * max(os.cpu_count() or 1, 1)
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, budget.memory_bytes),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, budget.output_bytes),
        (resource.RLIMIT_NOFILE, budget.open_files),
    ):
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def _needed_by_python() -> Iterator[Path]:
    """Folders of the interpreter, its packages with their data, and the system's libraries."""
    import geo

    folders = {Path(sys.prefix), Path(sys.base_prefix), Path("/usr"), Path("/lib"), Path("/lib64")}
    folders |= {Path(folder) for folder in sys.path if folder.endswith(("site-packages", "dist-packages"))}  # fmt: skip
    folders.add(Path(site.getusersitepackages()))
    folders |= {Path(folder) for folder in geo.__path__}
    for folder in sorted(folders):
        if folder.is_dir() and folder != Path("/"):
            yield folder
    yield from (device for device in (Path("/dev/null"), Path("/dev/urandom")) if device.exists())


def _drop_capabilities(libc: ctypes.CDLL) -> bool:
    """Give up root's privileges but for reading what Landlock still allows."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    held = (ctypes.c_uint32 * 6)()
    if libc.capget(header, held) != 0:
        return False
    kept = 1 << _CAP_DAC_READ_SEARCH
    only = (ctypes.c_uint32 * 6)(held[0] & kept, held[1] & kept, 0, 0, 0, 0)
    return bool(libc.capset(header, only) == 0)
