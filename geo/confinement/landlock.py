"""Landlock: the kernel lets this process reach named files and nothing else (Linux 5.13 and newer)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Sequence
from pathlib import Path

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
"""System calls, of the same number on every processor."""
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_REG = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 8
_REMOVE_DIR, _MAKE_DIR, _TRUNCATE = 1 << 4, 1 << 7, 1 << 14
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""Number of rights to files by version of the interface."""
_TCP_BIND_AND_CONNECT = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
_FOR_FILES = _WRITE_FILE | _READ_FILE | _TRUNCATE


def version() -> int:
    """Version of the kernel's interface; 0 where there is none."""
    found = ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, 0, _VERSION_FLAG)
    return max(int(found), 0)


def restrict(readable: Sequence[Path], writable: Sequence[Path]) -> bool:
    """Restrict this thread, and all that it starts, to the given files and folders.

    No TCP port can be bound or connected to (version 4), no abstract socket reached and no other
    process signalled (version 6). False where the kernel does not offer it.
    """
    offered = version()
    if offered < 1:
        return False
    handled = (1 << _RIGHTS[min(offered, max(_RIGHTS))]) - 1
    network = _TCP_BIND_AND_CONNECT if offered >= 4 else 0
    scoped = _ABSTRACT_SOCKETS_AND_SIGNALS if offered >= 6 else 0
    attributes = struct.pack("=QQQ", handled, network, scoped)
    attributes = attributes[: 24 if offered >= 6 else 16 if offered >= 4 else 8]
    libc = ctypes.CDLL(None, use_errno=True)
    rules = int(libc.syscall(_CREATE, attributes, len(attributes), 0))
    if rules < 0:
        return False
    reading = _READ_FILE | _READ_DIR
    writing = reading | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _REMOVE_DIR | _MAKE_DIR | _TRUNCATE
    try:
        for paths, rights in ((readable, reading), (writable, writing)):
            for path in paths:
                _allow(libc, rules, path, rights & handled)
        return bool(libc.syscall(_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    """Add one rule; what does not exist needs none."""
    with contextlib.suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not path.is_dir():
                rights &= _FOR_FILES
            libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
        finally:
            os.close(place)
