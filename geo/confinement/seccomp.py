"""Seccomp filter of system calls: no sockets, no programs, no other processes."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in the kernel's description of a call."""
_CLONE_THREAD = 0x00010000
_X32_CALLS = 0x40000000
"""Bit of the calls of the x32 interface of x86-64."""


@dataclass(frozen=True)
class _Calls:
    """Numbers of system calls of a processor architecture."""

    architecture: int
    clone: int
    clone3: int
    denied: tuple[int, ...]


_DENIED: tuple[tuple[str, int | None, int | None], ...] = (
    ("socket", 41, 198),
    ("connect", 42, 203),
    ("accept", 43, 202),
    ("bind", 49, 200),
    ("listen", 50, 201),
    ("socketpair", 53, 199),
    ("fork", 57, None),
    ("vfork", 58, None),
    ("execve", 59, 221),
    ("kill", 62, 129),
    ("ptrace", 101, 117),
    ("mount", 165, 40),
    ("process_vm_readv", 310, 270),
    ("process_vm_writev", 311, 271),
    ("execveat", 322, 281),
    ("bpf", 321, 280),
    ("userfaultfd", 323, 282),
    ("perf_event_open", 298, 241),
    ("keyctl", 250, 219),
    ("add_key", 248, 217),
    ("request_key", 249, 218),
    ("unshare", 272, 97),
    ("setns", 308, 268),
    ("io_uring_setup", 425, 425),
    ("pidfd_send_signal", 424, 424),
    ("pidfd_open", 434, 434),
    ("pidfd_getfd", 438, 438),
    ("tkill", 200, 130),
)
"""Denied system calls: name, number on x86-64, number on aarch64 (None if it has no such call)."""
_CALLS = {
    "x86_64": _Calls(0xC000003E, 56, 435, tuple(x for _, x, _ in _DENIED if x is not None)),
    "aarch64": _Calls(0xC00000B7, 220, 435, tuple(a for _, _, a in _DENIED if a is not None)),
}


def deny_sockets_and_processes() -> bool:
    """Deny these system calls from now on with EPERM; threads can still be started.

    The process must have set ``PR_SET_NO_NEW_PRIVS`` before.

    Returns
    -------
    bool
        Whether the filter is in force; False on an unknown processor or a kernel without filters.
    """
    calls = _CALLS.get(platform.machine())
    if calls is None:
        return False
    program = _program(calls)
    instructions = ctypes.create_string_buffer(program, len(program))
    descriptor = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, descriptor, 0, 0) == 0)


def _program(calls: _Calls) -> bytes:
    """Return the filter as a program of the Berkeley packet filter (BPF)."""
    deny, absent = _ERROR | errno.EPERM, _ERROR | errno.ENOSYS
    steps: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, calls.architecture),
        (_RETURN, 0, 0, deny),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32_CALLS),
        (_RETURN, 0, 0, deny),
        # The flags of clone3 are not visible to a filter; without it the C library uses clone.
        (_EQUAL, 0, 1, calls.clone3),
        (_RETURN, 0, 0, absent),
    ]
    for number in calls.denied:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, deny)]
    steps += [
        (_EQUAL, 1, 0, calls.clone),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, deny),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
