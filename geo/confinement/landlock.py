"""Landlock: restriction of this process to named files by the kernel (Linux 5.13 and newer)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Sequence
from pathlib import Path

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
"""Numbers of the system calls, the same on every processor."""
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG, _TRUNCATE = 1 << 7, 1 << 8, 1 << 14
_READING = _READ_FILE | _READ_DIR
_WRITING = _READING | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _REMOVE_DIR | _MAKE_DIR | _TRUNCATE
_FILE_RIGHTS = _WRITE_FILE | _READ_FILE | _TRUNCATE
"""Rights that apply to a file; the others apply to folders only."""
_RIGHT_COUNTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""Number of rights to files by version of the interface."""
_TCP_BIND_AND_CONNECT = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
_NETWORK_VERSION, _SCOPE_VERSION = 4, 6
"""Versions from which the interface restricts TCP, and abstract sockets and signals."""


def version() -> int:
    """Return the version of the kernel's Landlock interface.

    Returns
    -------
    int
        Version from 1; 0 if the kernel has no Landlock.
    """
    result = ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, 0, _VERSION_FLAG)
    return max(int(result), 0)


def restrict(readable: Sequence[Path], writable: Sequence[Path]) -> bool:
    """Restrict this thread, and all that it starts, to the given files and folders.

    TCP ports cannot be bound or connected to (from version 4), abstract sockets cannot be reached
    and other processes not signalled (from version 6).

    Parameters
    ----------
    readable : sequence of pathlib.Path
        Files and folders that can be read.
    writable : sequence of pathlib.Path
        Folders in which files can be read, made, changed and removed.

    Returns
    -------
    bool
        Whether the restriction is in force; False if the kernel does not support it.

    References
    ----------
    https://docs.kernel.org/userspace-api/landlock.html
    """
    supported = version()
    if supported < 1:
        return False
    rights = (1 << _RIGHT_COUNTS[min(supported, max(_RIGHT_COUNTS))]) - 1
    attributes = struct.pack("=Q", rights)
    if supported >= _NETWORK_VERSION:
        attributes += struct.pack("=Q", _TCP_BIND_AND_CONNECT)
    if supported >= _SCOPE_VERSION:
        attributes += struct.pack("=Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    libc = ctypes.CDLL(None, use_errno=True)
    ruleset = int(libc.syscall(_CREATE, attributes, len(attributes), 0))
    if ruleset < 0:
        return False
    try:
        for paths, allowed in ((readable, _READING), (writable, _WRITING)):
            for path in paths:
                _allow(libc, ruleset, path, allowed & rights)
        return bool(libc.syscall(_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    """Add a rule for a path; a path that does not exist is left out."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not path.is_dir():
                rights &= _FILE_RIGHTS
            rule = struct.pack("=Qi", rights, descriptor)
            libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        finally:
            os.close(descriptor)
